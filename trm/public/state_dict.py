"""Extract the weights from the content of a file, under plain names and with the averaged copy applied.

Training scripts nest their state dict in a dictionary next to optimizers and counters, often with an averaged copy
(EMA) that has only the parameters, no buffers. The public code evaluates the copy, so its tensors replace the weights
as trained. Groups of tensors are recognised by content: a dictionary whose tensors are named as in a supported model.
Dictionary keys only decide between several groups.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from trm.config import SHORT
from trm.errors import CheckpointError
from trm.public.containers.builders import numpy_array
from trm.public.containers.inert import InertName, InertObject
from trm.public.formats import format_of_tensors
from trm.public.formats.base import OFFICIAL, Format
from trm.public.other_models import guess_model, refuse_by_names

# Inserted into names by torch.compile, DataParallel, FSDP, and others, before the part that they wrap.
WRAPPERS = {"_orig_mod", "module", "_fsdp_wrapped_module", "_forward_module", "_checkpoint_wrapped_module"}
OUTER = {"model", "inner", "net", "network", "online_model", "ema_model"}  # prefixes of names
TWO_COPIES = {"online_model", "ema_model"}  # ema-pytorch saves both copies in one dictionary

COMPUTED = re.compile(
    r"(.*\.)?rotary_emb\.(cos_cached|sin_cached|inv_freq)"
)  # tables that are recomputed here
COUNTERS = {"decay", "step", "initted", "n_averaged", "num_updates"}
AVERAGED = re.compile(r"(?<![a-z])ema|ema(?![a-z])|shadow|averag|polyak|(?<![a-z])swa(?![a-z])", re.I)
NO_WEIGHTS = re.compile(r"optim|sched|carry|grad|rng|loops|scaler|current_model_state", re.I)
SAVED_AS_TENSOR = re.compile(r"_rebuild_|multiarray\._reconstruct$")
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
ALIGNMENT = 16  # bytes; in files from other writers, tensors may start at any byte
MAX_DEPTH, MAX_PLACES = 6, 4000
MAX_LISTED = 12


class ParameterGroup(NamedTuple):
    """A dictionary of tensors, and the keys that lead to it."""

    keys: tuple[str, ...]
    tensors: dict[str, Any]  # some values may be inert objects in place of a tensor

    @property
    def place(self) -> str:
        return ".".join(self.keys)[:80]

    @property
    def is_averaged(self) -> bool:
        return any(AVERAGED.search(key) for key in self.keys) or "n_averaged" in self.tensors

    @property
    def is_model(self) -> bool:
        names = [bare_name(name) for name in self.tensors]
        pattern = format_of_tensors(names).names
        return any(pattern.fullmatch(name) for name in names)


@dataclass(frozen=True)
class Weights:
    """Tensors by plain names, and the copy of the weights that they belong to."""

    tensors: dict[str, Tensor]
    format: Format = OFFICIAL  # the format whose tensor names the file uses
    positions: int = 0  # number of positions in the training states in the file; 0 without them
    averaged: str = ""  # the averaged copy that was used; empty if the file has no such copy
    notes: tuple[str, ...] = ()  # other copies in the file that were not used


def bare_name(name: str) -> str:
    """A tensor's name without wrapper prefixes."""
    parts = [part for part in name.split(".") if part not in WRAPPERS]
    while len(parts) > 1 and parts[0] in OUTER:
        parts.pop(0)
    return ".".join(parts)


def extract_weights(stored: Any, path: Path) -> Weights:
    """The weights in the content of a file. Raises CheckpointError if there are none, or if the model is not supported."""
    groups = list(_groups(stored))
    candidates = [group for group in groups if group.is_model] or groups
    if not candidates:
        raise CheckpointError(f"{path} is not a state dict: {_describe_content(stored)}")
    raw = [group for group in candidates if not group.is_averaged]
    averaged = [group for group in candidates if group.is_averaged]
    if (
        not raw and len(averaged) > 1
    ):  # a file with buffers in one dictionary and parameters in the other, {"ema": {...}}
        averaged.sort(key=lambda group: -len(group.tensors))
    base, copy = (raw or averaged)[0], (averaged or [None])[0]
    if isinstance(stored, dict) and "averaging_state" in stored and base.keys == ("state_dict",):
        copy = base  # Lightning's WeightAveraging saves the average as state_dict
    format = format_of_tensors(bare_name(name) for name in base.tensors)
    tensors = plain_names(base.tensors, path, format)
    if copy is not None and copy is not base:
        tensors |= plain_names(copy.tensors, path, format)
    others = [group.place for group in (*raw, *averaged) if group not in (base, copy) and group.place]
    notes = [f"the file also contains {', '.join(others[:3])}, which was not used"] if others else []
    if copy is None and (unnamed := _unnamed_average(stored)):
        notes.append(
            f"the averaged copy in the file ({unnamed}) has no names and was not used: these are the weights as trained"
        )
    return Weights(tensors, format, _carry_positions(stored), _describe_copy(copy, base), tuple(notes))


