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
from trm.export.payload import provenance_line
from trm.export.skin import skin_of
from trm.judgement import Judgement
from trm.tasks.base import PADDING, Task
from trm.trace import Trace, TraceError

EVERY = ("call", "answer", "step")
"""When a film shows the run: after every call, every f_H call, every supervision step."""


@dataclass(frozen=True)
class Moment:
    """What is to be seen after one call."""

    at: Coordinates
    tokens: UInt8[np.ndarray, "cells"]
    given: Bool[np.ndarray, "cells"]
    changed: Bool[np.ndarray, "cells"]  # by this call
    conflict: Bool[np.ndarray, "cells"]  # breaks a rule
    wrong: Bool[np.ndarray, "cells"]  # differs from the solution; without one: a given that was overwritten
    place: str  # where it stands
    event: str  # what the call did
    reading: str  # what must be said so that nobody takes the answer for more than it is

    def marks(self, cell: int) -> list[str]:
        """Names of the marks that a cell bears."""
        return [name for name in ("given", "changed", "conflict", "wrong") if getattr(self, name)[cell]]


@dataclass(frozen=True)
class Run:
    """A trace held against its task, ready to be drawn."""

    trace: Trace
    task: Task
    judgement: Judgement
    title: str
    note: str  # what must be said of all answers of the run; "" where nothing must

    @classmethod
    def of(cls, trace: Trace, task: Task, *, puzzle: str = "", note: str | None = None) -> "Run":
        """`puzzle` is the puzzle's name, for the title. Raises TraceError for a trace that is not of the task."""
        check_fits(trace, task)
        rows = "" if task.crop(trace.inputs) else f" {task.rows}x{task.columns}"
        name = printable(puzzle) or f"{task.name.capitalize() if rows else task.name.upper()}{rows}"
        title = f"{printable(trace.provenance.model)}: {name}"
        return cls(trace, task, Judgement.of(trace, task), title, printable(note or ""))

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

    def moment(self, at: Coordinates) -> Moment:
        """What is to be seen after the call at these coordinates."""
        trace, judgement = self.trace, self.judgement
        answer = self.answer_after(at)
        tokens = trace.inputs if answer < 0 else trace.answers[answer]
        no_cell = np.zeros(len(tokens), bool)
        return Moment(
            at=at,
            tokens=tokens,
            given=judgement.givens,
            changed=self.changed(answer) if at.kind == F_H else no_cell,
            conflict=judgement.input_conflicts if answer < 0 else judgement.conflicts[answer],
            wrong=no_cell if answer < 0 else self._wrong(tokens),
            **self.sentences(at),
        )

    def sentences(self, at: Coordinates) -> dict[str, str]:
        """`place`, `event` and `reading` of a moment."""
        answer = self.answer_after(at)
        return {
            "place": self._place(at),
            "event": self._event(at, answer),
            "reading": self._reading(at, answer),
        }

    def _wrong(self, tokens: UInt8[np.ndarray, "cells"]) -> Bool[np.ndarray, "cells"]:
        labels = self.trace.labels
        if labels is None:
            return self.judgement.givens & (tokens != self.trace.inputs)
        return (tokens != labels) & (labels != PADDING)

    # the sentences, in the words of app/player

    def _place(self, at: Coordinates) -> str:
        depth = self.trace.depth
        name = F_H if at.kind == F_H else f"{F_L} {at.call} of {depth.n}"
        return (
            f"Supervision step {at.supervision_step} of {depth.N_sup}, cycle {at.cycle} of {depth.T}, {name}"
        )

    def _event(self, at: Coordinates, answer: int) -> str:
        halting = self._halting(at.supervision_step)
        if at.kind == F_L:
            z = f"z {at.call}" if self.trace.provenance.kind == "trm-multi-z" else "z"
            moved = short(float(self.trace.residual_z[self.call_number(at)]))
            return f"{z} moved by {moved}, {'no answer yet' if answer < 0 else 'y unchanged'}, {halting}"
        changes = (
            "first answer" if answer == 0 else f"{counted(int(self.changed(answer).sum()), 'cell')} changed"
        )
        return f"{changes}, {self._score(answer)}, {halting}"

    def _halting(self, step: int) -> str:
        p = f"(halting p {self.trace.halt_probability[step - 1]:.2f})"
        halt_step = self.trace.halt_step
        if halt_step == step:
            return f"would halt here {p}"
        return (
            f"would have halted at step {halt_step} {p}"
            if halt_step and halt_step < step
            else f"would not halt {p}"
        )

    def _score(self, answer: int) -> str:
        judgement, word = self.judgement, self.task.counted
        if judgement.right is None:
            if judgement.solved[answer]:
                return "solved"
            broken, skin = int(judgement.conflicts[answer].sum()), skin_of(self.task)
            return skin.broken.format(cells=counted(broken, "cell")) if broken else skin.unbroken
        total = int(judgement.counted.sum())
        score = f"{judgement.right[answer]} of {total} {word + ' cells ' if word else ''}right"
        overwritten = int((judgement.givens & (self.trace.answers[answer] != self.trace.inputs)).sum())
        return f"{score}, {counted(overwritten, 'given')} overwritten" if word and overwritten else score

    def _reading(self, at: Coordinates, answer: int) -> str:
        if answer < 0 and self.judgement.input_conflicts.any():
            return "No answer yet, and the givens already break a rule."
        if answer < 0:
            there = "are only the givens" if self.judgement.givens.any() else "is only the puzzle"
            return f"No answer yet: before the first f_H call there {there}."
        T = self.trace.depth.T
        cycle = answer % T + 1
        kept = "f_L rewrites z; y stays as f_H left it. " if at.kind == F_L else ""
        if cycle < T:
            return f"{kept}y after cycle {cycle} of {T}: a reading the head was not trained for."
        return f"{kept}y through the output head."


