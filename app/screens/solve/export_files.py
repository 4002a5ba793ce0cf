"""Export files of a run, as `trm export` writes them, and the equivalent command.

An `ExportRequest` is a snapshot of the page. Making the file needs nothing else from the page, so any thread can do it.
"""

import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.export.state_map import StateMap
from trm.progress import Progress, no_progress
from trm.tasks.base import Task
from trm.terminal import as_command
from trm.trace import Trace

if TYPE_CHECKING:
    from app.server.models import ModelSource
    from app.state.choice import Choice

FILMS = ("gif", "mp4")
TIME_POINTS = ("html", "png", "svg", "pdf")  # formats that show a single call or open at a call
PICTURES = ("png", "svg", "pdf", *FILMS)  # formats with a view, a light or dark theme, and optional marks
TABLES = ("csv", "npz")
LONGEST_PART = 40  # characters of a model or puzzle name in a file name
BASE64 = 4 / 3  # characters per byte


@dataclass(frozen=True)
class RunToExport:
    """A run as shown on the page. `puzzle` is the puzzle's name, or "" if it has no name."""

    trace: Trace
    task: Task
    puzzle: str = ""
    note: str | None = None  # caveat that applies to all answers of the run
    state_map: StateMap | None = None  # map of its states for the page


@dataclass(frozen=True)
class ExportRequest:
    """One file to export. Fields that do not apply to the format are ignored."""

    format: str  # one of trm.export.outputs.FORMATS
    at: Coordinates
    mode: str = "answer"  # one of trm.export.call_view.MODES
    marks: bool = False
    theme: str = "light"
    every: str = "answer"  # one of trm.export.run.EVERY


def make(
    run: RunToExport,
    request: ExportRequest,
    *,
    compare_with: RunToExport | None = None,
    progress: Progress = no_progress,
) -> bytes:
    """Make the file and return its bytes. Raises UserError if the file cannot be made.

    For a film, `progress` is called with the number of frames drawn and the total.
    """
    from trm.export.outputs import OutputRequest, write
    from trm.export.pictures.film import FrameTiming
    from trm.export.pictures.palette import Appearance
    from trm.export.run import ExportedRun

    def run_of(one: RunToExport) -> ExportedRun:
        exported = ExportedRun.of(one.trace, one.task, puzzle=one.puzzle, note=one.note)
        return replace(exported, state_map=one.state_map)

    with TemporaryDirectory() as folder:
        path = Path(folder) / f"run.{request.format}"
        outputs = OutputRequest(
            {request.format: path},
            at=request.at,
            start=request.at,
            timing=FrameTiming(request.every),
            compare_with=None if compare_with is None else run_of(compare_with),
            appearance=Appearance(request.mode, request.marks, request.theme),
        )
        write(run_of(run), outputs, progress)
        return path.read_bytes()


def call_in_view(view: dict[str, Any] | None, depth: Depth, steps: int) -> Coordinates:
    """Return the call shown in the player's view, clipped to a run of `steps` steps; without a view, the first answer."""
    if view is None:
        return Coordinates(1, 1, depth.n + 1, F_H)
    tops = {"supervision_step": steps, "cycle": depth.T, "call": depth.n + 1}
    step, cycle, call = (min(max(int(view[name]), 1), top) for name, top in tops.items())
    return Coordinates(step, cycle, call, F_H if call == depth.n + 1 else F_L)


def frame_count(request: ExportRequest, depth: Depth, steps: int) -> int:
    """Return the number of frames in a film of `steps` supervision steps."""
    return steps * {"call": depth.calls_per_step, "answer": depth.T, "step": 1}[request.every]


def page_bytes(*traces: Trace) -> int:
    """Return the approximate size of an offline page with these runs, in bytes."""
    from trm.player.bundle import player_css, player_js

    own = len(player_js()) + len(player_css())
    return own + round(BASE64 * sum(trace.nbytes for trace in traces))


def file_name(model: str, puzzle: str, request: ExportRequest) -> str:
    """Return a readable file name that is valid on every system."""
    parts = [_part(model) or "model", _part(puzzle)]
    if request.format in PICTURES and request.format not in FILMS:
        parts.append(".".join(map(str, (request.at.supervision_step, request.at.cycle, request.at.call))))
    if request.format in PICTURES and request.mode != "answer":
        parts.append(request.mode)
    return f"{'-'.join(filter(None, parts))}.{request.format}"


def _part(name: str) -> str:
    """Return the letters and digits of a name. Each sequence of other characters becomes one hyphen."""
    marks = (mark if _is_letter(mark) else " " for mark in unicodedata.normalize("NFKC", name))
    return "-".join("".join(marks).lower().split())[:LONGEST_PART].strip("-")


def _is_letter(mark: str) -> bool:
    return unicodedata.category(mark)[0] in "LN" or unicodedata.category(mark) in ("Mn", "Mc")


def command(
    choice: "Choice", request: ExportRequest, name: str, *, compare_with: "ModelSource | None" = None
) -> str:
    """Return the command that makes the same file. `compare_with` is the model of a second run on the same puzzle."""
    depth = choice.depth
    is_own_depth = depth == choice.config.depth
    run = {
        "model": _model_argument(choice.source),
        "puzzle": choice.puzzle,
        "depth": None if is_own_depth else (depth.n, depth.T, depth.N_sup),
        "heads": choice.source.heads,
        "puzzle_id": choice.puzzle_id or None,
        "compare_with": compare_with and _model_argument(compare_with),
    }
    return as_command("python -m trm export", run, _options(request, depth), {request.format: name})


def _options(request: ExportRequest, depth: Depth) -> dict[str, Any]:
    """Return the command-line options for the call, the view and the style."""
    options: dict[str, Any] = {}
    if request.format in TIME_POINTS:
        options |= {"step": request.at.supervision_step, "cycle": request.at.cycle}
        options |= {"call": request.at.call} if request.at.call != depth.n + 1 else {}
    if request.format not in TABLES and request.mode != "answer":
        options["view"] = request.mode
    if request.format in PICTURES:
        options |= {"marks": request.marks, "theme": "dark" if request.theme == "dark" else None}
    if request.format in FILMS and request.every != "answer":
        options["every"] = request.every
    return options


def _model_argument(source: "ModelSource") -> str:
    """Return the model as a command-line argument. Files below the working directory get a relative path."""
    path = Path(source.spec)
    if source.kind == "file" and path.is_relative_to(Path.cwd()):
        return f"./{path.relative_to(Path.cwd()).as_posix()}"
    return source.spec
