"""Numbers that are seen together: targets by time points, cells at their places, one class taken for another.

All from an experiment as `ProbingExperiment.summary` writes it, so that a recorded one and one just fitted look alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

Summary = Mapping[str, Any]
SCOREBOARD_VALUES = ("z", "y", "z above y", "z above best baseline", "y above best baseline")
"""What a scoreboard may show of each target and time point."""


@dataclass(frozen=True)
class Scoreboard:
    """Targets by time points; None where nothing was fitted."""

    names: list[str]
    values: list[list[float | None]]
    signed: bool  # a difference

    @property
    def format(self) -> str:
        """For the numbers in it."""
        return "+.2f" if self.signed else ".2f"


@dataclass(frozen=True)
class Cells:
    """One number for each cell, row by row: a share, or the mean error of numbers. None where nothing was tested."""

    values: list[list[float | None]]
    is_share: bool
    low: float
    high: float

    def format(self, value: float) -> str:
        """A number as it stands in its cell."""
        return f"{100 * value:.0f}" if self.is_share else f"{value:.1f}"


def labels_of(summary: Summary) -> list[str]:
    """One for each time point: the supervision step; with cycle and call where a step has several time points."""
    steps = [at["supervision_step"] for at in summary["moments"]]
    if len(set(steps)) == len(steps):
        return [str(step) for step in steps]
    return [f"{at['supervision_step']}.{at['cycle']}.{at['call']}" for at in summary["moments"]]


def result_for(summary: Summary, target: str, source: str) -> Summary | None:
    """What was read of a target from a source; None where that was not asked."""
    found = (one for one in summary["findings"] if one["target"] == target and one["source"] == source)
    return next(found, None)


def value_at(result: Summary | None, score: str, time_point: int, bound: str = "value") -> float | None:
    """A score at a time point of the experiment. A probe that is the same at all time points has one value for all of them."""
    if result is None or score not in result["scores"]:
        return None
    places, numbers = result["moments"], result["scores"][score][bound]
    if len(places) == 1:
        return numbers[0]
    return numbers[places.index(time_point)] if time_point in places else None


def baselines_at(
    summary: Summary, target: str, score: str, time_point: int, *, of: str = ""
) -> dict[str, float | None]:
    """What a state has to beat at a time point, by name: a constant guess, the input, what is derived from it, the random net's
    own `of` (both states where empty).
    """
    found: dict[str, float | None] = {}
    any_state = result_for(summary, target, "z") or result_for(summary, target, "y")
    if score == "accuracy":
        found["majority"] = value_at(any_state, "majority", time_point)
    elif score == "r2":
        found["mean"] = 0.0
    elif score == "auroc":
        found["constant"] = 0.5
    for source in ("input", "derived", *((f"random {of}",) if of else ("random z", "random y"))):
        found[source] = value_at(result_for(summary, target, source), score, time_point)
    return found


def scoreboard(summary: Summary, what: str) -> Scoreboard:
    """The first score of every target at every time point, of a state, or how far it lies above another."""
    state, _, other = what.partition(" above ")
    rows = []
    for target in summary["targets"]:
        name, score = target["name"], target["score"]
        row: list[float | None] = []
        for time_point in range(len(summary["moments"])):
            value = value_at(result_for(summary, name, state), score, time_point)
            if other == "y":
                than = value_at(result_for(summary, name, "y"), score, time_point)
            elif other:
                known = baselines_at(summary, name, score, time_point, of=state).values()
                than = max((number for number in known if number is not None), default=None)
            else:
                than = 0.0
            row.append(None if value is None or than is None else value - than)
        rows.append(row)
    return Scoreboard([target["name"].replace("_", " ") for target in summary["targets"]], rows, bool(other))


def cells_at(summary: Summary, target: str, source: str, time_point: int) -> Cells | None:
    """The score of each cell of the grid; None for a target of puzzles, and where nothing was fitted."""
    result = result_for(summary, target, source)
    facts = next(one for one in summary["targets"] if one["name"] == target)
    if result is None or facts["level"] != "cell" or time_point not in result["moments"]:
        return None
    rows, columns = summary["about"]["grid"]
    flat = result["by_cell"][result["moments"].index(time_point)]
    values = [flat[row * columns : (row + 1) * columns] for row in range(rows)]
    known = [value for value in flat if value is not None]
    is_share = bool(facts["classes"])
    return Cells(values, is_share, 0.0, 1.0 if is_share else max(known, default=1.0) or 1.0)


def confusion_at(
    summary: Summary, target: str, source: str, time_point: int
) -> tuple[list[list[float | None]], list[list[int]]] | None:
    """Shares of each true class, and counts, `true read`; None for numbers, and where nothing was fitted."""
    result = result_for(summary, target, source)
    if result is None or not result["confusion"] or time_point not in result["moments"]:
        return None
    counts = result["confusion"][result["moments"].index(time_point)]
    shares = [[count / sum(row) if sum(row) else None for count in row] for row in counts]
    return shares, counts


def balance_at(summary: Summary, target: str, time_point: int) -> list[float] | None:
    """The share of each class among the cells of the training puzzles; of several members the mean. None of numbers."""
    result = result_for(summary, target, "z") or result_for(summary, target, "y")
    probes = [] if result is None else result["probes"]
    if not probes or not all("class_balance" in probe for probe in probes):
        return None
    at = result["moments"].index(time_point) if time_point in result["moments"] else 0
    shares = [probe["class_balance"][at] for probe in probes]
    return [sum(column) / len(column) for column in zip(*shares, strict=True)]


@dataclass(frozen=True)
class Code:
    """Description lengths at the time points of a result, by online coding; None where there were no labels."""

    bits: list[float | None]  # a label
    entropy: list[float | None]  # bits a label of who knows how often each class occurs, and no state
    compression: list[float | None]  # entropy / bits


def code_of(summary: Summary, target: str, source: str) -> Code | None:
    """Of all members of a target together; None where it was not asked for, and of numbers, which have none."""
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
