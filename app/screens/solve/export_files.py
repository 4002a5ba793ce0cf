"""The files of a run that a person takes away from a page: the same that `trm export` writes, and the command that does.

What is asked for is taken from what the page shows at that moment; nothing is made before somebody wants it, and what is
made needs nothing of the page then, so any thread may do it.
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
TIME_POINTS = ("html", "png", "svg")  # what shows one call, or opens at it
PICTURES = ("png", "svg", *FILMS)  # light or dark, in a view, perhaps with marks
TABLES = ("csv", "npz")
LONGEST_PART = 40  # characters that a name gives to the name of a file
BASE64 = 4 / 3  # characters a byte


@dataclass(frozen=True)
class RunToExport:
    """A run as a page shows it. `puzzle` is what it is called, "" for one that has no name."""

    trace: Trace
    task: Task
    puzzle: str = ""
    note: str | None = None  # what must be said of all its answers


@dataclass(frozen=True)
class ExportRequest:
    """One file. What does not concern its format is not looked at."""

    format: str  # of trm.export.outputs.FORMATS
    at: Coordinates
    mode: str = "answer"  # of trm.export.moment.MODES
    marks: bool = False
    theme: str = "light"
    every: str = "answer"  # of trm.export.run.EVERY


def make(
    run: RunToExport,
    request: ExportRequest,
    *,
    compare_with: RunToExport | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> bytes:
    """The file. `progress` hears how many frames of a film are done, of how many. Raises UserError."""
    from trm.export.outputs import Request, write
    from trm.export.pictures.film import Pace
    from trm.export.pictures.scene import Appearance
    from trm.export.run import Run

    def run_of(one: RunToExport) -> Run:
        return Run.of(one.trace, one.task, puzzle=one.puzzle, note=one.note)

    with TemporaryDirectory() as folder:
        path = Path(folder) / f"run.{request.format}"
        outputs = Request(
            {request.format: path},
            time_point=request.at,
            start=request.at,
            pace=Pace(request.every),
            compare_with=None if compare_with is None else run_of(compare_with),
            appearance=Appearance(request.mode, request.marks, request.theme),
        )
        write(run_of(run), outputs, progress)
        return path.read_bytes()


def place_in(view: dict[str, Any] | None, depth: Depth, steps: int) -> Coordinates:
    """The call that a view of the player shows, in a run of so many steps; the first answer where there is no view yet."""
    if view is None:
        return Coordinates(1, 1, depth.n + 1, F_H)
    tops = {"supervision_step": steps, "cycle": depth.T, "call": depth.n + 1}
    step, cycle, call = (min(max(int(view[name]), 1), top) for name, top in tops.items())
    return Coordinates(step, cycle, call, F_H if call == depth.n + 1 else F_L)


def frames(request: ExportRequest, depth: Depth, steps: int) -> int:
    """How many a film of so many supervision steps has."""
    return steps * {"call": depth.calls_per_step, "answer": depth.T, "step": 1}[request.every]


def page_bytes(*traces: Trace) -> int:
    """About how large the offline page of these runs is."""
    from trm.player.bundle import player_css, player_js

    own = len(player_js()) + len(player_css())
    return own + round(BASE64 * sum(trace.nbytes for trace in traces))


def file_name(model: str, puzzle: str, request: ExportRequest) -> str:
    """A name that every system takes and a person recognises."""
    parts = [_part(model) or "model", _part(puzzle)]
    if request.format in ("png", "svg"):
        parts.append(".".join(map(str, (request.at.supervision_step, request.at.cycle, request.at.call))))
    if request.format in PICTURES and request.mode != "answer":
        parts.append(request.mode)
    return f"{'-'.join(filter(None, parts))}.{request.format}"


def _part(name: str) -> str:
    """Letters and digits of a name, all else as one hyphen."""
    marks = (mark if _is_letter(mark) else " " for mark in unicodedata.normalize("NFKC", name))
    return "-".join("".join(marks).lower().split())[:LONGEST_PART].strip("-")


def _is_letter(mark: str) -> bool:
    return unicodedata.category(mark)[0] in "LN" or unicodedata.category(mark) in ("Mn", "Mc")


def command(
    choice: "Choice", request: ExportRequest, name: str, *, compare_with: "ModelSource | None" = None
) -> str:
    """The command that makes the same file from the model. `against`: the model of a second run on the same puzzle."""
    depth = choice.depth
    given = ["--model", _spec(choice.source), "--puzzle", choice.puzzle]
    if depth != choice.config.depth:
        given += ["--depth", f"{depth.n},{depth.T},{depth.N_sup}"]
    for option, value, usual in (
        ("--heads", choice.source.heads, None),
        ("--puzzle-id", choice.puzzle_id, 0),
    ):
        if value != usual:
            given += [option, str(value)]
    if compare_with is not None:
        given += ["--compare-with", _spec(compare_with)]
    return shlex.join(
        ["python", "-m", "trm", "export", *given, *_options(request, depth), f"--{request.format}", name]
    )


def _options(request: ExportRequest, depth: Depth) -> list[str]:
    """How the command says what is shown."""
    given = []
    if request.format in TIME_POINTS:
        given += ["--step", str(request.at.supervision_step), "--cycle", str(request.at.cycle)]
        if request.at.call != depth.n + 1:
            given += ["--call", str(request.at.call)]
    if request.format not in TABLES and request.mode != "answer":
        given += ["--view", request.mode]
    if request.format in PICTURES:
        given += [
            *(["--marks"] if request.marks else []),
            *(["--theme", "dark"] if request.theme == "dark" else []),
        ]
    if request.format in FILMS and request.every != "answer":
        given += ["--every", request.every]
    return given


def _spec(source: "ModelSource") -> str:
    """The model as the command line takes it: a file by its path from here, where it is below."""
    path = Path(source.spec)
    if source.kind == "file" and path.is_relative_to(Path.cwd()):
        return f"./{path.relative_to(Path.cwd()).as_posix()}"
    return source.spec
