"""Runs step by step: when answers become correct, whether they stay correct, how errors disappear, and what a step costs.

Do errors disappear gradually, or does a run stay flat until a single step solves the puzzle? Ren & Liu 2026
(arXiv:2601.10679) describe the second in HRM as "grokking along the steps". Others count monotone solves: runs whose
errors never increase. A run that is correct after step 1 or 2 is evidence for neither, because it has fewer than two
wrong answers to compare.

The inputs are, for every step that was run (the steps of training, or more), whether each answer is exactly correct and
how many blank cells are wrong, both `step puzzle`. Steps are counted from 1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int, UInt16

from probes.halting.rules import Right, first_step
from probes.stats import BY_PUZZLE, Resampling, RunsError, check_runs, ratio
from trm import flops
from trm.config import ModelConfig

Wrong = UInt16[np.ndarray, "step puzzle"]
"""Number of blank cells that are wrong after each supervision step."""


LATE_STEP = 3  # runs first correct at this step or later have at least two wrong answers to compare
FLAT_SHARE = 0.9  # a run is flat while at least this share of the cells wrong after step 1 is still wrong


@dataclass(frozen=True)
class PuzzleShare:
    """A share of puzzles with its 95 % band; NaN if there are no puzzles."""

    share: float
    band: tuple[float, float]
    count: int  # puzzles in the denominator


def puzzle_share(
    flags: Bool[np.ndarray, "puzzle"],
    among: Bool[np.ndarray, "puzzle"],
    *,
    resampling: Resampling = BY_PUZZLE,
) -> PuzzleShare:
    """Share of the puzzles `among` that have the flag."""
    shares = _shares((flags & among)[None], among[None], resampling)
    low, high = shares.band[:, 0]
    return PuzzleShare(float(shares.share[0]), (float(low), float(high)), int(shares.count[0]))


@dataclass(frozen=True)
class SolvingStatistics:
    """How puzzles get solved."""

    monotone: PuzzleShare  # among those solved at the end: no step increased the number of wrong blank cells
    monotone_late: PuzzleShare  # the same, among those first correct at LATE_STEP or later
    stays: PuzzleShare  # among those correct at some step: correct after every later step too
    single_step: PuzzleShare  # among those first correct at LATE_STEP or later: flat in every earlier step


def solving(wrong: Wrong, right: Right, *, resampling: Resampling = BY_PUZZLE) -> SolvingStatistics:
    """Count monotone solves, solutions that persist, and flat runs that a single step solves.

    A run first correct at step 2 has only one wrong answer, so it is trivially monotone and cannot be called flat: it
    counts in `monotone` and `stays` only. Raises RunsError if there are no puzzles or steps.
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
    """Errors in the last steps before puzzles are solved, aligned at the first correct answer."""

    before: Int[np.ndarray, "offset"]  # supervision steps before the first correct answer, down to 0
    quantiles: Float64[np.ndarray, "3 offset"]  # quartiles of wrong / blank cells
    count: Int[np.ndarray, "offset"]  # puzzles that took at least this many steps


def errors_before_solving(
    wrong: Wrong, blanks: UInt16[np.ndarray, "puzzle"], right: Right, *, most: int = 8
) -> ErrorsBeforeSolving:
    """Share of blank cells that are wrong, `most` to 0 steps before the first correct answer.

    A puzzle counts only as far back as its own first step, so larger offsets cover fewer and slower puzzles: see
    `count`. Offsets without puzzles are left out. Raises RunsError if there are no puzzles or steps.
    """
    check_runs(right)
    first = first_step(right)
    share = ratio(wrong, blanks[None])
    before, quantiles, count = [], [], []
    for offset in range(min(most, len(right) - 1), -1, -1):
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
    """A share of puzzles for every step, each with its 95 % band."""

    share: Float64[np.ndarray, "step"]  # NaN if there are no puzzles
    band: Float64[np.ndarray, "2 step"]
    count: Int[np.ndarray, "step"]  # puzzles in the denominator


