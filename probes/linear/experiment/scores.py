"""Scores of a family of targets: of all members together, of every cell, and how far one source lies above another.

Resamples of the test puzzles are the same for every source (their seed is), so that differences between two sources have
bands of their own: puzzles that are hard for both fall out of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, Num

from probes.linear.probe import ProbeResult, ProbeSettings
from probes.linear.scores import Errors, Hits, Score, banded, draws_of, majority_accuracy
from probes.linear.splits import Split
from probes.linear.target_groups import Family
from probes.linear.targets import Values

Sampled = Float64[np.ndarray, "draw moment"]
"""The family's first score: on the test puzzles, then on each of their resamples."""


@dataclass(frozen=True, eq=False)
class FamilyScores:
    """What a study says of a family and a source."""

    scores: dict[str, Score]
    sampled: Sampled
    sampled_majority: Sampled  # of numbers 0: R^2 of the mean
    by_cell: Float64[
        np.ndarray, "moment cell"
    ]  # accuracy over the test puzzles, or mean absolute error for numbers
    confusion: Int64[np.ndarray, "moment class class"] | None  # cells by their true class and by the one read


def scored(
    family: Family,
    probes: Sequence[ProbeResult],
    truths: Sequence[Values],
    reads: Sequence[Num[np.ndarray, "puzzle moment cell"]],
    split: Split,
    settings: ProbeSettings,
) -> FamilyScores:
    """Scores of all members together, scores of every cell, and which class was taken for which.

    Several members are scored on all their cells as if they were one target; their control and selectivity are means over
    the members, and so are the bands of these two.
    """
    shape = reads[0].shape
    true = np.stack([np.broadcast_to(values.values[split.test], shape) for values in truths], -1)
    known = np.stack([np.broadcast_to(values.defined[split.test], shape) for values in truths], -1)
    read = np.stack(reads, -1)  # (puzzle, moment, cell, member)
    classes = len(family.first.classes)
    right = (true == read) if classes else np.abs(true - read)
    total = known.sum((0, 3))
    by_cell = np.divide(
        np.where(known, right, 0).sum((0, 3)), total, out=np.full(total.shape, np.nan), where=total > 0
    )
    flat = (*shape[:2], -1)
    sampled = _sampled(probes, true.reshape(flat), read.reshape(flat), known.reshape(flat), settings, classes)
    scores = {name: banded(found) for name, found in sampled.items()}
    for name in ("control", "selectivity"):
        if all(name in probe.scores for probe in probes):
            scores[name] = _mean([probe.scores[name] for probe in probes])
    main = sampled[family.score]
    return FamilyScores(
        scores,
        main,
        sampled.get("majority", np.zeros(main.shape)),
        by_cell,
        _confusion(true, read, known, classes) if classes else None,
    )


def gains(own: FamilyScores, others: Mapping[str, FamilyScores]) -> dict[str, Score]:
    """How far the first score lies above that of the most frequent class (of numbers, of the mean) and of every other source,
    as `above NAME`. A source with fewer moments is compared at those; one with a single one, at all.
    """
    found = {"above majority": banded(own.sampled - own.sampled_majority)}
    for name, other in others.items():
        moments, theirs = own.sampled.shape[1], other.sampled
        if theirs.shape[1] not in (1, moments):
            missing = np.full((len(theirs), moments - theirs.shape[1]), np.nan)
            theirs = np.concatenate([theirs, missing], 1)
        found[f"above {name}"] = banded(own.sampled - theirs)
    return found


def _sampled(
    probes: Sequence[ProbeResult],
    true: Num[np.ndarray, "puzzle moment place"],
    read: Num[np.ndarray, "puzzle moment place"],
    known: Bool[np.ndarray, "puzzle moment place"],
    settings: ProbeSettings,
    classes: int,
) -> dict[str, Sampled]:
    """Scores on each draw, NaN at moments that had nothing to learn from."""
    draws = draws_of(len(true), count=settings.resamples, seed=settings.seed)
    counts = sum(probe.counts[0] for probe in probes)  # (moment, class)
    learned = counts.sum(-1) > 0
    if not classes:
        return {"r2": np.where(learned, Errors.of(true, read, known).r2(draws), np.nan)}
    hits = Hits.of(true, read, known, classes)
    found = {
        "accuracy": hits.accuracy(draws),
        "balanced_accuracy": hits.balanced_accuracy(draws),
        "majority": majority_accuracy(hits, counts.argmax(-1), draws),
    }
    return {name: np.where(learned, values, np.nan) for name, values in found.items()}


def _confusion(
    true: Num[np.ndarray, "puzzle moment cell member"],
    read: Num[np.ndarray, "puzzle moment cell member"],
    known: Bool[np.ndarray, "puzzle moment cell member"],
    classes: int,
) -> Int64[np.ndarray, "moment class class"]:
    """Cells by their true class and by the one read."""
    found = np.zeros((true.shape[1], classes, classes), np.int64)
    for moment in range(true.shape[1]):
        mask = known[:, moment]
        pairs = (true[:, moment][mask].astype(int), read[:, moment][mask].astype(int))
        np.add.at(found[moment], pairs, 1)
    return found


def _mean(scores: Sequence[Score]) -> Score:
    return Score(
        *(np.mean([getattr(score, bound) for score in scores], axis=0) for bound in ("value", "low", "high"))
    )
