"""Turn a finished training run into a bundled model: weights, scores, curve, card and recorded traces.

    python -m trm.training.bundle sudoku-trm runs/sudoku-trm

Every number on the card is measured here or read from the run's log; the sentences on known limits are the preset's.
"""

import argparse
import csv
import json
import platform
from datetime import date
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from trm import registry
from trm.checkpoint import load_model, save_model
from trm.data import load_presets, load_puzzles
from trm.errors import UserError
from trm.evaluate import evaluate
from trm.files import written_whole
from trm.record import record
from trm.tasks import task_of
from trm.terminal import Progress, tell
from trm.trace import save_trace
from trm.training.presets import Preset, get_preset


def bundle(name: str, run: Path, today: date) -> None:
    """Write `assets/models/<name>/` and `assets/traces/<name>/`. Raises UserError when the run has no model."""
    preset, folder = get_preset(name), registry.ASSETS / "models" / name
    weights = run / "model.safetensors"
    if not weights.is_file():
        raise UserError(f"{run} holds no model.safetensors. Give the --out folder of a training run.")
    save_model(folder, preset.model, load_file(weights))
    model, task = load_model(str(folder)), task_of(preset.model)
    puzzles = load_puzzles(f"{task.name}/test", task)
    with Progress("puzzles scored", len(puzzles)) as progress:
        scores = evaluate(model, task, puzzles, progress=progress.count)
    scores.pop("seconds")
    scores = {"data": puzzles.name, "dtype": str(model.compute_dtype).removeprefix("torch.")} | scores
    _write(folder / "scores.json", json.dumps(scores, indent=2) + "\n")
    log = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    write_curve(folder / "curve.csv", log)
    _write(folder / "card.md", card(preset, model, scores, log, today))
    record_presets(name, today)
    tell(f"{name}: exact {scores['exact']:.3f} on {scores['count']} puzzles of {puzzles.name}; {folder}")


def record_presets(name: str, today: date) -> None:
    """Record a bundled model on every preset of its task, in their order: `assets/traces/<name>/`."""
    model = load_model(name)
    task = task_of(model.config)
    for number, shown in enumerate(load_presets(task.name)):
        trace = record(model, task, task.parse(shown.puzzle), recorded=today)
        save_trace(registry.ASSETS / "traces" / name / f"{number:02d}-{shown.key}.safetensors", trace)


def write_curve(path: Path, log: list[dict[str, Any]]) -> None:
    """The training figures as CSV, a line a report; held-out lines carry `held_out_exact`, after the last step."""
    columns = ("minutes", "update", "loss", "cells", "exact_in_flight", "held_out_exact", "n", "T")
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for line in log:
            by_step = line.get("held_out_exact_by_step")
            held_out = {"held_out_exact": by_step[-1]} if by_step else {}
            rounded = {
                key: round(value, 4) if isinstance(value, float) else value
                for key, value in (line | held_out).items()
            }
            writer.writerow(rounded)


def card(preset: Preset, model: Any, scores: dict[str, Any], log: list[dict[str, Any]], today: date) -> str:
    """The model's card, in Markdown."""
    config, depth = preset.model, preset.model.depth
    parameters = sum(tensor.numel() for tensor in model.state_dict().values())
    minutes, updates = log[-1]["minutes"], log[-1]["update"]
    steps = scores["exact_by_step"]
    groups = "\n".join(
        f"| {group} | {result['count']} | {100 * result['exact']:.1f} % |"
        for group, result in sorted(scores["by_difficulty"].items(), key=_easy_first)
    )
    looks = "\n".join(
        f"| {line['minutes']:.0f} | {line['update']:,} | T={line['T']}, n={line['n']} | "
        f"{line['held_out_exact_by_step'][0]:.3f} | {line['held_out_exact_by_step'][-1]:.3f} |"
        for line in log
        if "held_out_exact_by_step" in line
    )
    return f"""# {preset.name}

A Tiny Recursive Model with {config.mixing.upper()} mixing for {config.task}, {parameters:,} numbers, n={depth.n}, T={depth.T},
{depth.N_sup} supervision steps, {config.layers} layers, D={config.hidden_size}. Weights: `{model.fingerprint}`. Licence: Apache-2.0.

## How it was made

`python -m trm train --preset {preset.name} --out runs/{preset.name} --minutes {preset.minutes:g}`

- {minutes:.0f} minutes, {updates:,} updates of {preset.batch} puzzles, seed {preset.seed}, {training_machine()}. The machine did other work meanwhile.
- Data: {data_sentence(preset)} (seed {preset.data_seed}), under random symmetries; no solution is a symmetric twin of one in
  `{scores["data"]}`.
- The weights are an exponential moving average ({preset.ema}). Full log: `curve.csv`.

## What it can do

`python -m trm eval --model {preset.name} --data {scores["data"]}`, in {scores["dtype"]}, {scores["count"]} puzzles it never saw, all {depth.N_sup} steps:

| puzzles | count | exactly right |
|---|---|---|
{groups}
| all | {scores["count"]} | {100 * scores["exact"]:.1f} % |

- Cells right {100 * scores["cell"]:.1f} %, blank cells right {100 * scores["blank_cell"]:.1f} %.
- Exactly right after 1, 4 and {depth.N_sup} steps: {100 * steps[0]:.1f} %, {100 * steps[3]:.1f} %, {100 * steps[-1]:.1f} %.
- The halting logit tells right answers from wrong ones with an AUC of {scores["halt_auc"]:.3f} over all steps; it would halt after {scores["mean_halt_step"]:.1f} steps in the mean.

Easy: naked and hidden singles suffice. Medium: locked candidates and pairs are needed. Hard: search is needed.

## On held-out puzzles while it was trained

{preset.held_out} puzzles of the training kinds, at the recursion depth then in use.

| minutes | updates | depth | exact after 1 step | after {depth.N_sup} |
|---|---|---|---|---|
{looks}

## Limits

It learned only from puzzles that singles solve; what it makes of medium and hard ones it was not taught, and it fails more often there.
It cannot say that a puzzle has no solution or several: its halting probability can be high for an answer that breaks the rules. Measured on {today.isoformat()}; results in other dtypes differ on a few puzzles.
"""


def data_sentence(preset: Preset) -> str:
    """What was trained on, in words."""
    parts = [
        f"{part.puzzles:,} {part.difficulty} ones"
        + "".join(f", {name.replace('_', ' ')} {value}" for name, value in part.options.items())
        for part in preset.data
    ]
    return f"generated {preset.model.task} puzzles, {'; '.join(parts)}"


def _easy_first(item: tuple[str, Any]) -> tuple[int, str]:
    levels = ("easy", "medium", "hard")
    return next((rank for rank, level in enumerate(levels) if item[0].startswith(level)), 9), item[0]


def training_machine() -> str:
    return f"{torch.get_num_threads()} threads of a {platform.machine()} CPU without a GPU"


def _write(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, "utf-8")


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("name", help="the preset, which names the model")
    options.add_argument("run", type=Path, help="the --out folder of the training run")
    given = options.parse_args()
    bundle(given.name, given.run, date.today())
