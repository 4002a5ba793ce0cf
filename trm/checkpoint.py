"""Checkpoints: found, read without executing anything, checked tensor by tensor, and written whole or not at all.

Two forms are read. Ours is a folder with `model.safetensors` and `config.json`. The public one (TRM and HRM code
bases) is a state dict saved by torch, perhaps with `all_config.yaml` beside it: see `trm.public.format`. Either may lie
here or on the hub (`trm.public.hub`). Weights become float32; a puzzle table stays as it is in the file, mapped and in its own
dtype, as that of an ARC model has a million rows of which a puzzle needs one.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from trm.config import SHORT, ConfigError, ModelConfig
from trm.device import choose_device, inference_dtype
from trm.errors import CheckpointError, UnknownSettingsError
from trm.files import written_whole
from trm.model import Model
from trm.models import new_model
from trm.progress import CountProgress
from trm.public.address import is_hub
from trm.public.containers.open import read_stored
from trm.public.containers.sharded import shards_of
from trm.public.containers.things import plain_settings
from trm.public.format import FORCED, PUBLIC_NAMES, USUAL_CELLS, check_force, config_from_public
from trm.public.hub import hub_name, hub_weights, snapshot_in
from trm.public.state_dict import refuse_odd, take_weights
from trm.public.task_tokens import in_task_tokens
from trm.public.weights import INDEX, choose_weights, other_steps
from trm.registry import FORMAT, fingerprint, model_folder, own_config, own_values

TABLE = "puzzle_emb.weights"
LARGEST_CHECKED_TABLE = 1 << 22  # numbers; reading more only to see that all are finite would take long
MOST_STEPS = 6  # of a run that a note lists
MOST_FILES = 10_000  # of a folder and those in it that are looked at


@dataclass(frozen=True)
class Checkpoint:
    """Weights and what is known about them. `tensors` have plain names and, but for a puzzle table, are float32."""

    name: str
    path: Path  # the weights file
    config: ModelConfig
    tensors: dict[str, Tensor]
    sources: dict[
        str, str
    ]  # field of config -> where its value is from; "weights": whether they are an average
    notes: tuple[str, ...] = ()  # what else a person should know, a sentence each


def load_model(
    spec: str,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    force: Mapping[str, Any] | None = None,
    accept_unknown: bool = False,
    own_form: bool = False,
    progress: CountProgress | None = None,
) -> Model:
    """Open a bundled name, a folder, a file or a place on the hub, ready to run.

    Device and dtype are chosen by `trm.device` unless given. `force` replaces fields that tensors do not tell (n, T,
    N_sup, heads, positions, prefix_length, sequence_length, task); `accept_unknown` opens a checkpoint of which some
    settings are not understood; with `own_form` the tokens and cells are those of the file, where these are not its task's
    (`trm.public.task_tokens`); `progress` hears of bytes fetched. The model gets the attributes `name`, `path` (the
    weights file), `fingerprint` (16 digits that tell which weights these are) and `sources`. Raises CheckpointError,
    for settings that are not understood its kind UnknownSettingsError.
    """
    checkpoint = read_checkpoint(spec, force=force, accept_unknown=accept_unknown, progress=progress)
    return ready(checkpoint, device=device, dtype=dtype, own_form=own_form)


def ready(
    checkpoint: Checkpoint,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    own_form: bool = False,
) -> Model:
    """The model of a checkpoint, as `load_model` gives it. Raises CheckpointError when tensors do not fit."""
    device = device or choose_device()
    model = build(checkpoint.config, checkpoint.tensors, checkpoint.path)
    if not own_form and checkpoint.config.tokens != "official":
        try:
            model = build(*in_task_tokens(checkpoint.config, checkpoint.tensors), checkpoint.path)
        except ConfigError as error:
            raise CheckpointError(f"{checkpoint.path}: {error}.") from None
    model = model.to(device)
    model.compute_dtype = dtype or inference_dtype(device)
    model.name, model.fingerprint = checkpoint.name, _fingerprint(checkpoint.path)
    model.path, model.sources, model.notes = checkpoint.path, checkpoint.sources, checkpoint.notes
    return model.eval().requires_grad_(False)


def _fingerprint(path: Path) -> str:
    """Of weights in shards that of them all."""
    if not path.name.endswith(INDEX):
        return fingerprint(path)
    return hashlib.sha256("".join(map(fingerprint, shards_of(path))).encode()).hexdigest()[:16]


def build(config: ModelConfig, tensors: dict[str, Tensor], path: Path) -> Model:
    """A model with these weights. Nothing is allocated for sizes that the tensors do not have.

    Raises CheckpointError naming the first tensor that is missing, too many, of another shape, or not finite.
    """
    with torch.device("meta"):
        try:
            model = new_model(config)
        except ConfigError as error:
            raise CheckpointError(f"{path}: {error}.") from None
    expected = model.state_dict()
    for name, tensor in expected.items():
        if name not in tensors:
            raise CheckpointError(f"{path}: tensor {name} is missing; a model of kind {config.kind} has it.")
        if tensors[name].shape != tensor.shape:
            found, wanted = tuple(tensors[name].shape), tuple(tensor.shape)
            raise CheckpointError(
                f"{path}: tensor {name} has shape {found}, but the configuration makes it {wanted}."
            )
        if name == TABLE and tensor.numel() > LARGEST_CHECKED_TABLE:
            continue
        if not all(end.isfinite() for end in tensors[name].aminmax()):
            raise CheckpointError(f"{path}: tensor {name} holds NaN or infinity. Copy or train it again.")
    for name in tensors:
        if name not in expected:
            raise CheckpointError(
                f"{path}: tensor {name} does not belong to a model of kind {config.kind} with "
                f"{config.layers} layers, as described."
            )
    if config.tokens == "official" and config.vocab_size not in USUAL_CELLS.get(
        config.task, {config.vocab_size}
    ):
        raise CheckpointError(
            f"{path} says it speaks {config.task}, but knows {config.vocab_size} tokens, which {config.task} has not."
        )
    model.load_state_dict(tensors, assign=True)
    return model


def read_checkpoint(
    spec: str,
    *,
    force: Mapping[str, Any] | None = None,
    accept_unknown: bool = False,
    progress: CountProgress | None = None,
) -> Checkpoint:
    """Find and read a checkpoint, in our form or the public one. Raises CheckpointError."""
    path = hub_weights(spec, progress=progress) if is_hub(spec) else find_weights(spec)
    stored = read_stored(path)
    own = own_config(path.parent) if path.name == "model.safetensors" else None
    notes: tuple[str, ...] = ()
    if own is not None:
        tensors = {name: tensor for name, tensor in stored.items() if name != "__metadata__"}
        for name, tensor in tensors.items():
            refuse_odd(name, tensor, path)
        held = own_values(path.parent) or {}
        config, sources = _forced(own, check_force(force, path), path, held=held.keys())
    else:
        weights = take_weights(stored, path)
        tensors = weights.tensors
        config, sources, notes = config_from_public(weights, path, inside=plain_settings(stored), force=force)
        if steps := other_steps(path):
            notes += (
                f"other steps of this run beside it: {', '.join(steps[:MOST_STEPS])}{' ...' * (len(steps) > MOST_STEPS)}",
            )
    if config.unknown and not accept_unknown:
        raise UnknownSettingsError(path, config.unknown)
    numbers = {name: tensor if name == TABLE else tensor.float() for name, tensor in tensors.items()}
    return Checkpoint(_name(spec, path, own), path, config, numbers, sources, notes)


def _name(spec: str, path: Path, own: ModelConfig | None) -> str:
    """What a model is called: its bundled name, its place on the hub, or folder and file, of which ours have one name."""
    if model_folder(spec):
        return spec
    name = hub_name(path) or f"{path.parent.name}/{path.name}"
    return name if own is None else name.removesuffix(f"/{path.name}")


def _forced(
    config: ModelConfig, force: dict[str, Any], path: Path, *, held: Collection[str]
) -> tuple[ModelConfig, dict[str, str]]:
    """Our own configuration with fields replaced, and where each field is from; the file holds those of `held`."""
    if force.get("heads") and config.mixing == "mlp":
        raise CheckpointError(f"{path}: heads cannot be forced: the model mixes positions by an MLP.")
    sources = {name: "config.json" if name in held else "usual of its kind" for name in PUBLIC_NAMES}
    sources |= {"weights": "saved by `trm train`: averaged (EMA) unless its preset says otherwise"}
    sources |= dict.fromkeys(config.assumed, "assumed: says config.json") | dict.fromkeys(force, FORCED)
    assumed = [name for name in config.assumed if name not in force]
    try:
        return ModelConfig.from_dict(config.to_dict() | force | {"assumed": assumed}), sources
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}.") from None


def find_weights(spec: str) -> Path:
    """The weights file that a name, folder or path means. Raises CheckpointError saying what was looked for."""
    path = model_folder(spec) or Path(os.path.expanduser(spec))  # noqa: PTH111 (Path's own fails where nobody is at home)
    if os.path.isfile(path):  # noqa: PTH113 (unlike Path.is_file, false for a text that can be no path)
        return path
    if not os.path.isdir(path) and "://" in spec:  # noqa: PTH112
        raise CheckpointError(
            f"{SHORT.repr(spec)} is an address outside the hub, and nothing is downloaded from there. Download the file and "
            "give its path, or name a place on the hub as hf://owner/repo."
        )
    if not os.path.isdir(path):  # noqa: PTH112
        raise CheckpointError(
            f"There is no model {SHORT.repr(spec)}: not a bundled name (see `trm models`), a folder, a file or "
            "hf://owner/repo."
        )
    try:
        path = snapshot_in(path) or path
        names = [file.relative_to(path).as_posix() for file in islice(_files(path), MOST_FILES)]
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    return path / choose_weights(names, f"The folder {path}", lambda name: str(path / name))


def _files(folder: Path) -> Iterator[Path]:
    """Files of a folder, then those of the folders in it."""
    inside = sorted(folder.iterdir())
    yield from (path for path in inside if path.is_file())
    for below in inside:
        if below.is_dir() and not below.name.startswith("."):
            yield from (path for path in sorted(below.iterdir()) if path.is_file())


def save_model(folder: Path, config: ModelConfig, tensors: dict[str, Tensor]) -> None:
    """Write `config.json` and `model.safetensors`, each whole or not at all."""
    with written_whole(folder / "config.json") as temporary:
        temporary.write_text(json.dumps({"format": FORMAT} | config.to_dict(), indent=2) + "\n", "utf-8")
    with written_whole(folder / "model.safetensors") as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)
