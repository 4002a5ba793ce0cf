"""The locations and names of the bundled models and traces. Does not open weights or import torch."""

import hashlib
import json
import os
from math import prod
from pathlib import Path
from typing import Any

from safetensors import safe_open

from trm.config import ConfigError, ModelConfig
from trm.errors import CheckpointError
from trm.files import reading

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SNAPSHOTS = "snapshots"  # folder in a model's folder: weights saved during training, each a separate model
ABLATIONS = "ablations"  # folder next to the models: models trained with one change each
STATES = "states.json"  # next to a model's weights: results of `trm.inspection.state_use`
FORMAT = "recursion-lens-1"  # marks a config.json as ours; other tools write files of that name too
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


def ablation_names() -> list[str]:
    """Names of the bundled ablations."""
    return _names_in(models_folder() / ABLATIONS)


def _names_in(folder: Path) -> list[str]:
    files = folder.glob("*/model.safetensors")
    return sorted(path.parent.relative_to(models_folder()).as_posix() for path in files)


def model_folder(name: str) -> Path | None:
    """Folder of the bundled model, snapshot, or ablation with this name, or None."""
    model = name.partition("/")[0]
    is_bundled = name in ablation_names() or (
        model in model_names() and (name == model or name in snapshot_names(model))
    )
    return models_folder() / name if is_bundled else None


def trace_paths(model_name: str) -> list[Path]:
    """Paths of the bundled traces of a model, the default one first."""
    return sorted((ASSETS / "traces" / model_name).glob("*.safetensors"))


def model_config(name: str) -> ModelConfig:
    """Configuration of a bundled model. Raises CheckpointError."""
    config = own_config(models_folder() / name)
    if config is None:
        raise CheckpointError(
            f"The bundled model {name} has no config.json in our format. Restore it beside the weights."
        )
    return config


def own_config(folder: Path) -> ModelConfig | None:
    """The configuration in a folder in our format; None if config.json is missing or not ours.

    Raises CheckpointError if it is ours but does not describe a model.
    """
    values = own_values(folder)
    try:
        return None if values is None else ModelConfig.from_dict(values)
    except ConfigError as error:
        raise CheckpointError(f"{folder / 'config.json'}: {error}.") from None


def own_values(folder: Path) -> dict[str, Any] | None:
    """The values in the config.json of a folder; None if it is missing or not ours. Raises CheckpointError."""
    path = folder / "config.json"
    if not path.is_file() or path.stat().st_size > MAX_CONFIG:
        return None
    with reading(path, CheckpointError, "configuration", "Restore it beside the weights."):
        values = json.loads(path.read_bytes())
    ours = isinstance(values, dict) and values.pop("format", None) == FORMAT
    return values if ours else None


def fingerprint(path: Path) -> str:
    """An identifier of a weights file: the first 16 hexadecimal digits of a SHA-256.

    Files up to 256 MiB are hashed as a whole. For larger files (an ARC table takes gigabytes), the hash covers the
    size, the first and the last MiB, where safetensors and zip files describe their contents (zip: with a checksum of
    every tensor), and 64 blocks of 16 KiB spread evenly in between. A change inside a large table can go unnoticed.
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
    """A bundled model's sizes and its scores from `trm eval`, as printed by `trm models`.

    Keys: `name, task, kind, grid, parameters, n, T, N_sup, accuracy`. Raises CheckpointError.
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
        "accuracy": _measured(folder / "scores.json"),
    }


def measured_states(name: str) -> dict[str, Any]:
    """The recorded results of `trm.inspection.state_use` for a bundled model; empty if there are none."""
    folder = model_folder(name)
    return (folder and _measured(folder / STATES)) or {}


def _measured(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    with reading(path, CheckpointError, "record of a measurement", "Remove it, or measure again."):
        return dict(json.loads(path.read_bytes()))
