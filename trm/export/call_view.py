"""Compute the content of each cell after a call, in each view of the player.

A call is addressed by its coordinates. y changes only at f_H calls. Before the first f_H call, the cells show the puzzle.
z is decoded after every call.
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
READS_Z = ("z", "reverse")  # views that decode z: with the LM head, or by reverse embedding
MARKS = ("given", "changed", "dropped", "conflict", "wrong", "stable")
LEVELS = 15  # confidence is rounded to multiples of 1 / LEVELS, so that a GIF needs at most 256 colours

Cells = Bool[np.ndarray, "cells"]


@dataclass(frozen=True)
class CallView:
    """The content of the cells after one call. Boolean fields are masks. Fields that the view does not use are None."""

    at: Coordinates
    mode: str
    tokens: UInt8[np.ndarray, "cells"]
    given: Cells
    changed: Cells  # token changed by this call
    conflict: Cells  # violates a rule
    wrong: Cells  # differs from the solution, except missing path; without solution: overwritten givens
    stable: Cells  # correct from some call to the end of the run; computed only with `marks`
    fading: Float[np.ndarray, "cells"]  # remaining opacity of a dropped path cell, from 0 to 1
    # small tokens: the previous answer, or y by reverse embedding; -1 for cells without a small token
    secondary: Int[np.ndarray, "cells"] | None
    confidence: Float[np.ndarray, "cells"] | None  # from 0 to 1, in multiples of 1 / LEVELS
    probabilities: Float[np.ndarray, "cells vocab"] | None

    @property
    def dropped(self) -> Cells:
        """Mask of the path cells that were dropped less than one supervision step ago."""
        return self.fading > 0

    def marks(self, cell: int) -> list[str]:
        """Names of the marks on the cell with this index, in the order of MARKS."""
        return [name for name in MARKS if getattr(self, name)[cell]]


def call_view(run: ExportedRun, at: Coordinates, mode: str = "answer", *, marks: bool = False) -> CallView:
    """Compute the view of the cells after the call at these coordinates. `mode` is one of MODES.

    `stable` is computed only if `marks` is True. Raises `UserError` if the run was recorded without the data for the view.
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
    """Mask of the path cells in a maze's solution. They are never marked as wrong, because this would reveal the path."""
    path, labels = skin_of(run.task).fades, run.trace.labels
    if not path or labels is None:
        return np.zeros(run.task.cells, bool)
    return labels == run.task.looks.index(path)


def _shares(quantised: UInt8[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Convert the bytes of a trace to numbers from 0 to 1."""
    return quantised / 255


def _decoded_z(run: ExportedRun, mode: str) -> UInt8[np.ndarray, "calls cells"]:
    """Tokens decoded from z after every call, shape [calls, cells]. Raises `UserError` if they were not recorded."""
    if mode == "z":
        return run.trace.z_answers
    if run.trace.z_reverse is None:
        raise UserError(
            "This run was recorded without reverse embedding. Choose another view, or run the model again."
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
        confidence = _shares(run.trace.z_confidence[call])
    elif mode == "confidence":
        confidence = (
            np.zeros(run.task.cells) if answer < 0 else _shares(run.trace.probabilities[answer].max(-1))
        )
    else:
        return None
    return np.round(confidence * LEVELS) / LEVELS


def _stable(run: ExportedRun, answer: int) -> Cells:
    trace = run.trace
    return stable_from(trace.answers, trace.labels, run.grade.givens) <= answer


def _fading(run: ExportedRun, call: int, answer: int) -> Float[np.ndarray, "cells"]:
    """Opacity of each dropped path cell: 1 at the call that drops the cell, falling to 0 one supervision step later."""
    fades, depth = skin_of(run.task).fades, run.trace.depth
    if not fades:
        return np.zeros(run.task.cells)
    last = last_answered(run.trace.answers[: answer + 1], run.task.looks.index(fades))[-1]
    dropped_at = (last + 2) * (depth.n + 1) - 1  # index of the next f_H call among all calls
    remaining = 1 - (call - dropped_at) / depth.calls_per_step
    opacity = np.where((last >= 0) & (last < answer), np.clip(remaining, 0, 1), 0)
    return np.ceil(opacity * LEVELS) / LEVELS


def stable_from(
    answers: UInt8[np.ndarray, "f_H cells"],
    labels: UInt8[np.ndarray, "cells"] | None,
    givens: Bool[np.ndarray, "cells"],
) -> Int[np.ndarray, "cells"]:
    """Index of the f_H call from which each cell is correct until the end of the run, shape [cells].

    The value is the number of f_H calls for cells that become wrong after their first correct answer or are never
    correct, for givens, and for cells without a known solution.
    """
    calls = len(answers)
    if labels is None:
        return np.full(answers.shape[1], calls)
    correct = answers == labels
    first = np.where(correct.any(0), correct.argmax(0), calls)
    stays = correct[::-1].cumprod(0).sum(0) == calls - first  # correct since its first correct call
    return np.where(stays & ~givens & (labels != PADDING), first, calls)


def last_answered(answers: UInt8[np.ndarray, "f_H cells"], token: int) -> Int[np.ndarray, "f_H cells"]:
    """Index of the latest f_H call so far that answered `token`, for each f_H call and cell; -1 before the first."""
    numbers = np.arange(len(answers))[:, None]
    return np.maximum.accumulate(np.where(answers == token, numbers, -1), axis=0)
