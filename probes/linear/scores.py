"""Scores of probes, with bands for the sampling error of the test puzzles.

Bands are bootstrap percentiles (Efron 1979): test puzzles, not cells, are drawn with replacement, because the cells of
a puzzle are not independent. The probe is not refitted. Two classes are scored by the area under the ROC curve (AUROC),
because accuracy on a rare class mostly reflects how rare it is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64, Integer, Num, Shaped

BAND = (2.5, 97.5)  # percentiles: 95 % of the draws lie between them


@dataclass(frozen=True, eq=False)
class Score:
    """One number per time point; NaN where nothing could be tested."""

    value: Float64[np.ndarray, "time"]
    low: Float64[np.ndarray, "time"]  # lower bound of the 95 % band
    high: Float64[np.ndarray, "time"]


Draws = Float64[np.ndarray, "draw puzzle"]
"""How often each test puzzle occurs in each resample. The first row is the test set itself: every puzzle once."""


def bootstrap_draws(puzzles: int, *, count: int, seed: int) -> Draws:
    """The test set, then `count` resamples of the same size, drawn with replacement."""
    drawn = np.random.default_rng(seed).multinomial(puzzles, np.full(puzzles, 1 / puzzles), count)
    return np.concatenate([np.ones((1, puzzles)), drawn])


def with_band(sampled: Float64[np.ndarray, "draw time"], puzzles: int, *, lowest: float = 0.0) -> Score:
    """The value on the test set, with percentiles over its resamples. NaN resamples are skipped.

    If all resamples agree, as for an accuracy of 1, the percentiles have no width. A type of puzzle that a sample of
    `puzzles` misses with probability 2.5 % may make up a share of up to 1 - 0.025 ** (1 / puzzles) (the exact binomial
    bound). The band is then widened by this share, within `lowest` to 1.
    """
    low, high = np.full((2, sampled.shape[1]), np.nan)
    some = ~np.isnan(sampled[1:]).all(0)
    if some.any():
        low[some], high[some] = np.nanpercentile(sampled[1:, some], BAND, axis=0)
    missed = np.where(high - low < 1e-12, 1 - (BAND[0] / 100) ** (1 / puzzles), 0)
    low = np.where(missed > 0, np.maximum(low - missed, np.minimum(low, lowest)), low)
    high = np.where(missed > 0, np.minimum(high + missed, 1), high)
    return Score(sampled[0], low, high)


@dataclass(frozen=True, eq=False)
class Hits:
    """How often each class occurs in each test puzzle, and how often it is predicted correctly."""

    right: Float[np.ndarray, "time puzzle class"]
    total: Float[np.ndarray, "time puzzle class"]

    @classmethod
    def of(
        cls,
        true: Integer[np.ndarray, "puzzle time cell"],
        predicted: Shaped[np.ndarray, "puzzle time cell"],
        defined: Bool[np.ndarray, "puzzle time cell"],
        classes: int,
    ) -> "Hits":
        """Count the cells for which the target is defined."""
        of_class = np.stack([(defined & (true == one)).sum(-1) for one in range(classes)], -1)
        right = np.stack(
            [(defined & (true == one) & (predicted == one)).sum(-1) for one in range(classes)], -1
        )
        return cls(right.swapaxes(0, 1).astype(float), of_class.swapaxes(0, 1).astype(float))

    def accuracy(self, draws: Draws) -> Float64[np.ndarray, "draw time"]:
        """The share of cells that are predicted correctly, 0 to 1."""
        return _ratio(draws @ self.right.sum(-1).T, draws @ self.total.sum(-1).T)

    def balanced_accuracy(self, draws: Draws) -> Float64[np.ndarray, "draw time"]:
        """Mean recall over the classes that occur, 0 to 1; 1 / classes for a constant prediction."""
        recall = _ratio(_drawn(draws, self.right), _drawn(draws, self.total))
        occurs = ~np.isnan(recall)
        return _ratio(np.where(occurs, recall, 0).sum(-1), occurs.sum(-1).astype(float))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a yes cell and a no cell, by their two puzzles: the number in which the yes cell is ranked higher."""

    higher: Float64[np.ndarray, "time yes_puzzle no_puzzle"]  # a tie counts half
    yes: Float64[np.ndarray, "time puzzle"]  # number of cells
    no: Float64[np.ndarray, "time puzzle"]

    @classmethod
    def of(
        cls,
        true: Integer[np.ndarray, "puzzle time cell"],
        log_odds: Float[np.ndarray, "puzzle time cell"],
        defined: Bool[np.ndarray, "puzzle time cell"],
    ) -> "Pairs":
        """Count the pairs of cells for which the target is defined. Classes are 0 (no) and 1 (yes)."""
        puzzles, time_points, _ = true.shape
        yes, no = defined & (true == 1), defined & (true == 0)
        higher = np.zeros((time_points, puzzles, puzzles))
        for time_point in range(time_points):
            of_yes = log_odds[:, time_point][yes[:, time_point]]
            owner = np.nonzero(yes[:, time_point])[0]
            for puzzle in range(puzzles):
                of_no = np.sort(log_odds[puzzle, time_point][no[puzzle, time_point]])
                beaten = of_no.searchsorted(of_yes, "left") + of_no.searchsorted(of_yes, "right")
                higher[time_point, :, puzzle] = np.bincount(owner, beaten / 2, minlength=puzzles)
        return cls(higher, yes.sum(-1).T.astype(float), no.sum(-1).T.astype(float))

    def auroc(self, draws: Draws) -> Float64[np.ndarray, "draw time"]:
        """Probability that a yes cell is ranked above a no cell, 0 to 1; 0.5 for a constant, NaN if a class is missing."""
        higher = np.stack([((draws @ one) * draws).sum(-1) for one in self.higher], -1)
        return _ratio(higher, (draws @ self.yes.T) * (draws @ self.no.T))


