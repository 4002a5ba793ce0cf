"""Minimum description length (MDL) of labels given states, by online coding (Voita & Titov 2020, arXiv:2003.12298).

The labels of the training puzzles are sent to a receiver that knows the states. The labels of the first block of
puzzles are sent with the uniform code, log2 K bits per label for K classes. The labels of each later, larger block are
coded with a probe fitted on all earlier blocks. The code is short if a probe can learn the labels from few puzzles.
Accuracy alone does not show how many puzzles a probe needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from probes.linear.fitting.scratch import scratch_like
from probes.linear.fitting.solver import (
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
"""Fraction of the training puzzles sent by the end of each block, as in the paper."""


@dataclass(frozen=True, eq=False)
class CodeLength:
    """The total code length of the labels of all training puzzles at every time point, in bits."""

    bits: Float64[np.ndarray, "time"]  # length of the online code
    uniform_bits: Float64[np.ndarray, "time"]  # length of the uniform code, log2 K per label
    entropy_bits: Float64[np.ndarray, "time"]  # length of a code that knows only the class frequencies
    puzzles: tuple[int, ...]  # number of puzzles sent by the end of each block

    @property
    def compression(self) -> Float64[np.ndarray, "time"]:
        """`entropy_bits` / `bits` at each time point: at most about 1 if the states do not help, NaN without labels.

        The code is compared with the entropy, because even a constant guess compresses relative to the uniform code
        if a class is rare.
        """
        return np.divide(
            self.entropy_bits, self.bits, out=np.full(self.bits.shape, np.nan), where=self.bits > 0
        )


def entropy_bits(counts: Int64[np.ndarray, "time class"]) -> Float64[np.ndarray, "time"]:
    """Return the length of the optimal code for labels with these class counts if the states are not used, in bits."""
    total = counts.sum(-1, keepdims=True)
    share = np.divide(counts, total, out=np.ones(counts.shape), where=counts > 0)
    return -(counts * np.log2(share)).sum(-1)


def blocks_of(puzzles: int) -> tuple[int, ...]:
    """Return the number of puzzles sent by the end of each block, out of `puzzles`. The numbers strictly increase."""
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
    """Compute the lengths of the online code and of the uniform code at each time point, in bits.

    Examples are in the order in which they are sent, and have weight 0 or 1. `puzzle`, shape [example], holds the index
    of each example's puzzle, in ascending order from 0. `C`, shape [time], is the inverse regularisation. For each
    block, features are standardised on the examples of earlier blocks. After n examples, a probability p of the probe
    is smoothed to (n p + 1) / (n + K), so that the code of a new class is finite. `alive` is called in every iteration
    of a fit; an exception in it ends the computation.
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
        past = replace(past, x=standardised(past.x, mean, scale))
        present = present_classes(past, classes)
        theta = fit_logistic(Logistic(past, present, 1 / C), start, alive)
        block = standardised(problems.x[:, begin:end], mean, scale)
        p = log_probabilities(block, theta, present).exp().double()
        p = p.gather(2, problems.y[:, begin:end, None])[..., 0]
        count = sent[:, :begin].sum(1)[:, None]
        bits += (sent[:, begin:end] * -torch.log2((count * p + 1) / (count + classes))).sum(1)
    return bits.cpu().numpy(), uniform.sum(1).cpu().numpy()


def standardised(x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return a standardised copy of the features."""
    import torch

    return torch.sub(x, mean, out=scratch_like(x, x.shape)).div_(scale)
