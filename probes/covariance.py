"""Mean and covariance of a cloud of points that need not fit into memory.

The points come in chunks. Each is centred on its own and then merged with what came before (Chan, Golub & LeVeque 1983,
"Algorithms for Computing the Sample Variance"), in float64: nothing is lost where the mean is far larger than the spread.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from trm.errors import UserError

ROWS = 4096  # points widened to float64 at a time
MOST_DIMENSIONS = 4096  # a covariance of 128 MiB

Chunks = Float[np.ndarray, "*batch dim"] | Iterable[Float[np.ndarray, "*batch dim"]]
"""One array of states, or an iterator of such: puzzles, time points and cells in any number of leading axes."""


class StatesError(UserError):
    """States that cannot be analysed in the way that was asked for."""


@dataclass(frozen=True)
class MeanAndCovariance:
    """How a cloud of points lies."""

    count: int
    mean: Float64[np.ndarray, "dim"]
    covariance: Float64[np.ndarray, "dim dim"]  # divided by count - 1; zeros for a single point


def blocks(chunks: Chunks) -> Iterator[Float64[np.ndarray, "row dim"]]:
    """The points of all chunks, a few thousand at a time.

    Raises StatesError where chunks differ in width or a number is not finite.
    """
    width = None
    for chunk in [chunks] if isinstance(chunks, np.ndarray) else chunks:
        if width not in (None, chunk.shape[-1]):
            raise StatesError(
                f"States of {width} and of {chunk.shape[-1]} numbers cannot be mixed. Take those of one model."
            )
        width = chunk.shape[-1]
        rows = chunk.reshape(-1, width)
        for start in range(0, len(rows), ROWS):
            block = rows[start : start + ROWS].astype(np.float64)
            if not np.isfinite(block).all():
                raise StatesError(
                    "Some states are infinite or not a number. Record them again, in float32 if they were in float16."
                )
            yield block


def covariance(chunks: Chunks) -> MeanAndCovariance:
    """Count, mean and covariance of all points.

    Raises StatesError where there is no point, a number is not finite, or states are wider than `MOST_DIMENSIONS`.
    """
    count, mean, scatter = 0, np.zeros(0), np.zeros((0, 0))
    for block in blocks(chunks):
        rows, width = block.shape
        if not count:
            if width > MOST_DIMENSIONS:
                raise StatesError(
                    f"States of {width} numbers are too wide for a covariance, {MOST_DIMENSIONS} is the most. "
                    "Take single cells, or the mean over cells."
                )
            mean, scatter = np.zeros(width), np.zeros((width, width))
        # Around the first point, not the origin: equal points then have a covariance of exactly zero.
        centred = block - block[0]
        shift = centred.mean(0)
        centred -= shift
        move = block[0] + shift - mean
        scatter += centred.T @ centred + np.outer(move, move) * (count * rows / (count + rows))
        mean = mean + move * (rows / (count + rows))
        count += rows
    if not count:
        raise StatesError("There are no states to analyse. Record some puzzles first.")
    return MeanAndCovariance(count, mean, scatter / max(count - 1, 1))
