"""Scores of a target group over all its members and for each cell, and differences of scores between sources.

All sources use the same seed and therefore the same resamples of the test puzzles. The confidence interval of a
difference is thus paired, so that the variation from puzzles that are hard for both sources cancels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer, Num

from probes.linear.probe import ProbeResult, ProbeSettings
from probes.linear.scores import Score, sampled_scores, with_band
from probes.linear.splits import Split
from probes.linear.target_groups import TargetGroup
from probes.linear.targets import Values

Sampled = Float64[np.ndarray, "draw time"]
"""The group's main score on the test puzzles (first row) and on each bootstrap resample of them, at each time point."""


@dataclass(frozen=True, eq=False)
class GroupScores:
    """The scores of a target group on one source."""

    scores: dict[str, Score]
    puzzles: int  # number of test puzzles
    sampled: Sampled
    sampled_majority: (
        Sampled  # score of a constant guess: the majority class, an AUROC of 0.5, or the mean (R² = 0)
    )
    by_cell: Float64[
        np.ndarray, "time cell"
    ]  # accuracy of each cell over the test puzzles; mean absolute error for numeric targets
    confusion: Int64[np.ndarray, "time class class"] | None  # number of cells by true and predicted class
    test_puzzles: Int64[np.ndarray, "time class"] | None  # number of test puzzles with a cell of each class


@dataclass(frozen=True, eq=False)
class WrongCells:
    """Counts of a solution probe's predictions in the test cells whose current answer is wrong."""

    cells: Int64[np.ndarray, "time"]  # number of wrong cells
    puzzles: Int64[np.ndarray, "time"]  # number of puzzles with a wrong cell
    answer: Int64[np.ndarray, "time"]  # number of wrong cells in which the probe predicts the current answer
    solution: Int64[np.ndarray, "time"]  # number of wrong cells in which the probe predicts the solution

    @classmethod
    def of(
        cls,
        solution: Values,
        answer: Values,
        predicted: Integer[np.ndarray, "puzzle time cell"],
        split: Split,
    ) -> "WrongCells":
        """Count the test cells in which solution and answer are both defined and differ."""
        true, now = solution.values[split.test], answer.values[split.test]
        wrong = solution.defined[split.test] & answer.defined[split.test] & (true != now)
        return cls(
            wrong.sum((0, 2)),
            wrong.any(2).sum(0),
            (wrong & (predicted == now)).sum((0, 2)),
            (wrong & (predicted == true)).sum((0, 2)),
        )


def scored(
    group: TargetGroup,
    probes: Sequence[ProbeResult],
    true_values: Sequence[Values],
    predictions: Sequence[Num[np.ndarray, "puzzle time cell"]],
    split: Split,
    settings: ProbeSettings,
) -> GroupScores:
    """Compute the scores of all members together, the score of each cell, and the confusion matrix.

    `predictions` holds the predictions of each member for the test puzzles, as from `predict_test`. Several members are
    scored on all their cells as if they were one target. The control score and the selectivity, with their confidence
    intervals, are means over the members.
    """
    shape = predictions[0].shape
    true = np.stack([np.broadcast_to(values.values[split.test], shape) for values in true_values], -1)
    defined = np.stack([np.broadcast_to(values.defined[split.test], shape) for values in true_values], -1)
    raw = np.stack(predictions, -1)  # (puzzle, time, cell, member)
    classes = len(group.first.classes)
    predicted = (raw > 0).astype(int) if classes == 2 else raw
    right = (true == predicted) if classes else np.abs(true - predicted)
    total = defined.sum((0, 3))
    by_cell = np.divide(
        np.where(defined, right, 0).sum((0, 3)), total, out=np.full(total.shape, np.nan), where=total > 0
    )
    flat = (*shape[:2], -1)
    trained = sum(probe.counts[0] for probe in probes)
    draws = settings.resampling.with_sample(len(true))
    sampled = sampled_scores(true.reshape(flat), raw.reshape(flat), defined.reshape(flat), trained, draws)
    scores = {name: with_band(values, len(true)) for name, values in sampled.items()}
    for name in ("control", "selectivity"):
        if all(name in probe.scores for probe in probes):
            scores[name] = _mean([probe.scores[name] for probe in probes])
    main = sampled[group.score]
    return GroupScores(
        scores,
        len(true),
        main,
        sampled["majority"]
        if group.score == "accuracy"
        else np.full(main.shape, 0.5 if group.score == "auroc" else 0.0),
        by_cell,
        _confusion(true, predicted, defined, classes) if classes else None,
        np.stack([(defined & (true == one)).any((2, 3)).sum(0) for one in range(classes)], -1)
        if classes
        else None,
    )


def gains(own: GroupScores, others: Mapping[str, GroupScores]) -> dict[str, Score]:
    """Return the gains in the main score over a constant guess and over every other source, named `above NAME`.

    A source with a single time point is compared at all time points. Any other source that has fewer time points is
    compared only at these, and the gain is NaN at later time points.
    """

    def difference(theirs: Sampled) -> Score:
        return with_band(own.sampled - theirs, own.puzzles, lowest=-1.0)

    differences = {"above majority": difference(own.sampled_majority)}
    for name, other in others.items():
        time_points, theirs = own.sampled.shape[1], other.sampled
        if theirs.shape[1] not in (1, time_points):
            missing = np.full((len(theirs), time_points - theirs.shape[1]), np.nan)
            theirs = np.concatenate([theirs, missing], 1)
        differences[f"above {name}"] = difference(theirs)
    return differences


def _confusion(
    true: Num[np.ndarray, "puzzle time cell member"],
    predicted: Num[np.ndarray, "puzzle time cell member"],
    defined: Bool[np.ndarray, "puzzle time cell member"],
    classes: int,
) -> Int64[np.ndarray, "time class class"]:
    """Count the cells by true and predicted class at each time point."""
    counts = np.zeros((true.shape[1], classes, classes), np.int64)
    for time_point in range(true.shape[1]):
        mask = defined[:, time_point]
        pairs = (true[:, time_point][mask].astype(int), predicted[:, time_point][mask].astype(int))
        np.add.at(counts[time_point], pairs, 1)
    return counts


def _mean(scores: Sequence[Score]) -> Score:
    return Score(
        *(np.mean([getattr(score, bound) for score in scores], axis=0) for bound in ("value", "low", "high"))
    )
