"""The texts of the Probes page: what a target means, its scores, and the caveats."""

from typing import TYPE_CHECKING, Any

from app.ui.text import plain
from probes.linear.experiment.files import RECORDED, SUFFIX
from probes.linear.experiment.verdicts import MARGINS, format_score
from probes.linear.experiment.views import balance_at, baselines_at, code_of, labels_of, result_for, value_at

if TYPE_CHECKING:
    from app.screens.probes.source import LoadedExperiment

CAVEATS = (
    "A linear probe shows what a state encodes, not that the model uses it. Probes are tested on held-out puzzles. Bands: 95 % "
    "bootstrap intervals over test puzzles. “No more”: the band of the difference (in brackets) lies within "
    f"±{100 * MARGINS['accuracy']:.0f} points of accuracy, or ±{MARGINS['auroc']:.2f} of AUROC or R². Selectivity depends on a single draw "
    "of random labels, more so for rare classes."
)
SCOREBOARD = (
    "Accuracy for several classes, AUROC for two, R² for numbers. “Best baseline”: the best of a constant guess and "
    "probes of the input around the cell, of features derived from the input, and of the untrained network."
)
CELLS = "Accuracy in each cell over the test puzzles, in percent. Empty: not tested."
CELL_ERRORS = "Mean absolute error in each cell over the test puzzles. Empty: not tested."
CONFUSION = "Rows: true class. Columns: decoded class. Each row sums to 100 %."
GRID = "Bold: givens. Coloured: decoded by the probe. Orange and underlined: decoded incorrectly."
CANDIDATES = (
    "Small digits: decoded candidates. Struck through: false positive. Dashed ring: missed candidate."
)
OUTDATED = (
    "This experiment was recorded with different weights. Fit the probes again under “Fit new probes”, or record them again "
    "with `probes fit --record`."
)
CAUSAL = (
    "The model need not use what a probe can decode. This test changes the state along the probe's direction once, in every "
    "cell, and continues the run. The same is done with random directions, by the same distance in each cell. Choose the "
    "settings, then press “Run”."
)
CAUSAL_CAVEAT = (
    "Only an effect larger than that of random directions is evidence that the model uses this information. The absence of an "
    "effect does not prove the opposite: other directions may encode the information too."
)
CODE = (
    "Online (prequential) code length: each block of labels is coded with a probe trained on the blocks before it (Voita & "
    "Titov 2020). A short code means that the labels are easy to decode and can be learned from few puzzles. If the code is as long as the "
    "label entropy (a code that knows only the class frequencies), the state carries no linearly decodable information about the labels."
)
PLANE = (
    "Nearly parallel arrows: classes that are hard to separate. Opposite arrows: one excludes the other. Short arrows: most of "
    "the direction lies outside this plane, so its angle here means little."
)
NO_CODE = "No description length was computed. Fit new probes with “Description length” on. It is defined for classes only."
UPLOAD = "Files written by `probes fit --save`, or those in `assets/recorded/probes`. They are not stored."
STATE = "z: the latent state. y: the current answer, embedded."
SCORES = {"accuracy": "accuracy", "auroc": "AUROC", "balanced_accuracy": "balanced", "code": "bits"}
"""Short labels: three of them share a narrow column."""
BASELINES = {
    "majority": "majority class",
    "mean": "mean",
    "constant": "constant guess",
    "input": "input only",
    "derived": "derived from the input",
    "random z": "untrained network, z",
    "random y": "untrained network, y",
}


def no_recording(model: str) -> str:
    """The message for a model without a recorded experiment."""
    return plain(
        f"No result is recorded for {model}. Choose targets and fit probes; this takes seconds to minutes."
    )


def source(summary: dict[str, Any], *, recorded: bool) -> str:
    """One line: the model, the number of puzzles, and the split."""
    about, split = summary["about"], summary["about"]["split"]
    return plain(
        f"{'Recorded' if recorded else 'New'}: {about['model']} ({about['fingerprint'][:8]}), "
        f"{about['puzzles']} puzzles from {about['data']}: {split['train']} for training, {split['validation']} for "
        f"validation (to choose the regularisation), {split['test']} for testing."
    )


def meaning(facts: dict[str, Any]) -> str:
    """What a target means, for which cells it is defined, and its chance level."""
    chance = plain(facts["chance_says"])
    return f"**{plain(facts['name'].replace('_', ' ').capitalize())}.** {plain(facts['meaning'])} {chance}"


