"""The settings and results of a probing experiment."""

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
"""Choices of time points at which the states of an untrained network are probed too."""


@dataclass(frozen=True)
class ExperimentSettings:
    """Settings of an experiment. Raises ProbeError if a setting is invalid."""

    targets: tuple[str, ...]
    states: tuple[str, ...] = STATES
    steps: tuple[int, ...] = (1, 2, 4)  # supervision steps
    calls: str = "last"
    random: str = "all"
    control: bool = True  # also fit the control task
    probe: ProbeSettings = field(default_factory=ProbeSettings)

    def __post_init__(self) -> None:
        if not self.states or set(self.states) - set(STATES):
            raise ProbeError(
                f"The states {', '.join(self.states) or '(none)'} cannot be probed. Choose z, y or both."
            )
        if self.random not in RANDOM_RUNS:
            raise ProbeError(
                f"The time points of the untrained network cannot be {self.random!r}. Choose one of: {', '.join(RANDOM_RUNS)}."
            )


@dataclass(frozen=True, eq=False)
class TargetResult:
    """The probes of a target group on one source, with their scores."""

    group: TargetGroup
    source: str  # z, y, input, derived, random z, random y
    probes: tuple[ProbeResult, ...]  # one per member of the group
    time_points: tuple[
        int, ...
    ]  # indices into the experiment's time points; (0,) for a probe shared by all of them
    group_scores: GroupScores  # of all members together
    gains: dict[str, Score] = field(default_factory=dict)  # for z and y: differences from every other source
    wrong_cells: WrongCells | None = None  # for probes of the solution on z or y

    @property
    def scores(self) -> dict[str, Score]:
        """Scores by name; for z and y also `above majority`, `above input`, `above random z`, ..."""
        return self.group_scores.scores | self.gains

    def summary(self) -> dict[str, Any]:
        """The result as JSON-compatible data."""
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
            and {name: counts.tolist() for name, counts in vars(self.wrong_cells).items()},
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
    """A probing experiment: its metadata, settings and results."""

    about: dict[str, Any]
    settings: ExperimentSettings
    time_points: tuple[Coordinates, ...]
    groups: tuple[TargetGroup, ...]
    results: tuple[TargetResult, ...]
    repeats: dict[str, list[str | None]]
    """For each group, at each time point: the first earlier group with the same labels, or None."""

    def summary(self) -> dict[str, Any]:
        """JSON-compatible data: everything except the probes' parameters."""
        return {
            "about": self.about,
            "settings": asdict(self.settings),
            "moments": [asdict(at) for at in self.time_points],
            "targets": [group.facts() | {"repeats": self.repeats[group.name]} for group in self.groups],
            "findings": [result.summary() for result in self.results],
        }


def _listed(numbers: Float64[np.ndarray, "_"], digits: int = 6) -> list[float | None]:
    """Rounded numbers for JSON, with None for NaN."""
    return [None if np.isnan(number) else round(float(number), digits) for number in numbers]
