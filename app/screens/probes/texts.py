"""The texts of the Probes page: the meaning of each target, its scores, and the caveats."""

from typing import TYPE_CHECKING, Any

from app.ui.text import plain
from probes.linear.experiment.files import RECORDED, SUFFIX
from probes.linear.experiment.verdicts import MARGINS, format_score
from probes.linear.experiment.views import balance_at, baselines_at, code_of, labels_of, value_at
from trm.terminal import as_command

if TYPE_CHECKING:
    from app.screens.probes.source import LoadedExperiment
    from probes.linear.experiment.summary import CausalSummary, ExperimentSummary, TargetSummary

CAVEATS = (
    "A linear probe shows what a state encodes, not that the model uses it. Probes are tested on held-out puzzles. Intervals "
    "are 95% bootstrap intervals over test puzzles. “No more” means that the confidence interval for the difference (in brackets) lies within "
    f"±{100 * MARGINS['accuracy']:.0f} points of accuracy, or ±{MARGINS['auroc']:.2f} of AUROC or R². Selectivity is "
    "estimated from a single draw of random labels, so it is noisy, especially for rare classes."
)
SCOREBOARD = (
    "Scores are accuracies for targets with several classes, AUROC for two classes, and R² for numbers. The best baseline is the best "
    "of a constant guess and of probes of the input around the cell, of features derived from the input, and of the untrained network."
)
CELLS = "Each cell shows its accuracy over the test puzzles, in percent. Empty cells were not tested."
CELL_ERRORS = "Each cell shows its mean absolute error over the test puzzles. Empty cells were not tested."
CONFUSION = "Rows are true classes; columns are decoded classes. Each row sums to 100%."
GRID = "Bold symbols are givens; coloured symbols are decoded by the probe. Orange, underlined symbols are decoded incorrectly."
CANDIDATES = "Small digits are decoded candidates. A digit struck through is a false positive; one in a dashed ring is a missed candidate."
UPDATE = "Fit the probes again under “Fit new probes”, or record them again with `probes fit --record`."
CAUSAL = (
    "The model need not use what a probe can decode. This test changes the state along the probe's direction once, in every "
    "cell, and continues the run. For comparison, random directions change each cell by the same distance. Choose the "
    "settings, then press “Run”."
)
CAUSAL_CAVEAT = (
    "Only an effect larger than that of random directions is evidence that the model uses this information. The absence of an "
    "effect does not prove the opposite: other directions may encode the information too."
)
CODE = (
    "This is the online (prequential) code length: each block of labels is coded with a probe trained on the blocks before it (Voita "
    "& Titov 2020). A short code means that the labels are easy to decode and can be learned from few puzzles. If the code is as long as the "
    "label entropy (a code that knows only the class frequencies), the state carries no linearly decodable information about the labels."
)
PLANE = (
    "Classes with nearly parallel arrows are hard to separate; classes with opposite arrows exclude each other. If an arrow is short, "
    "most of its direction lies outside this plane, so its angle here means little."
)
NO_CODE = "No description length was computed. Fit new probes with “Description length” on. It is defined for classes only."
UPLOAD = "Choose files written by `probes fit --save`, or files from `assets/recorded/probes`. The server does not store them."
STATE = "z is the latent state; y is the current answer, embedded."
SCORES = {"accuracy": "accuracy", "auroc": "AUROC", "balanced_accuracy": "balanced", "code": "bits"}
"""Short labels, so that three of them fit into a narrow column."""
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
    """Return the message for a model without a recorded experiment."""
    return plain(
        f"Nothing has been recorded for {model}. Choose targets and fit probes; this takes seconds to minutes."
    )


def source(summary: "ExperimentSummary", *, recorded: bool) -> str:
    """Return one line with the model, the number of puzzles, and the split."""
    about, split = summary.provenance, summary.split
    return plain(
        f"{'Recorded' if recorded else 'New'}: {about.model} ({about.fingerprint[:8]}), "
        f"{about.count} puzzles from {about.data}: {split['train']} for training, {split['validation']} for "
        f"validation (to choose the regularisation) and {split['test']} for testing."
    )


def meaning(facts: "TargetSummary") -> str:
    """Return what a target means, for which cells it is defined, and its chance level."""
    chance = plain(facts.chance_note)
    return f"**{plain(facts.name.replace('_', ' ').capitalize())}.** {plain(facts.meaning)} {chance}"


