"""`trm export`: write a live or recorded run to files."""

import os
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Group, Parameter

from trm.cli.options import (
    FLAT,
    CheckpointOptions,
    ModelName,
    PuzzleId,
    PuzzleText,
    parsed_depth,
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


@Parameter(name="*", group=Group("Files", help="the same run is written to each file given"))
@dataclass(frozen=True, kw_only=True)
class Files:
    """The files to write, by format."""

    html: Path | None = None
    """the player as a single page that works offline"""
    png: Path | None = None
    """image of one time point"""
    svg: Path | None = None
    """vector image of one time point, with text as text"""
    pdf: Path | None = None
    """figure of one time point for a paper, as wide as --width"""
    gif: Path | None = None
    """animation of the run"""
    mp4: Path | None = None
    """video of the run (needs ffmpeg)"""
    csv: Path | None = None
    """table with one line per call"""
    npz: Path | None = None
    """all arrays of the run"""
    onnx: Path | None = None
    """folder for the model's ONNX graphs: the embedding and one supervision step (needs no puzzle; docs/performance.md)"""


@FLAT
@dataclass(frozen=True, kw_only=True)
class RunChoice(CheckpointOptions, PuzzleId):
    """Which run: a model on a puzzle, or a recorded run."""

    model: ModelName | None = None
    puzzle: PuzzleText | None = None
    depth: str | None = None
    """run at this depth (n,T,N_sup) instead of the model's own, such as 6,3,24; the files also give the trained depth"""
    trace: Path | None = None
    """recorded run, instead of a model and a puzzle"""
    compare_with: str | None = None
    """model or recorded run to show on the page of --html, in step with the first: another model on the same puzzle, or a recorded run"""

    @property
    def puzzle_name(self) -> str:
        """The name of the puzzle file or of the recorded run. Empty for a puzzle given as text."""
        file = self.trace or _file(self.puzzle)
        return file.name.removesuffix(".txt").removesuffix(".safetensors") if file else ""


@Parameter(name="*", group=Group("What is shown"))
@dataclass(frozen=True, kw_only=True)
class ViewOptions:
    """What the files show."""

    step: int | None = None
    """supervision step of the image (default: the last); the page opens there too"""
    cycle: int | None = None
    """cycle in that step (default: the last)"""
    call: int | None = None
    """call in that cycle (default: the last, which is f_H)"""
    view: str | None = None
    """what the cells show: answer (default), probabilities, confidence, change, z, reverse (z by reverse embedding)"""
    marks: bool = False
    """also mark cells that became right and stayed right"""
    theme: str | None = None
    """theme of images and animations: light (default) or dark"""
    width: float | None = None
    """width of --pdf in inches (default: 3.25, one column)"""
    every: Literal["call", "answer", "step"] = "answer"
    """one frame per call, answer (f_H call) or step"""
    frame_time: float = 0.3
    """seconds per frame"""
    hold: float = 1.5
    """seconds to hold the first and the last frame"""
    map: Path | None = None
    """map of the run's states for --html, made by `python -m probes map`"""
    with_model: bool = False
    """put the model into --html (7 to 12 MB more), so that the page runs other puzzles without a network"""

    @property
    def time_point(self) -> tuple[int | None, int | None, int | None]:
        """Supervision step, cycle and call; None where they are the last."""
        return self.step, self.cycle, self.call


def run(
    *, choice: RunChoice = RunChoice(), files: Files = Files(), view: ViewOptions = ViewOptions()
) -> dict[str, Any]:
    """Write the files, and return what they contain."""
    from trm.export.outputs import COLUMN, FORMATS, OutputRequest, check_paths, check_width, write
    from trm.export.pictures.film import FrameTiming
    from trm.export.pictures.palette import Appearance
    from trm.export.state_map import load_map

    paths = {name: path for name in FORMATS if (path := getattr(files, name)) is not None}
    graphs = {} if files.onnx is None else _write_graphs(choice, files.onnx)
    if graphs and not paths:
        return graphs
    if not paths:
        raise UserError(
            f"No output file is given. Give one or more of {', '.join(f'--{name}' for name in (*FORMATS, 'onnx'))}."
        )
    _check_formats(choice, view, set(paths))
    appearance = Appearance(view.view or "answer", view.marks, view.theme or "light")
    pace = FrameTiming(view.every, view.frame_time, view.hold)
    width = COLUMN if view.width is None else view.width
    check_width(width)
    inputs = (choice.trace, _file(choice.puzzle), _file(choice.compare_with), view.map)
    check_paths(paths, [path for path in inputs if path])
    run, at = _recorded(choice, view) if choice.trace else _made(choice, view)
    if view.map:
        run = replace(run, state_map=load_map(view.map, run.trace))
    compare_with = _second_run(choice, run) if choice.compare_with is not None else None
    model_files = _model_files(choice) if view.with_model else None
    with ProgressLine() as progress:
        start = None if view.time_point == (None,) * 3 else at
        request = OutputRequest(paths, at, start, pace, compare_with, model_files, width, appearance)
        written = write(run, request, progress)
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
        **graphs,
    }


