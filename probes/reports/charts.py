"""Charts of results: what a figure for a paper and the pages of the site show."""

from typing import TYPE_CHECKING

import numpy as np

from probes.halting.rules import halting_bands
from probes.halting.runs import HaltingRuns
from probes.latents.projection import EmbeddedPoints, Projection, call_times
from probes.linear.experiment.summary import ExperimentSummary, ResultSummary
from probes.linear.probe import main_score

if TYPE_CHECKING:
    from trm.export.pictures.charts import Chart, Curve, TrajectoryGroup

SOURCES = {
    "z": ("z", "z", "D"),
    "y": ("y", "y", "o"),
    "input": ("input", "baseline", "x"),
    "derived": ("derived", "baseline", "s"),
    "random z": ("untrained z", "other", "v"),
    "random y": ("untrained y", "other", "^"),
}
"""Name, meaning and marker of each source of features."""
SCORES = {"auroc": "AUROC", "r2": "R²", "accuracy": "accuracy"}


def halting_charts(runs: HaltingRuns) -> "list[Chart]":
    """The halting probability by supervision step: medians and quantiles of solved and unsolved puzzles."""
    from trm.export.pictures.charts import Chart, Curve

    bands = halting_bands(runs.halting, runs.right)
    steps = list(range(1, runs.steps + 1))
    curves = []
    for name, quantiles, count in (
        ("solved", bands.solved, bands.solved_count),
        ("unsolved", bands.unsolved, bands.unsolved_count),
    ):
        if count:
            low, median, high = quantiles[1], quantiles[2], quantiles[3]
            curves.append(Curve(f"{name}: {count:,} (median, quartiles)", steps, median, name, low, high))
    return [
        Chart(
            "supervision step", "halting probability", curves=tuple(curves), limits=(-0.03, 1.03), level=0.5
        )
    ]


def probe_charts(summary: ExperimentSummary) -> "list[Chart]":
    """A chart per target: the main score of each source of features, with 95 % confidence intervals for z and y."""
    from trm.export.pictures.charts import Chart

    charts = []
    for target in summary.targets:
        score = main_score(target.classes)
        curves = [
            _probe_curve(summary, result, score)
            for result in summary.results
            if result.target == target.name and score in result.scores
        ]
        charts.append(Chart("supervision step", SCORES[score], target.name, tuple(curves)))
    return charts


def _probe_curve(summary: ExperimentSummary, result: ResultSummary, score: str) -> "Curve":
    from trm.export.pictures.charts import Curve

    times = call_times(summary.time_points)
    values = {bound: np.array(numbers, float) for bound, numbers in vars(result.scores[score]).items()}
    if len(result.time_points) == 1 and len(times) > 1:  # one probe for all time points
        values = {bound: np.repeat(numbers, len(times)) for bound, numbers in values.items()}
    else:
        times = times[list(result.time_points)]
    name, meaning, marker = SOURCES[result.source]
    band = (values["low"], values["high"]) if result.source in ("z", "y") else (None, None)
    return Curve(name, times, values["value"], meaning, *band, marker=marker)


def projection_charts(projection: Projection) -> "list[Chart]":
    """A chart per embedding, PCA first: one trajectory per puzzle, by its outcome or, with two models, its model."""
    from trm.export.pictures.charts import Chart

    return [
        Chart(*_axis_titles(projection, embedding), trajectories=tuple(_groups(projection, embedding)))
        for embedding in projection.embeddings
    ]


def _axis_titles(projection: Projection, embedding: EmbeddedPoints) -> list[str]:
    if embedding.method == "umap":
        return ["UMAP 1 (arbitrary units)", "UMAP 2 (arbitrary units)"]
    first, second = projection.variance[:2]
    return [
        f"component 1 of {projection.state} ({first:.0%} of the variance)",
        f"component 2 ({second:.0%})",
    ]


def _groups(projection: Projection, embedding: EmbeddedPoints) -> "list[TrajectoryGroup]":
    from trm.export.pictures.charts import TrajectoryGroup

    points = embedding.coordinates[..., :2]
    if projection.second_model:
        names = (projection.provenance.model, projection.second_model.provenance.model)
        groups = [(name, projection.model_index == number) for number, name in enumerate(names)]
        meanings = ("trm", "hrm")
    else:
        solved = projection.field("solved").values[:, -1] > 0
        groups = [(f"solved: {solved.sum()}", solved), (f"unsolved: {(~solved).sum()}", ~solved)]
        meanings = ("solved", "unsolved")
    return [
        TrajectoryGroup(name, points[rows], meaning, marker)
        for (name, rows), meaning, marker in zip(groups, meanings, "oD", strict=True)
        if rows.any()
    ]
