"""Calibration and discrimination of the halting probability.

Calibration: are 80 % of the answers with probability 0.8 correct? Discrimination: do correct answers get larger logits
than wrong answers, whatever the values? A halting head can be good at one and bad at the other.

TRM's q_halt is trained as the logit of "exactly correct now", so its sigmoid should be that probability. The same holds
for HRM's q_halt, a Q-value. The margin q_halt - q_continue only ranks answers, so use q_halt alone for calibration.

All steps in the arguments are pooled. For a single step, pass only that step: `halting[-1:], right[-1:]`. Most pairs of
a puzzle and a step carry no new information, because answer and logit are those of the previous step. Most
probabilities are near 0 or 1, where any halting head that separates correct from wrong answers has a small error. The
error over all pairs is therefore small even if the head is badly calibrated where it is uncertain. `repeats`,
`undecided` and `at_halt` select more informative pairs.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, UInt16

from probes.halting.rules import Logits, Right, halt_probabilities, stop_step
from probes.stats import BY_PUZZLE, Resampling, RunsError, check_runs, ratio
from trm.grading import binomial_band

BINS = 15  # as in Guo et al. 2017
MAX_BINS = 1000
UNDECIDED = (0.05, 0.95)  # a pair is undecided if its halting probability lies between these limits
SAME = 0.02  # a change of q_halt (a logit) below this counts as no change

Pairs = Bool[np.ndarray, "step puzzle"]
"""Mask that selects answers, which are pairs of a puzzle and a supervision step."""


def repeats(changed: UInt16[np.ndarray, "step puzzle"], halting: Logits) -> Pairs:
    """Select pairs that repeat the previous answer: the answer did not change, and the logit changed by less than SAME."""
    unchanged = changed == 0
    unchanged[1:] &= np.abs(np.diff(halting.astype(np.float64), axis=0)) < SAME
    return unchanged


def undecided(halting: Logits) -> Pairs:
    """Select pairs whose halting probability lies strictly between the limits in UNDECIDED."""
    low, high = UNDECIDED
    probabilities = halt_probabilities(halting)
    return (low < probabilities) & (probabilities < high)


def at_halt(halting: Logits) -> Pairs:
    """Select one pair per puzzle: the step at which the model's own rule would halt, or else the last step."""
    return np.arange(1, len(halting) + 1)[:, None] == stop_step(halting > 0)


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram with its calibration errors.

    Bin k contains probabilities in (edge k, edge k + 1]; the first bin includes its lower edge.
    """

    edges: Float64[np.ndarray, "edge"]
    counts: Int[np.ndarray, "bin"]  # number of answers (one per puzzle and step)
    confidence: Float64[np.ndarray, "bin"]  # mean halting probability; NaN in an empty bin
    share_right: Float64[np.ndarray, "bin"]
    share_right_band: Float64[np.ndarray, "2 bin"]
    expected_error: float  # ECE: mean of |share_right - confidence| over answers; NaN without answers
    expected_error_band: tuple[float, float]
    max_error: float  # MCE: maximum over non-empty bins

    @property
    def pairs(self) -> int:
        """Number of pairs of a puzzle and a step in the diagram."""
        return int(self.counts.sum())

    @property
    def overconfidence(self) -> float:
        """Mean halting probability minus accuracy, over all answers; NaN if there are no answers."""
        off = np.nansum(self.counts * (self.confidence - self.share_right))
        return float(off / self.pairs) if self.pairs else float("nan")


def reliability(
    halting: Logits,
    right: Right,
    *,
    among: Pairs | None = None,
    bins: int = BINS,
    resampling: Resampling = BY_PUZZLE,
) -> Reliability:
    """Bin answers by halting probability and compare the mean probability of each bin with its accuracy.

    The diagram follows Guo et al. 2017 (arXiv:1706.04599); expected and maximum calibration error follow Naeini, Cooper
    & Hauskrecht 2015. Bins of equal width split [0, 1]. `among` selects pairs; by default all pairs count.

    Confidence intervals come from a bootstrap over puzzles with fixed edges. If all answers of a bin are correct, or
    all are wrong, its interval is binomial over its puzzles. Both errors are biased upwards when bins contain few
    answers, and more so in a resample than in the full data, so an interval can lie above its estimate.

    Raises RunsError if there are no puzzles or steps, a logit is not finite, or the number of bins is not 1 to 1000.
    """
    check_runs(right, halting)
    if not 1 <= bins <= MAX_BINS:
        raise RunsError(f"A diagram cannot have {bins} bins. Choose 1 to {MAX_BINS}.")
    probabilities = halt_probabilities(halting)
    edges, puzzles = np.linspace(0, 1, bins + 1), right.shape[1]
    puzzle_bin = np.searchsorted(edges[1:-1], probabilities, side="left") + bins * np.arange(puzzles)
    selected = np.ones(right.shape, bool) if among is None else among
    counts, confidence, hits = (
        np.bincount(puzzle_bin.ravel(), (weights * selected).ravel(), minlength=puzzles * bins).reshape(
            puzzles, bins
        )
        for weights in (1, probabilities, right)
    )
    whole = _calibration_errors(counts.sum(0), confidence.sum(0), hits.sum(0))
    resampled = _calibration_errors(
        *np.split(resampling.sums(np.hstack((counts, confidence, hits))), 3, axis=1)
    )
    expected_low, expected_high = resampling.band(resampled.expected)
    puzzles_in_bin, all_alike = (counts > 0).sum(0), np.isin(whole.share_right, (0, 1))
    binomial = binomial_band(
        np.where(whole.share_right == 1, puzzles_in_bin, 0), puzzles_in_bin, resampling.level
    )
    return Reliability(
        edges=edges,
        counts=counts.sum(0).astype(int),
        confidence=whole.confidence,
        share_right=whole.share_right,
        share_right_band=np.where(all_alike, binomial, resampling.band(resampled.share_right)),
        expected_error=float(whole.expected),
        expected_error_band=(float(expected_low), float(expected_high)),
        max_error=float(whole.largest),
    )


@dataclass(frozen=True)
class _CalibrationErrors:
    confidence: Float64[np.ndarray, "*batch bin"]
    share_right: Float64[np.ndarray, "*batch bin"]
    expected: Float64[np.ndarray, "*batch"]
    largest: Float64[np.ndarray, "*batch"]


def _calibration_errors(counts: np.ndarray, confidence: np.ndarray, hits: np.ndarray) -> _CalibrationErrors:
    """Compute means and errors from the sums of each bin, which have shape [*batch, bin]."""
    gaps = np.abs(hits - confidence)
    return _CalibrationErrors(
        confidence=ratio(confidence, counts),
        share_right=ratio(hits, counts),
        expected=ratio(np.asarray(gaps.sum(-1)), np.asarray(counts.sum(-1))),
        largest=np.asarray(np.divide(gaps, counts, out=np.zeros(gaps.shape), where=counts > 0).max(-1)),
    )


def error_by_chance(
    halting: Logits, among: Pairs, *, bins: int = BINS, resampling: Resampling = BY_PUZZLE
) -> float:
    """Compute the expected calibration error that a perfectly calibrated head exceeds in only 5 % of simulations.

    With few pairs, even a calibrated head has an error above 0 (consistency resampling, Bröcker & Smith 2007). Each
    simulation makes every pair of `among` correct with its own halting probability; bins have equal width. All pairs of
    a puzzle use one random number. This is the strongest possible dependence, so the bound is conservative.
    `resampling` sets the number of simulations and the level (default 95 %). Returns NaN if there are no pairs.
    """
    step, puzzle = np.nonzero(among)
    probabilities = halt_probabilities(halting)[step, puzzle]
    bin_of = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], probabilities, side="left")
    order = np.argsort(bin_of, kind="stable")
    puzzle, probabilities, bin_starts = (
        puzzle[order],
        probabilities[order],
        np.unique(bin_of[order], return_index=True)[1],
    )
    if not len(puzzle):
        return float("nan")
    random = np.random.default_rng(resampling.seed)
    errors = []
    for _ in range(resampling.resamples):
        right = random.random(among.shape[1])[puzzle] < probabilities
        errors.append(np.abs(np.add.reduceat(right - probabilities, bin_starts)).sum() / len(puzzle))
    return float(np.quantile(errors, resampling.level))


@dataclass(frozen=True)
class ROC:
    """ROC curve of the logits as a classifier of correct answers; empty if all answers are correct or all are wrong."""

    threshold: Float64[np.ndarray, "point"]  # "correct" at or above it; descending from infinity
    false_positive_rate: Float64[np.ndarray, "point"]  # over wrong answers
    true_positive_rate: Float64[np.ndarray, "point"]  # over correct answers
    auc: float | None  # 0.5 is chance; None if all answers are correct or all are wrong


def roc(halting: Logits, right: Right) -> ROC:
    """Compute the ROC curve for "exactly correct now", without points on a straight line between their neighbours.

    Raises RunsError if there are no puzzles or steps, or a logit is not finite.
    """
    check_runs(right, halting)
    if right.all() or not right.any():
        return ROC(np.zeros(0), np.zeros(0), np.zeros(0), None)
    # negated, so that the logits descend
    threshold, index = np.unique(-halting.ravel().astype(np.float64), return_inverse=True)
    right_at = np.bincount(index, right.ravel(), minlength=len(threshold))
    wrong_at = np.bincount(index, ~right.ravel(), minlength=len(threshold))
    true, false = (np.concatenate(([0.0], np.cumsum(counts))) for counts in (right_at, wrong_at))
    true, false = true / true[-1], false / false[-1]
    corner = np.ones(len(true), bool)  # points at which the curve changes direction
    turns = np.diff(right_at).astype(bool) | np.diff(wrong_at).astype(bool)
    corner[1:-1] = turns
    return ROC(
        threshold=np.concatenate(([np.inf], -threshold))[corner],
        false_positive_rate=false[corner],
        true_positive_rate=true[corner],
        auc=float(np.trapezoid(true, false)),
    )


def step_auc(right: Right) -> float | None:
    """Compute the AUROC of the step number alone. This is a baseline, since later answers are more often correct.

    Raises RunsError if there are no puzzles or steps.
    """
    number = np.arange(len(right), dtype=np.float64)[:, None]
    return roc(np.broadcast_to(number, right.shape), right).auc


def auc_band(
    halting: Float[np.ndarray, "puzzle"],
    right: Bool[np.ndarray, "puzzle"],
    *,
    resampling: Resampling = BY_PUZZLE,
) -> tuple[float, float] | None:
    """Return the bootstrap confidence interval of the AUROC of one step; None if the AUROC is undefined.

    If every correct answer has a larger logit than every wrong answer, the bootstrap interval has no width. The
    function then returns the interval of a binomial proportion over the puzzles of the rarer class.
    """
    if right.all() or not right.any():
        return None
    order = np.argsort(halting, kind="stable")
    starts = np.unique(halting[order], return_index=True)[1]  # start of each group of equal logits
    areas = []
    for times in resampling.draws(len(right)):
        classes = (times[:, order] * right[order], times[:, order] * ~right[order])
        true, false = (np.add.reduceat(each, starts, axis=1) for each in classes)
        below = np.cumsum(false, axis=1) - false / 2  # wrong answers with a smaller logit; ties count half
        areas.append(ratio((true * below).sum(1), true.sum(1) * false.sum(1)))
    area, rarer = np.concatenate(areas), np.array(min(right.sum(), (~right).sum()))
    in_order = halting[right].min() > halting[~right].max()
    low, high = binomial_band(rarer, rarer, resampling.level) if in_order else resampling.band(area)
    return float(low), float(high)


def roc_by_step(halting: Logits, right: Right) -> tuple[ROC, ...]:
    """Compute one ROC curve per supervision step.

    Raises RunsError if there are no puzzles or steps, or a logit is not finite.
    """
    check_runs(right, halting)
    return tuple(roc(halting[step : step + 1], right[step : step + 1]) for step in range(len(right)))
