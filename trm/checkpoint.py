"""Find, read, and write checkpoints.

Checkpoints are read without executing any code in them, checked tensor by tensor, and written atomically. Two formats
are supported. Ours is a folder with `model.safetensors` and `config.json`. The public TRM and HRM code saves a torch
state dict, often with an `all_config.yaml` next to it (see `trm.public.format`). Checkpoints can be local or on the
Hugging Face hub (`trm.public.hub`). Weights are converted to float32. A puzzle table stays memory-mapped in the dtype
of the file: an ARC model's table has a million rows, and each puzzle needs only a single row.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from trm.config import SHORT, ConfigError, ModelConfig
from trm.device import choose_device, inference_dtype
from trm.errors import CheckpointError, UnknownSettingsError
from trm.files import atomic_file
from trm.model import Model
from trm.models import new_model
from trm.provenance import Training
from trm.public.address import is_hub
from trm.public.containers.inert import plain_settings
from trm.public.containers.open import read_stored
from trm.public.containers.sharded import shards_of
from trm.public.format import FORCED, PUBLIC_NAMES, USUAL_CELLS, check_force, config_from_public
from trm.public.hub import ByteProgress, hub_name, hub_weights, snapshot_in
from trm.public.state_dict import check_tensor, extract_weights
from trm.public.task_tokens import in_task_tokens
from trm.public.weights import INDEX, choose_weights, steps_of_run
from trm.registry import (
    FORMAT,
    TRAINING,
    fingerprint,
    model_folder,
    own_config,
    own_training,
    own_values,
)

TABLE = "puzzle_emb.weights"
MAX_CHECKED_TABLE = 1 << 22  # elements; checking larger tensors for non-finite values would take too long
MAX_STEPS = 6  # maximum number of other training steps that a note lists
MAX_FILES = 10_000  # maximum number of files considered in a folder and its subfolders


@dataclass(frozen=True)
class Checkpoint:
    """The weights and configuration of a checkpoint. All tensors are float32 except the puzzle table."""

    name: str
    path: Path  # the weights file
    config: ModelConfig
    tensors: dict[str, Tensor]
    sources: dict[str, str]  # source of each config value by field; "weights": whether they are averaged
    notes: tuple[str, ...] = ()  # further remarks for the user, one sentence each
    training: Training | None = None  # how far `trm train` had trained it; None for other checkpoints


def load_model(
    spec: str,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    force: Mapping[str, Any] | None = None,
    accept_unknown: bool = False,
    native_tokens: bool = False,
    progress: ByteProgress | None = None,
) -> Model:
    """Load a model for inference. `spec` is a bundled name, a folder, a file, or an address on the Hugging Face hub.

    By default, `trm.device` chooses the device and the dtype. `force` overrides configuration fields that the tensors
    do not determine (n, T, N_sup, heads, positions, prefix_length, sequence_length, task). With `accept_unknown`, the
    checkpoint is opened even if some of its settings are not understood. With `native_tokens`, the model keeps the
    file's token numbering and canvas if they differ from the task's (`trm.public.task_tokens`). `progress` is called
    with the number of bytes downloaded. The model gets the attributes `name`, `path` (the weights file), `fingerprint`
    (16 hexadecimal digits that identify the weights), `sources`, `notes` and `training_run` (how far `trm train` had
    trained it, or None). Raises CheckpointError, or its subclass UnknownSettingsError for settings that are not
    understood.
    """
    checkpoint = read_checkpoint(spec, force=force, accept_unknown=accept_unknown, progress=progress)
    return model_from_checkpoint(checkpoint, device=device, dtype=dtype, native_tokens=native_tokens)


def model_from_checkpoint(
    checkpoint: Checkpoint,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    native_tokens: bool = False,
) -> Model:
    """Build a model from a checkpoint already read. The options are those of `load_model`.

    Raises CheckpointError if the tensors do not match the configuration.
    """
    device = device or choose_device()
    model = build_model(checkpoint.config, checkpoint.tensors, checkpoint.path)
    if not native_tokens and checkpoint.config.tokens != "official":
        try:
            model = build_model(*in_task_tokens(checkpoint.config, checkpoint.tensors), checkpoint.path)
        except ConfigError as error:
            raise CheckpointError(f"{checkpoint.path}: {error}.") from None
    model = model.to(device)
    model.compute_dtype = dtype or inference_dtype(device)
    model.name, model.fingerprint = checkpoint.name, _fingerprint(checkpoint.path)
    model.path, model.sources, model.notes = checkpoint.path, checkpoint.sources, checkpoint.notes
    model.training_run = checkpoint.training
    return model.eval().requires_grad_(False)


def _fingerprint(path: Path) -> str:
    """Return the fingerprint of the weights. For sharded weights, it covers all files."""
    if not path.name.endswith(INDEX):
        return fingerprint(path)
    return hashlib.sha256("".join(map(fingerprint, shards_of(path))).encode()).hexdigest()[:16]


def build_model(config: ModelConfig, tensors: dict[str, Tensor], path: Path) -> Model:
    """Build a model with these weights. The shapes of the tensors are checked before memory is allocated.

    Raises CheckpointError, naming the tensor, if a tensor is missing, unexpected, of the wrong shape, or not finite.
    """
    with torch.device("meta"):
        try:
            model = new_model(config)
        except ConfigError as error:
            raise CheckpointError(f"{path}: {error}.") from None
    expected = model.state_dict()
    for name, tensor in expected.items():
        if name not in tensors:
            raise CheckpointError(
                f"{path}: tensor {name} is missing; a model of kind {config.kind} needs it."
            )
        if tensors[name].shape != tensor.shape:
            actual, expected_shape = tuple(tensors[name].shape), tuple(tensor.shape)
            raise CheckpointError(
                f"{path}: tensor {name} has shape {actual}, but the configuration requires {expected_shape}."
            )
        if name == TABLE and tensor.numel() > MAX_CHECKED_TABLE:
            continue
        if not all(end.isfinite() for end in tensors[name].aminmax()):
            raise CheckpointError(f"{path}: tensor {name} contains NaN or infinity. Copy or train it again.")
    for name in tensors:
        if name not in expected:
            raise CheckpointError(
                f"{path}: tensor {name} does not belong to the model that is described, of kind {config.kind} with "
                f"{config.layers} layers."
            )
    if config.tokens == "official" and config.vocab_size not in USUAL_CELLS.get(
        config.task, {config.vocab_size}
    ):
        raise CheckpointError(
            f"{path} is described as a model for {config.task}, but its vocabulary of {config.vocab_size} tokens does not fit "
            f"{config.task}."
        )
    model.load_state_dict(tensors, assign=True)
    return model


def read_checkpoint(
    spec: str,
    *,
    force: Mapping[str, Any] | None = None,
    accept_unknown: bool = False,
    progress: ByteProgress | None = None,
) -> Checkpoint:
    """Find and read a checkpoint. The arguments and errors are those of `load_model`."""
    path = hub_weights(spec, progress=progress) if is_hub(spec) else find_weights(spec)
    stored = read_stored(path)
    own = own_config(path.parent) if path.name == "model.safetensors" else None
    notes: tuple[str, ...] = ()
    if own is not None:
        tensors = {name: tensor for name, tensor in stored.items() if name != "__metadata__"}
        for name, tensor in tensors.items():
            check_tensor(name, tensor, path)
        stored_keys = (own_values(path.parent) or {}).keys()
        config, sources = _forced(own, check_force(force, path), path, stored_keys=stored_keys)
    else:
        weights = extract_weights(stored, path)
        tensors = weights.tensors
        config, sources, notes = config_from_public(weights, path, inside=plain_settings(stored), force=force)
        if steps := [name for name in steps_of_run(path) if name != path.name]:
            notes += (
                f"other steps of this run in the folder: {', '.join(steps[:MAX_STEPS])}{' ...' * (len(steps) > MAX_STEPS)}",
            )
    if config.unknown and not accept_unknown:
        raise UnknownSettingsError(path, config.unknown)
    tensors = {name: tensor if name == TABLE else tensor.float() for name, tensor in tensors.items()}
    training = None if own is None else own_training(path.parent)
    return Checkpoint(_name(spec, path, own), path, config, tensors, sources, notes, training)


def _name(spec: str, path: Path, own: ModelConfig | None) -> str:
    """Return a model's bundled name, its path on the hub, or its folder and file (in our format: only the folder)."""
    if model_folder(spec):
        return spec
    name = hub_name(path) or f"{path.parent.name}/{path.name}"
    return name if own is None else name.removesuffix(f"/{path.name}")