def _carry_positions(stored: Any) -> int:
    """Number of positions in the states that EqR's trainer saves under `carry`; 0 without such states."""
    part: Any = stored.get("carry") if isinstance(stored, dict) else None
    for key in ("inner_carry", "z_H"):
        part = part.get(key) if isinstance(part, dict) else _attributes(part).get(key)
    return part.shape[1] if isinstance(part, Tensor) and part.ndim == 3 else 0


def _describe_copy(copy: ParameterGroup | None, base: ParameterGroup) -> str:
    """The averaged copy that was used, as text."""
    if copy is None:
        return ""
    if not copy.place:
        return "the file counts averaged models (n_averaged)"
    over = f", applied over `{base.place}`" if copy is not base and base.place else ""
    return f"the copy `{copy.place}` in the file{over}"


def _groups(stored: Any) -> Iterator[ParameterGroup]:
    """All dictionaries that contain tensors, outermost first, except those of optimizers and the like."""
    waiting: list[ParameterGroup] = [ParameterGroup((), stored)]
    visited = 0
    while waiting and visited < MAX_PLACES:
        keys, value = waiting.pop(0)
        parts = value if isinstance(value, dict) else _attributes(value)
        visited += 1
        tensors = {name: _as_tensor(part) for name, part in parts.items() if isinstance(name, str)}
        tensors = {name: part for name, part in tensors.items() if part is not None}
        if tensors:
            yield from _copies(ParameterGroup(keys, tensors))
        if len(keys) < MAX_DEPTH:
            inside = (
                (_printable(key), part) for key, part in parts.items() if isinstance(part, dict | InertObject)
            )
            waiting += [
                ParameterGroup((*keys, key), part) for key, part in inside if not NO_WEIGHTS.search(key)
            ]


def _attributes(value: Any) -> dict[Any, Any]:
    """The attributes of a pickled object. None for a pickled model: its tensors are scattered, without names."""
    attributes = value.attributes if isinstance(value, InertObject) else {}
    return {} if "_modules" in attributes else attributes


def _copies(group: ParameterGroup) -> Iterator[ParameterGroup]:
    """The group itself, or the two copies in it if ema-pytorch saved it."""
    copies: dict[str, dict[str, Any]] = {}
    for name, tensor in group.tensors.items():
        copy = next((part for part in name.split(".") if part in TWO_COPIES), "")
        copies.setdefault(copy, {})[name] = tensor
    if copies.keys() >= {"ema_model"} or copies.keys() >= {"online_model"}:
        yield from (ParameterGroup((*group.keys, copy), tensors) for copy, tensors in copies.items() if copy)
    else:
        yield group


def _as_tensor(value: Any) -> Any:
    """A tensor, or an inert object that represents one: a NumPy array, or a tensor class that is not read. Else None."""
    if isinstance(value, Tensor):
        return value
    stands_for_tensor = (
        isinstance(value, InertObject)
        and not isinstance(value, InertName)
        and SAVED_AS_TENSOR.search(value.name)
    )
    return value if stands_for_tensor else None


def _unnamed_average(stored: Any) -> str:
    """The key of an averaged copy that is a list of tensors, as saved by torch_ema and diffusers; empty without one."""
    places = [((), stored)] if isinstance(stored, dict) else []
    places += [
        ((str(key),), part) for _, part in places for key, part in part.items() if isinstance(part, dict)
    ]
    for keys, part in places:
        for key, value in part.items():
            tensors = isinstance(value, list | tuple) and any(isinstance(item, Tensor) for item in value)
            if tensors and isinstance(key, str) and AVERAGED.search(key):
                return ".".join((*keys, key))[:80]
    return ""


