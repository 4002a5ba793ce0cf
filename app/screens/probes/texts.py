"""The words of the Probes page: what a target means, what was found, and what it is worth."""

from typing import TYPE_CHECKING, Any

from app.ui.text import plain
from probes.linear.experiment.files import RECORDED, SUFFIX
from probes.linear.experiment.verdicts import MARGINS, format_score
from probes.linear.experiment.views import balance_at, baselines_at, code_of, labels_of, result_for, value_at

if TYPE_CHECKING:
    from app.screens.probes.source import LoadedExperiment

CAVEATS = (
    "A probe is a weighted sum. It shows what could be read from a state, not that the model reads it. Bands: 95 %, test "
    "puzzles drawn again. Puzzles it is tested on were not in its training. “No more”: the band of a difference, in brackets, lies within "
    f"{100 * MARGINS['accuracy']:.0f} points of accuracy, or {MARGINS['auroc']:.2f} of AUROC or R², of 0. Selectivity depends on one draw of random "
    "labels, the more the rarer a class is."
)
SCOREBOARD = (
    "Accuracy for several classes, AUROC for two, R² for numbers. “Best baseline”: the best of a constant guess, a probe "
    "of the input around the cell, one of what is derived from the input, and one of the same net with random weights."
)
CELLS = "Accuracy of the probe in this cell over the test puzzles, in percent. Empty: never tested."
CELL_ERRORS = "Mean error in this cell, over the test puzzles. Empty: never tested."
CONFUSION = "Each row sums to 100 %: the cells that truly are of this class, by what was read."
GRID = "Bold: given. Coloured: read by the probe; orange and underlined where that is not true."
CANDIDATES = "Small digits: read as candidates. Struck through: none in truth. Dashed ring: a candidate that was not read."
OUTDATED = (
    "This was recorded with other weights than those that are here. Fit again under “Fit others”, or record "
    "anew with `probes fit --record`."
)
CAUSAL = (
    "What can be read need not be used. Here a state is changed along the probe's direction in every cell, once, and the run "
    "goes on; the same is done along random directions, each cell moved as far. Choose, then press “Try it”."
)
CAUSAL_CAVEAT = (
    "Only what exceeds random directions speaks for use. Nothing in excess does not prove the contrary: what is read may be "
    "held along other directions too."
)
CODE = (
    "Who knows the states is told the labels of the training puzzles, block after block, by probes fitted on what was sent "
    "before (online coding, Voita & Titov 2020). Few bits: plainly there, and learned from few puzzles. Nothing is gained where they "
    "are as many as the labels' own entropy, what they take for someone who knows only how often each class occurs."
)
PLANE = (
    "Arrows side by side: the readings are hardly told apart. Opposite: one excludes the other. Short: most of the direction "
    "lies outside of this plane, so its angle here means little."
)
NO_CODE = (
    "No description length was request for. Fit with “Description length” switched on; numbers have none."
)
UPLOAD = "Files that `probes fit --save` wrote, or the ones in `assets/recorded/probes`. They are read here and kept nowhere."
SCORES = {"accuracy": "share right", "auroc": "AUROC", "balanced_accuracy": "balanced", "code": "bits"}
"""In few letters: three stand side by side in a narrow column."""
BASELINES = {
    "majority": "the most frequent class",
    "mean": "the mean",
    "constant": "a constant guess",
    "input": "the input alone",
    "derived": "derived from the input",
    "random z": "random weights (z)",
    "random y": "random weights (y)",
}


def nothing(model: str) -> str:
    return plain(
        f"Nothing is recorded for {model} yet. Choose what to look for; it takes some seconds to minutes."
    )


def source(summary: dict[str, Any], *, recorded: bool) -> str:
    """One line: whose states, of how many puzzles, split how."""
    about, split = summary["about"], summary["about"]["split"]
    return plain(
        f"{'Recorded' if recorded else 'Just fitted'}: {about['model']} ({about['fingerprint'][:8]}), "
        f"{about['puzzles']} puzzles of {about['data']}: {split['train']} to train, {split['validation']} to choose the "
        f"regularisation, {split['test']} to test."
    )


