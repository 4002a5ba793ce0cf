"""One puzzle solved: what `trm solve` prints."""

from typing import Any

from trm.coordinates import Depth
from trm.grading import caveat
from trm.models import Model
from trm.record import record
from trm.tasks.base import Task


def solve(
    model: Model, task: Task, puzzle: str, *, depth: Depth | None = None, puzzle_id: int = 0
) -> dict[str, Any]:
    """Run a model on a puzzle given as text, an unfinished one too, through all supervision steps.

    Returns `grid` (the answer in lines), `answer` (text), `solved` (obeys the rules and keeps the givens; None where no rules tell),
    `halt_probability` (one per supervision step), `halt_step` (first step that would halt, or None), `steps`, `answers` (text after every f_H call), and a
    `note` where the answer must not be taken for what the model can do (ARC with the blank puzzle id).
    Raises PuzzleError.
    """
    inputs = task.parse(puzzle, unfinished=True)
    trace = record(model, task, inputs, depth=depth, puzzle_id=puzzle_id)
    note = caveat(task, puzzle_id)
    return {
        "grid": task.pretty(trace.answers[-1]),
        "answer": task.format(trace.answers[-1]),
        "solved": bool(task.is_solved(inputs, trace.answers[-1])) if task.judged_by_rules else None,
        "halt_probability": [round(float(probability), 6) for probability in trace.halt_probability],
        "halt_step": trace.halt_step,
        "steps": trace.steps,
        "answers": [task.format(answer) for answer in trace.answers],
        **({"note": note} if note else {}),
    }
