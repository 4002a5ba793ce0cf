"""Scores of probes, with confidence intervals for the sampling error of the test puzzles.

Confidence intervals are bootstrap percentiles (Efron 1979). Puzzles rather than cells are resampled with replacement,
because the cells of a puzzle are not independent. The probe is not refitted. Targets with two classes are scored by the
area under the ROC curve (AUROC), because accuracy mostly reflects the class proportions if one class is rare.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64, Integer, Num, Shaped

from probes.stats import BY_PUZZLE, ratio
from trm.results import maybe_undefined


@dataclass(frozen=True, eq=False)
class Score:
    """A score and its 95 % confidence interval at each time point; NaN where nothing could be tested."""

    value: Float64[np.ndarray, "time"] = maybe_undefined()
    low: Float64[np.ndarray, "time"] = maybe_undefined()  # lower bound of the confidence interval
    high: Float64[np.ndarray, "time"] = maybe_undefined()  # upper bound of the confidence interval


BLOCK = 128  # puzzles whose no cells are compared with all yes cells at a time

Draws = Float64[np.ndarray, "draw puzzle"]
"""How often each test puzzle occurs in the test set and in each bootstrap resample (`Resampling.with_sample`)."""


def with_band(sampled: Float64[np.ndarray, "draw time"], puzzles: int, *, lowest: float = 0.0) -> Score:
    """Return the score on the test set with its confidence interval over the resamples. NaN resamples are skipped.

    If all resamples agree, as for an accuracy of 1, the percentiles give an interval of zero width. This interval is
    widened by 1 - 0.025 ** (1 / puzzles) on both sides, limited to `lowest` and 1. By the exact binomial bound, puzzles
    of a type that makes up this proportion are missing from a sample of `puzzles` puzzles with probability 2.5 %.
    """
    low, high = BY_PUZZLE.band(sampled[1:])
    missed = np.where(high - low < 1e-12, 1 - ((1 - BY_PUZZLE.level) / 2) ** (1 / puzzles), 0)
    low = np.where(missed > 0, np.maximum(low - missed, np.minimum(low, lowest)), low)
    high = np.where(missed > 0, np.minimum(high + missed, 1), high)
    return Score(sampled[0], low, high)


@dataclass(frozen=True, eq=False)
class Hits:
    """The number of cells of each class in each test puzzle, and how many of them are predicted correctly."""

    right: Float[np.ndarray, "time puzzle class"]  # number of cells of the class predicted correctly
    total: Float[np.ndarray, "time puzzle class"]  # number of cells of the class

    @classmethod
    def of(
        cls,
        true: Integer[np.ndarray, "puzzle time cell"],
        predicted: Shaped[np.ndarray, "puzzle time cell"],
        defined: Bool[np.ndarray, "puzzle time cell"],
        classes: int,
    ) -> "Hits":
        """Count the cells of each class in which the target is defined."""
        of_class = np.stack([(defined & (true == one)).sum(-1) for one in range(classes)], -1)
        right = np.stack(
            [(defined & (true == one) & (predicted == one)).sum(-1) for one in range(classes)], -1
        )
        return cls(right.swapaxes(0, 1).astype(float), of_class.swapaxes(0, 1).astype(float))

    def accuracy(self, draws: Draws) -> Float64[np.ndarray, "draw time"]:
        """Return the fraction of cells predicted correctly in each resample, 0 to 1."""
        return ratio(draws @ self.right.sum(-1).T, draws @ self.total.sum(-1).T)

    def balanced_accuracy(self, draws: Draws) -> Float64[np.ndarray, "draw time"]:
        """Return the mean recall over the classes that occur in each resample, 0 to 1.

        A constant prediction scores 1 / K if K classes occur.
        """
        recall = ratio(_drawn(draws, self.right), _drawn(draws, self.total))
        occurs = ~np.isnan(recall)
        return ratio(np.where(occurs, recall, 0).sum(-1), occurs.sum(-1).astype(float))


def auroc(
    true: Integer[np.ndarray, "puzzle time cell"],
    log_odds: Float[np.ndarray, "puzzle time cell"],
    defined: Bool[np.ndarray, "puzzle time cell"],
    draws: Draws,
) -> Float64[np.ndarray, "draw time"]:
    """Return the AUROC of each resample, 0 to 1; 0.5 for a constant prediction, NaN if a class is missing.

    The AUROC is the probability that a random yes cell (class 1) has higher log odds than a random no cell (class 0). It
    is counted over the cells in which the target is defined.
    """
    puzzles, time_points, _ = true.shape
    yes, no = defined & (true == 1), defined & (true == 0)
    higher = np.zeros(
        (len(draws), time_points)
    )  # pairs whose yes cell has the higher log odds; a tie counts half
    for time_point in range(time_points):
        of_yes = log_odds[:, time_point][yes[:, time_point]]
        owner = np.nonzero(yes[:, time_point])[0]
        for begin in range(0, puzzles, BLOCK):
            few = range(begin, min(begin + BLOCK, puzzles))
            pairs = np.empty(
                (puzzles, len(few))
            )  # the same by the puzzles of the yes cell and of the no cell
            for column, puzzle in enumerate(few):
                of_no = np.sort(log_odds[puzzle, time_point][no[puzzle, time_point]])
                beaten = of_no.searchsorted(of_yes, "left") + of_no.searchsorted(of_yes, "right")
                pairs[:, column] = np.bincount(owner, beaten / 2, minlength=puzzles)
            higher[:, time_point] += ((draws @ pairs) * draws[:, few.start : few.stop]).sum(-1)
    return ratio(higher, (draws @ yes.sum(-1)) * (draws @ no.sum(-1)))


@dataclass(frozen=True, eq=False)
class Errors:
    """The sums behind R² for each test puzzle."""

    # number of cells, sum of centred true numbers, sum of their squares, sum of squared errors
    sums: Float64[np.ndarray, "time puzzle 4"]

    @classmethod
    def of(
        cls,
        true: Float[np.ndarray, "puzzle time cell"],
        predicted: Float[np.ndarray, "puzzle time cell"],
        defined: Bool[np.ndarray, "puzzle time cell"],
    ) -> "Errors":
        """Sum over the cells in which the target is defined."""
        middle = (
            true[defined].mean(dtype=np.float64) if defined.any() else 0.0
        )  # centring avoids cancellation in the sums of squares
        from_middle = np.where(defined, true - middle, 0).astype(np.float64)
        missed = np.where(defined, true - predicted, 0).astype(np.float64)
        parts = (defined.sum(-1), from_middle.sum(-1), (from_middle**2).sum(-1), (missed**2).sum(-1))
        return cls(np.stack([part.astype(np.float64) for part in parts], -1).swapaxes(0, 1))

    def r2(self, draws: Draws) -> Float64[np.ndarray, "draw time"]:
        """Return R² of each resample; NaN if all true numbers are equal.

        R² is 1 - squared errors / squared deviations from the mean true number of the resample.
        """
        count, total, squares, missed = np.moveaxis(_drawn(draws, self.sums), -1, 0)
        spread = squares - np.divide(total**2, count, out=np.zeros(total.shape), where=count > 0)
        spread[spread <= 1e-12 * np.maximum(squares, 1e-300)] = 0
        return 1 - ratio(missed, spread)


def sampled_scores(
    true: Num[np.ndarray, "puzzle time cell"],
    predicted: Num[np.ndarray, "puzzle time cell"],
    defined: Bool[np.ndarray, "puzzle time cell"],
    trained: Int64[np.ndarray, "time class"],
    draws: Draws,
) -> dict[str, Float64[np.ndarray, "draw time"]]:
    """Compute all scores of a probe on each bootstrap resample of the test puzzles, by name.

    `predicted` holds the log odds of class 1 if there are two classes, class indices if there are more, and otherwise
    numbers. `trained` holds the number of training cells of each class, or in one column the number of all training
    cells if the target is numeric. Scores are NaN at time points without training cells.
    """
    classes = trained.shape[1]
    if classes == 1:
        sampled = {"r2": Errors.of(true, predicted, defined).r2(draws)}
    else:
        hits = Hits.of(true, predicted > 0 if classes == 2 else predicted, defined, classes)
        sampled = {
            "accuracy": hits.accuracy(draws),
            "balanced_accuracy": hits.balanced_accuracy(draws),
            "majority": majority_accuracy(hits, trained.argmax(-1), draws),
        }
        if classes == 2:
            sampled["auroc"] = auroc(true, predicted, defined, draws)
    return {name: np.where(trained.sum(-1) > 0, values, np.nan) for name, values in sampled.items()}


def majority_accuracy(
    hits: Hits, most_frequent: Int[np.ndarray, "time"], draws: Draws
) -> Float64[np.ndarray, "draw time"]:
    """Return the accuracy of always predicting the majority class of the training puzzles, for each resample."""
    always = np.take_along_axis(hits.total, most_frequent[:, None, None], 2)[..., 0]
    return ratio(draws @ always.T, draws @ hits.total.sum(-1).T)


def _drawn(
    draws: Draws, counts: Float[np.ndarray, "time puzzle class"]
) -> Float64[np.ndarray, "draw time class"]:
    time_points, puzzles, classes = counts.shape
    return (draws @ counts.swapaxes(0, 1).reshape(puzzles, -1)).reshape(len(draws), time_points, classes)
