"""How states travel, and how the walks of solved and unsolved puzzles differ: whether they come to rest, and where they end.

The states of P puzzles at K moments are one array, `puzzle moment dim`. A moment is any step of the clock that the caller
picked: all calls, f_H calls, or supervision steps. A state is whatever vector the caller picked: one cell, the mean over
cells, or all positions flattened. Moments are indices of that axis, from 0. Lengths are Euclidean, in the units of the
state. States in float16 are widened first; what is not finite makes the numbers of its own puzzle NaN, nobody else's.

Bands are 95 % of a bootstrap over puzzles (Efron 1979), each group drawn apart. Whether an axis tells the groups apart is a
permutation test of the best of the axes: which of them it is was chosen by the same puzzles. A state rests where its last recorded move
is shorter than a thousandth of its length.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from probes.latents.trajectories import Trajectories

States = Float[np.ndarray, "puzzle moment dim"]

REST = 1e-3
RESAMPLES, LEVEL, SEED = 1000, 0.95, 0
AXES = 3  # that are drawn
PERMUTATIONS, SIGNIFICANT = 9999, 0.05
SHUFFLED = 1 << 22  # puzzles shuffled at a time


def _widened(states: States) -> States:
    """In float32 at least, so that differences of float16 are exact and lengths do not overflow."""
    return states.astype(np.promote_types(states.dtype, np.float32), copy=False)


def _lengths(vectors: Float[np.ndarray, "*batch dim"]) -> Float64[np.ndarray, "*batch"]:
    """Euclidean lengths, summed in float64."""
    return np.sqrt(np.einsum("...d,...d->...", vectors, vectors, dtype=np.float64))


def _relative(
    part: Float64[np.ndarray, "*batch"], whole: Float64[np.ndarray, "*#batch"]
) -> Float64[np.ndarray, "*batch"]:
    """part / whole, where nothing of nothing is 0 and something of nothing is infinite."""
    return np.divide(part, whole, out=np.where(part > 0, np.inf, part), where=whole != 0)


def speeds(states: States) -> Float64[np.ndarray, "puzzle move"]:
    """|s_k - s_(k-1)|, in units of the state per moment; one fewer than moments."""
    return _lengths(np.diff(_widened(states), axis=1))


def residuals(states: States) -> Float64[np.ndarray, "puzzle move"]:
    """|s_k - s_(k-1)| / |s_k|, the forward residual of the HRM paper (Wang et al. 2025, arXiv:2506.21734).

    0 where the state stays at the origin, infinite where it moves onto it.
    """
    return _relative(speeds(states), _lengths(states[:, 1:]))


def distances_to_final(states: States, *, relative: bool = False) -> Float64[np.ndarray, "puzzle moment"]:
    """|s_k - s_K|, how far each moment is from the last one recorded; relative: divided by |s_K|, without unit.

    Relative distances to a final state at the origin are infinite, and 0 for states that are there too.
    """
    states = _widened(states)
    distances = _lengths(states - states[:, -1:])
    return _relative(distances, _lengths(states[:, -1:])) if relative else distances


# ---- solved against unsolved


@dataclass(frozen=True)
class Banded:
    """A number with the band in which it lies for 95 % of the resamples."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Group:
    """Solved puzzles, or unsolved ones."""

    count: int
    moved: Banded  # median of the last residual, |s_K - s_(K-1)| / |s_K|
    at_rest: Banded  # share whose last residual is below REST
    rests_from: float | None  # median supervision step from which those at rest moved no more
    end: float  # mean coordinate of the last state along the axis
    spread: float  # standard deviation of that


@dataclass(frozen=True)
class Difference:
    """Solved against unsolved puzzles, by the answer after the last call."""

    state: str
    solved: Group | None  # None: there are none
    unsolved: Group | None
    axis: int  # from 1: of the axes drawn, the one that parts the ends best
    axes: int  # of which it is the best
    share: float  # of all variance, along that axis
    ordered: (
        Banded | None
    )  # share of pairs, a solved and an unsolved end, in the order of the means; 0.5: no difference
    p: (
        float | None
    )  # share of shufflings of who is solved whose best axis has at least as many pairs in order


