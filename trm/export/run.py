"""Represent a run to export: a trace with its task, its grading, and the calls that films show.

A call is addressed by its coordinates. y changes only at f_H calls, and there is no answer before the first f_H call.
"""

import unicodedata
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.errors import UserError
from trm.export.payload import provenance_line, shortened
from trm.export.state_map import StateMap
from trm.grading import Grade
from trm.tasks.base import PADDING, Task
from trm.trace import Trace, TraceError

EVERY = ("call", "answer", "step")
"""Choices for the frames of a film: one frame per call, per f_H call (answer), or per supervision step."""


@dataclass(frozen=True)
class ExportedRun:
    """A trace with its task, grading, and title, ready to be exported."""

    trace: Trace
    task: Task
    grade: Grade
    title: str
    note: str  # a caveat about all answers in the run; empty without a caveat
    state_map: StateMap | None = None  # map of its states for the page

    @classmethod
    def of(cls, trace: Trace, task: Task, *, puzzle: str = "", note: str | None = None) -> "ExportedRun":
        """Create a run. `puzzle` is the puzzle's name for the title. Raises `TraceError` if trace and task do not match."""
        check_fits(trace, task)
        rows = "" if task.crop(trace.inputs) else f" {task.rows}x{task.columns}"
        name = printable(puzzle) or f"{task.name.capitalize() if rows else task.name.upper()}{rows}"
        title = f"{printable(shortened(trace.provenance.model))}: {name}"
        return cls(trace, task, Grade.of(trace, task), title, printable(note or ""))

    @property
    def provenance(self) -> str:
        """One printable line with the model, dtype, device, date, and version of the trace."""
        return printable(provenance_line(self.trace))

    def calls(self) -> list[Coordinates]:
        """Coordinates of all calls in the run, in order."""
        depth = self.trace.depth
        return [at for step in range(1, self.trace.steps + 1) for at in depth.calls(step)]

    @property
    def first_answer(self) -> Coordinates:
        """Coordinates of the first f_H call, the call that the player shows first."""
        return Coordinates(1, 1, self.trace.depth.n + 1, F_H)

    def film_calls(self, every: str) -> list[Coordinates]:
        """Coordinates of the calls that a film shows. `every` is one of EVERY."""
        T = self.trace.depth.T
        has_frame = {
            "call": lambda at: True,
            "answer": lambda at: at.kind == F_H,
            "step": lambda at: at.kind == F_H and at.cycle == T,
        }[every]
        return [at for at in self.calls() if has_frame(at)]

    def answer_after(self, at: Coordinates) -> int:
        """Return the zero-based index of the f_H call that produced the current answer, or -1 before the first answer."""
        number = (at.supervision_step - 1) * self.trace.depth.T + at.cycle - 1
        return number if at.kind == F_H else number - 1

    def call_number(self, at: Coordinates) -> int:
        """Index of a call among all calls of the run, from 0."""
        depth = self.trace.depth
        return (at.supervision_step - 1) * depth.calls_per_step + (at.cycle - 1) * (depth.n + 1) + at.call - 1

    def changed(self, answer: int) -> Bool[np.ndarray, "cells"]:
        """Mask of the cells in which an answer differs from the previous answer; all False for the first answer."""
        answers = self.trace.answers
        return answers[answer] != answers[max(answer - 1, 0)]

    def wrong(self, tokens: UInt8[np.ndarray, "cells"]) -> Bool[np.ndarray, "cells"]:
        """Mask of the cells that differ from the solution or, if the solution is unknown, of overwritten givens."""
        labels = self.trace.labels
        if labels is None:
            return self.grade.givens & (tokens != self.trace.inputs)
        return (tokens != labels) & (labels != PADDING)


def call_coordinates(
    depth: Depth, steps: int, step: int | None = None, cycle: int | None = None, call: int | None = None
) -> Coordinates:
    """Return the coordinates of a call, by default of the last f_H call. Numbers count from 1; None is the maximum.

    Raises `UserError` if a number is out of range for a run with `steps` supervision steps.
    """
    last = depth.n + 1
    step, cycle, call = (
        most if number is None else number for number, most in ((step, steps), (cycle, depth.T), (call, last))
    )
    for name, number, most, what in (
        ("step", step, steps, "supervision steps"),
        ("cycle", cycle, depth.T, "cycles in a supervision step"),
        ("call", call, last, "calls in a cycle"),
    ):
        if not 1 <= number <= most:
            raise UserError(
                f"--{name} {number} is out of range: this run has {most} {what}. Choose 1 to {most}."
            )
    return Coordinates(step, cycle, call, F_H if call == last else F_L)


def check_fits(trace: Trace, task: Task) -> None:
    """Raise `TraceError` unless a trace matches the task in name, number of cells, vocabulary size, and tokens."""
    grids = [trace.inputs, trace.answers, trace.z_answers, trace.labels, trace.z_reverse, trace.y_reverse]
    if (
        trace.provenance.task != task.name
        or len(trace.inputs) != task.cells
        or trace.probabilities.shape[-1] != task.vocab_size
        or any(grid.max() >= task.vocab_size for grid in grids if grid is not None)
    ):
        raise TraceError(f"This trace does not fit the task {task.name}. Record it again.")


def printable(text: str) -> str:
    """Convert a name to one line without control characters (invalid in XML) and surrogates (invalid in UTF-8)."""
    return " ".join("".join("\ufffd" if _unprintable(mark) else mark for mark in text).split())


def _unprintable(mark: str) -> bool:
    return mark in "\ufffe\uffff" or (unicodedata.category(mark) in ("Cc", "Cs") and not mark.isspace())
