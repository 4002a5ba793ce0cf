"""`trm export`: write a live or recorded run to files."""

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
    chosen_puzzle_id,
    forced_fields,
    model_options,
    open_model,
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
    "html": "the player as a single page that works offline",
    "png": "image of one time point",
    "svg": "vector image of one time point, with text as text",
    "gif": "animation of the run",
    "mp4": "video of the run (needs ffmpeg)",
    "csv": "table with one line per call",
    "npz": "all arrays of the run",
}


def add(subparsers) -> None:
    export = add_command(subparsers, "export", run, "export a run as a page, images, an animation or data")
    model_options(export, required=False)
    export.add_argument("--puzzle", help=PUZZLE_HELP)
    puzzle_id_options(export, PUZZLE_ID_HELP)
    export.add_argument(
        "--depth",
        metavar="N,T,N_SUP",
        help="run at this depth instead of the model's own, such as 6,3,24; the files also give the trained depth",
    )
    export.add_argument("--trace", type=Path, help="recorded run, instead of a model and a puzzle")
    export.add_argument(
        "--compare-with",
        metavar="MODEL_OR_TRACE",
        help="show a second run on the page of --html, in step with the first: another model on the same puzzle, or a "
        "recorded run",
    )
    files = export.add_argument_group("files", "the same run is written to each file given")
    for name, text in EXPORTS.items():
        files.add_argument(f"--{name}", type=Path, metavar="FILE", help=text)
    view = export.add_argument_group("what is shown")
    view.add_argument(
        "--step", type=int, help="supervision step of the image (default: the last); the page opens there too"
    )
    view.add_argument("--cycle", type=int, help="cycle in that step (default: the last)")
    view.add_argument("--call", type=int, help="call in that cycle (default: the last, which is f_H)")
    view.add_argument(
        "--view",
        metavar="VIEW",
        help="what the cells show: answer (default), probabilities, confidence, change, z, reverse (z by reverse embedding)",
    )
    view.add_argument(
        "--marks", action="store_true", help="also mark cells that became right and stayed right"
    )
    view.add_argument(
        "--theme", metavar="THEME", help="theme of images and animations: light (default) or dark"
    )
    view.add_argument(
        "--every",
        default="answer",
        choices=("call", "answer", "step"),
        help="one frame per call, answer (f_H call) or step (default: answer)",
    )
    view.add_argument(
        "--frame-time", type=float, default=0.3, metavar="S", help="seconds per frame (default: 0.3)"
    )
    view.add_argument(
        "--hold",
        type=float,
        default=1.5,
        metavar="S",
        help="seconds to hold the first and the last frame (default: 1.5)",
    )


def run(options: Namespace) -> dict[str, Any]:
    from trm.export.outputs import FORMATS, OutputRequest, check_paths, write
    from trm.export.pictures.film import FrameTiming
    from trm.export.pictures.picture import Appearance

    paths = {name: path for name in FORMATS if (path := getattr(options, name)) is not None}
    if not paths:
        raise UserError(
            f"No output file is given. Give one or more of {', '.join(f'--{name}' for name in FORMATS)}."
        )
    has_coordinates = _check_options(options, paths.keys())
    appearance = Appearance(options.view or "answer", options.marks, options.theme or "light")
    pace = FrameTiming(options.every, options.frame_time, options.hold)
    inputs = (options.trace, puzzle_file(options), _file(options.compare_with))
    check_paths(paths, [path for path in inputs if path])
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
        **({"compared_with": compare_with.trace.provenance.model} if compare_with else {}),
        **({"note": run.note} if run.note else {}),
    }


def _check_options(options: Namespace, formats: Set[str]) -> bool:
    """Raises UserError for options of formats that are not requested. Returns whether a time point is given."""
    from trm.export.outputs import OF_ONE_CALL, PICTURES, WITH_A_VIEW

    has_coordinates = any(number is not None for number in (options.step, options.cycle, options.call))
    if has_coordinates and not formats & set(OF_ONE_CALL):
        raise UserError(
            "--step, --cycle and --call apply only to --png, --svg and --html. Add one of these, or leave them out."
        )
    if options.view is not None and not formats & set(WITH_A_VIEW):
        raise UserError(
            "--view applies only to --html, --png, --svg, --gif and --mp4. Add one of these, or leave it out."
        )
    if (options.theme is not None or options.marks) and not formats & set(PICTURES):
        raise UserError(
            "--marks and --theme apply only to --png, --svg, --gif and --mp4. Add one of these, or leave them out."
        )
    if options.compare_with is not None and "html" not in formats:
        raise UserError("--compare-with applies only to --html. Add it, or leave --compare-with out.")
    return has_coordinates


