"""What may be said of a target: more than its baselines, less, no more, or not told apart; or why nothing may be said.

All from an experiment as `ProbingExperiment.summary` writes it. A band of a difference that holds 0 does not say that there is none:
"no more" takes a band within a margin of 0 (an equivalence test; Lakens 2017, doi:10.1177/1948550617697177).
"""

from probes.linear.experiment.views import Summary, labels_of, result_for, value_at

MARGINS = {"auroc": 0.05, "accuracy": 0.02, "r2": 0.05}
"""Differences of a score that are too small to matter."""
FEWEST = 5
"""Test puzzles that must have a cell of the rarer of two classes: a band over fewer puzzles means nothing."""
CHANCE = {"auroc": "a constant guess", "accuracy": "the most frequent class", "r2": "the mean"}
BASELINES = {
    "input": "the input",
    "derived": "what is derived from the input",
    "random z": "random weights",
    "random y": "random weights",
}
SCORES = {"auroc": "AUROC", "accuracy": "%", "r2": "R²"}


def verdict(summary: Summary, target: Summary, time_points: list[int]) -> str:
    """A sentence on the last of the time points. Where nothing can be said of it: why, and a sentence on the latest one of
    which something can.
    """
    said: list[str] = []
    for time_point in reversed(time_points):
        reason = untestable_reason(summary, target, time_point)
        sentence = reason or comparison(summary, target, time_point)
        if not said or not reason:
            said.append(f"after step {labels_of(summary)[time_point]}, {sentence}.")
        if not reason:
            break
    return " ".join(one[0].upper() + one[1:] for one in said)


def untestable_reason(summary: Summary, target: Summary, time_point: int) -> str:
    """Why nothing can be said of a target at a time point: one class, too few puzzles of one, or the labels of another
    target. Empty where something can.
    """
    puzzles = puzzles_with_rarer_class(summary, target, time_point)
    if puzzles == 0:
        return "there is one class in the test part: nothing to tell"
    if puzzles is not None and puzzles < FEWEST:
        what = "1 test puzzle" if puzzles == 1 else f"{puzzles} test puzzles"
        return f"the rarer class is in {what} only: too few to tell"
    repeats = target.get("repeats")
    same = repeats[time_point] if repeats else None
    return f"it says the same as “{same.replace('_', ' ')}”: see there" if same else ""


def puzzles_with_rarer_class(summary: Summary, target: Summary, time_point: int) -> int | None:
    """In how many test puzzles the rarer of two classes is; of more classes 0 where there is but one. Else None."""
    result = next((one for one in summary["findings"] if one["target"] == target["name"]), {})
    puzzles = result.get("test_puzzles")
    if not puzzles:
        return None
    counts = puzzles[result["moments"].index(time_point) if time_point in result["moments"] else 0]
    if target["score"] == "auroc":
        return min(counts)
    return None if sum(count > 0 for count in counts) > 1 else 0


def comparison(summary: Summary, target: Summary, time_point: int) -> str:
    """What each state holds beyond the baseline that it exceeds least, as the band of the difference says."""
    score, said = target["score"], []
    for state in summary["settings"]["states"]:
        name, least = smallest_gain(summary, target["name"], state, time_point)
        if least is None:
            said.append(f"{state} was not tested")
            continue
        value, low, high = (format_difference(one, score) for one in least)
        than = CHANCE[score] if name == "majority" else BASELINES[name]
        said.append(
            f"{state} {describe_difference(*least[1:], score)} ({value}, {low} to {high}, against {than})"
        )
    return " and ".join(said)


def describe_difference(low: float, high: float, score: str) -> str:
    """What the band of a difference lets one say."""
    if -MARGINS[score] <= low and high <= MARGINS[score]:
        return "holds no more than the best baseline"
    if low > 0:
        return "holds more than any baseline"
    return "holds less than the best baseline" if high < 0 else "is not told apart from the best baseline"


def smallest_gain(
    summary: Summary, target: str, state: str, time_point: int
) -> tuple[str, tuple[float, float, float] | None]:
    """The baseline that a state exceeds least: its name, the difference and its band."""
    result = result_for(summary, target, state)
    found = {
        name: tuple(
            value_at(result, f"above {name}", time_point, bound) for bound in ("value", "low", "high")
        )
        for name in ("majority", "input", "derived", f"random {state}")
    }
    known = {name: gain for name, gain in found.items() if gain[0] is not None}
    if not known:
        return "", None
    least = min(known, key=lambda name: known[name][0])
    return least, known[least]


def wrong_cells(summary: Summary, target: str, time_point: int) -> str:
    """Whether a probe of the solution reads the solution or the answer, where the two differ; "" of other targets."""
    read, answering, cells, puzzles = [], [], 0, 0
    for state in summary["settings"]["states"]:
        counts = (result_for(summary, target, state) or {}).get("wrong_cells")
        if not counts or not counts["cells"][time_point]:
            continue
        cells, puzzles, answer, solution = (
            counts[name][time_point] for name in ("cells", "puzzles", "answer", "solution")
        )
        read.append(
            f"the probe of {state} reads this wrong answer in {100 * answer / cells:.0f} % and the solution in "
            f"{100 * solution / cells:.0f} %"
        )
        answering += [state] if answer > solution else []
    if not read:
        return ""
    where = f"{cells} {'cell' if cells == 1 else 'cells'} of {puzzles} test {'puzzle' if puzzles == 1 else 'puzzles'}"
    holds = f" {' and '.join(answering)} {'hold' if len(answering) > 1 else 'holds'} the answer rather than the solution."
    return (
        f"Where the answer after step {labels_of(summary)[time_point]} is wrong ({where}), {', '.join(read)}."
        f"{holds if answering else ''}"
    )


def format_difference(value: float, score: str) -> str:
    """A difference of scores; of accuracies in points."""
    return (
        f"{100 * value:+.1f}"
        if score == "accuracy"
        else f"{value:+.3f}"
        if score == "auroc"
        else f"{value:+.2f}"
    )


def format_score(value: float | None, score: str) -> str:
    """A score; accuracy in percent. What is less than all is never rounded to all."""
    if value is None:
        return ""
    digits, factor = {"accuracy": (1, 100), "auroc": (3, 1)}.get(score, (2, 1))
    text = f"{factor * value:.{digits}f}"
    return f">{factor - 10.0**-digits:.{digits}f}" if value < 1 and float(text) == factor else text


def sentences(summary: Summary, name: str, time_points: list[int]) -> str:
    """All that may be said of a target, by its name, at the last of these time points."""
    target = next(one for one in summary["targets"] if one["name"] == name)
    said = verdict(summary, target, time_points), wrong_cells(summary, name, time_points[-1])
    return " ".join(filter(None, said))