@dataclass(frozen=True, eq=False)
class Errors:
    """Sums over each test puzzle: count, true numbers (centred), their squares, and squared errors."""

    sums: Float64[np.ndarray, "time puzzle 4"]

    @classmethod
    def of(
        cls,
        true: Float[np.ndarray, "puzzle time cell"],
        predicted: Float[np.ndarray, "puzzle time cell"],
        defined: Bool[np.ndarray, "puzzle time cell"],
    ) -> "Errors":
        """Sum over the cells for which the target is defined."""
        middle = (
            true[defined].mean(dtype=np.float64) if defined.any() else 0.0
        )  # centring avoids cancellation in the sums of squares
        from_middle = np.where(defined, true - middle, 0).astype(np.float64)
        missed = np.where(defined, true - predicted, 0).astype(np.float64)
        parts = (defined.sum(-1), from_middle.sum(-1), (from_middle**2).sum(-1), (missed**2).sum(-1))
        return cls(np.stack([part.astype(np.float64) for part in parts], -1).swapaxes(0, 1))

    def r2(self, draws: Draws) -> Float64[np.ndarray, "draw time"]:
        """1 - squared errors / squared deviations from the test mean; NaN if all numbers are equal."""
        count, total, squares, missed = np.moveaxis(_drawn(draws, self.sums), -1, 0)
        spread = squares - np.divide(total**2, count, out=np.zeros(total.shape), where=count > 0)
        spread[spread <= 1e-12 * np.maximum(squares, 1e-300)] = 0
        return 1 - _ratio(missed, spread)


def sampled_scores(
    true: Num[np.ndarray, "puzzle time cell"],
    predicted: Num[np.ndarray, "puzzle time cell"],
    defined: Bool[np.ndarray, "puzzle time cell"],
    trained: Int64[np.ndarray, "time class"],
    draws: Draws,
) -> dict[str, Float64[np.ndarray, "draw time"]]:
    """All scores on the test puzzles, by name, for each bootstrap draw.

    `predicted` holds classes or numbers, or the log odds of the second of two classes. `trained` holds the number of training
    cells of each class, or of all cells for numbers. Time points without training cells are NaN.
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
            sampled["auroc"] = Pairs.of(true, predicted, defined).auroc(draws)
    return {name: np.where(trained.sum(-1) > 0, values, np.nan) for name, values in sampled.items()}


def majority_accuracy(
    hits: Hits, most_frequent: Int[np.ndarray, "time"], draws: Draws
) -> Float64[np.ndarray, "draw time"]:
    """Accuracy of always predicting the majority class of the training puzzles."""
    always = np.take_along_axis(hits.total, most_frequent[:, None, None], 2)[..., 0]
    return _ratio(draws @ always.T, draws @ hits.total.sum(-1).T)


def _drawn(
    draws: Draws, counts: Float[np.ndarray, "time puzzle class"]
) -> Float64[np.ndarray, "draw time class"]:
    time_points, puzzles, classes = counts.shape
    return (draws @ counts.swapaxes(0, 1).reshape(puzzles, -1)).reshape(len(draws), time_points, classes)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole; NaN where whole is 0."""
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