def difference(
    trajectories: Trajectories,
    state: str,
    components: Float[np.ndarray, "puzzle moment component"],
    shares: Float[np.ndarray, "component"],
) -> Difference:
    """What `Difference` says of these walks. `components` are principal ones of the state, `shares` of their variance."""
    calls, states = trajectories.moving(state)
    solved, moved = trajectories.solved[:, -1], residuals(states)
    ends = components[:, -1, :AXES]
    both = bool(solved.any() and not solved.all())
    parted = [
        ordered(ends[solved, axis], ends[~solved, axis]) if both else 0.5 for axis in range(ends.shape[1])
    ]
    axis = int(np.argmax(parted))
    steps = np.array([at.supervision_step for at in calls[1:]])
    along = ends[:, axis].astype(np.float64)
    groups = {
        right: _group(moved[rows], along[rows], steps) if rows.any() else None
        for right, rows in ((True, solved), (False, ~solved))
    }
    return Difference(
        state=state,
        solved=groups[True],
        unsolved=groups[False],
        axis=axis + 1,
        axes=len(parted),
        share=float(shares[axis]) if axis < len(shares) else 0.0,
        ordered=_ordered_banded(along[solved], along[~solved]) if both else None,
        p=parted_by_chance(ends, solved) if both else None,
    )


def ordered(first: Float[np.ndarray, "one"], second: Float[np.ndarray, "other"]) -> float:
    """Share of pairs in the order of the means, ties half (Mann & Whitney 1947): 1 where the groups are apart, 0.5 where mixed."""
    values = np.sort(second)
    below = (np.searchsorted(values, first, "left") + np.searchsorted(values, first, "right")) / 2
    share = float(below.sum() / (len(first) * len(second)))
    return max(share, 1 - share)


