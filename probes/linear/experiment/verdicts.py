"""Verdicts that compare the states with their baselines on a target, as sentences.

The verdict is that a state encodes more, less, or no more than its best baseline, that there is no clear difference, or
that no verdict is possible. A confidence interval that contains 0 does not prove that there is no difference. "No more"
requires the interval to lie within a margin around 0 (an equivalence test; Lakens 2017, doi:10.1177/1948550617697177).
"""

from probes.linear.experiment.summary import ExperimentSummary, TargetSummary
from probes.linear.experiment.views import labels_of, value_at

MARGINS = {"auroc": 0.05, "accuracy": 0.02, "r2": 0.05}
"""The largest difference of each score that counts as negligible."""
FEWEST = 5
"""Minimum number of test puzzles with a cell of the rarer class, so that a confidence interval is meaningful."""
CHANCE = {"auroc": "a constant guess", "accuracy": "the majority class", "r2": "the mean"}
BASELINES = {
    "input": "the input",
    "derived": "features derived from the input",
    "random z": "the untrained network",
    "random y": "the untrained network",
}
UNITS = {"auroc": "AUROC", "accuracy": "points", "r2": "R²"}
"""Units of a difference of each score."""
SCORES = {"auroc": "AUROC", "accuracy": "%", "r2": "R²"}


def verdict(summary: ExperimentSummary, target: TargetSummary, time_points: list[int]) -> str:
    """Return the verdict at the last of the time points (indices), as a sentence.

    If no verdict is possible there, return the reason, followed by the verdict at the latest time point that has a
    verdict.
    """
    parts: list[str] = []
    for time_point in reversed(time_points):
        reason = untestable_reason(summary, target, time_point)
        sentence = reason or comparison(summary, target, time_point)
        if not parts or not reason:
            parts.append(f"after step {labels_of(summary)[time_point]}, {sentence}.")
        if not reason:
            break
    return " ".join(one[0].upper() + one[1:] for one in parts)


def untestable_reason(summary: ExperimentSummary, target: TargetSummary, time_point: int) -> str:
    """Return the reason why a target has no verdict at a time point, or "" if it has a verdict.

    The possible reasons are a single class, too few puzzles with the rarer class, and labels equal to another target's.
    """
    puzzles = puzzles_with_rarer_class(summary, target, time_point)
    if puzzles == 0:
        return "the test puzzles contain only one class, so there is nothing to test"
    if puzzles is not None and puzzles < FEWEST:
        what = "1 test puzzle" if puzzles == 1 else f"{puzzles} test puzzles"
        return f"the rarer class occurs in only {what}, which is too few for a verdict"
    same = target.repeats[time_point] if target.repeats else None
    return f"the labels are the same as those of “{same.replace('_', ' ')}”; see that target" if same else ""


def puzzles_with_rarer_class(
    summary: ExperimentSummary, target: TargetSummary, time_point: int
) -> int | None:
    """Return the number of test puzzles with the rarer of two classes, or None for numeric targets.

    For targets with more than two classes, return 0 if only one class occurs, and otherwise None.
    """
    result = next((one for one in summary.results if one.target == target.name), None)
    if result is None or not result.test_puzzles:
        return None
    counts = result.test_puzzles[
        result.time_points.index(time_point) if time_point in result.time_points else 0
    ]
    if target.score == "auroc":
        return min(counts)
    return None if sum(count > 0 for count in counts) > 1 else 0


def comparison(summary: ExperimentSummary, target: TargetSummary, time_point: int) -> str:
    """Describe how each state compares with its strongest baseline, with the confidence interval of the difference."""
    score, parts = target.score, []
    for state in summary.settings.states:
        name, least = smallest_gain(summary, target.name, state, time_point)
        if least is None:
            parts.append(f"{state} was not tested")
            continue
        value, low, high = (format_difference(one, score) for one in least)
        than = CHANCE[score] if name == "majority" else BASELINES[name]
        parts.append(
            f"{state} {describe_difference(*least[1:], score)} ({value} {UNITS[score]}, 95% interval {low} to {high}, "
            f"relative to {than})"
        )
    return " and ".join(parts)


def describe_difference(low: float, high: float, score: str) -> str:
    """Return the verdict that follows from the confidence interval of a difference, `low` to `high`."""
    if -MARGINS[score] <= low and high <= MARGINS[score]:
        return "encodes no more than the best baseline"
    if low > 0:
        return "encodes more than every baseline"
    return (
        "encodes less than the best baseline" if high < 0 else "is not distinguishable from the best baseline"
    )


def smallest_gain(
    summary: ExperimentSummary, target: str, state: str, time_point: int
) -> tuple[str, tuple[float, float, float] | None]:
    """Return the name of a state's strongest baseline and the state's gain over this baseline.

    The gain is the difference of the main score and the bounds of its confidence interval; None if nothing was tested.
    """
    result = summary.result(target, state)
    differences = {
        name: tuple(
            value_at(result, f"above {name}", time_point, bound) for bound in ("value", "low", "high")
        )
        for name in ("majority", "input", "derived", f"random {state}")
    }
    tested = {name: gain for name, gain in differences.items() if gain[0] is not None}
    if not tested:
        return "", None
    least = min(tested, key=lambda name: tested[name][0])
    return least, tested[least]


def wrong_cells(summary: ExperimentSummary, target: str, time_point: int) -> str:
    """Describe whether solution probes decode the solution or the current answer where the two differ.

    Returns "" for other targets, and if no test cell is wrong.
    """
    parts, answering, cells, puzzles = [], [], 0, 0
    for state in summary.settings.states:
        result = summary.result(target, state)
        counts = result and result.wrong_cells
        if not counts or not counts["cells"][time_point]:
            continue
        cells, puzzles, answer, solution = (
            counts[name][time_point] for name in ("cells", "puzzles", "answer", "solution")
        )
        parts.append(
            f"the probe of {state} decodes this wrong answer in {100 * answer / cells:.0f}% of the cells and the solution in "
            f"{100 * solution / cells:.0f}%"
        )
        answering += [state] if answer > solution else []
    if not parts:
        return ""
    where = f"{cells} {'cell' if cells == 1 else 'cells'} in {puzzles} test {'puzzle' if puzzles == 1 else 'puzzles'}"
    conclusion = f" {' and '.join(answering)} {'encode' if len(answering) > 1 else 'encodes'} the answer rather than the solution."
    return (
        f"Where the answer after step {labels_of(summary)[time_point]} is wrong ({where}), {', and '.join(parts)}."
        f"{conclusion if answering else ''}"
    )


def format_difference(value: float, score: str) -> str:
    """Format a difference of scores. Differences of accuracy are in percentage points."""
    return (
        f"{100 * value:+.1f}"
        if score == "accuracy"
        else f"{value:+.3f}"
        if score == "auroc"
        else f"{value:+.2f}"
    )


def format_score(value: float | None, score: str) -> str:
    """Format a score; "" for None. Accuracy is in percent. A score below 1 is never rounded to 1 or 100 %."""
    if value is None:
        return ""
    digits, factor = {"accuracy": (1, 100), "auroc": (3, 1)}.get(score, (2, 1))
    text = f"{factor * value:.{digits}f}"
    return f">{factor - 10.0**-digits:.{digits}f}" if value < 1 and float(text) == factor else text


def sentences(summary: ExperimentSummary, name: str, time_points: list[int]) -> str:
    """Return the verdict on the target `name` at the last time point, and the sentence about wrong cells, if any."""
    parts = verdict(summary, summary.target(name), time_points), wrong_cells(summary, name, time_points[-1])
    return " ".join(filter(None, parts))
