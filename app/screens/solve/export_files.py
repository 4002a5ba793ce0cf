"""Export files of a run, as `trm export` writes them, and the equivalent command.

An `ExportRequest` is a snapshot of what the page shows. Making the file needs nothing else from the page, so any thread
can do it.
"""

import shlex
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.tasks.base import Task
from trm.trace import Trace

if TYPE_CHECKING:
    from app.server.models import ModelSource
    from app.state.choice import Choice

FILMS = ("gif", "mp4")
TIME_POINTS = ("html", "png", "svg")  # formats that show a single call or open at one
PICTURES = ("png", "svg", *FILMS)  # formats with a view, a light or dark theme, and optional marks
TABLES = ("csv", "npz")
LONGEST_PART = 40  # characters of a model or puzzle name in a file name
BASE64 = 4 / 3  # characters per byte


@dataclass(frozen=True)
class RunToExport:
    """A run as shown on the page. `puzzle` is the puzzle's name, or "" if it has none."""

    trace: Trace
    task: Task
    puzzle: str = ""
    note: str | None = None  # caveat that applies to all of its answers


@dataclass(frozen=True)
class ExportRequest:
    """One file to export. Fields that do not apply to the format are ignored."""

    format: str  # of trm.export.outputs.FORMATS
    at: Coordinates
    mode: str = "answer"  # one of trm.export.call_view.MODES
    marks: bool = False
    theme: str = "light"
    every: str = "answer"  # of trm.export.run.EVERY


def make(
    run: RunToExport,
    request: ExportRequest,
    *,
    compare_with: RunToExport | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> bytes:
    """Make the file. For a film, `progress` is called with the number of frames drawn and the total. Raises
    UserError.
    """
    from trm.export.outputs import OutputRequest, write
    from trm.export.pictures.film import FrameTiming
    from trm.export.pictures.picture import Appearance
    from trm.export.run import ExportedRun

    def run_of(one: RunToExport) -> ExportedRun:
        return ExportedRun.of(one.trace, one.task, puzzle=one.puzzle, note=one.note)

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
    """The call shown in the player's view, clipped to a run of `steps` steps; without a view, the first answer."""
    if view is None:
        return Coordinates(1, 1, depth.n + 1, F_H)
    tops = {"supervision_step": steps, "cycle": depth.T, "call": depth.n + 1}
    step, cycle, call = (min(max(int(view[name]), 1), top) for name, top in tops.items())
    return Coordinates(step, cycle, call, F_H if call == depth.n + 1 else F_L)


def frame_count(request: ExportRequest, depth: Depth, steps: int) -> int:
    """Number of frames in a film of `steps` supervision steps."""
    return steps * {"call": depth.calls_per_step, "answer": depth.T, "step": 1}[request.every]


def page_bytes(*traces: Trace) -> int:
    """Approximate size of an offline page with these runs, in bytes."""
    from trm.player.bundle import player_css, player_js

    own = len(player_js()) + len(player_css())
    return own + round(BASE64 * sum(trace.nbytes for trace in traces))


def file_name(model: str, puzzle: str, request: ExportRequest) -> str:
    """A readable file name that is valid on every system."""
    parts = [_part(model) or "model", _part(puzzle)]
    if request.format in ("png", "svg"):
        parts.append(".".join(map(str, (request.at.supervision_step, request.at.cycle, request.at.call))))
    if request.format in PICTURES and request.mode != "answer":
        parts.append(request.mode)
    return f"{'-'.join(filter(None, parts))}.{request.format}"


def _part(name: str) -> str:
    """The letters and digits of a name; each run of other characters becomes one hyphen."""
    marks = (mark if _is_letter(mark) else " " for mark in unicodedata.normalize("NFKC", name))
    return "-".join("".join(marks).lower().split())[:LONGEST_PART].strip("-")


def _is_letter(mark: str) -> bool:
    return unicodedata.category(mark)[0] in "LN" or unicodedata.category(mark) in ("Mn", "Mc")


def command(
    choice: "Choice", request: ExportRequest, name: str, *, compare_with: "ModelSource | None" = None
) -> str:
    """The command that makes the same file. `compare_with` is the model of a second run on the same puzzle."""
    depth = choice.depth
    arguments = ["--model", _model_argument(choice.source), "--puzzle", choice.puzzle]
    if depth != choice.config.depth:
        arguments += ["--depth", f"{depth.n},{depth.T},{depth.N_sup}"]
    for option, value, usual in (
        ("--heads", choice.source.heads, None),
        ("--puzzle-id", choice.puzzle_id, 0),
    ):
        if value != usual:
            arguments += [option, str(value)]
    if compare_with is not None:
        arguments += ["--compare-with", _model_argument(compare_with)]
    return shlex.join(
        ["python", "-m", "trm", "export", *arguments, *_options(request, depth), f"--{request.format}", name]
    )


def _options(request: ExportRequest, depth: Depth) -> list[str]:
    """Options for the call, the view and the style."""
    arguments = []
    if request.format in TIME_POINTS:
        arguments += ["--step", str(request.at.supervision_step), "--cycle", str(request.at.cycle)]
        if request.at.call != depth.n + 1:
            arguments += ["--call", str(request.at.call)]
    if request.format not in TABLES and request.mode != "answer":
        arguments += ["--view", request.mode]
    if request.format in PICTURES:
        arguments += [
            *(["--marks"] if request.marks else []),
            *(["--theme", "dark"] if request.theme == "dark" else []),
        ]
    if request.format in FILMS and request.every != "answer":
        arguments += ["--every", request.every]
    return arguments


def _model_argument(source: "ModelSource") -> str:
    """The model as a command-line argument; files below the working directory get a relative path."""
    path = Path(source.spec)
    if source.kind == "file" and path.is_relative_to(Path.cwd()):
        return f"./{path.relative_to(Path.cwd()).as_posix()}"
    return source.spec
