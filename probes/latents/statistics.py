"""Trajectory statistics: how far states move, how soon they converge, and how solved and unsolved puzzles differ.

States of P puzzles at K time points are one array, `puzzle time dim`. The caller chooses the time points (all calls,
f_H calls, or supervision steps) and the vector that is a state (one cell, the mean over cells, or all positions
flattened). Norms are Euclidean, in the units of the state. float16 is widened first; a value that is not finite makes
the results of its own puzzle NaN and does not affect the others.

Bands are 95 % intervals of a bootstrap over puzzles (Efron 1979), resampled within each group. Whether a principal
component separates the groups is decided by a permutation test of the best component, since the component is chosen on
the same puzzles. A state counts as converged if its last recorded update is below a thousandth of its norm.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from probes.latents.trajectories import Trajectories

States = Float[np.ndarray, "puzzle time dim"]

CONVERGED_BELOW = 1e-3  # residual
RESAMPLES, LEVEL, SEED = 1000, 0.95, 0
AXES = 3  # principal components tested
PERMUTATIONS, SIGNIFICANT = 9999, 0.05
SHUFFLED = 1 << 22  # labels permuted at once


def _widened(states: States) -> States:
    """Widen to at least float32, so that differences of float16 are exact and norms do not overflow."""
    return states.astype(np.promote_types(states.dtype, np.float32), copy=False)


def _norms(vectors: Float[np.ndarray, "*batch dim"]) -> Float64[np.ndarray, "*batch"]:
    """Euclidean norms, summed in float64."""
    return np.sqrt(np.einsum("...d,...d->...", vectors, vectors, dtype=np.float64))


def _relative(
    part: Float64[np.ndarray, "*batch"], whole: Float64[np.ndarray, "*#batch"]
) -> Float64[np.ndarray, "*batch"]:
    """part / whole, with 0 / 0 = 0."""
    return np.divide(part, whole, out=np.where(part > 0, np.inf, part), where=whole != 0)


def speeds(states: States) -> Float64[np.ndarray, "puzzle update"]:
    """|s_k - s_(k-1)|, in units of the state per time point; K - 1 values."""
    return _norms(np.diff(_widened(states), axis=1))


def residuals(states: States) -> Float64[np.ndarray, "puzzle update"]:
    """|s_k - s_(k-1)| / |s_k|, the forward residual of the HRM paper (Wang et al. 2025, arXiv:2506.21734).

    0 if the state stays at the origin, infinite if it moves to the origin.
    """
    return _relative(speeds(states), _norms(states[:, 1:]))


def distances_to_final(states: States, *, relative: bool = False) -> Float64[np.ndarray, "puzzle time"]:
    """|s_k - s_K|, the distance to the last recorded state. With `relative`, it is divided by |s_K|, unitless.

    Relative distances to a final state at the origin are infinite, and 0 for states at the origin.
    """
    states = _widened(states)
    distances = _norms(states - states[:, -1:])
    return _relative(distances, _norms(states[:, -1:])) if relative else distances


# ---- solved vs unsolved


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class OutcomeGroup:
    """Statistics of the solved puzzles, or of the unsolved ones."""

    count: int
    last_residual: Estimate  # median of the last residual, |s_K - s_(K-1)| / |s_K|
    converged: Estimate  # share whose last residual is below CONVERGED_BELOW
    converged_from: float | None  # median supervision step from which converged puzzles stay below it
    mean: float  # of the last state along the component
    std: float


@dataclass(frozen=True)
class Difference:
    """How the states of solved and unsolved puzzles differ. A puzzle counts as solved by its answer after the last
    call.
    """

    state: str
    solved: OutcomeGroup | None  # None: no puzzle was solved
    unsolved: OutcomeGroup | None
    axis: int  # from 1: the principal component that separates the last states best
    axes: int  # number of components it was chosen from
    share: float  # share of the total variance along that component
    auroc: Estimate | None  # along that component, at least 0.5; None if there is only one group
    p: float | None  # share of label permutations whose best component has at least that AUROC


def difference(
    trajectories: Trajectories,
    state: str,
    components: Float[np.ndarray, "puzzle time component"],
    shares: Float[np.ndarray, "component"],
) -> Difference:
    """Compare solved and unsolved puzzles. `components` are the state's principal components, `shares` the share of
    variance of each.
    """
    calls, states = trajectories.state_updates(state)
    solved, residual = trajectories.solved[:, -1], residuals(states)
    ends = components[:, -1, :AXES]
    both = bool(solved.any() and not solved.all())
    aurocs = [
        auroc(ends[solved, axis], ends[~solved, axis]) if both else 0.5 for axis in range(ends.shape[1])
    ]
    axis = int(np.argmax(aurocs))
    steps = np.array([at.supervision_step for at in calls[1:]])
    along = ends[:, axis].astype(np.float64)
    groups = {
        right: _group(residual[rows], along[rows], steps) if rows.any() else None
        for right, rows in ((True, solved), (False, ~solved))
    }
    return Difference(
        state=state,
        solved=groups[True],
        unsolved=groups[False],
        axis=axis + 1,
        axes=len(aurocs),
        share=float(shares[axis]) if axis < len(shares) else 0.0,
        auroc=_bootstrap_auroc(along[solved], along[~solved]) if both else None,
        p=best_axis_p(ends, solved) if both else None,
    )


def auroc(first: Float[np.ndarray, "one"], second: Float[np.ndarray, "other"]) -> float:
    """AUROC of separating the groups by value; a tie counts half (Mann & Whitney 1947). 1: separated, 0.5: mixed.

    The direction is free, so it is at least 0.5.
    """
    values = np.sort(second)
    below = (np.searchsorted(values, first, "left") + np.searchsorted(values, first, "right")) / 2
    share = float(below.sum() / (len(first) * len(second)))
    return max(share, 1 - share)


def best_axis_p(ends: Float[np.ndarray, "puzzle axis"], solved: Bool[np.ndarray, "puzzle"]) -> float:
    """Permutation p-value: the share of PERMUTATIONS of `solved` whose best axis has at least as large an AUROC."""
    ranks, count = np.apply_along_axis(_ranks, 0, ends), int(solved.sum())
    pairs, least = count * (len(solved) - count), count * (count + 1) / 2

    def best(labels: Bool[np.ndarray, "shuffling puzzle"]) -> Float64[np.ndarray, "shuffling"]:
        share = (labels.astype(np.float64) @ ranks - least) / pairs
        return np.maximum(share, 1 - share).max(1)

    observed, random, reached = best(solved[None])[0], np.random.default_rng(SEED), 0
    rows = max(1, SHUFFLED // len(solved))
    for start in range(0, PERMUTATIONS, rows):
        labels = np.tile(solved, (min(rows, PERMUTATIONS - start), 1))
        reached += int((best(random.permuted(labels, axis=1)) >= observed - 1e-9).sum())
    return (1 + reached) / (1 + PERMUTATIONS)


def _ranks(values: Float[np.ndarray, "puzzle"]) -> Float64[np.ndarray, "puzzle"]:
    """Ranks from 1; tied values get the mean of their ranks."""
    sorted_values = np.sort(values)
    ends = (np.searchsorted(sorted_values, values, side) for side in ("left", "right"))
    return (sum(ends) + 1) / 2


def _group(
    residual: Float64[np.ndarray, "puzzle update"], along: Float64[np.ndarray, "puzzle"], steps: np.ndarray
) -> OutcomeGroup:
    last = residual[:, -1]
    return OutcomeGroup(
        count=len(residual),
        last_residual=bootstrap(last, np.median),
        converged=bootstrap((last < CONVERGED_BELOW).astype(float), np.mean),
        converged_from=_converged_from(residual < CONVERGED_BELOW, steps),
        mean=float(along.mean()),
        std=float(along.std()),
    )


def _converged_from(converged: Bool[np.ndarray, "puzzle update"], steps: np.ndarray) -> float | None:
    """Median supervision step from which the residual stays below the threshold, over the puzzles that have converged
    at the end.
    """
    ends = converged[converged[:, -1]]
    if not len(ends):
        return None
    above = ~ends[:, ::-1]
    # Length of the final run of converged updates.
    length = np.where(above.any(1), above.argmax(1), ends.shape[1])
    return float(np.median(steps[ends.shape[1] - length]))


def bootstrap(values: Float64[np.ndarray, "puzzle"], statistic: Callable[..., np.ndarray]) -> Estimate:
    """A statistic over puzzles with its bootstrap interval; `statistic` takes an `axis`."""
    drawn = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(statistic(values[drawn], axis=1), _tails())
    return Estimate(float(statistic(values, axis=0)), float(low), float(high))


def _bootstrap_auroc(first: Float64[np.ndarray, "one"], second: Float64[np.ndarray, "other"]) -> Estimate:
    random = np.random.default_rng(SEED)
    resampled = [
        auroc(random.choice(first, len(first)), random.choice(second, len(second))) for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(resampled, _tails())
    return Estimate(auroc(first, second), float(low), float(high))


def _tails() -> tuple[float, float]:
    return (1 - LEVEL) / 2, (1 + LEVEL) / 2


# ---- in words


def percent(share: float) -> str:
    """A share in percent, with one decimal; "less than 0.05 %" below that."""
    if 0 < share < 0.0005:
        return "less than 0.05 %"
    return f"{share:.1%}".replace("%", " %")


def _interval(estimate: Estimate) -> str:
    low, high = percent(estimate.low), percent(estimate.high)
    return "" if low == high else f" (95 %: {low.removesuffix(' %')} to {high})"


def sentences(difference: Difference) -> tuple[str, ...]:
    """Sentences that state the difference in numbers, without a verdict."""
    solved, unsolved, state = difference.solved, difference.unsolved, difference.state
    if solved is None or unsolved is None:
        which, count = ("solved", solved.count) if solved else ("unsolved", unsolved.count if unsolved else 0)
        return (
            f"All {count} puzzles are {which}, so there is nothing to compare. Use "
            f"{'harder' if solved else 'easier'} puzzles, or more of them.",
        )
    total = solved.count + unsolved.count
    converged = [
        f"{percent(group.converged.value)} of the {name}"
        for name, group in (("solved", solved), ("unsolved", unsolved))
    ]
    since = (
        ""
        if solved.converged_from is None
        else f"; solved puzzles converge at step {solved.converged_from:.0f} (median)"
    )
    lines = [
        f"{solved.count} of {total} puzzles are solved. The median last update changes {state} by "
        f"{percent(solved.last_residual.value)} of its norm on solved puzzles{_interval(solved.last_residual)} and by "
        f"{percent(unsolved.last_residual.value)} on unsolved ones{_interval(unsolved.last_residual)}.",
        f"{state} has converged (last change below 0.1 % of its norm) on {converged[0]} and {converged[1]} puzzles{since}.",
    ]
    if difference.auroc is None or difference.p is None:
        return tuple(lines)
    tested = f"best of {difference.axes} components, permutation test, {_p(difference.p)}"
    if difference.p < SIGNIFICANT:
        lines.append(
            f"Component {difference.axis} ({percent(difference.share)} of the variance) separates them: its final value is "
            f"{solved.mean:.2f} ± {solved.std:.2f} for solved puzzles and {unsolved.mean:.2f} ± {unsolved.std:.2f} for unsolved ones; "
            f"AUROC {difference.auroc.value:.3f} (0.5 = chance; {tested})."
        )
    else:
        name, group = min((("solved", solved), ("unsolved", unsolved)), key=lambda each: each[1].count)
        noun = "puzzle" if group.count == 1 else "puzzles"
        lines.append(f"No component separates them ({tested}; {group.count} {name} {noun}).")
    return tuple(lines)


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
