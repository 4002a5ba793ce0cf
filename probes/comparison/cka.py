"""Do two states arrange the same puzzles alike? Linear centred kernel alignment (CKA) between moments.

CKA compares which puzzles lie near which: the Gram matrices of the two clouds of states, centred, as if they were
vectors. Turning, mirroring, scaling and moving a cloud change nothing, and the two may differ in width, so any moment of
any state of any model can be held against any other. 1 is the same arrangement; independent ones are near 0.

The plain measure (Kornblith et al. 2019, arXiv:1905.00414) grows with the width of the states and shrinks with the
number of puzzles: 50 puzzles in 500 random directions already look alike. The debiased one (Nguyen, Raghu & Kornblith
2021, arXiv:2010.15327) puts the unbiased HSIC_1 of Song et al. 2012 in the place of HSIC; it can fall a little below 0.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64

from probes.covariance import StatesError
from probes.threads import one_blas_thread

FEWEST = 4  # puzzles that HSIC_1 is defined for
COLUMNS = 4096  # numbers of each state widened to float64 at a time
AT_ONCE = 1 << 25  # entries of all Gram matrices held at a time, 256 MiB


def cka(
    a: Float[np.ndarray, "puzzle moment_a dim_a"],
    b: Float[np.ndarray, "puzzle_b moment_b dim_b"] | None = None,
    *,
    debiased: bool = True,
    progress: Callable[[float], None] | None = None,
) -> Float64[np.ndarray, "moment_a moment_b"]:
    """Linear CKA between every moment of a and every moment of b, on the same puzzles in the same order.

    Without b, between all pairs of moments of a. For several states, such as y and z of two models, call it once for
    each pair of them. NaN where the states of a moment do not tell puzzles apart: all equal, or (debiased) all
    equally far from each other. The Gram matrix of each moment is made once, a block of its rows at a time where all
    would not fit into memory: puzzles^2 dim for each moment, then puzzles^2 for each pair.

    `progress` is told the share done; what it raises ends the work. Raises StatesError where there are fewer than four
    puzzles, a and b are not of equally many, or a number is not finite.
    """
    count = len(a)
    if b is not None and len(b) != count:
        raise StatesError(
            f"CKA needs the same puzzles on both sides, not {count} and {len(b)}. Record both models on one puzzle set."
        )
    if count < FEWEST:
        raise StatesError(f"CKA needs {FEWEST} puzzles or more, not {count}. Record some more.")
    progress = progress or (lambda share: None)
    sides = [a] if b is None else [a, b]
    time_points = sum(side.shape[1] for side in sides)
    height = max(1, AT_ONCE // max(time_points * count, 1))
    blocks = [slice(start, min(start + height, count)) for start in range(0, count, height)]
    products = np.zeros((a.shape[1], sides[-1].shape[1]))
    squares = [np.zeros(side.shape[1]) for side in sides]
    rounding = [np.zeros(side.shape[1]) for side in sides]
    done = 0
    progress(0.0)
    with one_blas_thread():
        for rows in blocks:
            held = []
            for side, square, least in zip(sides, squares, rounding, strict=True):
                grams = np.zeros((side.shape[1], (rows.stop - rows.start) * count))
                for time_point, flat in enumerate(grams):
                    gram, trace = _centred_gram(side[:, time_point], rows, debiased=debiased)
                    flat[:] = gram.ravel()
                    square[time_point] += flat @ flat
                    least[time_point] = _rounding(count, trace)
                    done += 1
                    progress(done / (time_points * len(blocks)))
                held.append(grams)
            products += held[0] @ held[-1].T
    norms = [_norms(square, least) for square, least in zip(squares, rounding, strict=True)]
    return products / np.outer(norms[0], norms[-1])


@dataclass(frozen=True)
class Arrangement:
    """How the states of each moment arrange the same puzzles: what CKA needs of a model, once its states are gone.

    Centred Gram matrices as vectors of length one, so that CKA is their product; NaN where a moment arranges nothing.
    """

    units: Float32[np.ndarray, "moment pair"]

    def cka(self, other: "Arrangement") -> Float64[np.ndarray, "moment other"]:
        """Linear CKA of every moment here with every moment there. Raises StatesError where the puzzles are not as many."""
        if self.units.shape[1] != other.units.shape[1]:
            raise StatesError(
                "CKA needs the same puzzles on both sides. Record both models on one puzzle set."
            )
        with one_blas_thread():
            return self.units.astype(np.float64) @ other.units.astype(np.float64).T


def arrangement(
    states: Float[np.ndarray, "puzzle moment dim"],
    *,
    debiased: bool = True,
    progress: Callable[[float], None] | None = None,
) -> Arrangement:
    """The Gram matrix of every moment, as `cka` makes it: to compare models whose states do not fit into memory together.

    Takes 4 bytes for each moment and pair of puzzles. `progress` as for `cka`. Raises StatesError as `cka` does.
    """
    count, time_points = states.shape[:2]
    if count < FEWEST:
        raise StatesError(f"CKA needs {FEWEST} puzzles or more, not {count}. Record some more.")
    units = np.zeros((time_points, count * count), np.float32)
    with one_blas_thread():
        for time_point in range(time_points):
            gram, trace = _centred_gram(states[:, time_point], slice(0, count), debiased=debiased)
            flat = gram.ravel()
            units[time_point] = flat / _norms(flat @ flat, _rounding(count, trace))
            if progress:
                progress((time_point + 1) / time_points)
    return Arrangement(units)


def _rounding(count: int, trace: float) -> float:
    """The squared length that rounding alone could give to a Gram matrix of equal states."""
    return (count * np.finfo(np.float64).eps * trace) ** 2


def _norms(
    squares: Float64[np.ndarray, "*moment"] | float, least: Float64[np.ndarray, "*moment"] | float
) -> np.ndarray:
    """Lengths of Gram matrices. What rounding alone could have made is no arrangement: NaN."""
    return np.where(squares > least, np.sqrt(squares), np.nan)


def _centred_gram(
    states: Float[np.ndarray, "puzzle dim"], rows: slice, *, debiased: bool
) -> tuple[Float64[np.ndarray, "row puzzle"], float]:
    """Some rows of the centred Gram matrix, and the trace of the whole as it is before debiasing.

    Debiased, the matrix is U-centred (Szekely & Rizzo 2014): zero on the diagonal, and the means of rows taken without
    it. The sum of products of two such matrices is n (n - 3) HSIC_1, so CKA is the cosine between them. States are
    centred first; the rows of their Gram matrix then add up to zero, and to minus the diagonal without it.
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
    """The states around their mean, some columns at a time; around the first puzzle first, so that equal ones are 0."""
    for start in range(0, states.shape[1], COLUMNS):
        part = states[:, start : start + COLUMNS].astype(np.float64)
        if not np.isfinite(part).all():
            raise StatesError(
                "Some states are infinite or not a number. Record them again, in float32 if they were in float16."
            )
        part -= part[0].copy()
        part -= part.mean(0)
        yield part
