"""Turns a finished training run into a bundled model: weights, scores, training curve, card, snapshots and traces.

python -m trm.training.bundle sudoku-trm runs/sudoku-trm

With --as-seed, the run of another seed becomes a further seed of a bundled model:

python -m trm.training.bundle sudoku-trm runs/sudoku-trm-1 --as-seed
"""

import argparse
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from recursion_lens import ASSETS
from trm import registry
from trm.checkpoint import load_model, save_model
from trm.data import bundled_test_set, load_puzzles, parsed_presets
from trm.errors import UserError
from trm.evaluate import evaluate, evenly
from trm.inspection.inspect import check_states
from trm.progress import ProgressLine
from trm.record import record
from trm.results import write_json
from trm.tasks import task_of
from trm.terminal import as_command, exit_on_errors, log
from trm.trace import save_trace
from trm.training.cards.card import write_card
from trm.training.cards.files import TRAINING, TrainingRecord
from trm.training.folder import snapshot_folder
from trm.training.log import CURVE, machine_of, read_log, write_curve
from trm.training.presets import TrainingPreset, get_preset
from trm.training.seeds import check_seed


def bundle(
    name: str, run: Path, today: date, *, note: str = "", command: str = "", limit: int | None = None
) -> None:
    """Write `assets/models/<name>/` and `assets/traces/<name>/` from the folder `run` of a training run.

    `today` is the date of the scores and the traces. `note` and `command` are texts for the card (see `TrainingRecord`).
    If `limit` is given, only `limit` evenly spaced test puzzles are scored. Raises `UserError` if the folder contains
    no model or no valid log.
    """
    preset, folder = get_preset(name), registry.models_folder() / name
    weights, training, training_log = _weights_of(run), registry.own_training(run), read_log(run)
    preset = replace(preset, seed=training.seed if training else preset.seed)
    save_model(folder, preset.model, load_file(weights), training)
    scores = _measure_folder(folder, today, limit)
    settings = {"preset": name, "seed": preset.seed or None, "out": f"runs/{name}"}
    command = command or as_command("python -m trm train", settings)
    write_json(folder / TRAINING, asdict(TrainingRecord(command, machine_of(training_log), note)), indent=2)
    write_curve(folder / CURVE, training_log)
    write_snapshots(preset, run, folder / registry.SNAPSHOTS)
    write_card(name)
    record_presets(name, today)
    log(f"{name}: exact {scores['exact']:.3f} on {scores['count']} puzzles of {scores['data']}; {folder}")


def bundle_seed(name: str, run: Path, today: date) -> None:
    """Write `seeds/<seed>/` in the folder of a bundled model from a run with another seed, and its card's table of seeds.

    The weights are stored in float16 and scored on the puzzles on which the model was scored. Raises `UserError` if the
    run is not one of the same preset, or has the seed of the model (`trm.training.seeds.check_seed`).
    """
    weights, training = _weights_of(run), check_seed(name, run)
    folder = registry.models_folder() / name / registry.SEEDS / str(training.seed)
    save_model(folder, registry.model_config(name), in_float16(weights), training)
    scores = _measure_folder(folder, today, (registry.model_card(name)["accuracy"] or {}).get("limit"))
    write_card(name)
    log(f"{name}, seed {training.seed}: exact {scores['exact']:.3f} on {scores['count']} puzzles; {folder}")


def _weights_of(run: Path) -> Path:
    weights = run / "model.safetensors"
    if not weights.is_file():
        raise UserError(f"{run} contains no model.safetensors. Give the --out folder of a training run.")
    return weights


def _measure_folder(folder: Path, today: date, limit: int | None) -> dict[str, Any]:
    """Write the scores of the model in a folder, and the use of its states, next to its weights. Returns the scores."""
    model = load_model(str(folder))
    scores = measure(model, bundled_test_set(task_of(model.config)), limit) | {"date": today.isoformat()}
    write_json(folder / "scores.json", scores, indent=2)
    write_json(folder / registry.STATES, check_states(model), indent=2)
    return scores


def measure(model: Any, data: str, limit: int | None = None) -> dict[str, Any]:
    """Evaluate a model on the bundled set `data`, or on `limit` evenly spaced puzzles from this set.

    Returns a dictionary with `data`, `dtype`, `limit` (if given), and all scores of `trm.evaluate.evaluate` except
    `seconds`.
    """
    task = task_of(model.config)
    puzzles = load_puzzles(data, task)
    if limit:
        puzzles = puzzles.take(evenly(len(puzzles), limit))
    with ProgressLine() as progress:
        scores = evaluate(model, task, puzzles, progress=progress)
    scores.pop("seconds")
    how = {"data": data, "dtype": str(model.compute_dtype).removeprefix("torch.")}
    return how | ({"limit": limit} if limit else {}) | scores


def record_presets(name: str, today: date) -> None:
    """Record a trace of a bundled model on each puzzle preset of its task and size, in `assets/traces/<name>/`."""
    model = load_model(name)
    task = task_of(model.config)
    for number, (preset, inputs) in enumerate(parsed_presets(task)):
        trace = record(model, task, inputs, recorded=today)
        save_trace(ASSETS / "traces" / name / f"{number:02d}-{preset.key}.safetensors", trace)


def write_snapshots(preset: TrainingPreset, run: Path, folder: Path) -> list[str]:
    """Copy each snapshot of a run, in float16.

    Returns the names with which `trm.checkpoint.load_model` opens these models.
    """
    names = []
    for progress in preset.snapshots:
        path = run / snapshot_folder(progress)
        config = registry.own_config(path)
        if config is None:
            continue
        tensors = in_float16(path / "model.safetensors")
        save_model(folder / path.name, config, tensors, registry.own_training(path))
        names.append(f"{preset.name}/{registry.SNAPSHOTS}/{path.name}")
    return names


def in_float16(weights: Path) -> dict[str, Tensor]:
    """Load weights as float16. This halves the file size and changes few answers."""
    return {name: tensor.half() for name, tensor in load_file(weights).items()}


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("name", help="name of the preset, which becomes the name of the model")
    options.add_argument("run", type=Path, help="the --out folder of the training run")
    options.add_argument("--note", default="", help="a sentence for the card on circumstances of the run")
    options.add_argument("--command", default="", help="the training command, if not the preset's own")
    options.add_argument(
        "--limit", type=int, help="number of evenly spaced test puzzles to score (default: all)"
    )
    options.add_argument(
        "--as-seed", action="store_true", help="add the run to the bundled model as a further seed"
    )
    arguments = options.parse_args()
    with exit_on_errors("trm.training.bundle"):
        if arguments.as_seed:
            bundle_seed(arguments.name, arguments.run, date.today())
        else:
            bundle(
                arguments.name,
                arguments.run,
                date.today(),
                note=arguments.note,
                command=arguments.command,
                limit=arguments.limit,
            )