def scores(summary: dict[str, Any], target: str, score: str) -> str:
    """A Markdown table for the last time point: scores of z, y and the baselines, selectivity and description lengths."""
    last, labels = len(summary["moments"]) - 1, labels_of(summary)
    facts = next(one for one in summary["targets"] if one["name"] == target)
    rows = [f"| step {labels[last]} | |", "|:--|--:|"]
    for state in ("z", "y"):
        result = result_for(summary, target, state)
        value = value_at(result, score, last)
        if value is None:
            continue
        low, high = (value_at(result, score, last, bound) for bound in ("low", "high"))
        rows.append(
            f"| **probe of {state}** | **{_number(value, score)}** ({_bound(low, score)}&nbsp;to&nbsp;{_bound(high, score)}) |"
        )
    for name, value in baselines_at(summary, target, score, last).items():
        if value is not None:
            early = name.startswith("random") and summary["settings"]["random"] == "first"
            rows.append(
                f"| {BASELINES[name]}{f', step {labels[0]}' if early else ''} | {_number(value, score)} |"
            )
    for state in ("z", "y"):
        value = value_at(result_for(summary, target, state), "selectivity", last)
        if value is not None and score == facts["score"]:
            rows.append(f"| selectivity, {state} | {_number(value, score)} |")
    rows += _code_rows(summary, target, last)
    return "\n".join(rows)


def _code_rows(summary: dict[str, Any], target: str, time_point: int) -> list[str]:
    """Description lengths, if they were computed."""
    rows = []
    for state in ("z", "y"):
        code = code_of(summary, target, state)
        if code is not None and code.bits[time_point] is not None:
            rows += [
                f"| description length, {state} | {code.bits[time_point]:.2f} bits |",
                f"| label entropy / description length, {state} | {code.compression[time_point]:.2f} |",
            ]
    return rows


def balance(summary: dict[str, Any], target: str, time_point: int) -> str:
    """The share of each class among the training cells; "" for numeric targets."""
    shares = balance_at(summary, target, time_point)
    if shares is None:
        return ""
    classes = next(one["classes"] for one in summary["targets"] if one["name"] == target)
    each = ", ".join(
        f"{plain(name)} {100 * share:.1f} %" for name, share in zip(classes, shares, strict=True)
    )
    return f"Class balance in training, step {labels_of(summary)[time_point]}: {each}."


def plane(share: float, count: int, *, where: str) -> str:
    """What the figure of directions shows, and how much of their length it captures."""
    return (
        f"**{count} probe directions** in {where}: the directions along which the probe's output changes fastest. They are "
        f"projected onto the plane that captures the most of their squared length, **{100 * share:.0f} %**."
    )


def _number(value: float | None, score: str) -> str:
    if value is None:
        return "none"
    return format_score(value, score) if score in ("auroc", "r2") else f"{format_score(value, 'accuracy')} %"


def _bound(value: float | None, score: str) -> str:
    """A bound of a band, without the unit."""
    return "none" if value is None else _number(value, score).removesuffix(" %")


def decoded(result: dict[str, Any], state: str, time_point: int) -> str:
    """How many cells are decoded correctly in this puzzle, at this time point."""
    right = total = 0
    for one in result["readings"]:
        if one["state"] != state or one["true"] is None:
            continue
        for read, true in zip(one["read"][time_point], one["true"][time_point], strict=True):
            if read is not None and true is not None:
                total += 1
                right += read == true if isinstance(true, str) else abs(read - true) <= 0.5
    if not total:
        return "The true values are unknown, because the puzzle has no unique solution."
    what = "candidates" if len({one["target"] for one in result["readings"]}) > 1 else "cells"
    return f"**{right} of {total}** {what} decoded correctly."


def causal(result: dict[str, Any]) -> str:
    """A sentence on how much larger the effect of the probe's direction is than that of random directions, with its
    band.
    """
    excess = result["excess"]["changed_end"]
    low, high = 100 * excess["low"], 100 * excess["high"]
    verdict = "larger than" if low > 0 else "smaller than" if high < 0 else "not distinguishable from"
    return (
        f"The test moves the state by {100 * result['distance']:.0f} % of its norm. The effect on the final answer is "
        f"**{verdict}** that of random directions: the share of blank cells whose answer changes differs by "
        f"{100 * excess['value']:+.1f} percentage points (95 % band {low:+.1f} to {high:+.1f}, {result['puzzles']} puzzles)."
    )


def opened_source(summary: dict[str, Any], model: str, fingerprint: str | None) -> str:
    """One line: the uploaded probes, and the model that they are applied to."""
    about, count = summary["about"], sum(len(target["members"]) for target in summary["targets"])
    other = "" if about["fingerprint"] == fingerprint else ", which has other weights"
    return plain(
        f"Opened: {count} {'target' if count == 1 else 'targets'} from {about['model']} "
        f"({about['fingerprint'][:8]}), applied to {model}{other}."
    )


def probe_folder(experiment: "LoadedExperiment") -> str:
    """The folder in which the command line finds the probes."""
    model = experiment.summary["about"]["model"]
    return f"{RECORDED.relative_to(RECORDED.parents[2])}/{model}" if experiment.recorded else "probes"


def apply_command(experiment: "LoadedExperiment", target: str, puzzle: str) -> str:
    """The equivalent command, with the recorded probes or those saved by the experiment's command."""
    files = [
        f"--probe {probe_folder(experiment)}/{member}.{state}{SUFFIX}"
        for state in experiment.states
        for member in experiment.targets[target]["members"]
    ]
    return f"python -m probes apply --model {experiment.summary['about']['model']} {' '.join(files)} --puzzle '{puzzle}'"
