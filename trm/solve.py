"""One puzzle solved: what `trm solve` prints."""

from typing import Any

from trm.coordinates import Depth
from trm.models import TRM
from trm.record import record
from trm.tasks.base import Task


def solve(model: TRM, task: Task, puzzle: str, *, depth: Depth | None = None) -> dict[str, Any]:
    """Run a model on a puzzle given as text, through all supervision steps.

    Returns `answer` (text), `solved` (obeys the rules and keeps the givens), `halt_probability` (one per supervision
    step), `halt_step` (first step that would halt, or None), `steps`, and `answers` (text after every f_H call).
    Raises PuzzleError.
    """
    inputs = task.parse(puzzle)
    trace = record(model, task, inputs, depth=depth)
    return {
        "answer": task.format(trace.answers[-1]),
        "solved": bool(task.is_solved(inputs, trace.answers[-1])),
        "halt_probability": [round(float(probability), 6) for probability in trace.halt_probability],
        "halt_step": trace.halt_step,
        "steps": trace.steps,
        "answers": [task.format(answer) for answer in trace.answers],
    }
