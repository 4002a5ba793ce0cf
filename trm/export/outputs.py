"""Write a run in the requested formats. Each file is written atomically."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trm.coordinates import Coordinates
from trm.errors import UserError
from trm.export.page import page
from trm.export.pictures.film import FrameTiming, ffmpeg, save_gif, save_mp4
from trm.export.pictures.palette import Appearance
from trm.export.run import ExportedRun
from trm.export.table import csv_text, save_arrays
from trm.files import OutputError, atomic_file, check_replaceable
from trm.progress import Progress

FORMATS = ("html", "png", "svg", "pdf", "gif", "mp4", "csv", "npz")
OF_ONE_CALL = ("html", "png", "svg", "pdf")
FILMS = ("gif", "mp4")
PICTURES = ("png", "svg", "pdf", *FILMS)  # formats with a view and a theme
WITH_A_VIEW = ("html", *PICTURES)
COLUMN = 3.25  # width in inches of a column in a two-column paper
NARROWEST, WIDEST = 2.0, 20.0


@dataclass(frozen=True)
class OutputRequest:
    """The files to write for a run."""

    paths: dict[str, Path]  # output path of each format
    at: Coordinates  # the call that PNG, SVG and PDF show
    start: Coordinates | None  # the call that the page shows first; None for the first answer
    timing: FrameTiming
    compare_with: ExportedRun | None = None  # a second run for the page
    model_files: Mapping[str, bytes] | None = (
        None  # files of a model for the page, which then runs other puzzles
    )
    inches: float = COLUMN  # width of a PDF
    appearance: Appearance = field(
        default_factory=Appearance
    )  # of pictures and films; the page opens in the same view

    def __post_init__(self):
        check_width(self.inches)


def check_width(inches: float) -> None:
    """Raise `UserError` unless a PDF can have this width."""
    if not NARROWEST <= inches <= WIDEST:
        raise UserError(
            f"--width {inches:g} is out of range. Choose {NARROWEST:g} to {WIDEST:g} inches; a column of a two-column "
            f"paper has {COLUMN:g}."
        )


def check_paths(paths: dict[str, Path], read: Iterable[Path] = ()) -> None:
    """Raise `UserError` unless all outputs can be written. Call this function before long computations.

    The outputs must be distinct files and must not be among the input files `read`. MP4 also needs ffmpeg.
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


def write(run: ExportedRun, request: OutputRequest, progress: Progress) -> dict[str, dict[str, Any]]:
    """Write all requested files. `progress` is called with the number of film frames done and their total.

    Returns a dictionary for each format: `file` is the path, `bytes` the size and, for films, `frames` the number of
    frames. Raises `UserError` if a file cannot be written or a view was not recorded.
    """
    appearance, written = request.appearance, {}
    for format, path in request.paths.items():
        facts: dict[str, Any] = {}
        with atomic_file(path) as temporary:
            if format == "html":
                text = page(
                    run,
                    start=request.start,
                    mode=appearance.mode,
                    compare_with=request.compare_with,
                    model_files=request.model_files,
                )
                temporary.write_text(text, "utf-8")
            elif format == "csv":
                temporary.write_text(csv_text(run), "utf-8", newline="\n")
            elif format == "npz":
                save_arrays(temporary, run)
            elif format in FILMS:
                facts["frames"] = _write_film(temporary, format, run, request, progress)
            else:
                _write_picture(temporary, format, run, request)
        written[format] = {"file": str(path), "bytes": path.stat().st_size, **facts}
    return written


def _write_film(path: Path, format: str, run: ExportedRun, request: OutputRequest, progress: Progress) -> int:
    """Write a film. Returns the number of its frames."""
    from trm.export.pictures.picture import film_of

    film = film_of(run, request.timing.every, request.appearance)
    {"gif": save_gif, "mp4": save_mp4}[format](path, film, request.timing, progress)
    return len(film)


def _write_picture(path: Path, format: str, run: ExportedRun, request: OutputRequest) -> None:
    from trm.export.pictures.picture import save_picture

    inches = request.inches if format == "pdf" else None
    save_picture(path, format, run, request.at, request.appearance, inches=inches)
