"""What is asked of an experiment, and what it found, as it is fitted by `probes.linear.experiment.run`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64

from probes.linear.collect import STATES
from probes.linear.experiment.scores import GroupScores, WrongCells
from probes.linear.probe import ProbeError, ProbeResult, ProbeSettings
from probes.linear.scores import Score
from probes.linear.target_groups import TargetGroup
from trm.coordinates import Coordinates

RANDOM_RUNS = ("all", "first", "none")
"""At which of the time points states of a net with random weights are probed too."""


@dataclass(frozen=True)
class ExperimentSettings:
    """What is asked. Raises ProbeError for what cannot be."""

    targets: tuple[str, ...]
    states: tuple[str, ...] = STATES
    steps: tuple[int, ...] = (1, 2, 4)  # supervision steps
    calls: str = "last"
    random: str = "all"
    control: bool = True  # also the control task
    probe: ProbeSettings = field(default_factory=ProbeSettings)

    def __post_init__(self) -> None:
        if not self.states or set(self.states) - set(STATES):
            raise ProbeError(
                f"States {', '.join(self.states) or 'none'} cannot be probed. Choose z, y or both."
            )
        if self.random not in RANDOM_RUNS:
            raise ProbeError(
                f"Random weights at {self.random!r} time points? Choose one of: {', '.join(RANDOM_RUNS)}."
            )


@dataclass(frozen=True, eq=False)
class TargetResult:
    """What was read of a target from one source."""

    group: TargetGroup
    source: str  # z, y, input, derived, random z, random y
    probes: tuple[ProbeResult, ...]  # one for each member
    time_points: tuple[
        int, ...
    ]  # of the experiment; the only one of a probe that is the same at all is the first
    group_scores: GroupScores  # of all members together
    gains: dict[str, Score] = field(default_factory=dict)  # of z and y, above every other source
    wrong_cells: WrongCells | None = None  # of the solution, read from z or y

    @property
    def scores(self) -> dict[str, Score]:
        """By name; of z and y also `above majority`, `above input`, `above random z`, ..."""
        return self.group_scores.scores | self.gains

    def summary(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "target": self.group.name,
            "source": self.source,
            "moments": list(self.time_points),
            "scores": {
                name: {bound: _listed(getattr(score, bound)) for bound in ("value", "low", "high")}
                for name, score in self.scores.items()
            },
            "by_cell": [_listed(row, digits=4) for row in self.group_scores.by_cell],
            "confusion": None
            if self.group_scores.confusion is None
            else self.group_scores.confusion.tolist(),
            "test_puzzles": None
            if self.group_scores.test_puzzles is None
            else self.group_scores.test_puzzles.tolist(),
            "wrong_cells": self.wrong_cells
            and {name: found.tolist() for name, found in vars(self.wrong_cells).items()},
            "examples": [int(count) for count in sum(probe.counts.sum((1, 2)) for probe in self.probes)],
            "probes": [
                {"name": probe.name, "regularisation": probe.regularisation.tolist()}
                | ({"class_balance": probe.summary()["class_balance"]["train"]} if probe.classes else {})
                | ({"code": probe.summary()["code"]} if probe.code else {})
                for probe in self.probes
            ],
        }


@dataclass(frozen=True, eq=False)
class ProbingExperiment:
    """All results, and what they were made of."""

    about: dict[str, Any]
    settings: ExperimentSettings
    time_points: tuple[Coordinates, ...]
    groups: tuple[TargetGroup, ...]
    results: tuple[TargetResult, ...]
    repeats: dict[str, list[str | None]]
    """Of each group, at each time point, the one before it that has the same labels."""

    def summary(self) -> dict[str, Any]:
        """For JSON: everything but the probes' weights."""
        return {
            "about": self.about,
            "settings": asdict(self.settings),
            "moments": [asdict(at) for at in self.time_points],
            "targets": [group.facts() | {"repeats": self.repeats[group.name]} for group in self.groups],
            "findings": [result.summary() for result in self.results],
        }


def _listed(numbers: Float64[np.ndarray, "_"], digits: int = 6) -> list[float | None]:
    """For JSON, which has no NaN."""
    return [None if np.isnan(number) else round(float(number), digits) for number in numbers]
