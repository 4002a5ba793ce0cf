"""Procrustes alignment: maps one model's states onto another's, for the same puzzles after the same steps.

Orthogonal Procrustes (Schoenemann 1966) fits a rotation, possibly with a reflection. It cannot stretch or bend
individual directions, so what it leaves unexplained is a difference in shape, not in the choice of axes. Each model's
states are first reduced to the same number of principal components by a PCA of its own; a rotation and one scale factor
then map the second's onto the first's.

Everything is fitted on half of the puzzles and scored on the other half, by the share of the first model's variance
that the aligned states leave unexplained. The baseline repeats this, fit included, with the second model's puzzles
shuffled. Shuffled states still follow the course over the steps that all puzzles share, so only the gap to the shuffled
score is puzzle-specific.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from probes.covariance import StatesError, blocks
from probes.latents.pca import PCA, fit_pca

ALIGNED_CALLS = "last"
"""The calls at which two models are aligned: the last of each supervision step, whatever their n and T."""
COMPONENTS = 16  # far fewer than puzzles: with as many, any two sets of states align
SHUFFLES = 20
FEWEST = 4  # puzzles

First = Float[np.ndarray, "puzzle time dim_a"]
Second = Float[np.ndarray, "puzzle_b time_b dim_b"]
Reduced = Float64[np.ndarray, "puzzle time component"]


@dataclass(frozen=True)
class Alignment:
    """A linear map from the states of model a to those of model b."""

    mean_a: Float64[np.ndarray, "dim_a"]
    mean_b: Float64[np.ndarray, "dim_b"]
    rotation: Float64[np.ndarray, "dim_a dim_b"]  # orthonormal rows or columns, whichever are fewer
    scale: float

    def apply(self, states: Float[np.ndarray, "*batch dim_a"]) -> Float64[np.ndarray, "*batch dim_b"]:
        """Map states of model a into the space of model b."""
        return self.scale * (states.astype(np.float64) - self.mean_a) @ self.rotation + self.mean_b


def align(a: Float[np.ndarray, "*point dim_a"], b: Float[np.ndarray, "*point dim_b"]) -> Alignment:
    """Fit the alignment that minimises, over paired states, |scale (a - mean a) R - (b - mean b)|.

    If the widths differ, the narrower states are padded with zeros, which loses nothing; R is then the part of the
    rotation that maps into b's space. With fewer points than dimensions, any two sets of states align well. Raises
    StatesError if there are fewer than two points, or a value is not finite.
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
    """The points minus their mean, and the mean."""
    rows = np.concatenate(list(blocks(states)))
    mean = rows[0] + (rows - rows[0]).mean(0)
    return rows - mean, mean


@dataclass(frozen=True)
class AlignmentScore:
    """How well the second model's states align to the first's, on held-out puzzles."""

    disparity: (
        float  # unexplained share of the first's variance: 0 for the same shape, about 1 for no relation
    )
    shuffled: float  # the same with puzzles shuffled: the mean over the shuffles
    shuffled_low: float  # the smallest of them
    shuffled_high: float
    components: int
    variance: tuple[
        float, float
    ]  # share of each model's own variance in its components, on the fitted puzzles
    scale: float  # factor applied to the second model's states
    fitted: int  # puzzles
    tested: int

    @property
    def beats_shuffled(self) -> bool:
        """Whether the alignment fits better than every shuffled one."""
        return self.disparity < self.shuffled_low


@dataclass(frozen=True, eq=False)
class ProcrustesFit:
    """Maps the states of both models into one space, that of the first model's principal components."""

    pcas: tuple[PCA, PCA]
    alignment: Alignment
    score: AlignmentScore

    def combined(self, first: First, second: Second) -> Float64[np.ndarray, "_ time component"]:
        """The states of both in the shared space, the second model's after the first's."""
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
    """Align the states of the second model to those of the first, for the same puzzles and time points in the same order.

    The widths may differ. Raises StatesError if puzzles or time points do not correspond or are too few, a value is not
    finite, or all states of one model are equal.
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
    """Share of the first's variance, around the mean of the fitted puzzles, that the aligned second leaves unexplained."""
    variance = ((first - alignment.mean_b) ** 2).sum()
    return float(((alignment.apply(second) - first) ** 2).sum() / variance)


def _shuffled_disparity(
    reduced: list[Reduced], fit: Int[np.ndarray, "fitted"], test: Int[np.ndarray, "tested"]
) -> float:
    """The disparity with the second model's puzzles in these orders instead."""
    first, second = reduced
    alignment = align(second[fit], first[np.sort(fit)])
    return _disparity(alignment, first[np.sort(test)], second[test])
