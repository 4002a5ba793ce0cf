"""Views of an experiment's results: the scoreboard, baselines, scores of cells, confusion matrices and code lengths.

Experiments are in the format of `ProbingExperiment.summary`, whether recorded or new.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

Summary = Mapping[str, Any]
SCOREBOARD_VALUES = ("z", "y", "z minus y", "z minus best baseline", "y minus best baseline")
"""What a scoreboard can show."""


@dataclass(frozen=True)
class Scoreboard:
    """One value per target and time point; None where nothing was fitted."""

    names: list[str]
    values: list[list[float | None]]
    signed: bool  # whether values are differences

    @property
    def format(self) -> str:
        """The format string of the values."""
        return "+.2f" if self.signed else ".2f"


@dataclass(frozen=True)
class Cells:
    """The score of each cell, row by row: accuracy, or mean absolute error for numeric targets. None where nothing was
    tested.
    """

    values: list[list[float | None]]
    is_share: bool
    low: float
    high: float

    def format(self, value: float) -> str:
        """The text of a value in its cell."""
        return f"{100 * value:.0f}" if self.is_share else f"{value:.1f}"


def labels_of(summary: Summary) -> list[str]:
    """The label of each time point: its supervision step, with cycle and call if a step has several time points."""
    steps = [at["supervision_step"] for at in summary["moments"]]
    if len(set(steps)) == len(steps):
        return [str(step) for step in steps]
    return [f"{at['supervision_step']}.{at['cycle']}.{at['call']}" for at in summary["moments"]]


def result_for(summary: Summary, target: str, source: str) -> Summary | None:
    """The result of a target on a source; None if it was not fitted."""
    matches = (one for one in summary["findings"] if one["target"] == target and one["source"] == source)
    return next(matches, None)


def value_at(result: Summary | None, score: str, time_point: int, bound: str = "value") -> float | None:
    """A score, or a bound of its band, at a time point. A probe that all time points share has one value."""
    if result is None or score not in result["scores"]:
        return None
    places, numbers = result["moments"], result["scores"][score][bound]
    if len(places) == 1:
        return numbers[0]
    return numbers[places.index(time_point)] if time_point in places else None


def baselines_at(
    summary: Summary, target: str, score: str, time_point: int, *, of: str = ""
) -> dict[str, float | None]:
    """Scores of the baselines at a time point, by name: a constant guess, the input, features derived from it, and the
    untrained network's state `of` (both states if empty).
    """
    baselines: dict[str, float | None] = {}
    any_state = result_for(summary, target, "z") or result_for(summary, target, "y")
    if score == "accuracy":
        baselines["majority"] = value_at(any_state, "majority", time_point)
    elif score == "r2":
        baselines["mean"] = 0.0
    elif score == "auroc":
        baselines["constant"] = 0.5
    for source in ("input", "derived", *((f"random {of}",) if of else ("random z", "random y"))):
        baselines[source] = value_at(result_for(summary, target, source), score, time_point)
    return baselines


def scoreboard(summary: Summary, what: str) -> Scoreboard:
    """The main score of a state for every target and time point, or its difference from another state or baseline."""
    state, _, other = what.partition(" minus ")
    rows = []
    for target in summary["targets"]:
        name, score = target["name"], target["score"]
        row: list[float | None] = []
        for time_point in range(len(summary["moments"])):
            value = value_at(result_for(summary, name, state), score, time_point)
            if other == "y":
                than = value_at(result_for(summary, name, "y"), score, time_point)
            elif other:
                baselines = baselines_at(summary, name, score, time_point, of=state).values()
                than = max((number for number in baselines if number is not None), default=None)
            else:
                than = 0.0
            row.append(None if value is None or than is None else value - than)
        rows.append(row)
    return Scoreboard([target["name"].replace("_", " ") for target in summary["targets"]], rows, bool(other))


def cells_at(summary: Summary, target: str, source: str, time_point: int) -> Cells | None:
    """The score of each cell of the grid; None for a puzzle-level target, or if nothing was fitted."""
    result = result_for(summary, target, source)
    facts = next(one for one in summary["targets"] if one["name"] == target)
    if result is None or facts["level"] != "cell" or time_point not in result["moments"]:
        return None
    rows, columns = summary["about"]["grid"]
    flat = result["by_cell"][result["moments"].index(time_point)]
    values = [flat[row * columns : (row + 1) * columns] for row in range(rows)]
    tested = [value for value in flat if value is not None]
    is_share = bool(facts["classes"])
    return Cells(values, is_share, 0.0, 1.0 if is_share else max(tested, default=1.0) or 1.0)


def confusion_at(
    summary: Summary, target: str, source: str, time_point: int
) -> tuple[list[list[float | None]], list[list[int]]] | None:
    """The confusion matrix [true][predicted], as shares of each true class and as counts.

    None for numeric targets, or if nothing was fitted.
    """
    result = result_for(summary, target, source)
    if result is None or not result["confusion"] or time_point not in result["moments"]:
        return None
    counts = result["confusion"][result["moments"].index(time_point)]
    shares = [[count / sum(row) if sum(row) else None for count in row] for row in counts]
    return shares, counts


def balance_at(summary: Summary, target: str, time_point: int) -> list[float] | None:
    """The share of each class among the training cells; the mean over several members. None for numeric targets."""
    result = result_for(summary, target, "z") or result_for(summary, target, "y")
    probes = [] if result is None else result["probes"]
    if not probes or not all("class_balance" in probe for probe in probes):
        return None
    at = result["moments"].index(time_point) if time_point in result["moments"] else 0
    shares = [probe["class_balance"][at] for probe in probes]
    return [sum(column) / len(column) for column in zip(*shares, strict=True)]


@dataclass(frozen=True)
class Code:
    """Online code lengths at the time points of a result; None if there are no labels."""

    bits: list[float | None]  # per label
    entropy: list[float | None]  # bits per label of a code that knows only the class frequencies
    compression: list[float | None]  # entropy / bits


def code_of(summary: Summary, target: str, source: str) -> Code | None:
    """The code lengths of all members of a target together; None if they were not computed, and for numeric targets."""
    result = result_for(summary, target, source)
    facts = next(one for one in summary["targets"] if one["name"] == target)
    probes = [] if result is None else result["probes"]
    if not probes or not all("code" in probe for probe in probes):
        return None
    own, entropy, uniform = (
        [sum(column) for column in zip(*(probe["code"][name] for probe in probes), strict=True)]
        for name in ("bits", "entropy_bits", "uniform_bits")
    )
    labels = [bits / log2(len(facts["classes"])) for bits in uniform]
    return Code(
        [bits / count if count else None for bits, count in zip(own, labels, strict=True)],
        [bits / count if count else None for bits, count in zip(entropy, labels, strict=True)],
        [whole / bits if bits else None for whole, bits in zip(entropy, own, strict=True)],
    )
