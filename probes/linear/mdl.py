"""Minimum description length (MDL) of labels given states, by online coding (Voita & Titov 2020, arXiv:2003.12298).

The labels of the training puzzles are transmitted to a receiver that has the states. The first block of puzzles is sent
with the uniform code, log2 K bits per label. Each further, larger block is coded with a probe fitted on all blocks before
it. Labels that are easy to decode, and that a probe learns from few puzzles, take few bits. Accuracy does not distinguish
these from labels that are hard to learn.
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
"""Cumulative shares of the training puzzles after each block, as in the paper."""


@dataclass(frozen=True, eq=False)
class CodeLength:
    """Code lengths of the labels of all training puzzles, in bits, at every time point."""

    bits: Float64[np.ndarray, "time"]
    uniform_bits: Float64[np.ndarray, "time"]  # log2 K per label
    entropy_bits: Float64[np.ndarray, "time"]  # of a code that knows only the class frequencies
    puzzles: tuple[int, ...]  # number of puzzles sent by the end of each block

    @property
    def compression(self) -> Float64[np.ndarray, "time"]:
        """Label entropy / code length: 1 if the states do not help, NaN without labels.

        Relative to the uniform code, even a constant guess would look like a gain if a class is rare.
        """
        return np.divide(
            self.entropy_bits, self.bits, out=np.full(self.bits.shape, np.nan), where=self.bits > 0
        )


def entropy_bits(counts: Int64[np.ndarray, "time class"]) -> Float64[np.ndarray, "time"]:
    """Bits of the optimal code for labels with these class counts that does not use the states."""
    total = counts.sum(-1, keepdims=True)
    share = np.divide(counts, total, out=np.ones(counts.shape), where=counts > 0)
    return -(counts * np.log2(share)).sum(-1)


def blocks_of(puzzles: int) -> tuple[int, ...]:
    """The number of puzzles sent by the end of each block: strictly increasing, up to all of them."""
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
    """Code lengths of the online code and of the uniform code, in bits, at each time point.

    Examples are in the order in which they are sent. `puzzle` (example) holds the index of each example's puzzle, from 0,
    ascending. Weights are 0 or 1. For each block, features are standardised on the examples sent before. After n examples
    a probability p of the probe is smoothed to (n p + 1) / (n + K), so that a class that has not occurred before costs a
    finite number of bits. `alive` is called in every iteration of a fit; an exception in it ends the work.
    """
    import torch

    sent = (problems.weight > 0).double()
    uniform = sent * log2(classes)
    ends = [int((puzzle < end).sum()) for end in blocks_of(puzzles)]
    bits = uniform[:, : ends[0]].sum(1)
    rows = 1 if classes == 2 else classes
    start = torch.zeros(len(C), rows, problems.x.shape[-1], dtype=torch.float64, device=C.device)
    for begin, end in pairwise(ends):
        past = Problems(problems.x[:, :begin], problems.y[:, :begin], problems.weight[:, :begin])
        mean, scale = standardisation(past)
        past = replace(past, x=(past.x - mean) / scale)
        present = present_classes(past, classes)
        theta = fit_logistic(Logistic(past, present, 1 / C), start, alive)
        block = (problems.x[:, begin:end] - mean) / scale
        p = log_probabilities(block, theta, present).exp().double()
        p = p.gather(2, problems.y[:, begin:end, None])[..., 0]
        count = sent[:, :begin].sum(1)[:, None]
        bits += (sent[:, begin:end] * -torch.log2((count * p + 1) / (count + classes))).sum(1)
    return bits.cpu().numpy(), uniform.sum(1).cpu().numpy()
