"""Minimum description length of labels, given states, by online coding (Voita & Titov 2020, arXiv:2003.12298).

Who knows the states wants to be told the labels of the training puzzles in as few bits as possible. The first few
puzzles are sent in the uniform code, log2 K bits a label. Then a probe is fitted on all puzzles sent so far and the next
block, ever larger, is sent in its code; and so on. Labels that the states hold plainly, and that a probe learns from few
puzzles, take few bits; accuracy does not tell these apart from what is learned with great effort.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from probes.linear.solver import (
    Logistic,
    Problems,
    fit_logistic,
    log_probabilities,
    present_classes,
    standardisation,
)

if TYPE_CHECKING:
    from torch import Tensor

PORTIONS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Shares of the training puzzles after each block, those of the paper."""


@dataclass(frozen=True, eq=False)
class CodeLength:
    """Bits for the labels of all training puzzles, at every time point."""

    bits: Float64[np.ndarray, "time"]
    uniform_bits: Float64[np.ndarray, "time"]  # log2 K a label
    entropy_bits: Float64[
        np.ndarray, "time"
    ]  # of the code that knows how often each label occurs, and no state
    puzzles: tuple[int, ...]  # sent after each block

    @property
    def compression(self) -> Float64[np.ndarray, "time"]:
        """Bits of the labels' own entropy per bit: 1 where the states gain nothing, NaN without labels. Against the
        uniform code even a constant guess of a rare class looks like a gain.
        """
        return np.divide(
            self.entropy_bits, self.bits, out=np.full(self.bits.shape, np.nan), where=self.bits > 0
        )


def entropy_bits(counts: Int64[np.ndarray, "time class"]) -> Float64[np.ndarray, "time"]:
    """Bits of that many labels of each class in the best code that is the same for all of them."""
    total = counts.sum(-1, keepdims=True)
    share = np.divide(counts, total, out=np.ones(counts.shape), where=counts > 0)
    return -(counts * np.log2(share)).sum(-1)


def blocks_of(puzzles: int) -> tuple[int, ...]:
    """How many puzzles have been sent after each block: at least one more each time, in the end all."""
    return tuple(sorted({ceil(portion * puzzles) for portion in PORTIONS}))


def online_code(
    problems: Problems,
    puzzle: Tensor,
    *,
    puzzles: int,
    classes: int,
    C: Tensor,
    alive: Callable[[], None] = lambda: None,
) -> tuple[Float64[np.ndarray, "time"], Float64[np.ndarray, "time"]]:
    """Bits of the online code and of the uniform code, for each time point.

    Examples are in the order in which they are sent; `puzzle` (example) says which one each is of, from 0, ascending.
    Weights are 0 or 1. Features are standardised anew on what has been sent. The probability that the probe gives, p, is
    sent as (n p + 1) / (n + K) after n examples, so that a class not met before costs finitely many bits.
    """
    import torch

    sent = (problems.weight > 0).double()
    uniform = sent * log2(classes)
    ends = [int((puzzle < end).sum()) for end in blocks_of(puzzles)]
    bits = uniform[:, : ends[0]].sum(1)
    rows = 1 if classes == 2 else classes
    start = torch.zeros(len(C), rows, problems.x.shape[-1], dtype=torch.float64, device=C.device)
    for known, end in pairwise(ends):
        past = Problems(problems.x[:, :known], problems.y[:, :known], problems.weight[:, :known])
        mean, scale = standardisation(past)
        past = replace(past, x=(past.x - mean) / scale)
        present = present_classes(past, classes)
        theta = fit_logistic(Logistic(past, present, 1 / C), start, alive)
        block = (problems.x[:, known:end] - mean) / scale
        p = log_probabilities(block, theta, present).exp().double()
        p = p.gather(2, problems.y[:, known:end, None])[..., 0]
        count = sent[:, :known].sum(1)[:, None]
        bits += (sent[:, known:end] * -torch.log2((count * p + 1) / (count + classes))).sum(1)
    return bits.cpu().numpy(), uniform.sum(1).cpu().numpy()
