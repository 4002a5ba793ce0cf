"""Extracts scoreboards, baselines, cell scores, confusion matrices and code lengths from an experiment's results."""

from dataclasses import dataclass
from math import log2

from probes.linear.experiment.summary import ExperimentSummary, ResultSummary

SCOREBOARD_VALUES = ("z", "y", "z minus y", "z minus best baseline", "y minus best baseline")
"""Quantities that a scoreboard can show."""


@dataclass(frozen=True)
class Scoreboard:
    """A table with one value per target and time point; None where nothing was fitted."""

    names: list[str]  # display names of the targets
    values: list[list[float | None]]  # one row per target, one column per time point
    signed: bool  # whether values are differences

    @property
    def format(self) -> str:
        """The format specification of the values."""
        return "+.2f" if self.signed else ".2f"


@dataclass(frozen=True)
class Cells:
    """The score of each cell of the grid: accuracy, or mean absolute error for numeric targets."""

    values: list[list[float | None]]  # [row][column]; None where nothing was tested
    is_share: bool  # whether the score is an accuracy
    low: float  # lower end of the colour scale
    high: float  # upper end of the colour scale

    def format(self, value: float) -> str:
        """Format a value to be shown in its cell. Accuracy is in percent."""
        return f"{100 * value:.0f}" if self.is_share else f"{value:.1f}"


def labels_of(summary: ExperimentSummary) -> list[str]:
    """Return the label of each time point: its step, or step.cycle.call if a step has several time points."""
    steps = [at.supervision_step for at in summary.time_points]
    if len(set(steps)) == len(steps):
        return [str(step) for step in steps]
    return [f"{at.supervision_step}.{at.cycle}.{at.call}" for at in summary.time_points]


def value_at(result: ResultSummary | None, score: str, time_point: int, bound: str = "value") -> float | None:
    """Return a score at a time point, or a bound of its confidence interval (`low` or `high`); None if it is missing.

    If all time points share one probe, its score is returned for all of them.
    """
    if result is None or score not in result.scores:
        return None
    places, numbers = result.time_points, getattr(result.scores[score], bound)
    if len(places) == 1:
        return numbers[0]
    return numbers[places.index(time_point)] if time_point in places else None


def baselines_at(
    summary: ExperimentSummary, target: str, score: str, time_point: int, *, of: str = ""
) -> dict[str, float | None]:
    """Return the scores of the baselines at a time point, by name.

    The baselines are a constant guess, the input, features derived from the input, and the state `of` of the untrained
    network (both states if `of` is empty).
    """
    baselines: dict[str, float | None] = {}
    any_state = summary.result(target, "z") or summary.result(target, "y")
    if score == "accuracy":
        baselines["majority"] = value_at(any_state, "majority", time_point)
    elif score == "r2":
        baselines["mean"] = 0.0
    elif score == "auroc":
        baselines["constant"] = 0.5
    for source in ("input", "derived", *((f"random {of}",) if of else ("random z", "random y"))):
        baselines[source] = value_at(summary.result(target, source), score, time_point)
    return baselines


def scoreboard(summary: ExperimentSummary, what: str) -> Scoreboard:
    """Return the scoreboard of the quantity `what`, one of `SCOREBOARD_VALUES`.

    A quantity is the main score of a state, or its difference from the score of another state or the best baseline.
    """
    state, _, other = what.partition(" minus ")
    rows = []
    for target in summary.targets:
        name, score = target.name, target.score
        row: list[float | None] = []
        for time_point in range(len(summary.time_points)):
            value = value_at(summary.result(name, state), score, time_point)
            if other == "y":
                than = value_at(summary.result(name, "y"), score, time_point)
            elif other:
                baselines = baselines_at(summary, name, score, time_point, of=state).values()
                than = max((number for number in baselines if number is not None), default=None)
            else:
                than = 0.0
            row.append(None if value is None or than is None else value - than)
        rows.append(row)
    return Scoreboard([target.name.replace("_", " ") for target in summary.targets], rows, bool(other))


def cells_at(summary: ExperimentSummary, target: str, source: str, time_point: int) -> Cells | None:
    """Return the score of each cell of the grid; None for a puzzle-level target, or if no probe was fitted there."""
    result = summary.result(target, source)
    facts = summary.target(target)
    if result is None or facts.level != "cell" or time_point not in result.time_points:
        return None
    rows, columns = summary.grid
    flat = result.by_cell[result.time_points.index(time_point)]
    values = [flat[row * columns : (row + 1) * columns] for row in range(rows)]
    tested = [value for value in flat if value is not None]
    is_share = bool(facts.classes)
    return Cells(values, is_share, 0.0, 1.0 if is_share else max(tested, default=1.0) or 1.0)


def confusion_at(
    summary: ExperimentSummary, target: str, source: str, time_point: int
) -> tuple[list[list[float | None]], list[list[int]]] | None:
    """Return the confusion matrix [true][predicted], first as proportions of each true class and then as cell counts.

    Returns None for numeric targets, or if no probe was fitted at the time point.
    """
    result = summary.result(target, source)
    if result is None or not result.confusion or time_point not in result.time_points:
        return None
    counts = result.confusion[result.time_points.index(time_point)]
    shares = [[count / sum(row) if sum(row) else None for count in row] for row in counts]
    return shares, counts


def balance_at(summary: ExperimentSummary, target: str, time_point: int) -> list[float] | None:
    """Return the proportion of each class in the training cells, averaged over members; None for numeric targets."""
    result = summary.result(target, "z") or summary.result(target, "y")
    probes = [] if result is None else result.probes
    if not probes or not all(probe.class_balance for probe in probes):
        return None
    at = result.time_points.index(time_point) if time_point in result.time_points else 0
    shares = [probe.class_balance[at] for probe in probes]
    return [sum(column) / len(column) for column in zip(*shares, strict=True)]


@dataclass(frozen=True)
class Code:
    """Online code lengths at each time point of a result; None at time points without labels."""

    bits: list[float | None]  # bits per label of the online code
    entropy: list[float | None]  # bits per label of a code that knows only the class frequencies
    compression: list[float | None]  # entropy / bits


def code_of(summary: ExperimentSummary, target: str, source: str) -> Code | None:
    """Return the code lengths of all members of a target together; None if no code lengths were computed."""
    result = summary.result(target, source)
    facts = summary.target(target)
    probes = [] if result is None else result.probes
    if not probes or not all(probe.code for probe in probes):
        return None
    own, entropy, uniform = (
        [sum(column) for column in zip(*(probe.code[name] for probe in probes), strict=True)]
        for name in ("bits", "entropy_bits", "uniform_bits")
    )
    labels = [bits / log2(len(facts.classes)) for bits in uniform]
    return Code(
        [bits / count if count else None for bits, count in zip(own, labels, strict=True)],
        [bits / count if count else None for bits, count in zip(entropy, labels, strict=True)],
        [whole / bits if bits else None for whole, bits in zip(entropy, own, strict=True)],
    )
