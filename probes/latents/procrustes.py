"""Procrustes alignment: maps the states of one model onto those of another model, for the same puzzles and steps.

Orthogonal Procrustes (Schoenemann 1966) fits a rotation, possibly with a reflection. It cannot stretch or bend
individual directions, so unexplained variance is a difference in shape, not in the choice of axes. The states of each
model are first reduced to the same number of principal components by a separate PCA. A rotation and one scale factor
then map the components of the second model onto those of the first model.

PCA and alignment are fitted on half of the puzzles. The score is the fraction of the first model's variance that the
aligned states leave unexplained on the other half. For the baseline, the alignment is fitted and scored with the second
model's puzzles shuffled. Shuffled states still share the course over the steps that is common to all puzzles, so only
the difference from the baseline is puzzle-specific.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from probes.covariance import StatesError, blocks
from probes.latents.pca import PCA, fit_pca

ALIGNED_CALLS = "last"
"""Calls at which two models are aligned: the last call of each supervision step, so n and T may differ."""
COMPONENTS = 16  # must be far fewer than the puzzles, or any two sets of states align
SHUFFLES = 20
FEWEST = 4  # minimum number of puzzles

First = Float[np.ndarray, "puzzle time dim_a"]
Second = Float[np.ndarray, "puzzle_b time_b dim_b"]
Reduced = Float64[np.ndarray, "puzzle time component"]


@dataclass(frozen=True)
class Alignment:
    """An affine map from the states of model a to those of model b: a rotation, a scale factor and a translation."""

    mean_a: Float64[np.ndarray, "dim_a"]
    mean_b: Float64[np.ndarray, "dim_b"]
    rotation: Float64[np.ndarray, "dim_a dim_b"]  # orthonormal rows or columns, whichever are fewer
    scale: float

    def apply(self, states: Float[np.ndarray, "*batch dim_a"]) -> Float64[np.ndarray, "*batch dim_b"]:
        """Map states of model a into the space of model b."""
        return self.scale * (states.astype(np.float64) - self.mean_a) @ self.rotation + self.mean_b


def align(a: Float[np.ndarray, "*point dim_a"], b: Float[np.ndarray, "*point dim_b"]) -> Alignment:
    """Fit the alignment that minimises |scale (a - mean a) R - (b - mean b)| over paired states.

    If the widths differ, the narrower states are padded with zeros, and R is the part of the rotation between the
    original dimensions. With fewer points than dimensions, any two sets of states align well. Raises StatesError if
    there are fewer than two points, or a value is not finite.
    """
    if np.prod(a.shape[:-1]) < 2:
        raise StatesError("An alignment needs at least two paired states. Use more puzzles.")
    (centred_a, mean_a), (centred_b, mean_b) = _centred(a), _centred(b)
    left, singular, right = np.linalg.svd(centred_a.T @ centred_b, full_matrices=False)
    variance = (centred_a**2).sum()
    return Alignment(mean_a, mean_b, left @ right, float(singular.sum() / variance if variance else 1.0))


def _centred(
    states: Float[np.ndarray, "*point dim"],
) -> tuple[Float64[np.ndarray, "row dim"], Float64[np.ndarray, "dim"]]:
    """Return the points minus their mean, and the mean."""
    rows = np.concatenate(list(blocks(states)))
    mean = rows[0] + (rows - rows[0]).mean(0)
    return rows - mean, mean


@dataclass(frozen=True)
class AlignmentScore:
    """Quality of the alignment between the states of two models, measured on held-out puzzles."""

    disparity: (
        float  # unexplained fraction of the first model's variance: 0 for equal shapes, about 1 if unrelated
    )
    shuffled: float  # mean disparity over shuffles of the puzzles
    shuffled_low: float  # smallest disparity over the shuffles
    shuffled_high: float
    components: int
    variance: tuple[
        float, float
    ]  # fraction of each model's variance in its components, on the fitted puzzles
    scale: float  # factor applied to the second model's states
    fitted: int  # number of puzzles for the fit
    tested: int  # number of held-out puzzles

    @property
    def beats_shuffled(self) -> bool:
        """Whether the disparity is smaller than after every shuffle of the puzzles."""
        return self.disparity < self.shuffled_low


@dataclass(frozen=True, eq=False)
class ProcrustesFit:
    """Maps the states of both models into the space of the first model's principal components."""

    pcas: tuple[PCA, PCA]
    alignment: Alignment
    score: AlignmentScore

    def combined(self, first: First, second: Second) -> Float64[np.ndarray, "_ time component"]:
        """Map the states of both models into the shared space. The rows of the second model come last."""
        aligned = self.alignment.apply(self.pcas[1].transform(second))
        return np.concatenate([self.pcas[0].transform(first), aligned])


def fit_procrustes(
    first: First,
    second: Second,
    *,
    components: int = COMPONENTS,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> ProcrustesFit:
    """Align the states of the second model with those of the first model.

    Puzzles and time points must be the same, in the same order. The widths may differ. Raises StatesError if puzzles or
    time points do not correspond or are too few, a value is not finite, or all states of one model are equal.
    """
    puzzles = len(first)
    if first.shape[:2] != second.shape[:2] or puzzles < FEWEST:
        raise StatesError(
            f"States of {first.shape[0]} puzzles at {first.shape[1]} time points cannot be aligned with states of "
            f"{second.shape[0]} puzzles at {second.shape[1]}. Use the same puzzles, at least {FEWEST}, and the same time points."
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(puzzles)
    fit, test = np.sort(order[: puzzles // 2]), np.sort(order[puzzles // 2 :])
    count = min(components, first.shape[2], second.shape[2], len(fit) * first.shape[1] - 1)
    pcas = tuple(fit_pca(states[fit], components=count) for states in (first, second))
    if not all(pca.total_variance for pca in pcas):
        raise StatesError(
            "All states of one model are equal, so there is nothing to align. Choose other states."
        )
    reduced = [pca.transform(states) for pca, states in zip(pcas, (first, second), strict=True)]
    alignment = align(reduced[1][fit], reduced[0][fit])
    disparity = _disparity(alignment, *(states[test] for states in reduced))
    by_chance = [
        _shuffled_disparity(reduced, rng.permutation(fit), rng.permutation(test)) for _ in range(shuffles)
    ]
    return ProcrustesFit(
        pcas,
        alignment,
        AlignmentScore(
            disparity=disparity,
            shuffled=float(np.mean(by_chance)),
            shuffled_low=min(by_chance),
            shuffled_high=max(by_chance),
            components=count,
            variance=tuple(float(pca.explained_variance_ratio.sum()) for pca in pcas),
            scale=alignment.scale,
            fitted=len(fit),
            tested=len(test),
        ),
    )


def _disparity(alignment: Alignment, first: Reduced, second: Reduced) -> float:
    """Return the fraction of the first model's variance that the aligned states of the second leave unexplained.

    The variance is around the mean of the fitted puzzles.
    """
    variance = ((first - alignment.mean_b) ** 2).sum()
    return float(((alignment.apply(second) - first) ** 2).sum() / variance)


def _shuffled_disparity(
    reduced: list[Reduced], fit: Int[np.ndarray, "fitted"], test: Int[np.ndarray, "tested"]
) -> float:
    """Return the disparity with the second model's puzzles in the orders `fit` and `test`."""
    first, second = reduced
    alignment = align(second[fit], first[np.sort(fit)])
    return _disparity(alignment, first[np.sort(test)], second[test])
