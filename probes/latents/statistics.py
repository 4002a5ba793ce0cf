"""Trajectory statistics: how far states move, when they converge, and how solved and unsolved puzzles differ.

States are an array of shape [puzzle, time, dim] with K time points. The caller chooses the time points (all calls, f_H
calls or supervision steps) and the state vector (one cell, the mean over cells, or all positions flattened). Norms are
Euclidean, in the units of the state. float16 is converted to float32 first. A value that is not finite affects only the
results of its own puzzle.

Confidence intervals are 95 % intervals from a bootstrap over puzzles (Efron 1979), resampled within each group. The
principal component that best separates the groups is chosen on the same puzzles, so a permutation test that repeats
this choice decides whether it separates them. A state has converged if its last recorded update is below a thousandth
of its norm.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from probes.latents.trajectories import Trajectories
from probes.stats import BY_PUZZLE, SIGNIFICANT

States = Float[np.ndarray, "puzzle time dim"]

CONVERGED_BELOW = 1e-3  # residual
AXES = 3  # number of principal components tested
PERMUTATIONS, SEED = 9999, 0
SHUFFLED = 1 << 22  # number of labels permuted at once


def _widened(states: States) -> States:
    """Convert to at least float32, so that differences of float16 values are exact and norms do not overflow."""
    return states.astype(np.promote_types(states.dtype, np.float32), copy=False)


def _norms(vectors: Float[np.ndarray, "*batch dim"]) -> Float64[np.ndarray, "*batch"]:
    """Euclidean norms, summed in float64."""
    return np.sqrt(np.einsum("...d,...d->...", vectors, vectors, dtype=np.float64))


def _relative(
    part: Float64[np.ndarray, "*batch"], whole: Float64[np.ndarray, "*#batch"]
) -> Float64[np.ndarray, "*batch"]:
    """Compute part / whole, with 0 / 0 = 0."""
    return np.divide(part, whole, out=np.where(part > 0, np.inf, part), where=whole != 0)


def speeds(states: States) -> Float64[np.ndarray, "puzzle update"]:
    """Norm of each update, |s_k - s_(k-1)|, in units of the state per time point. K time points have K - 1 updates."""
    return _norms(np.diff(_widened(states), axis=1))


def residuals(states: States) -> Float64[np.ndarray, "puzzle update"]:
    """Relative norm of each update, |s_k - s_(k-1)| / |s_k|.

    This is the forward residual of the HRM paper (Wang et al. 2025, arXiv:2506.21734). It is 0 if the state stays at
    the origin and infinite if it moves to the origin.
    """
    return _relative(speeds(states), _norms(states[:, 1:]))


def distances_to_final(states: States, *, relative: bool = False) -> Float64[np.ndarray, "puzzle time"]:
    """Distance of each state to the last recorded state, |s_k - s_K|, divided by |s_K| if `relative` is true.

    If the last state is at the origin, the relative distance is 0 for states at the origin and infinite for other
    states.
    """
    states = _widened(states)
    distances = _norms(states - states[:, -1:])
    return _relative(distances, _norms(states[:, -1:])) if relative else distances


# ---- solved vs unsolved


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95 % confidence interval from a bootstrap."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class OutcomeGroup:
    """Statistics of either the solved or the unsolved puzzles."""

    count: int
    last_residual: Estimate  # median of the last residual, |s_K - s_(K-1)| / |s_K|
    converged: Estimate  # fraction of puzzles whose last residual is below CONVERGED_BELOW
    converged_from: float | None  # median supervision step from which converged puzzles stay converged
    mean: float  # mean coordinate of the last states along the component
    std: float  # standard deviation of the same coordinate


@dataclass(frozen=True)
class Difference:
    """Comparison of solved and unsolved puzzles. A puzzle is solved if the last recorded answer is correct."""

    state: str
    solved: OutcomeGroup | None  # None: no puzzle was solved
    unsolved: OutcomeGroup | None
    axis: int  # number, from 1, of the principal component that best separates the last states
    axes: int  # number of components from which it was chosen
    share: float  # fraction of the total variance along the component
    auroc: Estimate | None  # AUROC along the component, at least 0.5; None for a single group
    p: float | None  # p-value of `best_axis_p`; None for a single group


def difference(
    trajectories: Trajectories,
    state: str,
    components: Float[np.ndarray, "puzzle time component"],
    shares: Float[np.ndarray, "component"],
) -> Difference:
    """Compare the solved and unsolved puzzles by their states, y or z as named by `state`.

    `components` are the principal components of these states, and `shares` are their fractions of the variance.
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
        share=float(shares[axis]),
        auroc=bootstrap(auroc, along[solved], along[~solved]) if both else None,
        p=best_axis_p(ends, solved) if both else None,
    )


