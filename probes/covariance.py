"""Mean and covariance of sets of points that may be larger than memory.

The points come in chunks. Each block of rows is centred separately and then merged with the previous blocks in float64
(Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance"). The result is accurate even if the mean is
much larger than the standard deviation.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from trm.errors import UserError

ROWS = 4096  # points converted to float64 at a time
MOST_DIMENSIONS = 4096  # the covariance then takes 128 MiB

Chunks = Float[np.ndarray, "*batch dim"] | Iterable[Float[np.ndarray, "*batch dim"]]
"""One array of states, or an iterable of arrays. The last axis is the width; leading axes (puzzles, time points, cells)
are pooled.
"""


class StatesError(UserError):
    """The states cannot be analysed as requested."""


@dataclass(frozen=True)
class MeanAndCovariance:
    """Count, mean and covariance of a set of points."""

    count: int
    mean: Float64[np.ndarray, "dim"]
    covariance: Float64[np.ndarray, "dim dim"]  # divided by count - 1; zeros for a single point


def blocks(chunks: Chunks) -> Iterator[Float64[np.ndarray, "row dim"]]:
    """Yield the points of all chunks in float64, up to `ROWS` points at a time.

    Raises StatesError if the chunks differ in width or a value is not finite.
    """
    width = None
    for chunk in [chunks] if isinstance(chunks, np.ndarray) else chunks:
        if width not in (None, chunk.shape[-1]):
            raise StatesError(
                f"States of size {width} and of size {chunk.shape[-1]} cannot be mixed. Use states of one model."
            )
        width = chunk.shape[-1]
        rows = chunk.reshape(-1, width)
        for start in range(0, len(rows), ROWS):
            block = rows[start : start + ROWS].astype(np.float64)
            if not np.isfinite(block).all():
                raise StatesError(
                    "Some states are infinite or NaN. Record them again, in float32 if they were in float16."
                )
            yield block


def covariance(chunks: Chunks) -> MeanAndCovariance:
    """Compute the count, mean and covariance of all points.

    Raises StatesError if there are no points, a value is not finite, or the states are wider than `MOST_DIMENSIONS`.
    """
    count, mean, scatter = 0, np.zeros(0), np.zeros((0, 0))
    for block in blocks(chunks):
        rows, width = block.shape
        if not count:
            if width > MOST_DIMENSIONS:
                raise StatesError(
                    f"States of size {width} are too wide for a covariance; the limit is {MOST_DIMENSIONS}. "
                    "Use single cells, or the mean over cells."
                )
            mean, scatter = np.zeros(width), np.zeros((width, width))
        # Centre on the first point, so that equal points have a covariance of exactly zero.
        centred = block - block[0]
        shift = centred.mean(0)
        centred -= shift
        difference = block[0] + shift - mean
        scatter += centred.T @ centred + np.outer(difference, difference) * (count * rows / (count + rows))
        mean = mean + difference * (rows / (count + rows))
        count += rows
    if not count:
        raise StatesError("There are no states to analyse. Record some puzzles first.")
    return MeanAndCovariance(count, mean, scatter / max(count - 1, 1))
