"""Grade the answers of a trace against the rules and the solution, without running the model.

`binomial_band` says how far an accuracy on some puzzles may be from that on all.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float64, Int, Num

from trm.tasks.base import PADDING, Task
from trm.trace import Trace

BLANK_ID = (
    "These answers are for the blank puzzle id 0, with which an ARC model scores 0: it identifies a task by its id alone. "
    "Give the id of a task that it was trained on."
)


def caveat(task: Task, puzzle_id: int) -> str | None:
    """Return the warning that applies to every answer with this puzzle id, or None."""
    return BLANK_ID if task.needs_puzzle_id and puzzle_id == 0 else None


def most_changed_cell(trace: Trace, task: Task) -> int:
    """Index of the scored blank cell whose answer changes most often. The player selects this cell initially."""
    scored = np.ones(task.cells, bool) if trace.labels is None else trace.labels != PADDING
    changes = (trace.answers[1:] != trace.answers[:-1]).sum(0)
    return int(np.argmax(changes * (scored & ~task.givens(trace.inputs))))


@dataclass(frozen=True)
class Grade:
    """The givens and conflicts of a puzzle, and the grade of the answer after every f_H call."""

    givens: Bool[np.ndarray, "cells"]
    input_conflicts: Bool[np.ndarray, "cells"]  # givens that contradict each other
    conflicts: Bool[np.ndarray, "f_H cells"]  # cells that break a rule
    counted: Bool[np.ndarray, "cells"]  # cells scored as right or wrong
    right: Int[np.ndarray, "f_H"] | None  # number of right cells; None if the solution is not known
    # Whether the answer obeys the rules and preserves the givens; for a task without rules, whether it equals the
    # labels.
    solved: Bool[np.ndarray, "f_H"]

    @classmethod
    def of(cls, trace: Trace, task: Task) -> "Grade":
        """Grade the answers of a trace."""
        givens = task.givens(trace.inputs)
        counted = ~givens if task.scored_cells else np.ones(task.cells, bool)
        right = solved = None
        if trace.labels is not None:
            scored = trace.labels != PADDING
            cells = trace.answers == trace.labels
            counted = counted & scored
            right, solved = (cells & counted).sum(-1), (cells | ~scored).all(-1)
        if task.checkable_by_rules:
            solved = task.is_solved(np.broadcast_to(trace.inputs, trace.answers.shape), trace.answers)
        return cls(
            givens=givens,
            input_conflicts=task.conflicts(trace.inputs),
            conflicts=task.conflicts(trace.answers),
            counted=counted,
            right=right,
            solved=np.zeros(len(trace.answers), bool) if solved is None else solved,
        )


def binomial_band(
    part: Num[np.ndarray, "*batch"], whole: Num[np.ndarray, "*batch"], level: float = 0.95
) -> Float64[np.ndarray, "2 *batch"]:
    """Return the limits of Wilson's confidence interval (1927) for the proportion part / whole; NaN where whole is 0.

    The interval has a positive width even if the proportion is 0 or 1.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
    half = z * np.sqrt(part * (1 - share) + z**2 / 4)  # NaN where whole is 0
    ends = np.stack((part + z**2 / 2 - half, part + z**2 / 2 + half)) / (whole + z**2)
    return np.clip(ends, 0, 1)