def _forced(
    config: ModelConfig, force: dict[str, Any], path: Path, *, stored_keys: Collection[str]
) -> tuple[ModelConfig, dict[str, str]]:
    """Replace the forced fields of a configuration in our format. Also return the source of each field."""
    if force.get("heads") and config.mixing == "mlp":
        raise CheckpointError(f"{path}: heads cannot be forced: the model mixes positions by an MLP.")
    sources = {name: "config.json" if name in stored_keys else "default of its kind" for name in PUBLIC_NAMES}
    sources |= {"weights": "saved by `trm train`: averaged (EMA) unless its preset says otherwise"}
    sources |= dict.fromkeys(config.assumed, "assumed, according to config.json")
    sources |= dict.fromkeys(force, FORCED)
    assumed = [name for name in config.assumed if name not in force]
    try:
        return ModelConfig.from_dict(config.to_dict() | force | {"assumed": assumed}), sources
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}.") from None


def find_weights(spec: str) -> Path:
    """Find the weights file for a bundled name, a folder or a file. Raises CheckpointError if no file is found."""
    path = model_folder(spec) or Path(os.path.expanduser(spec))  # noqa: PTH111 (Path.expanduser fails without a home folder)
    if os.path.isfile(path):  # noqa: PTH113 (unlike Path.is_file, false for text that cannot be a path)
        return path
    if not os.path.isdir(path) and "://" in spec:  # noqa: PTH112
        raise CheckpointError(
            f"{SHORT.repr(spec)} is not on the Hugging Face hub, and nothing is downloaded from other addresses. Download the "
            "file and give its path, or give an address on the hub as hf://owner/repo."
        )
    if not os.path.isdir(path):  # noqa: PTH112
        raise CheckpointError(
            f"There is no model {SHORT.repr(spec)}: it is not a bundled name (see `trm models`), a folder, a file or "
            "hf://owner/repo."
        )
    try:
        path = snapshot_in(path) or path
        names = [file.relative_to(path).as_posix() for file in islice(_files(path), MAX_FILES)]
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    return path / choose_weights(names, f"The folder {path}", lambda name: str(path / name))


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder, then the files in its visible subfolders."""
    inside = sorted(folder.iterdir())
    yield from (path for path in inside if path.is_file())
    for below in inside:
        if below.is_dir() and not below.name.startswith("."):
            yield from (path for path in sorted(below.iterdir()) if path.is_file())


def save_model(
    folder: Path, config: ModelConfig, tensors: dict[str, Tensor], training: Training | None = None
) -> None:
    """Write `config.json` and `model.safetensors`, each atomically. Raises OutputError if writing fails."""
    trained = {} if training is None else {TRAINING: asdict(training)}
    values = {"format": FORMAT} | config.to_dict() | trained
    with atomic_file(folder / "config.json") as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", "utf-8")
    with atomic_file(folder / "model.safetensors") as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)
