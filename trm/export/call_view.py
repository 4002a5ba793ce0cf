"""A moment of a run: what every cell shows after a call, in each of the player's views.

A moment is addressed by its coordinates. y is what the last f_H call left: at an f_L call nothing in it has changed, and
before the first f_H call only the puzzle is there. z is read anew after every call.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from trm.coordinates import F_H, Coordinates
from trm.errors import UserError
from trm.export.pictures.skin import skin_of
from trm.export.run import ExportedRun
from trm.tasks.base import PADDING

MODES = ("answer", "probabilities", "confidence", "change", "z", "reverse")
READS_Z = ("z", "reverse")  # through the output head, and as the symbol whose input embedding it is most like
MARKS = ("given", "changed", "dropped", "conflict", "wrong", "stable")
LEVELS = 15  # steps that a certainty is drawn in: so few that a film keeps within the 256 colours of a GIF

Cells = Bool[np.ndarray, "cells"]


@dataclass(frozen=True)
class CallView:
    """What is to be seen after one call. What the view does not show is None."""

    at: Coordinates
    mode: str
    tokens: UInt8[np.ndarray, "cells"]
    given: Cells
    changed: Cells  # by this call
    conflict: Cells  # breaks a rule
    wrong: Cells  # differs from the solution, but for what a path lacks; without one: a given that was overwritten
    stable: Cells  # was right once and stayed right to the end of the run, where that is asked for
    fading: Float[np.ndarray, "cells"]  # what is left to be seen of a way that was dropped, from 0 to 1
    secondary: (
        Int[np.ndarray, "cells"] | None
    )  # tokens that stand small, -1 for none: those before, or y's by reverse embedding
    confidence: Float[np.ndarray, "cells"] | None  # how certain the reading is, from 0 to 1, in LEVELS
    probabilities: Float[np.ndarray, "cells vocab"] | None

    @property
    def dropped(self) -> Cells:
        return self.fading > 0

    def marks(self, cell: int) -> list[str]:
        """Names of the marks that a cell bears."""
        return [name for name in MARKS if getattr(self, name)[cell]]


def call_view(run: ExportedRun, at: Coordinates, mode: str = "answer", *, marks: bool = False) -> CallView:
    """What is to be seen after the call at these coordinates, in one of MODES; `marks`: also which cells stayed right.

    Raises UserError for a view that the run was recorded without.
    """
    trace, grade = run.trace, run.grade
    answer, call = run.answer_after(at), run.call_number(at)
    none = np.zeros(run.task.cells, bool)
    if mode in READS_Z:
        decoded = _decoded_z(run, mode)
        tokens, before = decoded[call], decoded[call - 1] if call else None
        conflict = none
    else:
        tokens = trace.inputs if answer < 0 else trace.answers[answer]
        before = trace.answers[answer - 1] if at.kind == F_H and answer else None
        conflict = grade.input_conflicts if answer < 0 else grade.conflicts[answer]
    has_answer = mode not in READS_Z and answer >= 0
    return CallView(
        at=at,
        mode=mode,
        tokens=tokens,
        given=grade.givens,
        changed=none if before is None else before != tokens,
        conflict=conflict,
        wrong=run.wrong(tokens) & ~_missing(run) if has_answer or mode in READS_Z else none,
        stable=_stable(run, answer) if has_answer and marks else none,
        fading=_fading(run, call, answer) if has_answer and mode == "answer" else np.zeros(run.task.cells),
        secondary=_secondary(run, mode, answer, tokens, before),
        confidence=_confidence(run, mode, call, answer),
        probabilities=_shares(trace.probabilities[answer])
        if has_answer and mode == "probabilities"
        else None,
    )


def _missing(run: ExportedRun) -> Cells:
    """The cells of a maze's solution that are path: where an answer lacks them, a mark would give the solution away."""
    path, labels = skin_of(run.task).fades, run.trace.labels
    if not path or labels is None:
        return np.zeros(run.task.cells, bool)
    return labels == run.task.looks.index(path)


def _shares(quantised: UInt8[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Bytes of a trace as numbers from 0 to 1."""
    return quantised / 255


def _decoded_z(run: ExportedRun, mode: str) -> UInt8[np.ndarray, "calls cells"]:
    """z as tokens, after every call."""
    if mode == "z":
        return run.trace.z_answers
    if run.trace.z_reverse is None:
        raise UserError(
            "This run was recorded without the reading by reverse embedding. Choose another view, or let the model run again."
        )
    return run.trace.z_reverse


def _secondary(
    run: ExportedRun,
    mode: str,
    answer: int,
    tokens: UInt8[np.ndarray, "cells"],
    before: UInt8[np.ndarray, "cells"] | None,
) -> Int[np.ndarray, "cells"] | None:
    y = run.trace.y_reverse[answer] if mode == "reverse" and answer >= 0 else None
    others = before if mode == "change" else y
    return None if others is None else np.where(others == tokens, -1, others.astype(int))


def _confidence(run: ExportedRun, mode: str, call: int, answer: int) -> Float[np.ndarray, "cells"] | None:
    if mode == "z":
        found = _shares(run.trace.z_confidence[call])
    elif mode == "confidence":
        found = np.zeros(run.task.cells) if answer < 0 else _shares(run.trace.probabilities[answer].max(-1))
    else:
        return None
    return np.round(found * LEVELS) / LEVELS


def _stable(run: ExportedRun, answer: int) -> Cells:
    trace = run.trace
    return stable_from(trace.answers, trace.labels, run.grade.givens) <= answer


def _fading(run: ExportedRun, call: int, answer: int) -> Float[np.ndarray, "cells"]:
    """A dead end fades over one supervision step, call by call: full where it was dropped, gone when as many calls have passed."""
    fades, depth = skin_of(run.task).fades, run.trace.depth
    if not fades:
        return np.zeros(run.task.cells)
    last = last_answered(run.trace.answers[: answer + 1], run.task.looks.index(fades))[-1]
    dropped_at = (last + 2) * (depth.n + 1) - 1  # the f_H call after, as a call
    left = 1 - (call - dropped_at) / depth.calls_per_step
    shown = np.where((last >= 0) & (last < answer), np.clip(left, 0, 1), 0)
    return np.ceil(shown * LEVELS) / LEVELS


def stable_from(
    answers: UInt8[np.ndarray, "f_H cells"],
    labels: UInt8[np.ndarray, "cells"] | None,
    givens: Bool[np.ndarray, "cells"],
) -> Int[np.ndarray, "cells"]:
    """The f_H call, from 0, at which a cell was right for the first time, if it stayed right to the end.

    The number of f_H calls, which none has, for all others, for givens and where no solution is known.
    """
    calls = len(answers)
    if labels is None:
        return np.full(answers.shape[1], calls)
    right = answers == labels
    first = np.where(right.any(0), right.argmax(0), calls)
    stays = (
        right[::-1].cumprod(0).sum(0) == calls - first
    )  # right in each of the last calls from the first on
    return np.where(stays & ~givens & (labels != PADDING), first, calls)


def last_answered(answers: UInt8[np.ndarray, "f_H cells"], token: int) -> Int[np.ndarray, "f_H cells"]:
    """For each f_H call the latest one up to it, from 0, at which a cell was answered as `token`, -1 for none."""
    numbers = np.arange(len(answers))[:, None]
    return np.maximum.accumulate(np.where(answers == token, numbers, -1), axis=0)
