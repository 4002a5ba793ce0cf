"""Find the bundled models, their seeds and traces by name, and the snapshots of a run.

This module does not import torch.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import msgspec
from safetensors import safe_open

from recursion_lens import ASSETS
from trm.config import ConfigError, ModelConfig
from trm.errors import CheckpointError
from trm.files import reading
from trm.provenance import Training
from trm.public.weights import steps_of_run

SNAPSHOTS = "snapshots"  # folder in a model's folder: weights saved during training, each a separate model
SEEDS = "seeds"  # folder in a model's folder: the model trained again from its preset, a folder for each further seed
ABLATIONS = "ablations"  # folder next to the models: models trained with one change each
STATES = "states.json"  # next to a model's weights: results of `trm.inspection.state_use`
FORMAT = "recursion-lens-1"  # marks a config.json as ours; other tools write files of that name too
TRAINING = "training"  # entry of our config.json besides the configuration
MAX_CONFIG = 1 << 20  # bytes
MAX_HASHED = 1 << 28  # bytes; larger files are sampled
ENDS, SAMPLES, SAMPLE = 1 << 20, 65, 1 << 14


def models_folder() -> Path:
    """Folder of the bundled models. The environment variable RECURSION_LENS_MODELS overrides it."""
    return Path(os.environ.get("RECURSION_LENS_MODELS", ASSETS / "models"))


def model_names() -> list[str]:
    """Names of the bundled models."""
    return sorted(path.parent.name for path in models_folder().glob("*/model.safetensors"))


def snapshot_names(name: str) -> list[str]:
    """Names of the training snapshots of a bundled model, earliest first."""
    return _names_in(models_folder() / name / SNAPSHOTS)


def seed_names(name: str) -> list[str]:
    """Names under which the further seeds of a bundled model open, in the order of the seeds."""
    names = _names_in(models_folder() / name / SEEDS)
    return sorted((name for name in names if _last(name).isdecimal()), key=lambda name: int(_last(name)))


def model_seeds(name: str) -> dict[int, str]:
    """Return the seeds with which a bundled model was trained, each with the name under which it opens.

    Empty if the model does not say its own seed. Raises CheckpointError if its config.json is damaged.
    """
    training = own_training(models_folder() / name)
    if training is None:
        return {}
    names = {int(_last(other)): other for other in seed_names(name)} | {training.seed: name}
    return dict(sorted(names.items()))


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def ablation_names() -> list[str]:
    """Names of the bundled ablations."""
    return _names_in(models_folder() / ABLATIONS)


def _names_in(folder: Path) -> list[str]:
    files = folder.glob("*/model.safetensors")
    return sorted(path.parent.relative_to(models_folder()).as_posix() for path in files)


def model_folder(name: str) -> Path | None:
    """Folder of the bundled model, seed, snapshot, or ablation with this name. None for any other name."""
    model = name.partition("/")[0]
    is_bundled = name in ablation_names() or (
        model in model_names() and name in (model, *seed_names(model), *snapshot_names(model))
    )
    return models_folder() / name if is_bundled else None


def trace_paths(model_name: str) -> list[Path]:
    """Paths of the bundled traces of a model. The first path is the default trace."""
    return sorted((ASSETS / "traces" / model_name).glob("*.safetensors"))


def model_config(name: str) -> ModelConfig:
    """Configuration of a bundled model. Raises CheckpointError if it is missing or invalid."""
    config = own_config(models_folder() / name)
    if config is None:
        raise CheckpointError(
            f"The bundled model {name} has no config.json in our format. Restore it beside the weights."
        )
    return config


def own_config(folder: Path) -> ModelConfig | None:
    """Read the configuration in a folder. Returns None if config.json is missing or not in our format.

    Raises CheckpointError if the file is in our format but does not describe a model.
    """
    values = own_values(folder)
    if values is None:
        return None
    values.pop(TRAINING, None)
    try:
        return ModelConfig.from_dict(values)
    except ConfigError as error:
        raise CheckpointError(f"{folder / 'config.json'}: {error}.") from None


def own_training(folder: Path) -> Training | None:
    """Read from the config.json of a folder how far its model was trained. None if the file does not say.

    Raises CheckpointError if the entry is damaged.
    """
    values = (own_values(folder) or {}).get(TRAINING)
    try:
        return None if values is None else msgspec.convert(values, Training)
    except msgspec.ValidationError as error:
        raise CheckpointError(f"{folder / 'config.json'}: {TRAINING}: {error}.") from None


def own_values(folder: Path) -> dict[str, Any] | None:
    """Read the values in the config.json of a folder. Returns None if the file is missing or not in our format.

    Raises CheckpointError if the file is damaged.
    """
    path = folder / "config.json"
    if not path.is_file() or path.stat().st_size > MAX_CONFIG:
        return None
    with reading(path, CheckpointError, "configuration", "Restore it beside the weights."):
        values = json.loads(path.read_bytes())
    ours = isinstance(values, dict) and values.pop("format", None) == FORMAT
    return values if ours else None


@dataclass(frozen=True)
class Snapshot:
    """A checkpoint of a training run."""

    weights: Path
    number: int  # how far the run was
    unit: str  # of the number: "update", "step" or "epoch"

    def __str__(self) -> str:
        return f"{self.unit} {self.number:,}"


def run_snapshots(weights: Path) -> tuple[Snapshot, ...]:
    """Return the checkpoints of the run to which a weights file belongs, earliest first; empty if there is only one.

    A run is the output folder of `trm train`, or all files in one folder whose names differ only in the number of the
    step or epoch.
    """
    if weights.name == "model.safetensors":
        found = _own_snapshots(run_folder(weights))
    else:
        steps = steps_of_run(weights).items()
        found = [Snapshot(weights.with_name(name), step.number, step.unit) for name, step in steps]
    by_number = {
        snapshot.number: snapshot for snapshot in found
    }  # of an average and its original, the average
    return tuple(by_number[number] for number in sorted(by_number)) if len(by_number) > 1 else ()


def run_folder(weights: Path) -> Path:
    """Return the folder of the run to which a weights file belongs."""
    inside = weights.name == "model.safetensors" and weights.parent.parent.name == SNAPSHOTS
    return weights.parent.parent.parent if inside else weights.parent


def _own_snapshots(run: Path) -> list[Snapshot]:
    found = []
    for weights in (*run.glob(f"{SNAPSHOTS}/*/model.safetensors"), run / "model.safetensors"):
        with suppress(CheckpointError):  # a snapshot that cannot be read is left out
            if weights.is_file() and (training := own_training(weights.parent)):
                found.append(Snapshot(weights, training.update, "update"))
    return found


def fingerprint(path: Path) -> str:
    """Identifier of a weights file: the first 16 hexadecimal digits of a SHA-256 hash.

    Files up to 256 MiB are hashed as a whole. For larger files (an ARC table takes gigabytes), the hash covers the file
    size, the first and last MiB, and 64 blocks of 16 KiB spread evenly in between. In the first and last MiB,
    safetensors and zip files describe their contents (zip files with a checksum of every tensor). A change inside a
    large table can go unnoticed.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= MAX_HASHED:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
        digest = hashlib.sha256(str(size).encode())
        blocks = [
            (0, ENDS),
            *((size * part // SAMPLES, SAMPLE) for part in range(1, SAMPLES)),
            (size - ENDS, ENDS),
        ]
        for begin, length in blocks:
            file.seek(begin)
            digest.update(file.read(length))
        return digest.hexdigest()[:16]


def model_card(name: str) -> dict[str, Any]:
    """Return a bundled model's sizes and its scores from `trm eval`. `trm models` prints them.

    The keys are `name, task, kind, grid, parameters, n, T, N_sup, seeds, accuracy`. `accuracy` is None without scores.
    Raises CheckpointError if a file cannot be read.
    """
    folder, config = models_folder() / name, model_config(name)
    weights = folder / "model.safetensors"
    with (
        reading(weights, CheckpointError, "checkpoint", "Copy it again."),
        safe_open(weights, "numpy") as file,
    ):
        parameters = sum(prod(file.get_slice(tensor).get_shape()) for tensor in file.keys())  # noqa: SIM118
    return {
        "name": name,
        "task": config.task,
        "kind": config.kind,
        "grid": list(config.grid),
        "parameters": parameters,
        "n": config.n,
        "T": config.T,
        "N_sup": config.N_sup,
        "seeds": list(model_seeds(name)),
        "accuracy": _measured(folder / "scores.json"),
    }


def measured_states(name: str) -> dict[str, Any]:
    """Return the recorded results of `trm.inspection.state_use` for a bundled model. Empty if nothing is recorded."""
    folder = model_folder(name)
    return (folder and _measured(folder / STATES)) or {}


def _measured(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    with reading(path, CheckpointError, "record of a measurement", "Remove it, or measure again."):
        return dict(json.loads(path.read_bytes()))
