"""Dimensionality of a set of states: the spectrum of its covariance, and the participation ratio.

N points span at most N - 1 dimensions, which bounds both measures. Compare only sets with the same number of points,
and use many more points than the dimensionality you expect.
"""

import numpy as np
from jaxtyping import Float, Float64

from probes.covariance import MOST_DIMENSIONS, StatesError, blocks, covariance


def spectrum(states: Float[np.ndarray, "*batch dim"]) -> Float64[np.ndarray, "eigenvalue"]:
    """Compute the min(points, dim) largest eigenvalues of the covariance of all points, in descending order.

    Eigenvalues below the rounding error of the largest eigenvalue are set to zero. All are zero if there is a single
    point or all points are equal. Raises StatesError if there are no points, a value is not finite, or points and dim
    both exceed `MOST_DIMENSIONS`.
    """
    points, width = int(np.prod(states.shape[:-1])), states.shape[-1]
    if 0 < points < width:
        if points > MOST_DIMENSIONS:
            raise StatesError(
                f"{points} states of width {width} are too many for a spectrum. Use fewer states, or the mean over cells."
            )
        rows = np.concatenate(list(blocks(states)))
        rows -= rows[0].copy()
        rows -= rows.mean(0)
        matrix = rows @ rows.T / max(points - 1, 1)  # has the same nonzero eigenvalues as the covariance
    else:
        matrix = covariance(states).covariance
    values = np.linalg.eigvalsh(matrix)[::-1]
    rounding = max(points, width) * np.finfo(np.float64).eps * values[0]
    return np.where(values > rounding, values, 0.0)


def time_point_spectra(
    states: Float[np.ndarray, "puzzle time dim"],
) -> Float64[np.ndarray, "time eigenvalue"]:
    """Compute the spectrum over puzzles at every time point. Raises StatesError in the same cases as `spectrum`."""
    return np.stack([spectrum(states[:, time_point]) for time_point in range(states.shape[1])])


def participation_ratio(
    eigenvalues: Float64[np.ndarray, "*batch eigenvalue"],
) -> Float64[np.ndarray, "*batch"]:
    """Compute (sum of eigenvalues)^2 / (sum of squared eigenvalues).

    The ratio is 1 for points on a line, D for isotropic points in D dimensions, and 0 for equal points. It is defined
    in Gao et al. 2017, "A theory of multineuronal dimensionality, dynamics and measurement". The HRM paper (Wang et al.
    2025, arXiv:2506.21734) applies it to y and z.
    """
    shares = _shares(eigenvalues)
    squares = (shares**2).sum(-1)
    return np.divide(1.0, squares, out=np.zeros(squares.shape), where=squares > 0)


def _shares(values: Float64[np.ndarray, "*batch value"]) -> Float64[np.ndarray, "*batch value"]:
    """Return the values divided by their sum; zeros if the sum is zero."""
    total = values.sum(-1, keepdims=True)
    return np.divide(values, total, out=np.zeros(values.shape), where=total > 0)
