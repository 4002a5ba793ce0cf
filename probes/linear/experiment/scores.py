"""Scores of a group of targets: of all members together, of every cell, and how far one source lies above another.

Resamples of the test puzzles are the same for every source (their seed is), so that differences between two sources have
bands of their own: puzzles that are hard for both fall out of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer, Num

from probes.linear.probe import ProbeResult, ProbeSettings
from probes.linear.scores import Score, bootstrap_draws, sampled_scores, with_band
from probes.linear.splits import Split
from probes.linear.target_groups import TargetGroup
from probes.linear.targets import Values

Sampled = Float64[np.ndarray, "draw time"]
"""The group's first score: on the test puzzles, then on each of their resamples."""


@dataclass(frozen=True, eq=False)
class GroupScores:
    """What an experiment says of a group and a source."""

    scores: dict[str, Score]
    puzzles: int  # tested
    sampled: Sampled
    sampled_majority: (
        Sampled  # of always saying the same: of numbers R^2 of the mean, 0; of two classes an AUROC of 0.5
    )
    by_cell: Float64[
        np.ndarray, "time cell"
    ]  # accuracy over the test puzzles, or mean absolute error for numbers
    confusion: Int64[np.ndarray, "time class class"] | None  # cells by their true class and by the one read
    test_puzzles: Int64[np.ndarray, "time class"] | None  # with a cell of each class


@dataclass(frozen=True, eq=False)
class WrongCells:
    """What a probe of the solution reads in the test cells whose answer is wrong at that time point."""

    cells: Int64[np.ndarray, "time"]
    puzzles: Int64[np.ndarray, "time"]
    answer: Int64[np.ndarray, "time"]  # cells in which it reads the answer
    solution: Int64[np.ndarray, "time"]  # cells in which it reads the solution

    @classmethod
    def of(
        cls,
        solution: Values,
        answer: Values,
        read: Integer[np.ndarray, "puzzle time cell"],
        split: Split,
    ) -> "WrongCells":
        """Counted where both are defined and differ."""
        true, now = solution.values[split.test], answer.values[split.test]
        wrong = solution.defined[split.test] & answer.defined[split.test] & (true != now)
        return cls(
            wrong.sum((0, 2)),
            wrong.any(2).sum(0),
            (wrong & (read == now)).sum((0, 2)),
            (wrong & (read == true)).sum((0, 2)),
        )


def scored(
    group: TargetGroup,
    probes: Sequence[ProbeResult],
    true_values: Sequence[Values],
    predictions: Sequence[Num[np.ndarray, "puzzle time cell"]],
    split: Split,
    settings: ProbeSettings,
) -> GroupScores:
    """Scores of all members together, scores of every cell, and which class was taken for which. `reads` are classes or
    numbers, or the log odds of the second of two classes.

    Several members are scored on all their cells as if they were one target; their control and selectivity are means over
    the members, and so are the bands of these two.
    """
    shape = predictions[0].shape
    true = np.stack([np.broadcast_to(values.values[split.test], shape) for values in true_values], -1)
    known = np.stack([np.broadcast_to(values.defined[split.test], shape) for values in true_values], -1)
    rated = np.stack(predictions, -1)  # (puzzle, time, cell, member)
    classes = len(group.first.classes)
    read = (rated > 0).astype(int) if classes == 2 else rated
    right = (true == read) if classes else np.abs(true - read)
    total = known.sum((0, 3))
    by_cell = np.divide(
        np.where(known, right, 0).sum((0, 3)), total, out=np.full(total.shape, np.nan), where=total > 0
    )
    flat = (*shape[:2], -1)
    learned = sum(probe.counts[0] for probe in probes)
    draws = bootstrap_draws(len(true), count=settings.resamples, seed=settings.seed)
    sampled = sampled_scores(true.reshape(flat), rated.reshape(flat), known.reshape(flat), learned, draws)
    scores = {name: with_band(found, len(true)) for name, found in sampled.items()}
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
        _confusion(true, read, known, classes) if classes else None,
        np.stack([(known & (true == one)).any((2, 3)).sum(0) for one in range(classes)], -1)
        if classes
        else None,
    )


def gains(own: GroupScores, others: Mapping[str, GroupScores]) -> dict[str, Score]:
    """How far the first score lies above that of the most frequent class (of numbers, of the mean) and of every other source,
    as `above NAME`. A source with fewer time points is with_gains at those; one with a single one, at all.
    """

    def difference(theirs: Sampled) -> Score:
        return with_band(own.sampled - theirs, own.puzzles, lowest=-1.0)

    found = {"above majority": difference(own.sampled_majority)}
    for name, other in others.items():
        time_points, theirs = own.sampled.shape[1], other.sampled
        if theirs.shape[1] not in (1, time_points):
            missing = np.full((len(theirs), time_points - theirs.shape[1]), np.nan)
            theirs = np.concatenate([theirs, missing], 1)
        found[f"above {name}"] = difference(theirs)
    return found


def _confusion(
    true: Num[np.ndarray, "puzzle time cell member"],
    read: Num[np.ndarray, "puzzle time cell member"],
    known: Bool[np.ndarray, "puzzle time cell member"],
    classes: int,
) -> Int64[np.ndarray, "time class class"]:
    """Cells by their true class and by the one read."""
    found = np.zeros((true.shape[1], classes, classes), np.int64)
    for time_point in range(true.shape[1]):
        mask = known[:, time_point]
        pairs = (true[:, time_point][mask].astype(int), read[:, time_point][mask].astype(int))
        np.add.at(found[time_point], pairs, 1)
    return found


def _mean(scores: Sequence[Score]) -> Score:
    return Score(
        *(np.mean([getattr(score, bound) for score in scores], axis=0) for bound in ("value", "low", "high"))
    )
