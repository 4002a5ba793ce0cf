"""Can the halting probability be believed, and does it tell right answers from wrong ones?

Two questions. Calibrated: of the answers given with probability 0.8, are 80 % right? Discriminating: do right answers get
larger logits than wrong ones, whatever their size? A head can be good at either alone.

TRM's q_halt is trained as the logit of "exactly right now", so its logistic function ought to be that probability. HRM's
q_halt is one too, a value of Q-learning; its margin q_halt - q_continue only orders, so take q_halt alone for calibration.

All steps that are given are pooled; for one step, pass that step: `halting[-1:], right[-1:]`. But most pairs of a puzzle and
a step say nothing new: the answer and its logit are those of the step before, and most probabilities are near 0 or 1,
where any head that tells right from wrong is close. So the error over all pairs is small whatever the head says where it is
not sure. `repeats`, `undecided` and `at_halt` choose the pairs that say more.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, UInt16

from probes.halting.rules import Logits, Right, halt_probabilities, stop_step
from probes.stats import BY_PUZZLE, Resampling, RunsError, binomial_band, check_runs, ratio

BINS = 15  # as in Guo et al. 2017
MAX_BINS = 1000
UNDECIDED = (0.05, 0.95)  # halting probabilities between which a head is not sure
SAME = 0.02  # change of q_halt, a logit, below which it is that of the step before

Pairs = Bool[np.ndarray, "step puzzle"]
"""Chosen answers: pairs of a puzzle and a supervision step."""


def repeats(changed: UInt16[np.ndarray, "step puzzle"], halting: Logits) -> Pairs:
    """Pairs that repeat the step before: no cell of the answer changed, and the logit moved by less than SAME."""
    found = changed == 0
    found[1:] &= np.abs(np.diff(halting.astype(np.float64), axis=0)) < SAME
    return found


def undecided(halting: Logits) -> Pairs:
    """Pairs whose halting probability is between the ends of UNDECIDED."""
    low, high = UNDECIDED
    probabilities = halt_probabilities(halting)
    return (low < probabilities) & (probabilities < high)


def at_halt(halting: Logits) -> Pairs:
    """Of each puzzle the step at which it would halt, by the logit of the model's own rule; the last where it never does."""
    return np.arange(1, len(halting) + 1)[:, None] == stop_step(halting > 0)


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram. Bin k holds probabilities above edge k, up to and including edge k + 1; the first bin its lower edge too."""

    edges: Float64[np.ndarray, "edge"]
    counts: Int[np.ndarray, "bin"]  # answers, one for each puzzle and step
    confidence: Float64[np.ndarray, "bin"]  # mean halting probability; NaN in an empty bin
    share_right: Float64[np.ndarray, "bin"]
    share_right_band: Float64[np.ndarray, "2 bin"]
    expected_error: float  # ECE: mean of |share right - confidence| over answers; NaN of none
    expected_error_band: tuple[float, float]
    max_error: float  # MCE: its maximum over bins that are not empty

    @property
    def pairs(self) -> int:
        return int(self.counts.sum())

    @property
    def overconfidence(self) -> float:
        """Mean halting probability less the share that is right, over all answers; NaN of none."""
        off = np.nansum(self.counts * (self.confidence - self.share_right))
        return float(off / self.pairs) if self.pairs else float("nan")


def reliability(
    halting: Logits,
    right: Right,
    *,
    among: Pairs | None = None,
    bins: int = BINS,
    equal: Literal["width", "count"] = "width",
    resampling: Resampling = BY_PUZZLE,
) -> Reliability:
    """Bin answers by halting probability and compare it with the share that is right (Guo et al. 2017, arXiv:1706.04599).

    Expected and maximum calibration error are those of Naeini, Cooper & Hauskrecht 2015. Bins of equal width split 0 to
    1; bins of equal count are the quantiles of the probabilities, and fewer where many are equal, as equal ones are never
    split. `among` chooses pairs; without it all count. Bands are from a bootstrap over puzzles with the edges kept; where
    all answers of a bin are right, or all wrong, from the binomial of the puzzles in it. Both errors are biased upwards
    where bins hold few answers, in a resample more than in the whole, so a band may lie above its number.

    Raises RunsError where there is no puzzle or step, a logit is not finite, or the number of bins is not 1 to 1000.
    """
    check_runs(right, halting)
    if not 1 <= bins <= MAX_BINS:
        raise RunsError(f"{bins} bins are no diagram. Take 1 to {MAX_BINS}.")
    probabilities = halt_probabilities(halting)
    edges = np.linspace(0, 1, bins + 1) if equal == "width" else _quantile_edges(probabilities, bins)
    bins, puzzles = len(edges) - 1, right.shape[1]
    cell = np.searchsorted(edges[1:-1], probabilities, side="left") + bins * np.arange(puzzles)
    chosen = np.ones(right.shape, bool) if among is None else among
    counts, confidence, hits = (
        np.bincount(cell.ravel(), (weights * chosen).ravel(), minlength=puzzles * bins).reshape(puzzles, bins)
        for weights in (1, probabilities, right)
    )
    whole = _calibration_errors(counts.sum(0), confidence.sum(0), hits.sum(0))
    again = _calibration_errors(*np.split(resampling.sums(np.hstack((counts, confidence, hits))), 3, axis=1))
    expected_low, expected_high = resampling.band(again.expected)
    in_bin, alike = (counts > 0).sum(0), np.isin(whole.share_right, (0, 1))
    of_puzzles = binomial_band(np.where(whole.share_right == 1, in_bin, 0), in_bin, resampling.level)
    return Reliability(
        edges=edges,
        counts=counts.sum(0).astype(int),
        confidence=whole.confidence,
        share_right=whole.share_right,
        share_right_band=np.where(alike, of_puzzles, resampling.band(again.share_right)),
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
    """Sums of each bin, `*batch bin`, made into means and errors."""
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
    """The expected error, in bins of equal width, below which a perfectly calibrated head stays in `level` of all draws.

    An error is never 0 where pairs are few (consistency resampling, Bröcker & Smith 2007): here each pair of `among` is drawn
    right with the probability that the head gives it. All pairs of a puzzle share one draw, so that they hang together as
    much as they can, which makes the bound the larger one. NaN of no pair.
    """
    step, puzzle = np.nonzero(among)
    probabilities = halt_probabilities(halting)[step, puzzle]
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], probabilities, side="left")
    order = np.argsort(place, kind="stable")
    puzzle, probabilities, begins = (
        puzzle[order],
        probabilities[order],
        np.unique(place[order], return_index=True)[1],
    )
    if not len(puzzle):
        return float("nan")
    random = np.random.default_rng(resampling.seed)
    errors = []
    for _ in range(resampling.resamples):
        right = random.random(among.shape[1])[puzzle] < probabilities
        errors.append(np.abs(np.add.reduceat(right - probabilities, begins)).sum() / len(puzzle))
    return float(np.quantile(errors, resampling.level))


def _quantile_edges(
    probabilities: Float64[np.ndarray, "step puzzle"], bins: int
) -> Float64[np.ndarray, "edge"]:
    """Probabilities that occur, so that each bin ends at one; no two inner edges are equal."""
    inner = np.quantile(probabilities, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    lowest, highest = probabilities.min(), probabilities.max()
    return np.concatenate(([lowest], np.unique(inner[inner < highest]), [highest]))


@dataclass(frozen=True)
class ROC:
    """How well logits tell right answers from wrong ones, at every threshold; empty where there is only one kind."""

    threshold: Float64[np.ndarray, "point"]  # logits at or above it count as right; descending from infinity
    false_positive_rate: Float64[np.ndarray, "point"]  # of the wrong answers, the share counted as right
    true_positive_rate: Float64[np.ndarray, "point"]  # of the right answers
    auc: float | None  # 0.5 is chance; None where all answers are right or all are wrong


def roc(halting: Logits, right: Right) -> ROC:
    """The ROC curve of "exactly right now", without the points that lie between others on a straight line.

    Raises RunsError where there is no puzzle or step, or a logit is not finite.
    """
    check_runs(right, halting)
    if right.all() or not right.any():
        return ROC(np.zeros(0), np.zeros(0), np.zeros(0), None)
    threshold, place = np.unique(
        -halting.ravel().astype(np.float64), return_inverse=True
    )  # descending logits
    right_at = np.bincount(place, right.ravel(), minlength=len(threshold))
    wrong_at = np.bincount(place, ~right.ravel(), minlength=len(threshold))
    true, false = (np.concatenate(([0.0], np.cumsum(counts))) for counts in (right_at, wrong_at))
    true, false = true / true[-1], false / false[-1]
    corner = np.ones(len(true), bool)  # neither rate turns where the next step is as the one before
    turns = np.diff(right_at).astype(bool) | np.diff(wrong_at).astype(bool)
    corner[1:-1] = turns
    return ROC(
        threshold=np.concatenate(([np.inf], -threshold))[corner],
        false_positive_rate=false[corner],
        true_positive_rate=true[corner],
        auc=float(np.trapezoid(true, false)),
    )


def step_auc(right: Right) -> float | None:
    """The area of the step number alone, which every head that rises with the steps can have: later answers are likelier right.

    Raises as `roc` does.
    """
    number = np.arange(len(right), dtype=np.float64)[:, None]
    return roc(np.broadcast_to(number, right.shape), right).auc


def auc_band(
    halting: Float[np.ndarray, "puzzle"],
    right: Bool[np.ndarray, "puzzle"],
    *,
    resampling: Resampling = BY_PUZZLE,
) -> tuple[float, float] | None:
    """Bootstrap band of the area under the ROC curve of one step; None where it is not defined.

    Where every pair is in order the bootstrap has no width: the band is that of as many puzzles as there are of the rarer kind.
    """
    if right.all() or not right.any():
        return None
    order = np.argsort(halting, kind="stable")
    begins = np.unique(halting[order], return_index=True)[1]  # of equal logits
    areas = []
    for times in resampling.draws(len(right)):
        kinds = (times[:, order] * right[order], times[:, order] * ~right[order])
        true, false = (np.add.reduceat(each, begins, axis=1) for each in kinds)
        below = (
            np.cumsum(false, axis=1) - false / 2
        )  # wrong answers with a smaller logit, and half of those with an equal one
        areas.append(ratio((true * below).sum(1), true.sum(1) * false.sum(1)))
    area, rarer = np.concatenate(areas), np.array(min(right.sum(), (~right).sum()))
    in_order = halting[right].min() > halting[~right].max()
    low, high = binomial_band(rarer, rarer, resampling.level) if in_order else resampling.band(area)
    return float(low), float(high)


def roc_by_step(halting: Logits, right: Right) -> tuple[ROC, ...]:
    """One curve for each supervision step. Raises as `roc` does."""
    check_runs(right, halting)
    return tuple(roc(halting[step : step + 1], right[step : step + 1]) for step in range(len(right)))
