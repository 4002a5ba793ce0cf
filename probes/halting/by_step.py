"""Runs step by step: when answers become correct, whether they stay correct, how errors disappear, and what a step
costs.

Errors may disappear gradually, or a run may stay flat until a single step solves the puzzle. Ren & Liu 2026
(arXiv:2601.10679) report the flat case for HRM and call it "grokking along the steps". Other analyses count monotone
solves: runs whose errors never increase. A run that is correct after step 1 or 2 supports neither view, because it has
fewer than two wrong answers to compare.

There are two inputs of shape [step, puzzle]: whether each answer is exactly correct, and how many blank cells are
wrong. They cover every step that was run, which may be more than in training. Steps are counted from 1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int, UInt16

from probes.halting.rules import Right, first_step
from probes.stats import BY_PUZZLE, Resampling, RunsError, check_runs, ratio
from trm.config import ModelConfig
from trm.inspection import flops

Wrong = UInt16[np.ndarray, "step puzzle"]
"""Number of blank cells that are wrong after each supervision step."""


LATE_STEP = 3  # a run first correct at this step or later has at least two wrong answers to compare
FLAT_SHARE = 0.9  # a run is flat while at least this fraction of the cells wrong after step 1 is still wrong


@dataclass(frozen=True)
class PuzzleShare:
    """A proportion of puzzles with its 95 % confidence interval; NaN if there are no puzzles."""

    share: float
    band: tuple[float, float]
    count: int  # puzzles in the denominator


def puzzle_share(
    flags: Bool[np.ndarray, "puzzle"],
    among: Bool[np.ndarray, "puzzle"],
    *,
    resampling: Resampling = BY_PUZZLE,
) -> PuzzleShare:
    """Compute the fraction of the puzzles in `among` that have the flag, with its confidence interval."""
    shares = _shares((flags & among)[None], among[None], resampling)
    low, high = shares.band[:, 0]
    return PuzzleShare(float(shares.share[0]), (float(low), float(high)), int(shares.count[0]))


@dataclass(frozen=True)
class SolvingStatistics:
    """Proportions of puzzles that are solved monotonically, stay solved, or are solved by a single step."""

    monotone: PuzzleShare  # of puzzles correct after the last step: no step increased the number of wrong blank cells
    monotone_late: PuzzleShare  # as `monotone`, of puzzles also first correct at LATE_STEP or later
    stays: PuzzleShare  # of puzzles correct after some step: correct after every later step too
    single_step: PuzzleShare  # of puzzles first correct at LATE_STEP or later: flat in every earlier step


def solving(wrong: Wrong, right: Right, *, resampling: Resampling = BY_PUZZLE) -> SolvingStatistics:
    """Compute the proportions of monotone solves, lasting solutions, and flat runs that a single step solves.

    A run that is first correct at step 2 has only one wrong answer. It is trivially monotone and cannot be called flat,
    so it counts only in `monotone` and `stays`. Raises RunsError if there are no puzzles or steps.
    """
    check_runs(right)
    errors = wrong.astype(np.int64)
    first = first_step(right)
    late = (first >= LATE_STEP) & (errors[0] > 0)
    fewest = np.minimum.accumulate(errors)[np.maximum(first - 2, 0), np.arange(right.shape[1])]
    before_first = np.arange(1, len(right) + 1)[:, None] < first
    monotone = (np.diff(errors, axis=0) <= 0).all(0)
    return SolvingStatistics(
        monotone=puzzle_share(monotone, right[-1], resampling=resampling),
        monotone_late=puzzle_share(monotone, right[-1] & (first >= LATE_STEP), resampling=resampling),
        stays=puzzle_share((right | before_first).all(0), first > 0, resampling=resampling),
        single_step=puzzle_share(fewest >= FLAT_SHARE * errors[0], late, resampling=resampling),
    )


@dataclass(frozen=True)
class ErrorsBeforeSolving:
    """Fraction of wrong blank cells in the last steps before puzzles are solved, aligned at the first correct answer."""

    before: Int[np.ndarray, "offset"]  # supervision steps before the first correct answer, descending to 0
    quantiles: Float64[np.ndarray, "3 offset"]  # quartiles over puzzles of wrong / blank cells
    count: Int[np.ndarray, "offset"]  # puzzles that took long enough to have this offset


def errors_before_solving(
    wrong: Wrong, blanks: UInt16[np.ndarray, "puzzle"], right: Right, *, most: int = 8
) -> ErrorsBeforeSolving:
    """Compute the fraction of blank cells that are wrong, from `most` steps before the first correct answer down to 0.

    A puzzle has no values before its own step 1, so larger offsets cover fewer and slower puzzles (see `count`).
    Offsets without puzzles are left out. Raises RunsError if there are no puzzles or steps.
    """
    check_runs(right)
    first = first_step(right)
    share = ratio(wrong, blanks[None])
    before, quantiles, count = [], [], []
    for offset in range(most, -1, -1):
        long_enough = np.flatnonzero(first - offset >= 1)
        values = share[first[long_enough] - offset - 1, long_enough]
        values = values[~np.isnan(values)]  # a puzzle without blank cells
        if values.size:
            before.append(offset)
            quantiles.append(np.quantile(values, (0.25, 0.5, 0.75)))
            count.append(values.size)
    return ErrorsBeforeSolving(
        before=np.array(before, int),
        quantiles=np.array(quantiles, np.float64).reshape(-1, 3).T,
        count=np.array(count, int),
    )


@dataclass(frozen=True)
class SharesByStep:
    """Proportions of puzzles by supervision step, with 95 % confidence intervals."""

    share: Float64[np.ndarray, "step"]  # NaN if there are no puzzles
    band: Float64[np.ndarray, "2 step"]
    count: Int[np.ndarray, "step"]  # puzzles in the denominator


def solved_by_step(right: Right, *, resampling: Resampling = BY_PUZZLE) -> SharesByStep:
    """Compute the fraction of puzzles that are exactly correct after each step.

    Raises RunsError if there are no puzzles or steps.
    """
    check_runs(right)
    return _shares(right, np.ones(right.shape, bool), resampling)


def retention(
    right: Right, *, from_solution: bool = False, resampling: Resampling = BY_PUZZLE
) -> SharesByStep:
    """Measure whether a model keeps a solution once it has found it.

    Returns the fraction of correct answers that are still correct k = 1, 2, ... steps later, even if wrong in between.
    With `from_solution`, the runs started with the solution as y, so k counts from the start. Otherwise k counts from
    the first step after which the model's answer is correct. Puzzles that are never correct do not count, and a puzzle
    that is solved late counts only until its run ends. The set of puzzles therefore depends on k (see `count`). Raises
    RunsError if there are no puzzles or steps.
    """
    check_runs(right)
    steps, puzzles = right.shape
    first = first_step(right)
    start = np.zeros(puzzles, int) if from_solution else np.where(first > 0, first, steps)
    later = np.arange(1, steps + from_solution)[:, None]
    step = start + later - 1  # index of the step k steps later
    in_run = step < steps
    still = right[np.minimum(step, steps - 1), np.arange(puzzles)] & in_run
    return _shares(still, in_run, resampling)


def _shares(
    flags: Bool[np.ndarray, "step puzzle"], among: Bool[np.ndarray, "step puzzle"], resampling: Resampling
) -> SharesByStep:
    """Compute the fraction of the puzzles in `among` that have the flag, by step; `flags` must be a subset of `among`."""
    resampled = resampling.sums(np.concatenate((flags, among)).T.astype(np.float64))
    part, count = flags.sum(1), among.sum(1)
    band = resampling.share_band(ratio(*np.split(resampled, 2, axis=1)), part, count)
    return SharesByStep(share=ratio(part, count), band=band, count=count)


@dataclass(frozen=True)
class Regressions:
    """Which correct answers become wrong, and at which step."""

    first: Int[np.ndarray, "puzzle"]  # first step at which a correct answer becomes wrong; 0: never
    times: Int[np.ndarray, "puzzle"]  # number of changes from correct to wrong
    recovered: Bool[np.ndarray, "puzzle"]  # regressed, but correct after the last step
    lost: Int[np.ndarray, "step"]  # puzzles that change from correct to wrong at each step
    gained: Int[np.ndarray, "step"]  # puzzles that change from wrong to correct at each step


def regressions(right: Right, *, after: int = 1) -> Regressions:
    """Find answers that are correct after one step and wrong after the next.

    Only changes at steps later than `after` count. Pass the number of training steps to see which answers extra depth
    breaks. The number of puzzles correct at the end equals the number correct after step `after`, plus all gained,
    minus all lost. Raises RunsError if there are no puzzles or steps, or no step `after`.
    """
    check_runs(right)
    if not 1 <= after <= len(right):
        raise RunsError(f"These runs have no step {after}. Choose one from 1 to {len(right)}.")
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
    """Cumulative cost after each supervision step, so that models with different steps share one axis."""

    layers: Int[np.ndarray, "step"]  # layers applied one after another: effective depth
    operations: Int[np.ndarray, "step"]  # FLOPs for one puzzle, as `trm.inspection.flops` counts them


def compute_by_step(config: ModelConfig, steps: int) -> Compute:
    """Compute the effective depth and the number of operations after 1 to `steps` supervision steps.

    Effective depth is defined as in the TRM paper (Jolicoeur-Martineau 2025, arXiv:2510.04871, table 1): T times the
    layers of n f_L calls and one f_H call. A step has depth 42 for TRM with n = 6 and T = 3, and 24 for HRM with n = T
    = 2.
    """
    layers = config.effective_depth // config.N_sup
    number = np.arange(1, steps + 1)
    return Compute(layers=layers * number, operations=flops.supervision_step(config) * number)
