"""Writing a run in every format asked for. Each file appears whole or not at all."""

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
from trm.files import OutputError, check_replaceable, written_whole

FORMATS = ("html", "png", "svg", "gif", "mp4", "csv", "npz")
OF_ONE_CALL = ("html", "png", "svg")
PICTURES = ("png", "svg", "gif", "mp4")  # in a view and a theme
WITH_A_VIEW = ("html", *PICTURES)
PNG_SCALE = 2


@dataclass(frozen=True)
class OutputRequest:
    """What to write of a run."""

    paths: dict[str, Path]  # by format
    at: Coordinates  # the call that PNG and SVG show
    start: Coordinates | None  # where the page opens; None for the first answer
    timing: FrameTiming
    compare_with: ExportedRun | None = None  # on the page beside it
    appearance: Appearance = field(default_factory=Appearance)  # of what is drawn; a page opens in its view


def check_paths(paths: dict[str, Path], read: Iterable[Path] = ()) -> None:
    """Raises UserError unless all outputs can be written, before any time is spent on them.

    They must be different files, none of them one of those that are `read`.
    """
    seen: dict[Path, str] = {path.resolve(): "what is read" for path in read}
    for format, path in paths.items():
        check_replaceable(path)
        if not path.parent.is_dir():
            raise OutputError(
                f"There is no folder {path.parent} for --{format}. Make it, or give another place."
            )
        if not os.access(path.parent, os.W_OK):
            raise OutputError(
                f"Nothing can be written to the folder {path.parent}. Give --{format} another place."
            )
        same = seen.setdefault(path.resolve(), f"--{format}")
        if same != f"--{format}":
            raise OutputError(f"--{format} {path} is the same file as {same}. Give it another name.")
    if "mp4" in paths:
        ffmpeg()


def write(
    run: ExportedRun, request: OutputRequest, progress: Callable[[int, int], None]
) -> dict[str, dict[str, Any]]:
    """Write all that is asked for. `progress` hears how many frames of a film are done, of how many.

    Returns for each format `file`, `bytes`, and for films `frames`. Raises UserError.
    """
    look, written = request.appearance, {}
    is_drawn = request.paths.keys() & {"png", "svg"}
    picture = PictureLayout.of(run, [request.at], look).picture(request.at) if is_drawn else None
    for format, path in request.paths.items():
        facts: dict[str, Any] = {}
        with written_whole(path) as temporary:
            if format == "html":
                text = page(run, start=request.start, mode=look.mode, compare_with=request.compare_with)
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
                frames = film_frames(run, request.timing.every, look)
                facts["frames"] = len(frames)
                save = {"gif": save_gif, "mp4": save_mp4}[format]
                save(temporary, frames, request.timing, progress)
        written[format] = {"file": str(path), "bytes": path.stat().st_size, **facts}
    return written
