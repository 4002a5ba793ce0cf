"""Two models on one map: the states of one, turned onto those of the other for the same puzzles after the same steps.

Orthogonal Procrustes (Schoenemann 1966): a rotation, perhaps with a reflection, cannot bend or stretch single directions,
so what it leaves over is a difference in shape and not in choice of axes. Each model's states are reduced by a PCA of their
own to as many numbers; a rotation with one factor then takes the second's onto the first's. All of it is fitted on half of
the puzzles. The other half says what that is worth: the share of the first model's spread that the turned states miss,
beside the same with the puzzles of the second model shuffled, for the fit too. Shuffled states still go the way that every
puzzle goes, step by step; so only what shuffling loses is about the single puzzle.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from probes.covariance import StatesError, blocks
from probes.latents.pca import PCA, fit_pca

ALIGNED_CALLS = "last"
"""What two models are matched by: each one's last call of a supervision step, whatever its n and T are."""
COMPONENTS = 16  # few beside the puzzles: with as many, any two clouds fit
SHUFFLES = 20
FEWEST = 4  # puzzles

First = Float[np.ndarray, "puzzle moment dim_a"]
Second = Float[np.ndarray, "puzzle_b moment_b dim_b"]
Reduced = Float64[np.ndarray, "puzzle moment component"]


@dataclass(frozen=True)
class Alignment:
    """A map from the states of model a to those of model b."""

    mean_a: Float64[np.ndarray, "dim_a"]
    mean_b: Float64[np.ndarray, "dim_b"]
    rotation: Float64[np.ndarray, "dim_a dim_b"]  # orthonormal rows or columns, whichever are fewer
    scale: float

    def apply(self, states: Float[np.ndarray, "*batch dim_a"]) -> Float64[np.ndarray, "*batch dim_b"]:
        """States of model a, in the space of model b."""
        return self.scale * (states.astype(np.float64) - self.mean_a) @ self.rotation + self.mean_b


def align(a: Float[np.ndarray, "*point dim_a"], b: Float[np.ndarray, "*point dim_b"]) -> Alignment:
    """Rotate the states of model a onto the matched states of model b: min |scale (a - mean a) R - (b - mean b)|.

    Where the two widths differ, the narrower states are padded with zeros, which loses nothing; R is then the part of
    the rotation that ends in b's space. With fewer points than dimensions any two clouds fit well. Raises StatesError
    where there are fewer than two points, or a number is not finite.
    """
    if np.prod(a.shape[:-1]) < 2:
        raise StatesError("Two matched states at least are needed for an alignment. Take more puzzles.")
    (cloud_a, mean_a), (cloud_b, mean_b) = _centred(a), _centred(b)
    left, singular, right = np.linalg.svd(cloud_a.T @ cloud_b, full_matrices=False)
    variance = (cloud_a**2).sum()
    return Alignment(mean_a, mean_b, left @ right, float(singular.sum() / variance if variance else 1.0))


def _centred(
    states: Float[np.ndarray, "*point dim"],
) -> tuple[Float64[np.ndarray, "row dim"], Float64[np.ndarray, "dim"]]:
    """Points around their mean, and the mean."""
    rows = np.concatenate(list(blocks(states)))
    mean = rows[0] + (rows - rows[0]).mean(0)
    return rows - mean, mean


@dataclass(frozen=True)
class AlignmentScore:
    """What a turn of the second model's states onto the first's is worth, on puzzles it was not fitted on."""

    disparity: float  # missed share of the first's spread: 0 where both are the same shape, about 1 where nothing fits
    shuffled: float  # the same where puzzles do not match: mean over the shuffles
    shuffled_low: float  # the smallest of them
    shuffled_high: float
    components: int
    variance: tuple[float, float]  # share that these hold of each model's own, on the puzzles of the fit
    scale: float  # what lengths of the second were multiplied with
    fitted: int  # puzzles
    tested: int

    @property
    def beats_shuffled(self) -> bool:
        """Whether it fits better than every shuffle."""
        return self.disparity < self.shuffled_low


@dataclass(frozen=True, eq=False)
class ProcrustesFit:
    """From the states of both models into one space: that of the first's principal components."""

    pcas: tuple[PCA, PCA]
    alignment: Alignment
    score: AlignmentScore

    def combined(self, first: First, second: Second) -> Float64[np.ndarray, "_ moment component"]:
        """The states of both there, those of the second after those of the first."""
        turned = self.alignment.apply(self.pcas[1].transform(second))
        return np.concatenate([self.pcas[0].transform(first), turned])


def fit_procrustes(
    first: First,
    second: Second,
    *,
    components: int = COMPONENTS,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> ProcrustesFit:
    """Align the states of the second model onto those of the first, for the same puzzles and moments in the same order.

    `dim` may differ. Raises StatesError where puzzles or moments do not match, are too few, a number is not finite, or the
    states of one do not differ at all.
    """
    puzzles = len(first)
    if first.shape[:2] != second.shape[:2] or puzzles < FEWEST:
        raise StatesError(
            f"States of {first.shape[0]} puzzles at {first.shape[1]} moments and of {second.shape[0]} at {second.shape[1]} "
            f"cannot be matched. Give those of the same puzzles, at least {FEWEST}, at the same moments."
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(puzzles)
    fit, test = np.sort(order[: puzzles // 2]), np.sort(order[puzzles // 2 :])
    count = min(components, first.shape[2], second.shape[2], len(fit) * first.shape[1] - 1)
    pcas = tuple(fit_pca(states[fit], components=count) for states in (first, second))
    if not all(pca.total_variance for pca in pcas):
        raise StatesError("All states of one model are equal, so there is nothing to match. Choose others.")
    reduced = [pca.transform(states) for pca, states in zip(pcas, (first, second), strict=True)]
    alignment = align(reduced[1][fit], reduced[0][fit])
    missed = _missed(alignment, *(states[test] for states in reduced))
    by_chance = [_shuffled(reduced, rng.permutation(fit), rng.permutation(test)) for _ in range(shuffles)]
    return ProcrustesFit(
        pcas,
        alignment,
        AlignmentScore(
            disparity=missed,
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


def _missed(alignment: Alignment, first: Reduced, second: Reduced) -> float:
    """Share of the first's spread, around the mean of the puzzles of the fit, that the turned second does not reach."""
    spread = ((first - alignment.mean_b) ** 2).sum()
    return float(((alignment.apply(second) - first) ** 2).sum() / spread)


def _shuffled(
    reduced: list[Reduced], fit: Int[np.ndarray, "fitted"], test: Int[np.ndarray, "tested"]
) -> float:
    """What is missed where the puzzles of the second model are in these orders instead."""
    first, second = reduced
    alignment = align(second[fit], first[np.sort(fit)])
    return _missed(alignment, first[np.sort(test)], second[test])