def meaning(facts: dict[str, Any]) -> str:
    """What a target means, for which cells, and what chance is."""
    chance = plain(facts["chance_says"])
    return f"**{plain(facts['name'].replace('_', ' ').capitalize())}.** {plain(facts['meaning'])} {chance}"


def score_table(summary: dict[str, Any], target: str, score: str) -> str:
    """z, y and the best baseline at the last time point, and selectivity, as a table."""
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
            f"| **from {state}** | **{_number(value, score)}** ({_bound(low, score)}&nbsp;to&nbsp;{_bound(high, score)}) |"
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
    """Description lengths, where they were request for."""
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
    """How often each class is there to be learned; "" of numbers."""
    shares = balance_at(summary, target, time_point)
    if shares is None:
        return ""
    classes = next(one["classes"] for one in summary["targets"] if one["name"] == target)
    each = ", ".join(
        f"{plain(name)} {100 * share:.1f} %" for name, share in zip(classes, shares, strict=True)
    )
    return f"Class balance in training, step {labels_of(summary)[time_point]}: {each}."


def plane(share: float, count: int, *, of: str) -> str:
    """What the figure of directions shows and how much of them."""
    return (
        f"**{count} directions** in {of}, along which a reading changes fastest, seen in the plane that holds most of them: "
        f"**{100 * share:.0f} %** of their squared length lies in it."
    )


def _number(value: float | None, score: str) -> str:
    if value is None:
        return "none"
    return format_score(value, score) if score in ("auroc", "r2") else f"{format_score(value, 'accuracy')} %"


def _bound(value: float | None, score: str) -> str:
    """An end of a band, without the unit."""
    return "none" if value is None else _number(value, score).removesuffix(" %")


def reading(found: dict[str, Any], state: str, time_point: int) -> str:
    """How many cells are read rightly in this puzzle, at this time point."""
    right = total = 0
    for one in found["readings"]:
        if one["state"] != state or one["true"] is None:
            continue
        for read, true in zip(one["read"][time_point], one["true"][time_point], strict=True):
            if read is not None and true is not None:
                total += 1
                right += read == true if isinstance(true, str) else abs(read - true) <= 0.5
    if not total:
        return "What is true here is not known: the puzzle has not exactly one solution."
    what = "candidates" if len({one["target"] for one in found["readings"]}) > 1 else "cells"
    return f"**{right} of {total}** {what} read rightly."


def causal(result: dict[str, Any]) -> str:
    """How much more the probe's direction does than random ones, with its band."""
    excess = result["excess"]["changed_end"]
    low, high = 100 * excess["low"], 100 * excess["high"]
    score_table = "more than" if low > 0 else "less than" if high < 0 else "no more and no less than"
    return (
        f"Moved by {100 * result['distance']:.0f} % of the state's norm, the answers at the end change **{score_table}** along random "
        f"directions: by {100 * excess['value']:+.1f} points of the blank cells (95 % band {low:+.1f} to {high:+.1f}, over "
        f"{result['puzzles']} puzzles)."
    )


def opened_source(summary: dict[str, Any], model: str, fingerprint: str | None) -> str:
    """One line: which probes were opened, and whose states they read here."""
    about, count = summary["about"], sum(len(target["members"]) for target in summary["targets"])
    other = "" if about["fingerprint"] == fingerprint else ", which has other weights"
    return plain(
        f"Opened: {count} {'target' if count == 1 else 'targets'} of {about['model']} "
        f"({about['fingerprint'][:8]}), applied to {model}{other}."
    )


def probe_folder(experiment: "LoadedExperiment") -> str:
    """Where the command line finds the probes."""
    model = experiment.summary["about"]["model"]
    return f"{RECORDED.relative_to(RECORDED.parents[2])}/{model}" if experiment.recorded else "probes"


def apply_command(experiment: "LoadedExperiment", target: str, puzzle: str) -> str:
    """The same reading on the command line, with the recorded probes or those of the command that fits them."""
    files = [
        f"--probe {probe_folder(experiment)}/{member}.{state}{SUFFIX}"
        for state in experiment.states
        for member in experiment.targets[target]["members"]
    ]
    return f"python -m probes apply --model {experiment.summary['about']['model']} {' '.join(files)} --puzzle '{puzzle}'"
