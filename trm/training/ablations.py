"""The ablations of the TRM paper at a small scale: run them all, then one table and one figure beside the paper's numbers.

python -m trm.training.ablations run runs/ablations      # two at once, a core each; resumes what was stopped
python -m trm.training.ablations run runs/ablations --at-once 9   # all at once, where they share a large GPU
python -m trm.training.ablations table runs/ablations    # into assets/models/ablations/
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trm import registry
from trm.checkpoint import load_model, save_model
from trm.errors import UserError
from trm.files import written_whole
from trm.terminal import log
from trm.training.bundle import in_float16, measured, read_log
from trm.training.card import Run
from trm.training.data import generated_puzzles, puzzle_file
from trm.training.figures import draw_ablations
from trm.training.presets import ABLATIONS, Preset

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
"""Exact on Sudoku-Extreme in per cent: table 1 of Jolicoeur-Martineau 2025 (arXiv 2510.04871), and its text for the number
of latents. T=1 with n=6 is not in it."""
DATA, LIMIT = "sudoku/test", 500  # puzzles, evenly spread over the set
ENOUGH = 0.85  # share of its time from which a run that was stopped stands in the table, with the minutes that it had
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
class Result:
    """One ablation: shares of puzzles exactly right in per cent, after the last supervision step if not said otherwise."""

    ablation: str
    exact: float
    easy: float
    medium: float
    hard: float
    first_step: float  # after the first supervision step
    halt_auc: float | None
    minutes: float  # of training
    updates: int
    numbers: int  # of the model
    paper: float | None


def short_name(preset: Preset) -> str:
    return preset.name.removeprefix("ablation-")


def run_all(out: Path, at_once: int) -> None:
    """Train every ablation that is not finished, each on one core. Raises UserError when one of them fails."""
    share_puzzles(out)
    with ThreadPoolExecutor(at_once) as pool:
        failed = [name for name in pool.map(lambda preset: _run(preset, out), ABLATIONS) if name]
    if failed:
        raise UserError(
            f"These stopped early: {', '.join(failed)}. See their .log beside them, then run again."
        )


def share_puzzles(out: Path) -> None:
    """Generate the puzzles once and lay them into the folder of every run: all learn from the same ones."""
    base = ABLATIONS[0]
    cells = base.model.sequence_length
    out.mkdir(parents=True, exist_ok=True)
    generated_puzzles(base, cells, out, log)
    for preset in ABLATIONS:
        made, copy = puzzle_file(out, cells), puzzle_file(out / short_name(preset), cells)
        if not copy.exists():
            with written_whole(copy) as temporary:
                shutil.copyfile(made, temporary)


def _run(preset: Preset, out: Path) -> str | None:
    """Returns the name when training failed."""
    folder = out / short_name(preset)
    if is_finished(preset, folder):
        log(f"{preset.name}: finished before")
        return None
    resume = ["--resume"] if (folder / "state.safetensors").exists() else []
    command = [sys.executable, "-m", "trm", "train", "--preset", preset.name, "--out", str(folder), *resume]
    with (out / f"{short_name(preset)}.log").open("a") as output:
        code = subprocess.call(
            command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
    log(f"{preset.name}: {'finished' if code == 0 else f'stopped with code {code}'}")
    return preset.name if code else None


def is_finished(preset: Preset, folder: Path, share: float = 1.0) -> bool:
    """Whether a run has had its time, or this share of it."""
    return (folder / "log.jsonl").is_file() and read_log(folder)[-1]["minutes"] >= share * preset.minutes


def result(preset: Preset, folder: Path, bundled: Path) -> Result:
    """Bundle one run's model as `bundled` and measure it on the test set. Raises UserError when it is not finished, nor
    nearly.
    """
    if not is_finished(preset, folder, ENOUGH):
        raise UserError(f"{folder} holds no finished run of {preset.name}. Run the ablations first.")
    save_model(bundled, preset.model, in_float16(folder / "model.safetensors"))
    model, last = load_model(str(bundled)), read_log(folder)[-1]
    scores = measured(model, DATA, LIMIT)
    return Result(
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
    """Exact answers over the groups of one level."""
    groups = [found for name, found in scores["by_difficulty"].items() if name.startswith(level)]
    return sum(found["exact"] * found["count"] for found in groups) / sum(found["count"] for found in groups)


def report(results: list[Result], machine: str, note: str = "") -> str:
    """The table with what has to be known to read it, in Markdown; `note` says more about how the runs were made."""
    minutes = ABLATIONS[0].minutes
    rows = "\n".join(
        f"| {found.ablation} | {found.exact:.1f} | {found.easy:.1f} | {found.medium:.1f} | {found.hard:.1f} | "
        f"{found.first_step:.1f} | {_or_dash(found.halt_auc, '.3f')} | {found.minutes:.1f} | {found.updates:,} | {found.numbers:,} | "
        f"{_or_dash(found.paper, '.1f')} |"
        for found in results
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


def _stopped(results: list[Result]) -> str:
    """What has to be known of runs that did not have all of their time."""
    minutes = ABLATIONS[0].minutes
    early = [found.minutes for found in results if found.minutes < minutes]
    if not early:
        return ""
    return (
        f" {len(early)} of the {len(results)} runs stopped before their {minutes:g} minutes were over, the earliest after "
        f"{min(early):.1f} minutes, while the learning rate was still falling."
    )


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def write_table(runs: Path, folder: Path, note: str = "") -> None:
    """Bundle and measure every run, and write table, numbers and figure. Raises UserError when one is missing."""
    results = []
    for preset in ABLATIONS:
        name = short_name(preset)
        results.append(result(preset, runs / name, folder / name))
        log(f"{name}: exact {results[-1].exact:.1f} %")
    machine = Run(read_log(runs / short_name(ABLATIONS[0]))).machine
    with written_whole(folder / "README.md") as temporary:
        temporary.write_text(report(results, machine, note), "utf-8")
    with written_whole(folder / "ablations.json") as temporary:
        temporary.write_text(json.dumps([vars(found) for found in results], indent=2) + "\n", "utf-8")
    with written_whole(folder / "ablations.csv") as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(vars(found) for found in results)
    draw_ablations(
        folder / "ablations.png",
        [found.ablation for found in results],
        [found.exact for found in results],
        [found.paper for found in results],
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("what", choices=("run", "table"))
    options.add_argument("runs", type=Path, help="the folder of the runs")
    options.add_argument("--at-once", type=int, default=2, help="runs beside each other (default: 2)")
    options.add_argument("--note", default="", help="a sentence for the table about how the runs were made")
    given = options.parse_args()
    try:
        if given.what == "run":
            run_all(given.runs, given.at_once)
        else:
            write_table(given.runs, registry.ASSETS / "models" / registry.ABLATIONS, given.note)
    except UserError as error:
        sys.exit(str(error))