def moment_at(depth: Depth, steps: int, step: int | None = None, cycle: int | None = None) -> Coordinates:
    """The f_H call of a cycle of a supervision step: the last of each where none is given.

    Raises UserError where a run of so many supervision steps has no such one.
    """
    step, cycle = steps if step is None else step, depth.T if cycle is None else cycle
    for name, number, top, what in (
        ("step", step, steps, "supervision steps"),
        ("cycle", cycle, depth.T, "cycles in a supervision step"),
    ):
        if not 1 <= number <= top:
            raise UserError(f"--{name} {number} is outside this run of {top} {what}. Choose 1 to {top}.")
    return Coordinates(step, cycle, depth.n + 1, F_H)


def check_fits(trace: Trace, task: Task) -> None:
    """Raises TraceError unless the trace holds tokens of the task, and text for what made it."""
    grids = [trace.inputs, trace.answers, trace.z_answers, trace.labels, trace.z_reverse, trace.y_reverse]
    if (
        trace.provenance.task != task.name
        or len(trace.inputs) != task.cells
        or trace.probabilities.shape[-1] != task.vocab_size
        or any(grid.max() >= task.vocab_size for grid in grids if grid is not None)
        or not all(isinstance(fact, str) for fact in vars(trace.provenance).values())
    ):
        raise TraceError(f"This trace does not fit the task {task.name}. Record it again.")


def printable(text: str) -> str:
    """A name as one line that every format can hold: XML has no control characters, UTF-8 no halves of characters."""
    return " ".join("".join("\ufffd" if _unprintable(mark) else mark for mark in text).split())


def _unprintable(mark: str) -> bool:
    return mark in "\ufffe\uffff" or (unicodedata.category(mark) in ("Cc", "Cs") and not mark.isspace())


def counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def short(value: float) -> str:
    """Two digits, as few as a curve is read with."""
    return "0" if value == 0 else f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"
