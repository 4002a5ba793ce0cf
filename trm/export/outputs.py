"""Writes a run in the requested formats. Each file is written atomically."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trm.coordinates import Coordinates
from trm.export.page import page
from trm.export.pictures.film import FrameTiming, ffmpeg, save_gif, save_mp4
from trm.export.pictures.picture import Appearance, PictureLayout, film_frames
from trm.export.pictures.raster import image
from trm.export.pictures.svg import svg
from trm.export.run import ExportedRun
from trm.export.table import csv_text, save_arrays
from trm.files import OutputError, atomic_file, check_replaceable

FORMATS = ("html", "png", "svg", "gif", "mp4", "csv", "npz")
OF_ONE_CALL = ("html", "png", "svg")
PICTURES = ("png", "svg", "gif", "mp4")  # formats with a view and a theme
WITH_A_VIEW = ("html", *PICTURES)
PNG_SCALE = 2


@dataclass(frozen=True)
class OutputRequest:
    """The files to write for a run."""

    paths: dict[str, Path]  # by format
    at: Coordinates  # the call shown in PNG and SVG
    start: Coordinates | None  # the call that the page opens at; None: the first answer
    timing: FrameTiming
    compare_with: ExportedRun | None = None  # second run on the page
    appearance: Appearance = field(
        default_factory=Appearance
    )  # for pictures and films; the page opens in its view


def check_paths(paths: dict[str, Path], read: Iterable[Path] = ()) -> None:
    """Raise `UserError` unless all outputs can be written. Call this before lengthy work.

    The outputs must be distinct files and must not be among the input files `read`.
    """
    seen: dict[Path, str] = {path.resolve(): "the input" for path in read}
    for format, path in paths.items():
        check_replaceable(path)
        if not path.parent.is_dir():
            raise OutputError(
                f"The folder {path.parent} for --{format} does not exist. Create it, or choose another path."
            )
        if not os.access(path.parent, os.W_OK):
            raise OutputError(
                f"The folder {path.parent} is not writable. Choose another path for --{format}."
            )
        same = seen.setdefault(path.resolve(), f"--{format}")
        if same != f"--{format}":
            raise OutputError(f"--{format} {path} is the same file as {same}. Choose another name.")
    if "mp4" in paths:
        ffmpeg()


def write(
    run: ExportedRun, request: OutputRequest, progress: Callable[[int, int], None]
) -> dict[str, dict[str, Any]]:
    """Write all requested files. `progress` is called with the number of film frames done and their total.

    Returns, for each format, `file`, `bytes` and, for films, `frames`. Raises `UserError`.
    """
    appearance, written = request.appearance, {}
    is_drawn = request.paths.keys() & {"png", "svg"}
    picture = PictureLayout.of(run, [request.at], appearance).picture(request.at) if is_drawn else None
    for format, path in request.paths.items():
        facts: dict[str, Any] = {}
        with atomic_file(path) as temporary:
            if format == "html":
                text = page(run, start=request.start, mode=appearance.mode, compare_with=request.compare_with)
                temporary.write_text(text, "utf-8")
            elif format == "png":
                image(picture, PNG_SCALE).save(temporary, "PNG", optimize=True)
            elif format == "svg":
                temporary.write_text(svg(picture), "utf-8")
            elif format == "csv":
                temporary.write_text(csv_text(run), "utf-8", newline="\n")
            elif format == "npz":
                save_arrays(temporary, run)
            else:
                frames = film_frames(run, request.timing.every, appearance)
                facts["frames"] = len(frames)
                save = {"gif": save_gif, "mp4": save_mp4}[format]
                save(temporary, frames, request.timing, progress)
        written[format] = {"file": str(path), "bytes": path.stat().st_size, **facts}
    return written
