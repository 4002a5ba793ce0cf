"""How cells came to their answers, over all f_H calls of a run. f_H calls are numbered from 0."""

import numpy as np
from jaxtyping import Bool, Int, UInt8

from trm.tasks.base import PADDING


def kept_from(
    answers: UInt8[np.ndarray, "f_H cells"],
    labels: UInt8[np.ndarray, "cells"] | None,
    givens: Bool[np.ndarray, "cells"],
) -> Int[np.ndarray, "cells"]:
    """The f_H call at which a cell was right for the first time, if it stayed right to the end.

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
    """For each f_H call the latest one up to it at which a cell was answered as `token`, -1 for none."""
    numbers = np.arange(len(answers))[:, None]
    return np.maximum.accumulate(np.where(answers == token, numbers, -1), axis=0)
