"""`probes intervene`: change the states of one run and measure the effect, or run the preset experiments on a set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyclopts import Group, Parameter

from probes.interventions.fork import cache_run, last_trace
from probes.interventions.preset_runs import prepared, run_experiments
from probes.interventions.record import record_all
from probes.interventions.recorded import described
from probes.interventions.spec import as_text, parse_all
from probes.reports.interventions import write_findings
from trm.cli.options import (
    CheckpointOptions,
    DataName,
    ModelName,
    PuzzleChoice,
    PuzzleId,
    PuzzleText,
    puzzle_tokens,
)
from trm.errors import UserError
from trm.grading import Grade
from trm.model import Model
from trm.progress import ProgressLine
from trm.registry import model_names
from trm.tasks.base import Task
from trm.terminal import as_command
from trm.trace import save_trace


@Parameter(name="*", group=Group("Intervention"))
@dataclass(frozen=True, kw_only=True)
class InterventionOptions:
    """What is changed in a run."""

    do: str | None = None
    """interventions separated by semicolons, such as 'zero y before 3.1.1' or 'noise z after 2.1.1 size 0.5'; `probes/interventions/spec.py` lists all of them"""
    experiment: str | None = None
    """name of a preset experiment; a wrong name lists them"""
    step: int | None = None
    """supervision step at which the experiment starts"""


@Parameter(name="*", group=Group("Over a set"))
@dataclass(frozen=True, kw_only=True)
class OverASet:
    """The preset experiments on many puzzles."""

    data: DataName | None = None
    limit: int = 50
    """number of puzzles, evenly spread over the set"""
    record: bool = False
    """write the results that the page shows for a bundled model"""
    findings: Path | None = None
    """instead: write the recorded results into this document"""


def run(
    *,
    model: ModelName | None = None,
    opening: CheckpointOptions = CheckpointOptions(),
    puzzle: PuzzleText | None = None,
    puzzle_id: PuzzleId = PuzzleId(),
    what: InterventionOptions = InterventionOptions(),
    many: OverASet = OverASet(),
    out: Path | None = None,
) -> dict[str, Any]:
    """Change the states of one run (--puzzle with --do or --experiment), or run the preset experiments on a set (--data).

    Returns the effects. Raises UserError if an option is missing or not valid.

    Args:
        out: write the intervened run as a trace, for `trm export --trace`
    """
    if many.findings:
        return write_findings(many.findings)
    if model is None:
        raise UserError("--model is missing. Give one, or --findings alone.")
    if many.record and model not in model_names():
        raise UserError(f"{model} is not a bundled model, so it cannot be recorded. Leave --record out.")
    is_one = not many.record and many.data is None
    if is_one and (puzzle is None or (what.do is None) == (what.experiment is None)):
        raise UserError("Give --puzzle and either --do or --experiment, or --data for a whole set.")
    loaded, task = opening.open(model)
    if many.record:
        return record_all(loaded, task, only=what.experiment, progress=ProgressLine())
    if many.data:
        choice = PuzzleChoice(data=many.data, limit=many.limit, identifiers=puzzle_id.identifiers)
        puzzles = choice.load(loaded, task)
        names = [what.experiment] if what.experiment else None
        options = {"model": model, "data": puzzles.name, "limit": many.limit}
        command = as_command("python -m probes intervene", options)
        return described(
            run_experiments(loaded, task, puzzles, names=names, progress=ProgressLine(), command=command)
        )
    return _one_run(loaded, task, puzzle, puzzle_id.number(loaded), what, out)


def _one_run(
    model: Model, task: Task, puzzle: str, puzzle_id: int, what: InterventionOptions, out: Path | None
) -> dict[str, Any]:
    inputs = puzzle_tokens(puzzle, task)
    clean = cache_run(model, task, inputs, puzzle_id=puzzle_id, progress=ProgressLine())
    if what.do is not None:
        run, changes = clean, parse_all(what.do)
    else:
        run, changes = prepared(clean, what.experiment, what.step)
    trace = last_trace(run.fork(changes), run.depth, ProgressLine(), "running with the intervention")
    if out:
        save_trace(out, trace)
    clean_grade, grade = Grade.of(clean.trace, task), Grade.of(trace, task)
    clean_ends = slice(clean.depth.T - 1, None, clean.depth.T)
    ends = slice(trace.depth.T - 1, None, trace.depth.T)
    return {
        "interventions": as_text(changes),
        "puzzle": task.format(run.inputs),
        "answer": task.format(trace.answers[-1]),
        "solved": bool(grade.solved[-1]),
        "solved_without": bool(clean_grade.solved[-1]),
        "cells_total": int(grade.counted.sum()),
        "cells_right": None if grade.right is None else grade.right[ends].tolist(),
        "cells_right_without": None if clean_grade.right is None else clean_grade.right[clean_ends].tolist(),
        "halt_probability": [round(float(number), 6) for number in trace.halt_probability],
        "halt_probability_without": [round(float(number), 6) for number in clean.trace.halt_probability],
        **({"written": str(out)} if out else {}),
    }