def auroc(first: Float[np.ndarray, "one"], second: Float[np.ndarray, "other"]) -> float:
    """Compute the AUROC for separating two groups by value (Mann & Whitney 1947). A tie counts half.

    1 means complete separation, and 0.5 means chance. Either group may have the larger values, so the AUROC is at least
    0.5.
    """
    values = np.sort(second)
    below = (np.searchsorted(values, first, "left") + np.searchsorted(values, first, "right")) / 2
    share = float(below.sum() / (len(first) * len(second)))
    return max(share, 1 - share)


def best_axis_p(ends: Float[np.ndarray, "puzzle axis"], solved: Bool[np.ndarray, "puzzle"]) -> float:
    """Compute the permutation p-value of the AUROC of the best axis.

    It is the fraction of label orders whose best axis has at least the observed AUROC. The label orders are `solved`
    and PERMUTATIONS random permutations of it.
    """
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
    """Return ranks from 1. Tied values get the mean of their ranks."""
    sorted_values = np.sort(values)
    ends = (np.searchsorted(sorted_values, values, side) for side in ("left", "right"))
    return (sum(ends) + 1) / 2


def _group(
    residual: Float64[np.ndarray, "puzzle update"], along: Float64[np.ndarray, "puzzle"], steps: np.ndarray
) -> OutcomeGroup:
    last = residual[:, -1]
    return OutcomeGroup(
        count=len(residual),
        last_residual=bootstrap(np.median, last),
        converged=bootstrap(np.mean, (last < CONVERGED_BELOW).astype(float)),
        converged_from=_converged_from(residual < CONVERGED_BELOW, steps),
        mean=float(along.mean()),
        std=float(along.std()),
    )


def _converged_from(converged: Bool[np.ndarray, "puzzle update"], steps: np.ndarray) -> float | None:
    """Return the median supervision step from which the residual stays below the threshold.

    The median is over the puzzles that have converged after the last call; None if no puzzle has converged.
    """
    ends = converged[converged[:, -1]]
    if not len(ends):
        return None
    above = ~ends[:, ::-1]
    # Length of the final run of converged updates.
    length = np.where(above.any(1), above.argmax(1), ends.shape[1])
    return float(np.median(steps[ends.shape[1] - length]))


def bootstrap(statistic: Callable[..., np.ndarray | float], *groups: Float64[np.ndarray, "_"]) -> Estimate:
    """Compute a statistic of the puzzles in one or more groups with its bootstrap confidence interval.

    Puzzles are resampled within each group. `statistic` takes the values of every group.
    """
    values, ends = np.concatenate(groups), np.cumsum([len(group) for group in groups])[:-1]
    resampled = [
        statistic(*np.split(values[drawn], ends))
        for batch in BY_PUZZLE.indices(*map(len, groups))
        for drawn in batch
    ]
    low, high = BY_PUZZLE.band(np.array(resampled, np.float64))
    return Estimate(float(statistic(*groups)), float(low), float(high))


# ---- in words


def percent(share: float) -> str:
    """Format a fraction in percent, with one decimal. A positive fraction below 0.05 % gives "less than 0.05 %"."""
    if 0 < share < 0.0005:
        return "less than 0.05%"
    return f"{share:.1%}"


def _interval(estimate: Estimate) -> str:
    low, high = percent(estimate.low), percent(estimate.high)
    return "" if low == high else f" (95%: {low.removesuffix('%')} to {high})"


def sentences(difference: Difference) -> tuple[str, ...]:
    """Describe the difference between solved and unsolved puzzles in sentences with numbers."""
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
        else f"; the median solved puzzle converges at step {solved.converged_from:.0f}"
    )
    lines = [
        f"{solved.count} of {total} puzzles are solved. On the median solved puzzle, the last update changes {state} by "
        f"{percent(solved.last_residual.value)} of its norm{_interval(solved.last_residual)}; on the median unsolved puzzle, by "
        f"{percent(unsolved.last_residual.value)}{_interval(unsolved.last_residual)}.",
        f"{state} has converged (last change below 0.1% of its norm) on {converged[0]} and {converged[1]} puzzles{since}.",
    ]
    if difference.auroc is None or difference.p is None:
        return tuple(lines)
    tested = f"best of {difference.axes} components, permutation test, {_p(difference.p)}"
    if difference.p < SIGNIFICANT:
        lines.append(
            f"Component {difference.axis} ({percent(difference.share)} of the variance) separates the two groups: its final value is "
            f"{solved.mean:.2f} ± {solved.std:.2f} for solved puzzles and {unsolved.mean:.2f} ± {unsolved.std:.2f} for unsolved ones; "
            f"AUROC {difference.auroc.value:.3f} (0.5 = chance; {tested})."
        )
    else:
        name, group = min((("solved", solved), ("unsolved", unsolved)), key=lambda each: each[1].count)
        noun = "puzzle" if group.count == 1 else "puzzles"
        lines.append(f"No component separates the two groups ({tested}; {group.count} {name} {noun}).")
    return tuple(lines)


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
