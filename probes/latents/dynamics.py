"""How a state travels: how far it moves with every call, where it turns, whether it settles, circles or jumps.

The states of P puzzles at K moments are one array, `puzzle moment dim`. A moment is any step of the clock that the caller
picked: all calls, f_H calls, or supervision steps. A state is whatever vector the caller picked: one cell, the mean over
cells, or all positions flattened. Moments are indices of that axis, from 0. Lengths are Euclidean, in the units of the
state. States in float16 are widened first; what is not finite makes the numbers of its own puzzle NaN, nobody else's.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Integer

States = Float[np.ndarray, "puzzle moment dim"]

PAIRS = 1 << 22  # distances between two moments held at a time


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


def turning_angles(states: States) -> Float64[np.ndarray, "puzzle turn"]:
    """Angle between successive moves in radians: 0 goes straight on, pi turns back; two fewer than moments.

    NaN where one of the two moves has no length, as it then has no direction. Computed from the sum and the difference
    of the unit vectors, which stays exact near 0 and pi where an arc cosine does not (Kahan 2006).
    """
    moves = np.diff(_widened(states), axis=1)
    lengths = _lengths(moves)[..., None]
    directions = np.divide(moves, lengths, out=np.full(moves.shape, np.nan), where=lengths != 0)
    before, after = directions[:, :-1], directions[:, 1:]
    return 2 * np.arctan2(_lengths(after - before), _lengths(after + before))


def distances_to_final(states: States, *, relative: bool = False) -> Float64[np.ndarray, "puzzle moment"]:
    """|s_k - s_K|, how far each moment is from the last one recorded; relative: divided by |s_K|, without unit.

    Relative distances to a final state at the origin are infinite, and 0 for states that are there too.
    """
    states = _widened(states)
    distances = _lengths(states - states[:, -1:])
    return _relative(distances, _lengths(states[:, -1:])) if relative else distances


@dataclass(frozen=True)
class CriticalMoments:
    """Of each puzzle, the moment whose call brought it closest to where it ended."""

    moment: Int[np.ndarray, "puzzle"]  # after that call; -1 where no call came closer
    share: Float64[np.ndarray, "puzzle"]  # of the largest distance ever had, 0 to 1


def critical_moments(states: States) -> CriticalMoments:
    """The moment k with the largest drop of the distance to the final state, d_(k-1) - d_k; the first, if several.

    Our own definition: a number for what Ren & Liu 2026 (arXiv:2601.10679) describe as a loss that stays flat until one
    supervision step makes the answer right. A share near 1 is one jump; 1 / (K - 1) is a straight walk at constant speed.
    """
    distances = distances_to_final(states)
    if distances.shape[1] < 2:
        return CriticalMoments(np.full(len(states), -1), np.zeros(len(states)))
    drops = -np.diff(distances, axis=1)
    largest = drops.max(1)
    moment = np.where(largest > 0, drops.argmax(1) + 1, -1)
    return CriticalMoments(moment, _relative(np.maximum(largest, 0), distances.max(1)))


@dataclass(frozen=True)
class Loops:
    """Of each puzzle, the first return to a state that it had left."""

    moment: Int[np.ndarray, "puzzle"]  # of the return; -1 where there is none
    period: Int[np.ndarray, "puzzle"]  # moments since the state returned to; 0 where there is none
    held: Int[
        np.ndarray, "puzzle"
    ]  # moments in a row, the return included, within epsilon of one period before

    @property
    def found(self) -> Bool[np.ndarray, "puzzle"]:
        """Which puzzles return at all."""
        return self.moment >= 0


def first_returns(states: States, *, epsilon: float = 0.05) -> Loops:
    """Find where a puzzle's state first comes back.

    State k is a return to an earlier state j where it lies within epsilon of it, |s_k - s_j| <= epsilon |s_j|, and some
    state in between was more than 2 epsilon away from s_j. Without the second condition a state that stands still,
    creeps, or converges would return all the time; the factor 2 keeps noise at the rim of the ball from counting. The
    first such k is taken, and of its j the latest, which is the shortest period. A single return may be an accident:
    `held` tells how long the state then goes on repeating itself, up to K - k in a loop without end.

    Close returns after leaving are those of recurrence plots (Eckmann, Kamphorst & Ruelle 1987); this way of leaving out
    neighbours in time is our own, in the place of a fixed window (Theiler 1986). States stored in float16 differ from
    themselves by up to 0.0005, relatively, so keep epsilon well above that.
    """
    puzzles, moments, _ = states.shape
    at_once = max(1, PAIRS // moments**2)
    parts = [
        _returns_of(_pairwise(states[start : start + at_once]), epsilon)
        for start in range(0, puzzles, at_once)
    ]
    found = np.concatenate(parts) if parts else np.zeros((0, 3), int)
    return Loops(moment=found[:, 0], period=found[:, 1], held=found[:, 2])


def _pairwise(states: States) -> Float64[np.ndarray, "puzzle moment moment"]:
    """At [p, j, k], k > j: |s_k - s_j| / |s_j|. Zero elsewhere.

    Differences are taken one by one: a Gram matrix would be faster, and blind to distances far below the lengths.
    """
    states = _widened(states)
    lengths = _lengths(states)
    puzzles, moments = lengths.shape
    distances = np.zeros((puzzles, moments, moments))
    for lag in range(1, moments):
        earlier = np.arange(moments - lag)
        moved = _lengths(states[:, lag:] - states[:, :-lag])
        distances[:, earlier, earlier + lag] = _relative(moved, lengths[:, :-lag])
    return distances


def _returns_of(
    distances: Float64[np.ndarray, "puzzle moment moment"], epsilon: float
) -> Int[np.ndarray, "puzzle 3"]:
    """Moment, period and how long it held, of each puzzle; -1, 0, 0 where nothing returns."""
    farthest = np.maximum.accumulate(distances, axis=2)
    left = np.zeros(distances.shape, bool)
    left[:, :, 1:] = (
        farthest[:, :, :-1] > 2 * epsilon
    )  # at [p, j, k]: some state between j and k was away from j
    returns = left & (distances <= epsilon)
    found = np.tile([-1, 0, 0], (len(distances), 1))
    for puzzle in np.flatnonzero(returns.any((1, 2))):
        moment = int(returns[puzzle].any(0).argmax())
        earlier = int(np.flatnonzero(returns[puzzle, :, moment])[-1])
        period = moment - earlier
        repeats = np.diagonal(distances[puzzle], offset=period)[earlier:] <= epsilon
        found[puzzle] = moment, period, np.logical_and.accumulate(repeats).sum()
    return found


@dataclass(frozen=True)
class Flips:
    """How a decoded answer changes its mind, cell by cell."""

    count: Int[
        np.ndarray, "puzzle cell"
    ]  # moments at which the symbol differs from that of the moment before
    last: Int[np.ndarray, "puzzle cell"]  # the last such moment; 0: the first symbol stayed


def flips(answers: Integer[np.ndarray, "puzzle moment cell"]) -> Flips:
    """Count the changes of every cell's decoded symbol. From `last` on, a cell shows its final symbol."""
    changed = answers[:, 1:] != answers[:, :-1]
    moments = np.arange(1, answers.shape[1])[:, None]
    return Flips(count=changed.sum(1), last=(changed * moments).max(1, initial=0))
