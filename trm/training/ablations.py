"""Trains small versions of the TRM paper's ablations and compares their accuracy with the paper's results.

python -m trm.training.ablations run runs/ablations      # two at a time, one core each; resumes interrupted runs
python -m trm.training.ablations run runs/ablations --at-once 9   # all at once, on one large GPU
python -m trm.training.ablations table runs/ablations    # writes assets/models/ablations/
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from recursion_lens import ASSETS
from trm import registry
from trm.checkpoint import load_model, save_model
from trm.errors import UserError
from trm.files import atomic_file
from trm.terminal import log
from trm.training.bundle import in_float16, measure
from trm.training.data import generated_puzzles, puzzle_file
from trm.training.log import LOG, machine_of, read_log
from trm.training.presets import ABLATION_MINUTES, ABLATIONS, TrainingPreset

PAPER = {
    "none": 87.4,
    "attention": 74.7,
    "two-nets": 82.4,
    "single-z": 71.9,
    "multi-z": 77.6,
    "no-ema": 79.9,
    "one-step-gradient": 56.5,
    "continue-loss": 86.1,
}
"""Exact accuracy on Sudoku-Extreme, in percent, from Jolicoeur-Martineau 2025 (arXiv 2510.04871).

The values for single-z and multi-z are in the text, all others in table 1. The paper does not report T=1 with n=6.
"""
DATA, LIMIT = "sudoku/test", 500  # the test set, and the number of evenly spaced puzzles from it
BLUE, ORANGE = "#0072b2", "#d55e00"  # Okabe and Ito: safe for colour-blind readers
MIN_TIME_SHARE = 0.85  # fraction of the planned time after which an interrupted run is also reported
COLUMNS = (
    "ablation",
    "exact",
    "easy",
    "medium",
    "hard",
    "first_step",
    "halt_auc",
    "minutes",
    "updates",
    "numbers",
    "paper",
)


@dataclass(frozen=True)
class AblationResult:
    """Results of one ablation.

    `exact` is the exact accuracy in percent after the last supervision step. `easy`, `medium` and `hard` are the exact
    accuracy on puzzles of each difficulty.
    """

    ablation: str
    exact: float
    easy: float
    medium: float
    hard: float
    first_step: float  # exact accuracy in percent after the first supervision step
    halt_auc: float | None
    minutes: float  # training time
    updates: int
    numbers: int  # number of parameters
    paper: float | None  # exact accuracy in percent in the paper


def short_name(preset: TrainingPreset) -> str:
    """Return the name of an ablation preset without the prefix `ablation-`."""
    return preset.name.removeprefix("ablation-")


def run_all(out: Path, at_once: int) -> None:
    """Train all unfinished ablations, `at_once` at a time and each on one core. Raises `UserError` if a run fails."""
    share_puzzles(out)
    with ThreadPoolExecutor(at_once) as pool:
        failed = [name for name in pool.map(lambda preset: _run(preset, out), ABLATIONS) if name]
    if failed:
        raise UserError(
            f"These runs failed: {', '.join(failed)}. Read their .log files in {out}, then run the command again."
        )


def share_puzzles(out: Path) -> None:
    """Generate the training puzzles and copy them to the folder of each run, so that all runs use the same puzzles."""
    base = ABLATIONS[0]
    cells = base.model.sequence_length
    out.mkdir(parents=True, exist_ok=True)
    generated_puzzles(base, cells, out, log)
    for preset in ABLATIONS:
        original, copy = puzzle_file(out, cells), puzzle_file(out / short_name(preset), cells)
        if not copy.exists():
            with atomic_file(copy) as temporary:
                shutil.copyfile(original, temporary)


def _run(preset: TrainingPreset, out: Path) -> str | None:
    """Train one ablation in a subprocess. Returns the name of the preset if training failed, else None."""
    folder = out / short_name(preset)
    if is_finished(preset, folder):
        log(f"{preset.name}: already finished")
        return None
    resume = ["--resume"] if (folder / "state.safetensors").exists() else []
    command = [sys.executable, "-m", "trm", "train", "--preset", preset.name, "--out", str(folder), *resume]
    with (out / f"{short_name(preset)}.log").open("a") as output:
        code = subprocess.call(
            command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
    log(f"{preset.name}: {'finished' if code == 0 else f'stopped with code {code}'}")
    return preset.name if code else None


def is_finished(preset: TrainingPreset, folder: Path, share: float = 1.0) -> bool:
    """Return whether a run has trained for at least the fraction `share` of its planned time."""
    return (folder / LOG).is_file() and read_log(folder)[-1]["minutes"] >= share * preset.minutes


def measure_ablation(preset: TrainingPreset, folder: Path, bundled: Path) -> AblationResult:
    """Save the model of one run, in float16, to the folder `bundled` and evaluate it on the test set.

    Raises `UserError` if the run has trained for less than 85 % of its planned time.
    """
    if not is_finished(preset, folder, MIN_TIME_SHARE):
        raise UserError(f"{folder} contains no finished run of {preset.name}. Run the ablations first.")
    save_model(bundled, preset.model, in_float16(folder / "model.safetensors"))
    model, last = load_model(str(bundled)), read_log(folder)[-1]
    scores = measure(model, DATA, LIMIT)
    return AblationResult(
        ablation=short_name(preset),
        exact=100 * scores["exact"],
        **{level: 100 * share_of_level(scores, level) for level in ("easy", "medium", "hard")},
        first_step=100 * scores["exact_by_step"][0],
        halt_auc=scores["halt_auc"],
        minutes=last["minutes"],
        updates=last["update"],
        numbers=sum(tensor.numel() for tensor in model.state_dict().values()),
        paper=PAPER.get(short_name(preset)),
    )


def share_of_level(scores: dict[str, Any], level: str) -> float:
    """Return the exact accuracy, from 0 to 1, over all puzzles of the difficulty `level`."""
    groups = [group for name, group in scores["by_difficulty"].items() if name.startswith(level)]
    return sum(group["exact"] * group["count"] for group in groups) / sum(group["count"] for group in groups)


def report(results: list[AblationResult], machine: str, note: str = "") -> str:
    """Return the results as a Markdown table with an explanation. `note` is an additional sentence about the runs."""
    minutes = ABLATIONS[0].minutes
    rows = "\n".join(
        f"| {result.ablation} | {result.exact:.1f} | {result.easy:.1f} | {result.medium:.1f} | {result.hard:.1f} | "
        f"{result.first_step:.1f} | {_or_dash(result.halt_auc, '.3f')} | {result.minutes:.1f} | {result.updates:,} | {result.numbers:,} | "
        f"{_or_dash(result.paper, '.1f')} |"
        for result in results
    )
    return f"""# Ablations