def _describe_content(stored: Any) -> str:
    """What a file without a state dict contains, and what to do."""
    for value in [stored, *(stored.values() if isinstance(stored, dict) else ())]:
        if isinstance(value, InertObject) and "_modules" in value.attributes:
            return (
                f"it contains a whole model ({value.name[:60]}), which is code. If you trust the file, load it and save "
                "its state dict: torch.save(model.state_dict(), 'model.pt')."
            )
    if isinstance(stored, InertObject):
        return (
            f"it contains an object of class {stored.name[:80]}. Save the model's state dict with torch.save."
        )
    if isinstance(stored, Tensor):
        return "it contains a single tensor. Save the model's state dict with torch.save."
    if not isinstance(stored, dict):
        return f"it contains {SHORT.repr(stored)[:60]}. Save the model's state dict with torch.save."
    keys = [_printable(key) for key in list(stored)[:MAX_LISTED]]
    more = f" and {len(stored) - MAX_LISTED} more" if len(stored) > MAX_LISTED else ""
    return f"there are no named tensors under its keys ({', '.join(keys) or 'none'}{more}). Save the weights as `model_state_dict`."


def _printable(key: Any) -> str:
    """A key from an untrusted dictionary, abbreviated and printable."""
    return key[:60] if isinstance(key, str) and key[:60].isprintable() else SHORT.repr(key)[:60]


def plain_names(tensors: dict[str, Any], path: Path, format: Format) -> dict[str, Tensor]:
    """Tensors under our names, without wrapper prefixes and counters.

    Raises CheckpointError, naming the first tensor that does not belong to this format.
    """
    refuse_by_names(tensors, path)
    plain: dict[str, Tensor] = {}
    left = path.stat().st_size  # maximum bytes of NumPy arrays: a pickle can repeat one array
    for name, tensor in tensors.items():
        bare = bare_name(name)
        if isinstance(tensor, InertObject) and format.names.fullmatch(bare) and left > 0:
            array = numpy_array(tensor)
            tensor, left = (tensor, left) if array is None else (array, left - array.nbytes)
        if _is_counter(bare, tensor) or COMPUTED.fullmatch(bare):
            continue
        if len(name) > 128 or not name.isprintable():
            raise CheckpointError(f"{path} contains a tensor with the odd name {SHORT.repr(name)}.")
        if not format.names.fullmatch(bare):
            raise CheckpointError(
                f"{path}: tensor {name} does not belong to a {format.title} checkpoint. {guess_model(name, path)}"
            )
        if bare in plain:
            raise CheckpointError(
                f"{path}: two tensors have the same name {bare} after prefixes are removed."
            )
        check_tensor(name, tensor, path)
        plain[bare] = tensor if tensor.data_ptr() % ALIGNMENT == 0 else tensor.clone()
    return format.plain(plain)


def _is_counter(name: str, tensor: Any) -> bool:
    """Whether a tensor is a step counter, rate, or flag, which averaged copies store among their tensors."""
    single = isinstance(tensor, Tensor) and tensor.numel() == 1
    return single and (not tensor.is_floating_point() or name.rpartition(".")[2] in COUNTERS)


def check_tensor(name: str, tensor: Any, path: Path) -> None:
    """Raises CheckpointError unless a tensor is dense, of a dtype that is read, and entirely in the file.

    A view can claim more elements than the file has, and copying it would use that much memory.
    """
    dense = isinstance(tensor, Tensor) and tensor.layout == torch.strided and tensor.device.type == "cpu"
    if dense and tensor.is_floating_point() and tensor.dtype not in DTYPES:
        raise CheckpointError(
            f"{path}: tensor {name} has the dtype {str(tensor.dtype).removeprefix('torch.')}, which is not supported. "
            "Save it as bfloat16 or float32."
        )
    if not dense or not tensor.is_floating_point():
        raise CheckpointError(
            f"{path}: tensor {name} is not a plain tensor. Save it dense, with floating-point numbers, on the CPU."
        )
    if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
        raise CheckpointError(
            f"{path}: tensor {name} claims more numbers than the file contains. Save it again."
        )
