"""Linear centred kernel alignment (CKA): the similarity of two sets of states of the same puzzles.

CKA compares which puzzles have similar states: it is the cosine between the centred Gram matrices of the two sets. It
is invariant to rotation, reflection, scaling and translation, and the widths may differ, so any state of any model at
any time point can be compared with any other state. It is 1 if both sets arrange the puzzles identically and near 0 if
the arrangements are independent.

The plain measure (Kornblith et al. 2019, arXiv:1905.00414) grows with the width of the states and shrinks with the
number of puzzles: 50 puzzles in 500 random directions already look similar. The debiased measure (Nguyen, Raghu &
Kornblith 2021, arXiv:2010.15327) replaces HSIC by the unbiased HSIC_1 of Song et al. 2012 and can be slightly below 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64

from probes.covariance import StatesError
from probes.threads import one_blas_thread
from trm.progress import Progress, no_progress

FEWEST = 4  # puzzles; HSIC_1 is not defined for fewer
COLUMNS = 4096  # state dimensions converted to float64 at a time
ENTRIES = 1 << 25  # entries of all Gram matrices in memory at a time: 256 MiB


def cka(
    a: Float[np.ndarray, "puzzle time_a dim_a"],
    b: Float[np.ndarray, "puzzle_b time_b dim_b"] | None = None,
    *,
    debiased: bool = True,
    progress: Progress = no_progress,
) -> Float64[np.ndarray, "time_a time_b"]:
    """Compute linear CKA between every time point of a and every time point of b, on the same puzzles in the same
    order.

    Without b, all pairs of time points of a are compared. For several states, such as y and z of two models, call the
    function once per pair of states. A value is NaN if the states of a time point do not distinguish puzzles: all
    states are equal, or (debiased) equally far from each other. Each Gram matrix is computed once, in blocks of rows if
    the matrices do not all fit into memory. The cost is puzzles^2 x dim per time point, then puzzles^2 per pair of time
    points.

    `progress` is called with the fraction done; an exception raised in it stops the computation. Raises StatesError if
    there are fewer than four puzzles, a and b have different numbers of puzzles, or a value is not finite.
    """
    count = len(a)
    if b is not None and len(b) != count:
        raise StatesError(
            f"CKA needs the same puzzles on both sides, not {count} and {len(b)}. Record both models on the same puzzle set."
        )
    if count < FEWEST:
        raise StatesError(f"CKA needs at least {FEWEST} puzzles, not {count}. Record more.")
    sides = [a] if b is None else [a, b]
    time_points = sum(side.shape[1] for side in sides)
    height = max(1, ENTRIES // max(time_points * count, 1))
    blocks = [slice(start, min(start + height, count)) for start in range(0, count, height)]
    products = np.zeros((a.shape[1], sides[-1].shape[1]))
    squares = [np.zeros(side.shape[1]) for side in sides]
    rounding = [np.zeros(side.shape[1]) for side in sides]
    done = 0
    progress(0.0, "computing CKA")
    with one_blas_thread():
        for rows in blocks:
            block = []
            for side, square, least in zip(sides, squares, rounding, strict=True):
                grams = np.zeros((side.shape[1], (rows.stop - rows.start) * count))
                for time_point, flat in enumerate(grams):
                    gram, trace = _centred_gram(side[:, time_point], rows, debiased=debiased)
                    flat[:] = gram.ravel()
                    square[time_point] += flat @ flat
                    least[time_point] = _rounding(count, trace)
                    done += 1
                    progress(done / (time_points * len(blocks)), "computing CKA")
                block.append(grams)
            products += block[0] @ block[-1].T
    norms = [_norms(square, least) for square, least in zip(squares, rounding, strict=True)]
    return products / np.outer(norms[0], norms[-1])


@dataclass(frozen=True)
class NormalisedGrams:
    """The centred Gram matrix of each time point as a unit vector. CKA needs nothing else, so the states can be
    discarded.

    CKA is the inner product of two of these vectors. A vector is NaN if the states of its time point do not distinguish
    puzzles.
    """

    vectors: Float32[np.ndarray, "time entry"]

    def cka(self, other: "NormalisedGrams") -> Float64[np.ndarray, "time other"]:
        """Compute linear CKA between all these time points and all time points of `other`.

        Raises StatesError if the number of puzzles differs.
        """
        if self.vectors.shape[1] != other.vectors.shape[1]:
            raise StatesError(
                "CKA needs the same puzzles on both sides. Record both models on the same puzzle set."
            )
        with one_blas_thread():
            return self.vectors.astype(np.float64) @ other.vectors.astype(np.float64).T


def normalised_grams(
    states: Float[np.ndarray, "puzzle time dim"],
    *,
    debiased: bool = True,
    progress: Progress = no_progress,
) -> NormalisedGrams:
    """Compute the Gram matrices of all time points, to compare models whose states do not fit into memory together.

    The result takes 4 bytes per time point and pair of puzzles. `progress` is called with the fraction done. Raises
    StatesError if there are fewer than four puzzles or a value is not finite.
    """
    count, time_points = states.shape[:2]
    if count < FEWEST:
        raise StatesError(f"CKA needs at least {FEWEST} puzzles, not {count}. Record more.")
    vectors = np.zeros((time_points, count * count), np.float32)
    with one_blas_thread():
        for time_point in range(time_points):
            gram, trace = _centred_gram(states[:, time_point], slice(0, count), debiased=debiased)
            flat = gram.ravel()
            vectors[time_point] = flat / _norms(flat @ flat, _rounding(count, trace))
            progress((time_point + 1) / time_points, "computing CKA")
    return NormalisedGrams(vectors)


def _rounding(count: int, trace: float) -> float:
    """The largest squared norm that rounding error alone can produce in the Gram matrix of equal states."""
    return (count * np.finfo(np.float64).eps * trace) ** 2


def _norms(
    squares: Float64[np.ndarray, "*time"] | float, least: Float64[np.ndarray, "*time"] | float
) -> np.ndarray:
    """Norms of Gram matrices; NaN where they could be rounding error alone."""
    return np.where(squares > least, np.sqrt(squares), np.nan)


def _centred_gram(
    states: Float[np.ndarray, "puzzle dim"], rows: slice, *, debiased: bool
) -> tuple[Float64[np.ndarray, "row puzzle"], float]:
    """Return rows of the centred Gram matrix, and the trace of the whole matrix before debiasing.

    The debiased matrix is U-centred (Szekely & Rizzo 2014): its diagonal is zero and excluded from the row means. The
    sum of products of two such matrices is n (n - 3) HSIC_1, so CKA is the cosine between them. The states are centred
    first, so the rows of their Gram matrix sum to zero, and to minus the diagonal entry without it.
    """
    count = len(states)
    gram, diagonal = np.zeros((rows.stop - rows.start, count)), np.zeros(count)
    for part in _centred_columns(states):
        gram += part[rows] @ part.T
        diagonal += np.einsum("pd,pd->p", part, part)
    trace = diagonal.sum()
    if debiased:
        shares = diagonal / (count - 2)
        gram += shares[rows, None] + shares - trace / ((count - 1) * (count - 2))
        gram[np.arange(len(gram)), np.arange(rows.start, rows.stop)] = 0
    return gram, float(trace)


def _centred_columns(
    states: Float[np.ndarray, "puzzle dim"],
) -> Iterator[Float64[np.ndarray, "puzzle column"]]:
    """Yield the states minus their mean, some columns at a time.

    The first puzzle is subtracted first, so that equal states become exactly 0.
    """
    for start in range(0, states.shape[1], COLUMNS):
        part = states[:, start : start + COLUMNS].astype(np.float64)
        if not np.isfinite(part).all():
            raise StatesError(
                "Some states are infinite or NaN. Record them again, in float32 if they were in float16."
            )
        part -= part[0].copy()
        part -= part.mean(0)
        yield part
