"""The results of a probing experiment, with the fitted probes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float64

from probes.linear.experiment.scores import GroupScores, WrongCells
from probes.linear.experiment.summary import (
    ExperimentSettings,
    ExperimentSummary,
    FittedProbe,
    ResultSummary,
    ScoreSummary,
)
from probes.linear.files import SavedProbe
from probes.linear.probe import ProbeResult
from probes.linear.scores import Score
from probes.linear.target_groups import TargetGroup
from probes.states import STATES
from trm.coordinates import Coordinates
from trm.provenance import Provenance


@dataclass(frozen=True, eq=False)
class TargetResult:
    """The probes of a target group on one source of features, with their scores."""

    group: TargetGroup
    source: str  # z, y, input, derived, random z, random y
    probes: tuple[ProbeResult, ...]  # one per member of the group
    time_points: tuple[
        int, ...
    ]  # indices into the experiment's time points; (0,) if all time points share one probe
    group_scores: GroupScores  # scores of all members together
    gains: dict[str, Score] = field(default_factory=dict)  # differences from all other sources, for z and y
    wrong_cells: WrongCells | None = None  # only for probes of the solution from z or y

    @property
    def scores(self) -> dict[str, Score]:
        """Scores by name. For z and y, they include gains such as `above majority` and `above random z`."""
        return self.group_scores.scores | self.gains

    def summary(self) -> ResultSummary:
        """Return the result without the parameters of its probes."""
        found = self.group_scores
        return ResultSummary(
            target=self.group.name,
            source=self.source,
            time_points=self.time_points,
            scores={
                name: ScoreSummary(*map(_listed, (score.value, score.low, score.high)))
                for name, score in self.scores.items()
            },
            by_cell=[_listed(row, digits=4) for row in found.by_cell],
            examples=[int(count) for count in sum(probe.counts.sum((1, 2)) for probe in self.probes)],
            probes=tuple(map(_fitted, self.probes)),
            confusion=None if found.confusion is None else found.confusion.tolist(),
            test_puzzles=None if found.test_puzzles is None else found.test_puzzles.tolist(),
            wrong_cells=self.wrong_cells
            and {name: counts.tolist() for name, counts in vars(self.wrong_cells).items()},
        )


@dataclass(frozen=True, eq=False)
class ProbingExperiment:
    """A probing experiment: its metadata, settings and results."""

    provenance: Provenance
    grid: tuple[int, int]  # rows and columns
    split: dict[str, int]  # number of puzzles in each part
    settings: ExperimentSettings
    time_points: tuple[Coordinates, ...]
    groups: tuple[TargetGroup, ...]
    results: tuple[TargetResult, ...]
    repeats: dict[str, list[str | None]]
    """For each group, a list with the first earlier group that has the same labels at each time point, or None."""

    def summary(self) -> ExperimentSummary:
        """Return everything except the probes' parameters."""
        return ExperimentSummary(
            provenance=self.provenance,
            grid=self.grid,
            settings=self.settings,
            time_points=self.time_points,
            targets=tuple(
                replace(group.summary(), repeats=tuple(self.repeats[group.name])) for group in self.groups
            ),
            results=tuple(result.summary() for result in self.results),
            split=self.split,
        )

    def main_scores(self) -> dict[str, list[float]]:
        """Return the main score of every target and source, such as "solution from z (balanced accuracy)", by time point."""
        return {
            f"{result.group.name} from {result.source} ({result.group.score})": [
                round(float(value), 4) for value in result.scores[result.group.score].value
            ]
            for result in self.results
        }

    def saved_probes(self) -> list[SavedProbe]:
        """Return the probes of z and y in the form in which they are saved."""
        return [
            SavedProbe(self.provenance, result.source, self.time_points, probe)
            for result in self.results
            if result.source in STATES
            for probe in result.probes
        ]


def _fitted(probe: ProbeResult) -> FittedProbe:
    values = probe.summary()
    balance, code = values.get("class_balance"), values.get("code")
    return FittedProbe(probe.name, probe.regularisation.tolist(), balance and balance["train"], code)


def _listed(numbers: Float64[np.ndarray, "_"], digits: int = 6) -> list[float | None]:
    """Convert an array to a list of rounded numbers for JSON, with None for NaN."""
    return [None if np.isnan(number) else round(float(number), digits) for number in numbers]
