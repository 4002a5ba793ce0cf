"""A trace held against the rules and the solution: what can be said of its answers without asking the model."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from trm.tasks.base import Task
from trm.trace import Trace


@dataclass(frozen=True)
class Judgement:
    """Of the puzzle and of the answer after every f_H call."""

    givens: Bool[np.ndarray, "cells"]
    input_conflicts: Bool[np.ndarray, "cells"]  # givens that contradict each other
    conflicts: Bool[np.ndarray, "f_H cells"]  # cells that break a rule
    cells_right: Int[np.ndarray, "f_H"] | None  # all cells, givens included; None without a known solution
    solved: Bool[np.ndarray, "f_H"]  # obeys the rules and keeps the givens

    @classmethod
    def of(cls, trace: Trace, task: Task) -> "Judgement":
        right = None if trace.labels is None else (trace.answers == trace.labels).sum(-1)
        return cls(
            givens=task.givens(trace.inputs),
            input_conflicts=task.conflicts(trace.inputs),
            conflicts=task.conflicts(trace.answers),
            cells_right=right,
            solved=task.is_solved(np.broadcast_to(trace.inputs, trace.answers.shape), trace.answers),
        )
