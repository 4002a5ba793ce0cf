"""`trm export`: a run, made now or recorded, written to the files that are asked for."""

import os
from argparse import Namespace
from collections.abc import Set
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trm.cli.options import (
    PUZZLE_HELP,
    PUZZLE_ID_HELP,
    add_command,
    asked_puzzle_id,
    forced,
    model_options,
    opened,
    puzzle_id_options,
    puzzle_tokens,
)
from trm.errors import UserError
from trm.progress import ProgressLine

if TYPE_CHECKING:
    import numpy as np

    from trm.coordinates import Coordinates, Depth
    from trm.export.run import ExportedRun
    from trm.model import Model
    from trm.tasks.base import Task
    from trm.trace import Trace


EXPORTS = {
    "html": "the player in one page that needs no network",
    "png": "one moment as a picture",
    "svg": "one moment as a drawing, its text as text",
    "gif": "the run as a film",
    "mp4": "the same, made by the program ffmpeg",
    "csv": "a table, one line per call",
    "npz": "every array of the run",
}


def add(adder) -> None:
    export = add_command(adder, "export", run, "write what the player shows of a run to offline files")
    model_options(export, required=False)
    export.add_argument("--puzzle", help=PUZZLE_HELP)
    puzzle_id_options(export, PUZZLE_ID_HELP)
    export.add_argument(
        "--depth",
        metavar="N,T,N_SUP",
        help="run it at another depth than its own, such as 6,3,24; the files say which it was trained with",
    )
    export.add_argument("--trace", type=Path, help="a recorded run, instead of a model and a puzzle")
    export.add_argument(
        "--compare-with",
        metavar="MODEL_OR_TRACE",
        help="a second run beside it on the page of --html, on one clock: another model on the same puzzle, or a recorded run",
    )
    files = export.add_argument_group("files", "one run is written to as many as are named")
    for name, text in EXPORTS.items():
        files.add_argument(f"--{name}", type=Path, metavar="FILE", help=text)
    shown = export.add_argument_group("what is shown")
    shown.add_argument(
        "--step", type=int, help="supervision step of the picture (usual: the last); the page opens there too"
    )
    shown.add_argument("--cycle", type=int, help="cycle in that step (usual: the last)")
    shown.add_argument(
        "--call", type=int, help="call in that cycle (usual: the last, which is the call of f_H)"
    )
    shown.add_argument(
        "--view",
        metavar="VIEW",
        help="what the cells show: answer (usual), probabilities, confidence, change, z, reverse (z by reverse embedding)",
    )
    shown.add_argument(
        "--marks", action="store_true", help="also mark the cells that were right once and stayed right"
    )
    shown.add_argument("--theme", metavar="THEME", help="of pictures and films: light (usual) or dark")
    shown.add_argument(
        "--every",
        default="answer",
        choices=("call", "answer", "step"),
        help="frames of a film (usual: answer, each f_H call)",
    )
    shown.add_argument(
        "--frame-time", type=float, default=0.3, metavar="S", help="seconds of a frame (usual: 0.3)"
    )
    shown.add_argument(
        "--hold",
        type=float,
        default=1.5,
        metavar="S",
        help="seconds of the first and the last frame (usual: 1.5)",
    )


def run(options: Namespace) -> dict[str, Any]:
    from trm.export.outputs import FORMATS, OutputRequest, check_paths, write
    from trm.export.pictures.film import FrameTiming
    from trm.export.pictures.picture import Appearance

    paths = {name: path for name in FORMATS if (path := getattr(options, name)) is not None}
    if not paths:
        raise UserError(
            f"Nothing to export is named. Give one or more of {', '.join(f'--{name}' for name in FORMATS)}."
        )
    has_coordinates = _check_options(options, paths.keys())
    appearance = Appearance(options.view or "answer", options.marks, options.theme or "light")
    pace = FrameTiming(options.every, options.frame_time, options.hold)
    read = (options.trace, puzzle_file(options), _file(options.compare_with))
    check_paths(paths, [path for path in read if path])
    run, at = _recorded(options) if options.trace else _made(options)
    compare_with = _second_run(options, run) if options.compare_with is not None else None
    with ProgressLine("frames drawn") as drawing:
        request = OutputRequest(paths, at, at if has_coordinates else None, pace, compare_with, appearance)
        written = write(run, request, drawing.count)
    trace = run.trace
    return {
        "model": trace.provenance.model,
        "task": run.task.name,
        "steps": trace.steps,
        "halt_step": trace.halt_step,
        "solved": bool(run.grade.solved[-1])
        if run.task.checkable_by_rules or trace.labels is not None
        else None,
        "written": written,
        **({"against": compare_with.trace.provenance.model} if compare_with else {}),
        **({"note": run.note} if run.note else {}),
    }


