"""A run and its moments: what every cell shows after a call, and the sentences beside it, as the player has them.

A moment is addressed by its coordinates. y is what the last f_H call left: at an f_L call nothing in it has changed, and
before the first f_H call only the puzzle is there.
"""

import unicodedata
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.errors import UserError
from trm.export.payload import provenance_line, shortened
from trm.grading import Grade
from trm.tasks.base import PADDING, Task
from trm.trace import Trace, TraceError

EVERY = ("call", "answer", "step")
"""When a film shows the run: after every call, every f_H call, every supervision step."""


@dataclass(frozen=True)
class ExportedRun:
    """A trace held against its task, ready to be drawn."""

    trace: Trace
    task: Task
    grade: Grade
    title: str
    note: str  # what must be said of all answers of the run; "" where nothing must

    @classmethod
    def of(cls, trace: Trace, task: Task, *, puzzle: str = "", note: str | None = None) -> "ExportedRun":
        """`puzzle` is the puzzle's name, for the title. Raises TraceError for a trace that is not of the task."""
        check_fits(trace, task)
        rows = "" if task.crop(trace.inputs) else f" {task.rows}x{task.columns}"
        name = printable(puzzle) or f"{task.name.capitalize() if rows else task.name.upper()}{rows}"
        title = f"{printable(shortened(trace.provenance.model))}: {name}"
        return cls(trace, task, Grade.of(trace, task), title, printable(note or ""))

    @property
    def provenance(self) -> str:
        """Which model, dtype and version made it, in one line."""
        return printable(provenance_line(self.trace))

    def calls(self) -> list[Coordinates]:
        """All calls of the run, in order."""
        depth = self.trace.depth
        return [at for step in range(1, self.trace.steps + 1) for at in depth.calls(step)]

    @property
    def first_answer(self) -> Coordinates:
        """The first call of f_H, with which the player opens."""
        return Coordinates(1, 1, self.trace.depth.n + 1, F_H)

    def shown(self, every: str) -> list[Coordinates]:
        """The calls that a film shows; `every` is one of EVERY."""
        T = self.trace.depth.T
        wanted = {
            "call": lambda at: True,
            "answer": lambda at: at.kind == F_H,
            "step": lambda at: at.kind == F_H and at.cycle == T,
        }[every]
        return [at for at in self.calls() if wanted(at)]

    def answer_after(self, at: Coordinates) -> int:
        """The f_H call whose answer is seen at a call, from 0; -1 before the first."""
        done = (at.supervision_step - 1) * self.trace.depth.T + at.cycle - 1
        return done if at.kind == F_H else done - 1

    def call_number(self, at: Coordinates) -> int:
        """The call's place among all calls, from 0."""
        depth = self.trace.depth
        return (at.supervision_step - 1) * depth.calls_per_step + (at.cycle - 1) * (depth.n + 1) + at.call - 1

    def changed(self, answer: int) -> Bool[np.ndarray, "cells"]:
        """Cells in which an answer differs from the one before it; none in the first."""
        answers = self.trace.answers
        return answers[answer] != answers[max(answer - 1, 0)]

    def wrong(self, tokens: UInt8[np.ndarray, "cells"]) -> Bool[np.ndarray, "cells"]:
        """Cells that differ from the solution; without one, givens that were overwritten."""
        labels = self.trace.labels
        if labels is None:
            return self.grade.givens & (tokens != self.trace.inputs)
        return (tokens != labels) & (labels != PADDING)


def call_coordinates(
    depth: Depth, steps: int, step: int | None = None, cycle: int | None = None, call: int | None = None
) -> Coordinates:
    """A call of a cycle of a supervision step: the last of each where none is given, which is the call of f_H.

    Raises UserError where a run of so many supervision steps has no such one.
    """
    last = depth.n + 1
    step, cycle, call = (
        top if number is None else number for number, top in ((step, steps), (cycle, depth.T), (call, last))
    )
    for name, number, top, what in (
        ("step", step, steps, "supervision steps"),
        ("cycle", cycle, depth.T, "cycles in a supervision step"),
        ("call", call, last, "calls in a cycle"),
    ):
        if not 1 <= number <= top:
            raise UserError(f"--{name} {number} is outside this run of {top} {what}. Choose 1 to {top}.")
    return Coordinates(step, cycle, call, F_H if call == last else F_L)


def check_fits(trace: Trace, task: Task) -> None:
    """Raises TraceError unless the trace holds tokens of the task."""
    grids = [trace.inputs, trace.answers, trace.z_answers, trace.labels, trace.z_reverse, trace.y_reverse]
    if (
        trace.provenance.task != task.name
        or len(trace.inputs) != task.cells
        or trace.probabilities.shape[-1] != task.vocab_size
        or any(grid.max() >= task.vocab_size for grid in grids if grid is not None)
    ):
        raise TraceError(f"This trace does not fit the task {task.name}. Record it again.")


def printable(text: str) -> str:
    """A name as one line that every format can hold: XML has no control characters, UTF-8 no halves of characters."""
    return " ".join("".join("\ufffd" if _unprintable(mark) else mark for mark in text).split())


def _unprintable(mark: str) -> bool:
    return mark in "\ufffe\uffff" or (unicodedata.category(mark) in ("Cc", "Cs") and not mark.isspace())
