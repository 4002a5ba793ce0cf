"""Where bundled things are, and which models there are. Opens no weights and imports no torch."""

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
SNAPSHOTS = "snapshots"  # folder in that of a model: its weights on the way, each a model of its own
ABLATIONS = (
    "ablations"  # folder beside those of the models: what was trained with one thing changed, likewise
)
STATES = "states.json"  # beside a model's weights: what `trm.inspection.state_use` found of its y and z
FORMAT = "recursion-lens-1"  # says that a config.json is ours; other tools write files of that name too
MAX_CONFIG = 1 << 20  # bytes
MAX_HASHED = 1 << 28  # bytes; of larger files a fingerprint takes samples
ENDS, SAMPLES, SAMPLE = 1 << 20, 65, 1 << 14


def models_folder() -> Path:
    """Folder of the bundled models; the environment variable RECURSION_LENS_MODELS names another one."""
    return Path(os.environ.get("RECURSION_LENS_MODELS", ASSETS / "models"))


def model_names() -> list[str]:
    """Names of the bundled models."""
    return sorted(path.parent.name for path in models_folder().glob("*/model.safetensors"))


def snapshot_names(name: str) -> list[str]:
    """Names of a bundled model's snapshots along its training, the earliest first."""
    return _names_in(models_folder() / name / SNAPSHOTS)


def ablation_names() -> list[str]:
    """Names of the bundled ablations."""
    return _names_in(models_folder() / ABLATIONS)


def _names_in(folder: Path) -> list[str]:
    found = folder.glob("*/model.safetensors")
    return sorted(path.parent.relative_to(models_folder()).as_posix() for path in found)


def model_folder(name: str) -> Path | None:
    """Folder of a bundled model, of a snapshot of one or of an ablation; None when there is none of that name."""
    model = name.partition("/")[0]
    known = name in ablation_names() or (
        model in model_names() and (name == model or name in snapshot_names(model))
    )
    return models_folder() / name if known else None


def trace_paths(model_name: str) -> list[Path]:
    """Bundled traces of a model, the default one first."""
    return sorted((ASSETS / "traces" / model_name).glob("*.safetensors"))


def model_config(name: str) -> ModelConfig:
    """Configuration of a bundled model. Raises CheckpointError."""
    config = own_config(models_folder() / name)
    if config is None:
        raise CheckpointError(
            f"The bundled model {name} has no config.json of ours. Restore it beside the weights."
        )
    return config


def own_config(folder: Path) -> ModelConfig | None:
    """The configuration in a folder of our form; None when its config.json is not there or not ours.

    Raises CheckpointError when it is ours but describes no model.
    """
    values = own_values(folder)
    try:
        return None if values is None else ModelConfig.from_dict(values)
    except ConfigError as error:
        raise CheckpointError(f"{folder / 'config.json'}: {error}.") from None


def own_values(folder: Path) -> dict[str, Any] | None:
    """What the config.json of a folder holds; None when it is not there or not ours. Raises CheckpointError."""
    path = folder / "config.json"
    if not path.is_file() or path.stat().st_size > MAX_CONFIG:
        return None
    with reading(path, CheckpointError, "configuration", "Restore it beside the weights."):
        values = json.loads(path.read_bytes())
    ours = isinstance(values, dict) and values.pop("format", None) == FORMAT
    return values if ours else None


def fingerprint(path: Path) -> str:
    """Which weights these are: first 16 hexadecimal digits of a SHA-256.

    It is that of the whole file up to 256 MiB. Of a larger one (an ARC table has gigabytes) it covers the size, the
    first and the last MiB, where safetensors and zip files describe what they hold (zip: with a checksum of every
    tensor), and 64 blocks of 16 KiB evenly between. A change inside a large table can go unnoticed.
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
    """What `trm models` prints of a bundled model: its sizes, and the figures that `trm eval` measured.

    `name, task, kind, grid, parameters, n, T, N_sup, accuracy`. Raises CheckpointError.
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
    """What `trm.inspection.state_use` found of a bundled model's y and z; empty where it was not measured, and of other models."""
    folder = model_folder(name)
    return (folder and _measured(folder / STATES)) or {}


def _measured(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    with reading(path, CheckpointError, "record of a measurement", "Remove it, or measure again."):
        return dict(json.loads(path.read_bytes()))
