"""A run to export: a trace with its task, its grading, and the calls to show in films.

A call is addressed by its coordinates. y changes only at f_H calls, and there is no answer before the first f_H call.
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
"""The frames of a film: one per call, per f_H call (answer) or per supervision step."""


@dataclass(frozen=True)
class ExportedRun:
    """A trace with its task and grading, ready to be drawn."""

    trace: Trace
    task: Task
    grade: Grade
    title: str
    note: str  # a caveat about all answers in the run; "" without one

    @classmethod
    def of(cls, trace: Trace, task: Task, *, puzzle: str = "", note: str | None = None) -> "ExportedRun":
        """Create a run. `puzzle` names the puzzle in the title. Raises `TraceError` if the trace does not match the task."""
        check_fits(trace, task)
        rows = "" if task.crop(trace.inputs) else f" {task.rows}x{task.columns}"
        name = printable(puzzle) or f"{task.name.capitalize() if rows else task.name.upper()}{rows}"
        title = f"{printable(shortened(trace.provenance.model))}: {name}"
        return cls(trace, task, Grade.of(trace, task), title, printable(note or ""))

    @property
    def provenance(self) -> str:
        """One line with the model, dtype, device, date and version of the trace."""
        return printable(provenance_line(self.trace))

    def calls(self) -> list[Coordinates]:
        """All calls in the run, in order."""
        depth = self.trace.depth
        return [at for step in range(1, self.trace.steps + 1) for at in depth.calls(step)]

    @property
    def first_answer(self) -> Coordinates:
        """The first f_H call, where the player opens."""
        return Coordinates(1, 1, self.trace.depth.n + 1, F_H)

    def film_calls(self, every: str) -> list[Coordinates]:
        """The calls shown in a film; `every` is one of EVERY."""
        T = self.trace.depth.T
        has_frame = {
            "call": lambda at: True,
            "answer": lambda at: at.kind == F_H,
            "step": lambda at: at.kind == F_H and at.cycle == T,
        }[every]
        return [at for at in self.calls() if has_frame(at)]

    def answer_after(self, at: Coordinates) -> int:
        """The index, from 0, of the f_H call whose answer is current after a call; -1 before the first answer."""
        number = (at.supervision_step - 1) * self.trace.depth.T + at.cycle - 1
        return number if at.kind == F_H else number - 1

    def call_number(self, at: Coordinates) -> int:
        """The index of a call among all calls, from 0."""
        depth = self.trace.depth
        return (at.supervision_step - 1) * depth.calls_per_step + (at.cycle - 1) * (depth.n + 1) + at.call - 1

    def changed(self, answer: int) -> Bool[np.ndarray, "cells"]:
        """Cells in which an answer differs from the previous answer; none for the first answer."""
        answers = self.trace.answers
        return answers[answer] != answers[max(answer - 1, 0)]

    def wrong(self, tokens: UInt8[np.ndarray, "cells"]) -> Bool[np.ndarray, "cells"]:
        """Cells that differ from the solution; if the solution is unknown, overwritten givens."""
        labels = self.trace.labels
        if labels is None:
            return self.grade.givens & (tokens != self.trace.inputs)
        return (tokens != labels) & (labels != PADDING)


def call_coordinates(
    depth: Depth, steps: int, step: int | None = None, cycle: int | None = None, call: int | None = None
) -> Coordinates:
    """The coordinates of a call. Each number defaults to the last one, so that the default is the last f_H call.

    Raises `UserError` if a run with `steps` supervision steps has no such call.
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
    """Raise `TraceError` unless all tokens in the trace are tokens of the task."""
    grids = [trace.inputs, trace.answers, trace.z_answers, trace.labels, trace.z_reverse, trace.y_reverse]
    if (
        trace.provenance.task != task.name
        or len(trace.inputs) != task.cells
        or trace.probabilities.shape[-1] != task.vocab_size
        or any(grid.max() >= task.vocab_size for grid in grids if grid is not None)
    ):
        raise TraceError(f"This trace does not fit the task {task.name}. Record it again.")


def printable(text: str) -> str:
    """A name as one line that is valid in all formats: without control characters (XML) or surrogates (UTF-8)."""
    return " ".join("".join("\ufffd" if _unprintable(mark) else mark for mark in text).split())


def _unprintable(mark: str) -> bool:
    return mark in "\ufffe\uffff" or (unicodedata.category(mark) in ("Cc", "Cs") and not mark.isspace())
