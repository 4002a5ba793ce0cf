"""The words of the Probes page: what a target means, what was found, and what it is worth."""

from typing import TYPE_CHECKING, Any

from app.text import plain
from probes.study_files import RECORDED, SUFFIX
from probes.study_views import baselines_at, finding_of, labels_of, value_at

if TYPE_CHECKING:
    from app.probe_source import Shown

WORTH = (
    "A probe is a weighted sum. It shows what could be read from a state, not that the model reads it. Bands: 95 %, test "
    "puzzles drawn again. Puzzles it is tested on were not in its training."
)
SCOREBOARD = (
    "Of classes the share read rightly, of numbers R². “Best baseline”: the best of the most frequent class, a probe of the "
    "input around the cell, and one of the same net with random weights."
)
CELLS = "Percent of the test puzzles in which this cell is read rightly. Empty: never tested."
CELL_ERRORS = "Mean error in this cell, over the test puzzles. Empty: never tested."
CONFUSION = "Each row sums to 100 %: the cells that truly are of this class, by what was read."
READING = "Bold: given. Coloured: read by the probe; orange and underlined where that is not true."
CANDIDATES = "Small digits: read as candidates. Struck through: none in truth. Dashed ring: a candidate that was not read."
OUTDATED = (
    "This was recorded with other weights than those that are here. Fit again under “Fit others”, or record "
    "anew with `probes fit --record`."
)
USE = (
    "What can be read need not be used. Here a state is changed along the probe's direction in every cell, once, and the run "
    "goes on; the same is done along random directions, each cell moved as far. Choose, then press “Try it”."
)
USE_WORTH = (
    "Only what exceeds random directions speaks for use. Nothing in excess does not prove the contrary: what is read may be "
    "held along other directions too."
)
BASELINES = {
    "majority": "the most frequent class",
    "mean": "the mean",
    "input": "the input alone",
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


def verdict(summary: dict[str, Any], target: str, score: str) -> str:
    """z, y and the best baseline at the last moment, and selectivity, as a table."""
    last, labels = len(summary["moments"]) - 1, labels_of(summary)
    rows = [f"| step {labels[last]} | |", "|:--|--:|"]
    for state in ("z", "y"):
        finding = finding_of(summary, target, state)
        value = value_at(finding, score, last)
        if value is None:
            continue
        low, high = (value_at(finding, score, last, bound) for bound in ("low", "high"))
        rows.append(
            f"| **from {state}** | **{_number(value, score)}** ({_bound(low, score)} to {_bound(high, score)}) |"
        )
    for name, value in baselines_at(summary, target, score, last).items():
        if value is not None:
            early = name.startswith("random") and summary["settings"]["random"] == "first"
            rows.append(
                f"| {BASELINES[name]}{f', step {labels[0]}' if early else ''} | {_number(value, score)} |"
            )
    for state in ("z", "y"):
        value = value_at(finding_of(summary, target, state), "selectivity", last)
        if value is not None and score in ("accuracy", "r2"):
            rows.append(f"| selectivity, {state} | {_number(value, score)} |")
    return "\n".join(rows)


def _number(value: float | None, score: str) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if score == "r2" else f"{100 * value:.1f} %"


def _bound(value: float | None, score: str) -> str:
    """An end of a band, as short as it can be."""
    if value is None:
        return "none"
    return f"{value:.2f}" if score == "r2" else f"{100 * value:.0f}"


def reading(found: dict[str, Any], state: str, moment: int) -> str:
    """How many cells are read rightly in this puzzle, at this moment."""
    right = total = 0
    for one in found["readings"]:
        if one["state"] != state or one["true"] is None:
            continue
        for read, true in zip(one["read"][moment], one["true"][moment], strict=True):
            if read is not None and true is not None:
                total += 1
                right += read == true if isinstance(true, str) else abs(read - true) <= 0.5
    if not total:
        return "What is true here is not known: the puzzle has not exactly one solution."
    what = "candidates" if len({one["target"] for one in found["readings"]}) > 1 else "cells"
    return f"**{right} of {total}** {what} read rightly."


def use(result: dict[str, Any]) -> str:
    """How much more the probe's direction does than random ones, with its band."""
    excess = result["excess"]["changed_end"]
    low, high = 100 * excess["low"], 100 * excess["high"]
    verdict = "more than" if low > 0 else "less than" if high < 0 else "no more and no less than"
    return (
        f"Moved by {100 * result['distance']:.0f} % of the state's norm, the answers at the end change **{verdict}** along random "
        f"directions: by {100 * excess['value']:+.1f} points of the blank cells (95 % band {low:+.1f} to {high:+.1f}, over "
        f"{result['puzzles']} puzzles)."
    )


def folder(shown: "Shown") -> str:
    """Where the command line finds the probes."""
    model = shown.summary["about"]["model"]
    return f"{RECORDED.relative_to(RECORDED.parents[2])}/{model}" if shown.recorded else "probes"


def apply_command(shown: "Shown", target: str, puzzle: str) -> str:
    """The same reading on the command line, with the recorded probes or those of the command that fits them."""
    files = [
        f"--probe {folder(shown)}/{member}.{state}{SUFFIX}"
        for state in shown.states
        for member in shown.targets[target]["members"]
    ]
    return f"python -m probes apply --model {shown.summary['about']['model']} {' '.join(files)} --puzzle '{puzzle}'"