def scores(summary: "ExperimentSummary", target: str, score: str) -> str:
    """Return a Markdown table for the last time point: scores of z, y and the baselines, selectivity and code lengths."""
    last, labels = len(summary.time_points) - 1, labels_of(summary)
    facts = summary.target(target)
    rows = [f"| step {labels[last]} | |", "|:--|--:|"]
    for state in ("z", "y"):
        result = summary.result(target, state)
        value = value_at(result, score, last)
        if value is None:
            continue
        low, high = (value_at(result, score, last, bound) for bound in ("low", "high"))
        rows.append(
            f"| **probe of {state}** | **{_number(value, score)}** ({_bound(low, score)}&nbsp;to&nbsp;{_bound(high, score)}) |"
        )
    for name, value in baselines_at(summary, target, score, last).items():
        if value is not None:
            early = name.startswith("random") and summary.settings.random == "first"
            rows.append(
                f"| {BASELINES[name]}{f', step {labels[0]}' if early else ''} | {_number(value, score)} |"
            )
    for state in ("z", "y"):
        value = value_at(summary.result(target, state), "selectivity", last)
        if value is not None and score == facts.score:
            rows.append(f"| selectivity, {state} | {_number(value, score)} |")
    rows += _code_rows(summary, target, last)
    return "\n".join(rows)


def _code_rows(summary: "ExperimentSummary", target: str, time_point: int) -> list[str]:
    """Return table rows with the description lengths, if they were computed."""
    rows = []
    for state in ("z", "y"):
        code = code_of(summary, target, state)
        if code is not None and code.bits[time_point] is not None:
            rows += [
                f"| description length, {state} | {code.bits[time_point]:.2f} bits |",
                f"| label entropy / description length, {state} | {code.compression[time_point]:.2f} |",
            ]
    return rows


def balance(summary: "ExperimentSummary", target: str, time_point: int) -> str:
    """Return the proportion of each class among the training cells; "" for numeric targets."""
    shares = balance_at(summary, target, time_point)
    if shares is None:
        return ""
    classes = summary.target(target).classes
    each = ", ".join(
        f"{plain(name)} ({100 * share:.1f}%)" for name, share in zip(classes, shares, strict=True)
    )
    return f"Class proportions in the training puzzles at step {labels_of(summary)[time_point]}: {each}."


def plane(share: float, count: int, *, where: str) -> str:
    """Return what the figure of directions shows, and how much of the directions' length it captures."""
    return (
        f"**{count} probe directions** in {where}: along these directions, the probe's output changes fastest. They are projected "
        f"onto the plane that captures the largest part of their squared length, **{100 * share:.0f}%**."
    )


def _number(value: float | None, score: str) -> str:
    if value is None:
        return "none"
    return format_score(value, score) if score in ("auroc", "r2") else f"{format_score(value, 'accuracy')}%"


def _bound(value: float | None, score: str) -> str:
    """Format a confidence limit, without the unit."""
    return "none" if value is None else _number(value, score).removesuffix("%")


def decoded(result: dict[str, Any], state: str, time_point: int) -> str:
    """Return how many cells are decoded correctly in this puzzle, at this time point."""
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
    return f"**{right} of {total}** {what} are decoded correctly."


def causal(result: "CausalSummary") -> str:
    """Return a sentence that compares the effect of the probe's direction with the effect of random directions."""
    excess = result.excess["changed_end"]
    low, high = 100 * excess["low"], 100 * excess["high"]
    verdict = "larger than" if low > 0 else "smaller than" if high < 0 else "not distinguishable from"
    return (
        f"The test moves the state by {100 * result.distance:.0f}% of its norm. The effect on the final answer is "
        f"**{verdict}** that of random directions: the percentage of blank cells whose answer changes differs by "
        f"{100 * excess['value']:+.1f} percentage points (95% interval {low:+.1f} to {high:+.1f}, {result.puzzles} puzzles)."
    )


def opened_source(summary: "ExperimentSummary", model: str, fingerprint: str | None) -> str:
    """Return one line with the uploaded probes and the model to which they are applied."""
    about, count = summary.provenance, sum(len(target.members) for target in summary.targets)
    other = "" if about.fingerprint == fingerprint else ", which has different weights"
    return plain(
        f"Opened probes of {count} {'target' if count == 1 else 'targets'}, fitted on {about.model} "
        f"({about.fingerprint[:8]}) and applied to {model}{other}."
    )


def probe_folder(experiment: "LoadedExperiment") -> str:
    """Return the folder in which the command line finds the probes."""
    model = experiment.summary.provenance.model
    return f"{RECORDED.relative_to(RECORDED.parents[2])}/{model}" if experiment.recorded else "probes"


def apply_command(experiment: "LoadedExperiment", target: str, puzzle: str) -> str:
    """Return the equivalent command line, with the recorded probes or those saved by the experiment's command."""
    files = [
        f"{probe_folder(experiment)}/{member}.{state}{SUFFIX}"
        for state in experiment.states
        for member in experiment.targets[target].members
    ]
    model = experiment.summary.provenance.model
    return as_command("python -m probes apply", {"model": model, "probe": files, "puzzle": puzzle})
