"""Runs step by step: when answers come right, whether they stay, how their errors go away, and what a step costs.

Little by little, or flat and then all at once? Ren & Liu 2026 (arXiv:2601.10679) see "grokking along the steps" in HRM: the
loss stays where it is, then one step makes the answer right. Others count monotone solves: runs in which the errors never
rise. A run that is right after step 1 or 2 says nothing of either: it has no two wrong answers to compare.

Input is whether each answer is exactly right after each step, and how many blank cells are wrong, `step puzzle`, for as many
steps as were run: those of training, or more. Steps are counted from 1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int, UInt16

from probes.halting.rules import Right, first_step
from probes.stats import BY_PUZZLE, Resampling, RunsError, check_runs, ratio
from trm import flops
from trm.config import ModelConfig

Wrong = UInt16[np.ndarray, "step puzzle"]


LATE_STEP = 3  # first right after this step or later: at least two answers were wrong, so their errors can be compared
FLAT_SHARE = 0.9  # of the cells wrong after step 1, the share that is still wrong while a run is flat


@dataclass(frozen=True)
class PuzzleShare:
    """A share of puzzles with its 95 % band; NaN of none."""

    share: float
    band: tuple[float, float]
    count: int  # puzzles that it is a share of


def puzzle_share(
    flags: Bool[np.ndarray, "puzzle"],
    among: Bool[np.ndarray, "puzzle"],
    *,
    resampling: Resampling = BY_PUZZLE,
) -> PuzzleShare:
    """Of the puzzles `among`, the share that has the flag."""
    found = _shares((flags & among)[None], among[None], resampling)
    low, high = found.band[:, 0]
    return PuzzleShare(float(found.share[0]), (float(low), float(high)), int(found.count[0]))


@dataclass(frozen=True)
class SolvingStatistics:
    """How puzzles come right."""

    monotone: (
        PuzzleShare  # of those right at the end: no step left more blank cells wrong than the one before
    )
    monotone_late: PuzzleShare  # the same of those that were first right after step LATE_STEP or later
    stays: PuzzleShare  # of those right at some step: right after every later one
    single_step: PuzzleShare  # of those first right after step LATE_STEP or later: flat in every step before


def solving(wrong: Wrong, right: Right, *, resampling: Resampling = BY_PUZZLE) -> SolvingStatistics:
    """Count monotone solves, solutions that stay, and leaps: solves out of a run that was flat.

    A run that is first right after step 2 has one wrong answer, so that it can neither be flat nor rise: it is counted
    in `monotone` and `stays` alone. Raises RunsError where nothing is given.
    """
    check_runs(right)
    errors = wrong.astype(np.int64)
    first = first_step(right)
    late = (first >= LATE_STEP) & (errors[0] > 0)
    fewest = np.minimum.accumulate(errors)[np.maximum(first - 2, 0), np.arange(right.shape[1])]
    after_first = np.arange(1, len(right) + 1)[:, None] >= np.where(first > 0, first, len(right) + 1)
    monotone = (np.diff(errors, axis=0) <= 0).all(0)
    return SolvingStatistics(
        monotone=puzzle_share(monotone, right[-1], resampling=resampling),
        monotone_late=puzzle_share(monotone, right[-1] & (first >= LATE_STEP), resampling=resampling),
        stays=puzzle_share((right | ~after_first).all(0), first > 0, resampling=resampling),
        single_step=puzzle_share(fewest >= FLAT_SHARE * errors[0], late, resampling=resampling),
    )


@dataclass(frozen=True)
class ErrorsBeforeSolving:
    """Errors in the last steps before puzzles come right, all aligned at that moment."""

    before: Int[np.ndarray, "moment"]  # supervision steps to go to the first right answer, ending with 0
    quantiles: Float64[np.ndarray, "3 moment"]  # of wrong / blank cells: quarter, median, three quarters
    count: Int[np.ndarray, "moment"]  # puzzles that took at least this many steps


def errors_before_solving(
    wrong: Wrong, blanks: UInt16[np.ndarray, "puzzle"], right: Right, *, most: int = 8
) -> ErrorsBeforeSolving:
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
    return ErrorsBeforeSolving(
        before=np.array(before, int),
        quantiles=np.array(quantiles, np.float64).reshape(-1, 3).T,
        count=np.array(count, int),
    )


@dataclass(frozen=True)
class SharesByStep:
    """Shares of puzzles, each with its 95 % band."""

    share: Float64[np.ndarray, "step"]  # NaN of no puzzle
    band: Float64[np.ndarray, "2 step"]
    count: Int[np.ndarray, "step"]  # puzzles that it is a share of


def solved_by_step(right: Right, *, resampling: Resampling = BY_PUZZLE) -> SharesByStep:
    """Share of puzzles that are exactly right after each step. Raises RunsError where there is no puzzle or step."""
    check_runs(right)
    return _shares(right, np.ones(right.shape, bool), resampling)


@dataclass(frozen=True)
class Retention:
    """Of the answers that were right, how many still are k = 1, 2, ... steps later."""

    right: SharesByStep  # right after k more steps, whatever was in between
    unbroken: SharesByStep  # right after every one of them


def retention(right: Right, *, from_solution: bool = False, resampling: Resampling = BY_PUZZLE) -> Retention:
    """Does a model keep a solution once it has one?

    `from_solution`: the runs began with the solution in the place of y, so k counts from the start. Otherwise k counts
    from the first step at which the model itself was right; puzzles that never are do not count, and those that came
    right late count only as long as their run goes on, so that not every k is of the same puzzles: see `count`.
    Raises RunsError where there is no puzzle or step.
    """
    check_runs(right)
    steps, puzzles = right.shape
    first = first_step(right)
    began = np.zeros(puzzles, int) if from_solution else np.where(first > 0, first, steps)
    later = np.arange(1, steps + from_solution)[:, None]
    step = began + later - 1  # of k, as an index
    seen = step < steps
    still = right[np.minimum(step, steps - 1), np.arange(puzzles)] & seen
    unbroken = np.logical_and.accumulate(still)
    return Retention(right=_shares(still, seen, resampling), unbroken=_shares(unbroken, seen, resampling))


def _shares(
    flags: Bool[np.ndarray, "step puzzle"], among: Bool[np.ndarray, "step puzzle"], resampling: Resampling
) -> SharesByStep:
    """Of the puzzles `among`, the share that is also in `flags`, which is a part of them."""
    again = resampling.sums(np.concatenate((flags, among)).T.astype(np.float64))
    part, count = flags.sum(1), among.sum(1)
    band = resampling.share_band(ratio(*np.split(again, 2, axis=1)), part, count)
    return SharesByStep(share=ratio(part, count), band=band, count=count)


@dataclass(frozen=True)
class Regressions:
    """Which right answers turn wrong, and when."""

    first: Int[
        np.ndarray, "puzzle"
    ]  # step at which a right answer is wrong for the first time; 0: it never is
    times: Int[np.ndarray, "puzzle"]
    recovered: Bool[np.ndarray, "puzzle"]  # broke, and is right after the last step all the same
    lost: Int[np.ndarray, "step"]  # puzzles that turn from right to wrong at each step
    gained: Int[np.ndarray, "step"]  # and from wrong to right


def regressions(right: Right, *, after: int = 1) -> Regressions:
    """Find answers that were right after one step and are wrong after the next.

    Only changes at steps later than `after` count: give the number of steps of training to see what depth beyond it
    breaks. So puzzles right at the end are those right after step `after`, plus all gained, minus all lost.
    Raises RunsError where there is no puzzle or step, or no step `after`.
    """
    check_runs(right)
    if not 1 <= after <= len(right):
        raise RunsError(f"These runs have no step {after}. Take one from 1 to {len(right)}.")
    lost, gained = np.zeros((2, *right.shape), bool)
    lost[after:] = right[after - 1 : -1] & ~right[after:]
    gained[after:] = ~right[after - 1 : -1] & right[after:]
    first = first_step(lost)
    return Regressions(
        first=first,
        times=lost.sum(0),
        recovered=(first > 0) & right[-1],
        lost=lost.sum(1),
        gained=gained.sum(1),
    )


@dataclass(frozen=True)
class Compute:
    """What a run has cost after each supervision step, so that models of unlike steps share an axis."""

    layers: Int[np.ndarray, "step"]  # applied one after another: effective depth
    operations: Int[np.ndarray, "step"]  # floating-point, on one puzzle, as `trm.flops` counts them


def compute_by_step(config: ModelConfig, steps: int) -> Compute:
    """Effective depth and operations after 1 to `steps` supervision steps.

    Effective depth is that of the TRM paper (Jolicoeur-Martineau 2025, arXiv:2510.04871, table 1): T times the layers
    of n calls of f_L and one of f_H, 42 a step for TRM with n = 6, T = 3 and 24 for HRM with n = T = 2.
    """
    layers = config.T * (config.n * config.layers + (config.H_layers or config.layers))
    number = np.arange(1, steps + 1)
    return Compute(layers=layers * number, operations=flops.supervision_step(config) * number)