def puzzle_file(options: Namespace) -> Path | None:
    """The path of the puzzle file, if the puzzle was given as a file."""
    return _file(options.puzzle)


def _file(given: str | None) -> Path | None:
    """The text as a path if it names an existing file, else None."""
    return Path(given) if given and os.path.isfile(given) else None  # noqa: PTH113 (see trm.cli.options.puzzle_texts)


def _recorded(options: Namespace) -> "tuple[ExportedRun, Coordinates]":
    """A recorded run, and the chosen time point."""
    from trm.export.run import call_coordinates

    given = [
        name for name in ("model", "puzzle", "identifiers", "depth") if getattr(options, name) is not None
    ]
    if options.puzzle_id != "0" or given or forced_fields(options):
        raise UserError(
            "--trace is a recorded run. Leave out all options for a live run (--model, --puzzle, --depth and so on)."
        )
    run = _read(options.trace, _puzzle_name(options))
    trace = run.trace
    return run, call_coordinates(trace.depth, trace.steps, options.step, options.cycle, options.call)


def _read(path: Path, puzzle: str) -> "ExportedRun":
    """Read the run from a file. Raises TraceError, which names the file."""
    from trm.export.run import ExportedRun
    from trm.tasks import get_task
    from trm.trace import TraceError, load_trace

    trace = load_trace(path)
    try:
        return ExportedRun.of(trace, get_task(trace.provenance.task, len(trace.inputs)), puzzle=puzzle)
    except UserError as error:
        raise TraceError(f"{path}: {error}") from None


def _made(options: Namespace) -> "tuple[ExportedRun, Coordinates]":
    """A live run, and the chosen time point."""
    if options.model is None or options.puzzle is None:
        raise UserError(
            "There is nothing to export. Give --model and --puzzle, or --trace with a recorded run."
        )
    from trm.export.run import ExportedRun, call_coordinates
    from trm.grading import caveat

    model, task = open_model(options)
    depth = _depth(options.depth, model) if options.depth is not None else model.config.depth
    at = call_coordinates(depth, depth.N_sup, options.step, options.cycle, options.call)
    puzzle_id = chosen_puzzle_id(options, model)
    inputs = puzzle_tokens(options.puzzle, task, use="exported")
    trace = _run(model, task, inputs, depth=depth, puzzle_id=puzzle_id)
    return ExportedRun.of(trace, task, puzzle=_puzzle_name(options), note=caveat(task, puzzle_id)), at


def _depth(given: str, model: "Model") -> "Depth":
    """n, T, and N_sup of the run. Raises UserError unless they are three numbers, ConfigError if they are too large."""
    from trm.coordinates import Depth

    parts = given.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() and int(part) for part in parts):
        raise UserError(f"--depth {given} is not n,T,N_sup. Give three numbers of 1 or more, such as 6,3,24.")
    depth = Depth(*map(int, parts))
    model.config.with_depth(n=depth.n, T=depth.T, N_sup=depth.N_sup)  # checks the limits
    return depth


def _second_run(options: Namespace, run: "ExportedRun") -> "ExportedRun":
    """The run to compare with: a recorded one, or a live run of another model on the same puzzle."""
    from trm.export.run import ExportedRun

    path = _file(options.compare_with)
    if path is not None and _is_trace(path):
        return _read(path, path.name.removesuffix(".safetensors"))
    from trm.checkpoint import load_model
    from trm.grading import caveat
    from trm.tasks import task_of

    model = load_model(options.compare_with, accept_unknown=options.accept_unknown)
    task = task_of(model.config)
    puzzle_id = chosen_puzzle_id(options, model)
    trace = _run(model, task, run.trace.inputs, puzzle_id=puzzle_id, labels=run.trace.labels)
    return ExportedRun.of(trace, task, puzzle=_puzzle_name(options), note=caveat(task, puzzle_id))


def _is_trace(path: Path) -> bool:
    """Whether a file claims to be a recorded run, intact or damaged; a checkpoint does not."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            return "provenance" in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def _run(
    model: "Model", task: "Task", inputs: "np.ndarray", depth: "Depth | None" = None, **options: Any
) -> "Trace":
    """Run the model, with a progress line. The options are those of `growing_trace`."""
    from trm.record import growing_trace

    depth = depth or model.config.depth
    with ProgressLine("supervision steps run", depth.N_sup) as running:
        for trace in growing_trace(model, task, inputs, depth=depth, recorded=date.today(), **options):
            running.count(trace.steps)
    return trace


def _puzzle_name(options: Namespace) -> str:
    """The name of the puzzle: the name of its file or of the recorded run; empty for a puzzle given as text."""
    file = options.trace or puzzle_file(options)
    return file.name.removesuffix(".txt").removesuffix(".safetensors") if file else ""