def _check_options(options: Namespace, formats: Set[str]) -> bool:
    """Raises UserError where an option says something of formats that are not asked for. Returns whether a moment is named."""
    from trm.export.outputs import OF_ONE_CALL, PICTURES, WITH_A_VIEW

    has_coordinates = any(number is not None for number in (options.step, options.cycle, options.call))
    if has_coordinates and not formats & set(OF_ONE_CALL):
        raise UserError(
            "--step, --cycle and --call choose the moment of --png, --svg and --html. Ask for one, or leave them out."
        )
    if options.view is not None and not formats & set(WITH_A_VIEW):
        raise UserError(
            "--view says what the cells of --html, --png, --svg, --gif and --mp4 show. Ask for one, or leave it out."
        )
    if (options.theme is not None or options.marks) and not formats & set(PICTURES):
        raise UserError(
            "--marks and --theme say how --png, --svg, --gif and --mp4 look. Ask for one, or leave them out."
        )
    if options.compare_with is not None and "html" not in formats:
        raise UserError(
            "--compare-with puts a second run on the page of --html. Ask for that, or leave it out."
        )
    return has_coordinates


def puzzle_file(options: Namespace) -> Path | None:
    """The file that the puzzle was given as, if it was one."""
    return _file(options.puzzle)


def _file(given: str | None) -> Path | None:
    """The file that a text names, if it names one."""
    return Path(given) if given and os.path.isfile(given) else None  # noqa: PTH113 (see trm.cli.options.puzzle_texts)


def _recorded(options: Namespace) -> "tuple[ExportedRun, Coordinates]":
    """A run read from a file, and the moment asked for."""
    from trm.export.run import call_coordinates

    asked = [
        name for name in ("model", "puzzle", "identifiers", "depth") if getattr(options, name) is not None
    ]
    if options.puzzle_id != "0" or asked or forced(options):
        raise UserError(
            "--trace is a run of a model on a puzzle, made long ago. Leave out everything that says how to make one."
        )
    run = _read(options.trace, _puzzle_name(options))
    trace = run.trace
    return run, call_coordinates(trace.depth, trace.steps, options.step, options.cycle, options.call)


def _read(path: Path, puzzle: str) -> "ExportedRun":
    """The run in a file. Raises TraceError, which names the file."""
    from trm.export.run import ExportedRun
    from trm.tasks import get_task
    from trm.trace import TraceError, load_trace

    trace = load_trace(path)
    try:
        return ExportedRun.of(trace, get_task(trace.provenance.task, len(trace.inputs)), puzzle=puzzle)
    except UserError as error:
        raise TraceError(f"{path}: {error}") from None


def _made(options: Namespace) -> "tuple[ExportedRun, Coordinates]":
    """A run made now, and the moment asked for."""
    if options.model is None or options.puzzle is None:
        raise UserError(
            "There is nothing to export. Give --model and --puzzle, or --trace with a recorded run."
        )
    from trm.export.run import ExportedRun, call_coordinates
    from trm.grading import caveat

    model, task = opened(options)
    depth = _depth(options.depth, model) if options.depth is not None else model.config.depth
    at = call_coordinates(depth, depth.N_sup, options.step, options.cycle, options.call)
    puzzle_id = asked_puzzle_id(options, model)
    inputs = puzzle_tokens(options.puzzle, task, use="exported")
    trace = _run(model, task, inputs, depth=depth, puzzle_id=puzzle_id)
    return ExportedRun.of(trace, task, puzzle=_puzzle_name(options), note=caveat(task, puzzle_id)), at


def _depth(given: str, model: "Model") -> "Depth":
    """n, T and N_sup of the run. Raises UserError where they are no three numbers, or ConfigError where they are too large."""
    from trm.coordinates import Depth

    parts = given.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() and int(part) for part in parts):
        raise UserError(f"--depth {given} is not n,T,N_sup. Give three numbers of 1 or more, such as 6,3,24.")
    depth = Depth(*map(int, parts))
    model.config.with_depth(n=depth.n, T=depth.T, N_sup=depth.N_sup)  # within what any model may have
    return depth


def _second_run(options: Namespace, run: "ExportedRun") -> "ExportedRun":
    """The run that is held against it: a recorded one, or one that another model makes now of the same puzzle."""
    from trm.export.run import ExportedRun

    path = _file(options.compare_with)
    if path is not None and _is_trace(path):
        return _read(path, path.name.removesuffix(".safetensors"))
    from trm.checkpoint import load_model
    from trm.grading import caveat
    from trm.tasks import task_of

    model = load_model(options.compare_with, accept_unknown=options.accept_unknown)
    task = task_of(model.config)
    puzzle_id = asked_puzzle_id(options, model)
    trace = _run(model, task, run.trace.inputs, puzzle_id=puzzle_id, labels=run.trace.labels)
    return ExportedRun.of(trace, task, puzzle=_puzzle_name(options), note=caveat(task, puzzle_id))


def _is_trace(path: Path) -> bool:
    """Whether a file says that it is a recorded run, whole or damaged; a checkpoint does not."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            return "provenance" in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def _run(
    model: "Model", task: "Task", inputs: "np.ndarray", depth: "Depth | None" = None, **options: Any
) -> "Trace":
    """A run made now. Options are those of `growing_trace`."""
    from trm.record import growing_trace

    depth = depth or model.config.depth
    with ProgressLine("supervision steps run", depth.N_sup) as running:
        for trace in growing_trace(model, task, inputs, depth=depth, recorded=date.today(), **options):
            running.count(trace.steps)
    return trace


def _puzzle_name(options: Namespace) -> str:
    """What the puzzle is called: its file, or that of the recorded run; "" for one that was typed."""
    file = options.trace or puzzle_file(options)
    return file.name.removesuffix(".txt").removesuffix(".safetensors") if file else ""