def parted_by_chance(ends: Float[np.ndarray, "puzzle axis"], solved: Bool[np.ndarray, "puzzle"]) -> float:
    """p of the best axis: the share of PERMUTATIONS of `solved` whose best axis has at least as large a share `ordered`."""
    ranks, count = np.apply_along_axis(_ranks, 0, ends), int(solved.sum())
    pairs, least = count * (len(solved) - count), count * (count + 1) / 2

    def best(labels: Bool[np.ndarray, "shuffling puzzle"]) -> Float64[np.ndarray, "shuffling"]:
        share = (labels.astype(np.float64) @ ranks - least) / pairs
        return np.maximum(share, 1 - share).max(1)

    found, random, reached = best(solved[None])[0], np.random.default_rng(SEED), 0
    rows = max(1, SHUFFLED // len(solved))
    for start in range(0, PERMUTATIONS, rows):
        labels = np.tile(solved, (min(rows, PERMUTATIONS - start), 1))
        reached += int((best(random.permuted(labels, axis=1)) >= found - 1e-9).sum())
    return (1 + reached) / (1 + PERMUTATIONS)


def _ranks(values: Float[np.ndarray, "puzzle"]) -> Float64[np.ndarray, "puzzle"]:
    """From 1; ties share the mean of theirs."""
    ordered_values = np.sort(values)
    ends = (np.searchsorted(ordered_values, values, side) for side in ("left", "right"))
    return (sum(ends) + 1) / 2


def _group(
    moved: Float64[np.ndarray, "puzzle move"], along: Float64[np.ndarray, "puzzle"], steps: np.ndarray
) -> Group:
    last = moved[:, -1]
    return Group(
        count=len(moved),
        moved=banded(last, np.median),
        at_rest=banded((last < REST).astype(float), np.mean),
        rests_from=_rests_from(moved < REST, steps),
        end=float(along.mean()),
        spread=float(along.std()),
    )


def _rests_from(resting: Bool[np.ndarray, "puzzle move"], steps: np.ndarray) -> float | None:
    """Median step of the first move of the unbroken rest at the end, among those that end at rest."""
    ends = resting[resting[:, -1]]
    if not len(ends):
        return None
    broken = ~ends[:, ::-1]
    rest = np.where(broken.any(1), broken.argmax(1), ends.shape[1])  # moves at the end
    return float(np.median(steps[ends.shape[1] - rest]))


def banded(values: Float64[np.ndarray, "puzzle"], statistic: Callable[..., np.ndarray]) -> Banded:
    """A statistic of the puzzles and its band; `statistic` takes an `axis`."""
    drawn = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(statistic(values[drawn], axis=1), _tails())
    return Banded(float(statistic(values, axis=0)), float(low), float(high))


def _ordered_banded(first: Float64[np.ndarray, "one"], second: Float64[np.ndarray, "other"]) -> Banded:
    random = np.random.default_rng(SEED)
    found = [
        ordered(random.choice(first, len(first)), random.choice(second, len(second)))
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(found, _tails())
    return Banded(ordered(first, second), float(low), float(high))


def _tails() -> tuple[float, float]:
    return (1 - LEVEL) / 2, (1 + LEVEL) / 2


# ---- in words


def percent(share: float) -> str:
    """A share as a reader meets it: small ones in the digits that they have."""
    if 0 < share < 0.0005:
        return "less than 0.05 %"
    return f"{share:.1%}".replace("%", " %")


def _band(found: Banded) -> str:
    low, high = percent(found.low), percent(found.high)
    return "" if low == high else f" (95 %: {low.removesuffix(' %')} to {high})"


def sentences(found: Difference) -> tuple[str, ...]:
    """The difference in the page's words: numbers, no verdict."""
    solved, unsolved, state = found.solved, found.unsolved, found.state
    if solved is None or unsolved is None:
        which, count = ("solved", solved.count) if solved else ("unsolved", unsolved.count if unsolved else 0)
        return (
            f"All {count} puzzles end {which}, so there is nothing to compare. Take "
            f"{'harder' if solved else 'easier'} ones, or more.",
        )
    total = solved.count + unsolved.count
    rest = [
        f"{percent(group.at_rest.value)} of the {name}"
        for name, group in (("solved", solved), ("unsolved", unsolved))
    ]
    since = (
        ""
        if solved.rests_from is None
        else f", the solved ones from step {solved.rests_from:.0f} on (median)"
    )
    lines = [
        f"{solved.count} of {total} puzzles end solved. In its last recorded move {state} changes by "
        f"{percent(solved.moved.value)} of its length where the puzzle is solved{_band(solved.moved)}, by "
        f"{percent(unsolved.moved.value)} where it is not{_band(unsolved.moved)}; medians.",
        f"It rests, moving by less than 0.1 %, in {rest[0]} and {rest[1]} puzzles{since}.",
    ]
    if found.ordered is None or found.p is None:
        return tuple(lines)
    tested = f"best of {found.axes} axes, permutation test, {_p(found.p)}"
    if found.p < SIGNIFICANT:
        lines.append(
            f"Along axis {found.axis}, which holds {percent(found.share)} of the variance, the solved end at "
            f"{solved.end:.2f} ± {solved.spread:.2f} and the unsolved at {unsolved.end:.2f} ± {unsolved.spread:.2f}: of all "
            f"pairs of one and the other, {percent(found.ordered.value)} lie in that order ({tested})."
        )
    else:
        name, group = min((("solved", solved), ("unsolved", unsolved)), key=lambda each: each[1].count)
        noun = "puzzle" if group.count == 1 else "puzzles"
        lines.append(f"No axis tells them apart ({tested}; {group.count} {name} {noun}).")
    return tuple(lines)


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
