"""How errors go away along the supervision steps: little by little, or flat and then all at once?

Ren & Liu 2026 (arXiv:2601.10679) see "grokking along the steps" in HRM: the loss stays where it is, then one step makes
the answer right. Others count monotone solves: runs that never make an error more on their way.

Input is how many blank cells are wrong after each step, and whether the answer is exactly right, `step puzzle`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int, UInt16

from probes.halting.rules import Right, first_step
from probes.stats import BY_PUZZLE, Resampling, check_runs, ratio

Wrong = UInt16[np.ndarray, "step puzzle"]


@dataclass(frozen=True)
class Share:
    """A share of puzzles with its bootstrap band; NaN of none."""

    share: float
    band: tuple[float, float]
    count: int  # puzzles that it is a share of


def share_of(
    flags: Bool[np.ndarray, "puzzle"],
    among: Bool[np.ndarray, "puzzle"],
    *,
    resampling: Resampling = BY_PUZZLE,
) -> Share:
    """Of the puzzles `among`, the share that has the flag."""
    again = resampling.sums(np.stack((flags & among, among), axis=1).astype(np.float64))
    low, high = resampling.band(ratio(again[:, 0], again[:, 1]))
    count = int(among.sum())
    share = float((flags & among).sum() / count) if count else float("nan")
    return Share(share, (float(low), float(high)), count)


@dataclass(frozen=True)
class Solving:
    """How puzzles that are right after the last step came to be."""

    monotone: Share  # of the solved: no step left more blank cells wrong than the one before
    stays: Share  # of those right at some step: right after every later one
    at_once: Share  # of those first right after step 2 or later: the last step mended half of the errors of step 1, or more
    leap: Float64[
        np.ndarray, "puzzle"
    ]  # errors mended by the solving step / errors after step 1; NaN where step 1 solves, or none


def solving(wrong: Wrong, right: Right, *, resampling: Resampling = BY_PUZZLE) -> Solving:
    """Count monotone solves, solutions that stay, and solves in one leap. Raises RunsError where nothing is given."""
    check_runs(right)
    puzzles = np.arange(right.shape[1])
    errors = wrong.astype(np.int64)
    first = first_step(right)
    after_first = np.arange(1, len(right) + 1)[:, None] >= np.where(first > 0, first, len(right) + 1)
    late = first > 1
    leap = np.where(late, ratio(errors[np.maximum(first - 2, 0), puzzles], errors[0]), np.nan)
    return Solving(
        monotone=share_of((np.diff(errors, axis=0) <= 0).all(0), right[-1], resampling=resampling),
        stays=share_of((right | ~after_first).all(0), first > 0, resampling=resampling),
        at_once=share_of(leap >= 0.5, late & ~np.isnan(leap), resampling=resampling),
        leap=leap,
    )


@dataclass(frozen=True)
class Approach:
    """Errors in the last steps before puzzles come right, all aligned at that moment."""

    before: Int[np.ndarray, "moment"]  # supervision steps to go to the first right answer, ending with 0
    quantiles: Float64[np.ndarray, "3 moment"]  # of wrong / blank cells: quarter, median, three quarters
    count: Int[np.ndarray, "moment"]  # puzzles that had taken so many steps


def approach(wrong: Wrong, blanks: UInt16[np.ndarray, "puzzle"], right: Right, *, most: int = 8) -> Approach:
    """Share of blank cells that are wrong, `most` to 0 steps before the first right answer.

    A puzzle counts as far back as it had steps, so moments further back are of fewer puzzles, the slow ones: see `count`.
    Moments of no puzzle are left out. Raises RunsError where nothing is given.
    """
    check_runs(right)
    first = first_step(right)
    share = ratio(wrong, blanks[None])
    before, quantiles, count = [], [], []
    for back in range(min(most, len(right) - 1), -1, -1):
        seen = np.flatnonzero(first - back >= 1)
        values = share[first[seen] - back - 1, seen]
        values = values[~np.isnan(values)]  # of a puzzle without a blank cell
        if values.size:
            before.append(back)
            quantiles.append(np.quantile(values, (0.25, 0.5, 0.75)))
            count.append(values.size)
    return Approach(
        before=np.array(before, int),
        quantiles=np.array(quantiles, np.float64).reshape(-1, 3).T,
        count=np.array(count, int),
    )
