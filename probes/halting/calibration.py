"""Can the halting probability be believed, and does it tell right answers from wrong ones?

Two questions. Calibrated: of the answers given with probability 0.8, are 80 % right? Discriminating: do right answers get
larger logits than wrong ones, whatever their size? A head can be good at either alone.

TRM's q_halt is trained as the logit of "exactly right now", so its logistic function ought to be that probability. HRM's
q_halt is one too, a value of Q-learning; its margin q_halt - q_continue only orders, so take q_halt alone for calibration.

All steps that are given are pooled; for one step, pass that step: `halting[-1:], right[-1:]`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int

from probes.halting.rules import Logits, Right, halt_probabilities
from probes.stats import BY_PUZZLE, Resampling, RunsError, check_runs, ratio

BINS = 15  # as in Guo et al. 2017
MOST_BINS = 1000


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram. Bin k holds probabilities above edge k, up to and including edge k + 1; the first bin its lower edge too."""

    edges: Float64[np.ndarray, "edge"]
    counts: Int[np.ndarray, "bin"]  # answers, one for each puzzle and step
    confidence: Float64[np.ndarray, "bin"]  # mean halting probability; NaN in an empty bin
    share_right: Float64[np.ndarray, "bin"]
    share_right_band: Float64[np.ndarray, "2 bin"]
    expected_error: float  # ECE: mean of |share right - confidence| over answers
    expected_error_band: tuple[float, float]
    largest_error: float  # MCE: its maximum over bins that are not empty


def reliability(
    halting: Logits,
    right: Right,
    *,
    bins: int = BINS,
    equal: Literal["width", "count"] = "width",
    resampling: Resampling = BY_PUZZLE,
) -> Reliability:
    """Bin answers by halting probability and compare it with the share that is right (Guo et al. 2017, arXiv:1706.04599).

    Expected and maximum calibration error are those of Naeini, Cooper & Hauskrecht 2015. Bins of equal width split 0 to
    1; bins of equal count are the quantiles of the probabilities, and fewer where many are equal, as equal ones are never
    split. Bands are from a bootstrap over puzzles with the edges kept. Both errors are biased upwards where bins hold
    few answers, in a resample more than in the whole, so a band may lie above its number.

    Raises RunsError where there is no puzzle or step, a logit is not finite, or the number of bins is not 1 to 1000.
    """
    check_runs(right, halting)
    if not 1 <= bins <= MOST_BINS:
        raise RunsError(f"{bins} bins are no diagram. Take 1 to {MOST_BINS}.")
    probabilities = halt_probabilities(halting)
    edges = np.linspace(0, 1, bins + 1) if equal == "width" else _quantile_edges(probabilities, bins)
    bins, puzzles = len(edges) - 1, right.shape[1]
    cell = np.searchsorted(edges[1:-1], probabilities, side="left") + bins * np.arange(puzzles)
    counts, confidence, hits = (
        np.bincount(cell.ravel(), weights, minlength=puzzles * bins).reshape(puzzles, bins)
        for weights in (None, probabilities.ravel(), right.ravel())
    )
    whole = _errors(counts.sum(0), confidence.sum(0), hits.sum(0))
    again = _errors(*np.split(resampling.sums(np.hstack((counts, confidence, hits))), 3, axis=1))
    expected_low, expected_high = resampling.band(again.expected)
    return Reliability(
        edges=edges,
        counts=counts.sum(0),
        confidence=whole.confidence,
        share_right=whole.share_right,
        share_right_band=resampling.band(again.share_right),
        expected_error=float(whole.expected),
        expected_error_band=(float(expected_low), float(expected_high)),
        largest_error=float(whole.largest),
    )


@dataclass(frozen=True)
class _Errors:
    confidence: Float64[np.ndarray, "*batch bin"]
    share_right: Float64[np.ndarray, "*batch bin"]
    expected: Float64[np.ndarray, "*batch"]
    largest: Float64[np.ndarray, "*batch"]


def _errors(counts: np.ndarray, confidence: np.ndarray, hits: np.ndarray) -> _Errors:
    """Sums of each bin, `*batch bin`, made into means and errors."""
    gaps = np.abs(hits - confidence)
    return _Errors(
        confidence=ratio(confidence, counts),
        share_right=ratio(hits, counts),
        expected=np.asarray(gaps.sum(-1) / counts.sum(-1)),
        largest=np.asarray(np.divide(gaps, counts, out=np.zeros(gaps.shape), where=counts > 0).max(-1)),
    )


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


def roc_by_step(halting: Logits, right: Right) -> tuple[ROC, ...]:
    """One curve for each supervision step. Raises as `roc` does."""
    check_runs(right, halting)
    return tuple(roc(halting[step : step + 1], right[step : step + 1]) for step in range(len(right)))
