"""Checkpoints: found, read without executing anything, checked tensor by tensor, and written whole or not at all.

Two forms are read. Ours is a folder with `model.safetensors` and `config.json`. The public one (TRM and HRM code
bases) is a state dict saved by torch, perhaps with `all_config.yaml` beside it: see `trm.public_format`. Files written by torch are
unpickled with `weights_only=True`, which builds tensors and refuses everything else.
"""

import json
import os
import pickle
import re
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from trm.config import SHORT, ModelConfig
from trm.device import choose_device, inference_dtype
from trm.errors import CheckpointError
from trm.files import written_whole
from trm.models import TRM
from trm.public_format import config_from_public, plain_names, unwrap
from trm.registry import FORMAT, fingerprint, model_folder, own_config

PUBLIC_NAMES = ("checkpoint", "example_checkpoint", "pytorch_model.bin", "model.pt", "model.safetensors")
STEP_NAME = re.compile(r"step_(\d+)(_ema)?[\w-]*")


@dataclass(frozen=True)
class Checkpoint:
    """Weights and what is known about them. `tensors` have plain names and are float32."""

    name: str
    path: Path  # the weights file
    config: ModelConfig
    tensors: dict[str, Tensor]


def load_model(spec: str, *, device: torch.device | None = None, dtype: torch.dtype | None = None) -> TRM:
    """Open a bundled name, a folder or a file, ready to run.

    Device and dtype are chosen by `trm.device` unless given. The model gets the attributes `name` and `fingerprint`
    (SHA-256 of the weights file, 16 digits). Raises CheckpointError.
    """
    checkpoint = read_checkpoint(spec)
    device = device or choose_device()
    model = build(checkpoint.config, checkpoint.tensors, checkpoint.path).to(device)
    model.compute_dtype = dtype or inference_dtype(device)
    model.name, model.fingerprint = checkpoint.name, fingerprint(checkpoint.path)
    return model.eval().requires_grad_(False)


def build(config: ModelConfig, tensors: dict[str, Tensor], path: Path) -> TRM:
    """A model with these weights. Nothing is allocated for sizes that the tensors do not have.

    Raises CheckpointError naming the first tensor that is missing, too many, of another shape, or not finite.
    """
    with torch.device("meta"):
        model = TRM(config)
    expected = model.state_dict()
    for name, tensor in expected.items():
        if name not in tensors:
            raise CheckpointError(f"{path}: tensor {name} is missing; the model described has it.")
        if tensors[name].shape != tensor.shape:
            found, wanted = tuple(tensors[name].shape), tuple(tensor.shape)
            raise CheckpointError(
                f"{path}: tensor {name} has shape {found}, but the configuration makes it {wanted}."
            )
        if not all(end.isfinite() for end in tensors[name].aminmax()):
            raise CheckpointError(f"{path}: tensor {name} holds NaN or infinity. Copy or train it again.")
    for name in tensors:
        if name not in expected:
            raise CheckpointError(f"{path}: tensor {name} does not belong to the model described.")
    model.load_state_dict(tensors, assign=True)
    return model


def read_checkpoint(spec: str) -> Checkpoint:
    """Find and read a checkpoint, in our form or the public one. Raises CheckpointError."""
    path = find_weights(spec)
    stored = read_tensors(path)
    own = own_config(path.parent) if path.name == "model.safetensors" else None
    if own is not None:
        config, tensors = own, stored
    else:
        tensors = plain_names(stored, path)
        config = config_from_public(tensors, path)
    numbers = {name: tensor.float() for name, tensor in tensors.items()}
    name = path.parent.name if own is not None else f"{path.parent.name}/{path.name}"
    return Checkpoint(name, path, config, numbers)


def find_weights(spec: str) -> Path:
    """The weights file that a name, folder or path means. Raises CheckpointError saying what was looked for."""
    path = model_folder(spec) or Path(spec).expanduser()
    if os.path.isfile(path):  # noqa: PTH113 (unlike Path.is_file, false for a text that can be no path)
        return path
    if not os.path.isdir(path):  # noqa: PTH112
        raise CheckpointError(
            f"There is no model {SHORT.repr(spec)}: not a bundled name (see `trm models`), a folder or a file."
        )
    if (path / "model.safetensors").is_file():
        return path / "model.safetensors"
    steps = [(int(match[1]), file) for file in path.iterdir() if (match := STEP_NAME.fullmatch(file.name))]
    steps = [(step, file) for step, file in steps if file.is_file() and "_preds" not in file.name]
    if steps:
        return max(steps)[1]
    for name in PUBLIC_NAMES:
        if (path / name).is_file():
            return path / name
    raise CheckpointError(
        f"The folder {path} holds no model: no model.safetensors, step_<N> or checkpoint in it."
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file by their stored names, nothing executed. Raises CheckpointError."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError):
            raise CheckpointError(f"{path} is damaged or cut short. Copy it again.") from None
    tensors = unwrap(_torch_load(path), path)
    for name, tensor in tensors.items():
        _refuse_odd(name, tensor, path)
    return tensors


def _torch_load(path: Path) -> Any:
    """What torch saved, tensors and plain containers only. Raises CheckpointError."""
    mapped = zipfile.is_zipfile(path)
    if mapped:
        _refuse_compressed(path)
    try:
        with warnings.catch_warnings():  # of pickle protocols that only damaged files have
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # a damaged pickle is a program gone wild, and can fail in every way
        if isinstance(error, pickle.UnpicklingError) and "unsupported global" in str(error).lower():
            raise CheckpointError(
                f"{path} holds more than tensors (code or objects) and was refused unread."
            ) from None
        raise CheckpointError(f"{path} is no checkpoint, damaged or cut short. Copy it again.") from None


def _refuse_odd(name: str, tensor: Tensor, path: Path) -> None:
    """Only dense numbers that are all in the file: a view can claim more than that, and a copy would take the memory."""
    dense = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
    if not dense or tensor.is_complex():
        raise CheckpointError(
            f"{path}: tensor {name} does not hold plain numbers. Save it dense, on the CPU."
        )
    if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
        raise CheckpointError(
            f"{path}: tensor {name} claims more numbers than the file holds. Save it again."
        )


def _refuse_compressed(path: Path) -> None:
    """torch stores tensors uncompressed; a compressed entry could unpack to any size."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise CheckpointError(f"{path} is no checkpoint, damaged or cut short. Copy it again.") from None
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise CheckpointError(
            f"{path} holds compressed entries, which torch never writes, and was refused unread."
        )


def save_model(folder: Path, config: ModelConfig, tensors: dict[str, Tensor]) -> None:
    """Write `config.json` and `model.safetensors`, each whole or not at all."""
    with written_whole(folder / "config.json") as temporary:
        temporary.write_text(json.dumps({"format": FORMAT} | config.to_dict(), indent=2) + "\n", "utf-8")
    with written_whole(folder / "model.safetensors") as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)