def solved_by_step(right: Right, *, resampling: Resampling = BY_PUZZLE) -> SharesByStep:
    """Share of puzzles that are exactly correct after each step. Raises RunsError if there are no puzzles or steps."""
    check_runs(right)
    return _shares(right, np.ones(right.shape, bool), resampling)


@dataclass(frozen=True)
class Retention:
    """How many correct answers are still correct k = 1, 2, ... steps later."""

    right: SharesByStep  # correct after k more steps, whatever happened in between
    unbroken: SharesByStep  # correct after every one of them


def retention(right: Right, *, from_solution: bool = False, resampling: Resampling = BY_PUZZLE) -> Retention:
    """Measure whether a model keeps a solution once it has found it.

    With `from_solution`, the runs started with the solution as y, so k counts from the start. Otherwise k counts from
    the first step at which the model itself was correct. Puzzles that are never correct do not count, and those solved
    late count only until their run ends, so the set of puzzles depends on k: see `count`. Raises RunsError if there are
    no puzzles or steps.
    """
    check_runs(right)
    steps, puzzles = right.shape
    first = first_step(right)
    start = np.zeros(puzzles, int) if from_solution else np.where(first > 0, first, steps)
    later = np.arange(1, steps + from_solution)[:, None]
    step = start + later - 1  # index of the step k steps later
    in_run = step < steps
    still = right[np.minimum(step, steps - 1), np.arange(puzzles)] & in_run
    unbroken = np.logical_and.accumulate(still)
    return Retention(right=_shares(still, in_run, resampling), unbroken=_shares(unbroken, in_run, resampling))


def _shares(
    flags: Bool[np.ndarray, "step puzzle"], among: Bool[np.ndarray, "step puzzle"], resampling: Resampling
) -> SharesByStep:
    """Share of the puzzles `among` that have the flag, by step; `flags` must be a subset of `among`."""
    resampled = resampling.sums(np.concatenate((flags, among)).T.astype(np.float64))
    part, count = flags.sum(1), among.sum(1)
    band = resampling.share_band(ratio(*np.split(resampled, 2, axis=1)), part, count)
    return SharesByStep(share=ratio(part, count), band=band, count=count)


@dataclass(frozen=True)
class Regressions:
    """Which correct answers become wrong, and when."""

    first: Int[np.ndarray, "puzzle"]  # first step at which a correct answer has become wrong; 0: never
    times: Int[np.ndarray, "puzzle"]
    recovered: Bool[np.ndarray, "puzzle"]  # regressed, but correct after the last step
    lost: Int[np.ndarray, "step"]  # puzzles that change from correct to wrong at each step
    gained: Int[np.ndarray, "step"]  # and from wrong to correct


def regressions(right: Right, *, after: int = 1) -> Regressions:
    """Find answers that were correct after one step and are wrong after the next.

    Only changes at steps later than `after` count: pass the number of training steps to see which answers extra depth
    breaks. Puzzles correct at the end are those correct after step `after`, plus all gained, minus all lost. Raises
    RunsError if there are no puzzles or steps, or no step `after`.
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

    layers: Int[np.ndarray, "step"]  # applied one after another: effective depth
    operations: Int[np.ndarray, "step"]  # FLOPs for one puzzle, as `trm.flops` counts them


def compute_by_step(config: ModelConfig, steps: int) -> Compute:
    """Effective depth and operations after 1 to `steps` supervision steps.

    Effective depth is defined as in the TRM paper (Jolicoeur-Martineau 2025, arXiv:2510.04871, table 1): T times the
    layers of n f_L calls and one f_H call. That is 42 per step for TRM with n = 6, T = 3 and 24 for HRM with n = T = 2.
    """
    layers = config.T * (config.n * config.layers + (config.H_layers or config.layers))
    number = np.arange(1, steps + 1)
    return Compute(layers=layers * number, operations=flops.supervision_step(config) * number)