def _write_graphs(choice: RunChoice, folder: Path) -> dict[str, Any]:
    """Write the ONNX graphs of the model, and return the name of the model and the sizes of the files in bytes."""
    if choice.model is None:
        raise UserError("--onnx writes the graphs of a model. Give --model.")
    from trm.engine.choice import check_installed

    check_installed()
    from trm.export.graphs import export_graphs

    model, _ = choice.open(choice.model)
    return {"model": model.name, "onnx": str(folder), "files": export_graphs(model, folder)}


def _model_files(choice: RunChoice) -> dict[str, bytes]:
    """Return the files of the model for a browser, and of the runtime, which is fetched once."""
    from trm.web.files import web_files
    from trm.web.runtime import FILES, fetch_runtime, runtime_folder

    model, _ = choice.open(choice.model)
    files, folder = web_files(model), runtime_folder()
    fetch_runtime(folder)
    return files | {name: (folder / name).read_bytes() for name in FILES}


def _check_formats(choice: RunChoice, view: ViewOptions, formats: set[str]) -> None:
    """Raise UserError for options of formats that are not requested."""
    from trm.export.outputs import OF_ONE_CALL, PICTURES, WITH_A_VIEW

    if view.time_point != (None,) * 3 and not formats & set(OF_ONE_CALL):
        raise UserError(
            "--step, --cycle and --call apply only to --png, --svg, --pdf and --html. Add one of these, or leave them out."
        )
    if view.view is not None and not formats & set(WITH_A_VIEW):
        raise UserError(
            "--view applies only to --html, --png, --svg, --pdf, --gif and --mp4. Add one of these, or leave it out."
        )
    if (view.theme is not None or view.marks) and not formats & set(PICTURES):
        raise UserError(
            "--marks and --theme apply only to --png, --svg, --pdf, --gif and --mp4. Add one of these, or leave them out."
        )
    if view.width is not None and "pdf" not in formats:
        raise UserError("--width applies only to --pdf. Add it, or leave --width out.")
    if choice.compare_with is not None and "html" not in formats:
        raise UserError("--compare-with applies only to --html. Add it, or leave --compare-with out.")
    if view.with_model and ("html" not in formats or choice.model is None or choice.compare_with is not None):
        raise UserError(
            "--with-model applies only to --html of a single run of --model. Leave --with-model out."
        )
    if view.map is not None and "html" not in formats:
        raise UserError("--map applies only to --html. Add it, or leave --map out.")


def _file(given: str | None) -> Path | None:
    """Return the text as a path if it names an existing file, otherwise None."""
    return Path(given) if given and os.path.isfile(given) else None  # noqa: PTH113 (see trm.cli.options.puzzle_texts)


def _recorded(choice: RunChoice, view: ViewOptions) -> "tuple[ExportedRun, Coordinates]":
    """Return the recorded run and the chosen time point."""
    from trm.export.run import call_coordinates

    if choice != RunChoice(
        trace=choice.trace, compare_with=choice.compare_with, accept_unknown=choice.accept_unknown
    ):
        raise UserError(
            "--trace is a recorded run. Leave out all options for a live run (--model, --puzzle, --depth and so on)."
        )
    run = _read(choice.trace, choice.puzzle_name)
    return run, call_coordinates(run.trace.depth, run.trace.steps, *view.time_point)


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


def _made(choice: RunChoice, view: ViewOptions) -> "tuple[ExportedRun, Coordinates]":
    """Run the model. Return the run and the chosen time point."""
    if choice.model is None or choice.puzzle is None:
        raise UserError(
            "There is nothing to export. Give --model and --puzzle, or --trace with a recorded run."
        )
    from trm.export.run import ExportedRun, call_coordinates
    from trm.grading import caveat

    model, task = choice.open(choice.model)
    depth = parsed_depth(choice.depth, model) if choice.depth is not None else model.config.depth
    at = call_coordinates(depth, depth.N_sup, *view.time_point)
    puzzle_id = choice.number(model)
    inputs = puzzle_tokens(choice.puzzle, task, use="exported")
    trace = _run(model, task, inputs, depth=depth, puzzle_id=puzzle_id)
    return ExportedRun.of(trace, task, puzzle=choice.puzzle_name, note=caveat(task, puzzle_id)), at


def _second_run(choice: RunChoice, run: "ExportedRun") -> "ExportedRun":
    """Return the run to compare with: a recorded run, or a live run of another model on the same puzzle."""
    from trm.export.run import ExportedRun

    path = _file(choice.compare_with)
    if path is not None and _is_trace(path):
        return _read(path, path.name.removesuffix(".safetensors"))
    from trm.checkpoint import load_model
    from trm.grading import caveat
    from trm.tasks import task_of

    model = load_model(choice.compare_with, accept_unknown=choice.accept_unknown)
    task = task_of(model.config)
    puzzle_id = choice.number(model)
    trace = _run(model, task, run.trace.inputs, puzzle_id=puzzle_id, labels=run.trace.labels)
    return ExportedRun.of(trace, task, puzzle=choice.puzzle_name, note=caveat(task, puzzle_id))


def _is_trace(path: Path) -> bool:
    """Return whether a file is labelled as a recorded run, even if it is damaged. Checkpoints have no such label."""
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
    with ProgressLine() as progress:
        for trace in growing_trace(model, task, inputs, depth=depth, recorded=date.today(), **options):
            progress(trace.steps / depth.N_sup, f"{trace.steps} of {depth.N_sup} supervision steps")
    return trace
