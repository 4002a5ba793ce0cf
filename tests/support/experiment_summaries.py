"""Summaries of experiments written by hand."""

from collections.abc import Sequence

from probes.linear.experiment.summary import (
    ExperimentSettings,
    ExperimentSummary,
    FittedProbe,
    Numbers,
    ResultSummary,
    ScoreSummary,
    TargetSummary,
)
from trm.coordinates import Coordinates
from trm.provenance import Provenance

ABOUT = Provenance("tiny", "ab" * 8, "trm", "sudoku", "cpu", "float32", "0", "2026-01-02")


def target_summary(name: str, score: str, **more: object) -> TargetSummary:
    facts = {"meaning": "", "kind": "class", "level": "cell", "classes": ("no", "yes"), "members": (name,)}
    return TargetSummary(**{"name": name, "score": score, "chance": 0.5, "chance_note": "", **facts, **more})


def result_summary(
    target: str,
    source: str,
    scores: dict[str, Numbers | ScoreSummary],
    *,
    time_points: int = 1,
    probes: Sequence[FittedProbe] = (),
    **more: object,
) -> ResultSummary:
    """A result at the first time points. A score that is a list has no interval."""
    scores = {
        name: score if isinstance(score, ScoreSummary) else ScoreSummary(score, score, score)
        for name, score in scores.items()
    }
    places = tuple(range(time_points))
    return ResultSummary(target, source, places, scores, [[]] * time_points, [0] * 3, tuple(probes), **more)


def experiment_summary(
    targets: Sequence[TargetSummary], results: Sequence[ResultSummary], *, steps: Sequence[int] = (1,)
) -> ExperimentSummary:
    """A summary with one time point in each of these supervision steps, and the state z."""
    names = tuple(target.name for target in targets)
    time_points = tuple(Coordinates(step, 1, 3, "f_H") for step in steps)
    return ExperimentSummary(
        ABOUT, (2, 2), ExperimentSettings(names, ("z",)), time_points, tuple(targets), tuple(results)
    )