Each run changes one thing about `sudoku-trm` and trains for {minutes:g} minutes on {machine}.{note and " " + note}
Scores are the percentage of {LIMIT} puzzles, spread evenly over `{DATA}`, solved exactly after the last supervision step (`first step`: after the first).

| ablation | exact | easy | medium | hard | first step | halting AUROC | minutes | updates | parameters | paper |
|---|---|---|---|---|---|---|---|---|---|---|
{rows}

![Accuracy of each ablation, ours and the paper's](ablations.png)

`python -m trm.training.ablations run runs/ablations`, then `python -m trm.training.ablations table runs/ablations`.

Every run is a bundled model in float16 that opens by name, as in `trm eval --model ablations/single-z --data sudoku/test`. The
app offers it wherever two models are compared.

**How to read the table.** The paper's column is table 1 of the TRM paper: Sudoku-Extreme, models of about 5M parameters, one and a
half days on a GPU. Our runs take {minutes:g} minutes, with models a twelfth of that size, easier puzzles and one seed each. Differences of
a few points mean nothing, and a different ranking does not contradict the paper. Time is held fixed, not the number of updates:
a change that makes updates cheaper (fewer cycles, no second pass) also gets more of them.{_stopped(results)}
"""


def _stopped(results: list[AblationResult]) -> str:
    """Return a sentence about the runs that stopped before their planned time, or "" if all runs finished."""
    minutes = ABLATIONS[0].minutes
    early = [result.minutes for result in results if result.minutes < minutes]
    if not early:
        return ""
    return (
        f" {len(early)} of the {len(results)} runs stopped before their {minutes:g} minutes were over, the earliest after "
        f"{min(early):.1f} minutes, while the learning rate was still falling."
    )


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def write_table(runs: Path, folder: Path, note: str = "") -> None:
    """Bundle and evaluate all runs, then write the results to `folder` as Markdown, JSON, CSV, and a figure.

    Raises `UserError` if a run is missing or unfinished.
    """
    results = []
    for preset in ABLATIONS:
        name = short_name(preset)
        results.append(measure_ablation(preset, runs / name, folder / name))
        log(f"{name}: exact {results[-1].exact:.1f}%")
    machine = machine_of(read_log(runs / short_name(ABLATIONS[0])))
    with atomic_file(folder / "README.md") as temporary:
        temporary.write_text(report(results, machine, note), "utf-8")
    with atomic_file(folder / "ablations.json") as temporary:
        temporary.write_text(json.dumps([vars(result) for result in results], indent=2) + "\n", "utf-8")
    with atomic_file(folder / "ablations.csv") as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(vars(result) for result in results)
    draw_ablations(
        folder / "ablations.png",
        [result.ablation for result in results],
        [result.exact for result in results],
        [result.paper for result in results],
    )


def draw_ablations(
    path: Path, names: Sequence[str], ours: Sequence[float], papers: Sequence[float | None]
) -> None:
    """Plot the exact accuracy of each ablation, in percent, next to the accuracy in the paper (None: not reported)."""
    figure = Figure(figsize=(7, 0.45 * len(names) + 1.2), layout="constrained")
    axes = figure.subplots()
    rows = range(len(names))
    axes.barh(
        [row - 0.2 for row in rows],
        ours,
        0.4,
        color=BLUE,
        label=f"ours, {ABLATION_MINUTES:g} minutes each",
    )
    published = [(row + 0.2, value) for row, value in zip(rows, papers, strict=True) if value is not None]
    axes.barh(
        *zip(*published, strict=True),
        0.4,
        color=ORANGE,
        hatch="//",
        edgecolor="white",
        label="TRM paper, Sudoku-Extreme",
    )
    axes.set_yticks(list(rows), names)
    axes.invert_yaxis()
    axes.set(xlabel="exact accuracy, %", xlim=(0, 100))
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    with atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("what", choices=("run", "table"))
    options.add_argument("runs", type=Path, help="folder of the runs")
    options.add_argument("--at-once", type=int, default=2, help="number of parallel runs (default: 2)")
    options.add_argument("--note", default="", help="a sentence about the runs, for the table")
    arguments = options.parse_args()
    try:
        if arguments.what == "run":
            run_all(arguments.runs, arguments.at_once)
        else:
            write_table(arguments.runs, ASSETS / "models" / registry.ABLATIONS, arguments.note)
    except UserError as error:
        sys.exit(str(error))
