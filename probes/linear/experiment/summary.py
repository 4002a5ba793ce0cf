"""The settings of a probing experiment and the summary of its results: what pages, reports and files contain.

This module does not import torch. Numbers are lists with one entry per time point, or None where nothing was tested.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

from cyclopts import Parameter

from probes.linear.probe import ProbeError, ProbeSettings
from probes.states import CALLS, STATES
from trm.coordinates import Coordinates
from trm.provenance import Provenance
from trm.terminal import names_of, steps_of

RANDOM_RUNS = ("all", "first", "none")
"""Options for the time points at which the states of an untrained network are probed: all, the first, or none."""

Numbers = list[float | int | None]


@dataclass(frozen=True)
class ExperimentSettings:
    """Settings of a probing experiment. Raises ProbeError if a setting is invalid."""

    targets: Annotated[tuple[str, ...], Parameter(converter=names_of)] = ()
    """comma-separated names (default: those of the task); `list` lists all targets"""
    states: Annotated[tuple[str, ...], Parameter(name="--state", converter=names_of)] = STATES
    """z, y or both (z,y)"""
    steps: Annotated[tuple[int, ...], Parameter(converter=steps_of)] = (1, 2, 4)
    """supervision steps, such as 1,4,16 or 1-16"""
    calls: Annotated[str, Parameter(choices=CALLS)] = "last"
    """calls of each supervision step: the last one, the f_H call of every cycle, or all"""
    random: Annotated[str, Parameter(choices=RANDOM_RUNS)] = "all"
    """time points at which an untrained network is probed too (all doubles the model runs)"""
    control: Annotated[bool, Parameter(name=(), negative="--no-control")] = True
    """also fit the control task"""
    probe: Annotated[ProbeSettings, Parameter(name="*")] = field(default_factory=ProbeSettings)

    def __post_init__(self) -> None:
        if not self.states or set(self.states) - set(STATES):
            raise ProbeError(
                f"The states {', '.join(self.states) or '(none)'} cannot be probed. Choose z, y or both."
            )
        if self.random not in RANDOM_RUNS:
            raise ProbeError(
                f"The time points of the untrained network cannot be {self.random!r}. Choose one of: {', '.join(RANDOM_RUNS)}."
            )


@dataclass(frozen=True)
class TargetSummary:
    """A target group: what is decoded."""

    name: str
    meaning: str
    kind: str
    level: str  # cell or puzzle
    classes: tuple[str, ...]  # () for numeric targets
    members: tuple[str, ...]  # names of its targets
    score: str  # name of the main score
    chance: float
    chance_note: str
    repeats: tuple[str | None, ...] | None = None
    """At each time point, the first earlier group with the same labels, or None. None if this is not known."""


@dataclass(frozen=True)
class ScoreSummary:
    """A score and the bounds of its 95 % confidence interval, at each time point of a result."""

    value: Numbers
    low: Numbers
    high: Numbers


@dataclass(frozen=True)
class FittedProbe:
    """One probe of a group, without its parameters."""

    name: str
    regularisation: list[float]
    class_balance: list[list[float]] | None = (
        None  # share of each class in training; None for numeric targets
    )
    code: dict[str, Numbers] | None = None  # description lengths in bits, by name; None if not computed


@dataclass(frozen=True)
class ResultSummary:
    """The scores of a target group on one source of features.

    Raises ValueError unless all scores have a number for each time point.
    """

    target: str
    source: str  # z, y, input, derived, random z, random y
    time_points: tuple[int, ...]  # indices into the experiment's time points
    scores: dict[str, ScoreSummary]
    by_cell: list[Numbers]  # accuracy of each cell; mean absolute error for numeric targets
    examples: list[int]  # number of training, validation and test cells
    probes: tuple[FittedProbe, ...]
    confusion: list[list[list[int]]] | None = None  # number of cells by true and decoded class
    test_puzzles: list[list[int]] | None = None  # number of test puzzles with a cell of each class
    wrong_cells: dict[str, list[int]] | None = None  # see `probes.linear.experiment.scores.WrongCells`

    def __post_init__(self) -> None:
        columns: list[Any] = [self.by_cell, self.confusion, self.test_puzzles]
        columns += [bound for score in self.scores.values() for bound in vars(score).values()]
        if any(column is not None and len(column) != len(self.time_points) for column in columns):
            raise ValueError("a score is missing at a time point")


@dataclass(frozen=True)
class ExperimentSummary:
    """A probing experiment without the parameters of its probes. Raises ValueError if results have other time points."""

    provenance: Provenance
    grid: tuple[int, int]  # rows and columns
    settings: ExperimentSettings
    time_points: tuple[Coordinates, ...]
    targets: tuple[TargetSummary, ...]
    results: tuple[ResultSummary, ...]
    split: dict[str, int] | None = None  # number of puzzles in each part; None if no scores are known

    def __post_init__(self) -> None:
        places = {place for result in self.results for place in result.time_points}
        repeats = [target.repeats for target in self.targets if target.repeats]
        if not places <= set(range(len(self.time_points))) or any(
            len(each) != len(self.time_points) for each in repeats
        ):
            raise ValueError("results of other time points")

    def target(self, name: str) -> TargetSummary:
        """Return the target group with this name. Raises StopIteration if there is none."""
        return next(target for target in self.targets if target.name == name)

    def result(self, target: str, source: str) -> ResultSummary | None:
        """Return the result of a target on a source; None if no probe was fitted."""
        matches = (one for one in self.results if (one.target, one.source) == (target, source))
        return next(matches, None)


@dataclass(frozen=True)
class CausalSummary:
    """One causal test of a probe: means over the puzzles, by the name of a field of `probes.linear.causal.Outcome`."""

    target: str
    state: str  # z or y
    class_name: str  # "" for numeric targets
    at: Coordinates
    how: str  # "move" or "erase"
    strength: float | None  # None for "erase"
    puzzles: int
    distance: float  # mean distance that a cell's state is moved, as a fraction of the state's norm
    clean: dict[str, float]  # clean runs
    along: dict[str, float]  # runs changed along the probe's direction
    random: tuple[dict[str, float], ...]  # runs changed along each random direction
    excess: dict[
        str, dict[str, float]
    ]  # effect of the probe's direction minus the random ones: value, low, high


@dataclass(frozen=True)
class CausalTests:
    """The causal tests that were recorded for a model."""

    provenance: Provenance
    tests: tuple[CausalSummary, ...]
