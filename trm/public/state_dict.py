"""Extract the weights from the content of a file, under plain names and with the averaged copy applied.

Training scripts store the state dict in a dictionary with optimizer states and counters, and often with an averaged copy
(EMA) that has the parameters but no buffers. The public code evaluates the averaged copy, so its tensors replace the
trained weights. A dictionary counts as a model if its tensors are named as in a supported model. Dictionary keys only
exclude training data and distinguish averaged from trained copies.
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

# Parts of tensor names that torch.compile, DataParallel, FSDP, and similar wrappers insert.
WRAPPERS = {"_orig_mod", "module", "_fsdp_wrapped_module", "_forward_module", "_checkpoint_wrapped_module"}
OUTER = {"model", "inner", "net", "network", "online_model", "ema_model"}  # prefixes of tensor names
TWO_COPIES = {"online_model", "ema_model"}  # ema-pytorch saves both copies in one dictionary

COMPUTED = re.compile(
    r"(.*\.)?rotary_emb\.(cos_cached|sin_cached|inv_freq)"
)  # tables that this library recomputes
COUNTERS = {"decay", "step", "initted", "n_averaged", "num_updates"}
AVERAGED = re.compile(r"(?<![a-z])ema|ema(?![a-z])|shadow|averag|polyak|(?<![a-z])swa(?![a-z])", re.I)
NO_WEIGHTS = re.compile(r"optim|sched|carry|grad|rng|loops|scaler|current_model_state", re.I)
SAVED_AS_TENSOR = re.compile(r"_rebuild_|multiarray\._reconstruct$")
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
ALIGNMENT = 16  # bytes; some programs write tensors at unaligned offsets
MAX_DEPTH, MAX_PLACES = 6, 4000
MAX_LISTED = 12


class ParameterGroup(NamedTuple):
    """A dictionary of tensors, and the keys that lead to this dictionary in the file."""

    keys: tuple[str, ...]
    tensors: dict[str, Any]  # a value may be an inert object that represents a tensor

    @property
    def place(self) -> str:
        """The keys joined by dots, cut to 80 characters."""
        return ".".join(self.keys)[:80]

    @property
    def is_averaged(self) -> bool:
        """Whether a key or tensor name shows that the tensors are an averaged copy."""
        return any(AVERAGED.search(key) for key in self.keys) or "n_averaged" in self.tensors

    @property
    def is_model(self) -> bool:
        """Whether a tensor has a name that occurs in a supported model."""
        names = [bare_name(name) for name in self.tensors]
        pattern = format_of_tensors(names).names
        return any(pattern.fullmatch(name) for name in names)


@dataclass(frozen=True)
class Weights:
    """Tensors by plain name, and information on the copy of the weights from which they come."""

    tensors: dict[str, Tensor]
    format: Format = OFFICIAL  # the format whose tensor names the file uses
    positions: int = 0  # number of positions in the file's training states; 0 without training states
    averaged: str = ""  # description of the averaged copy that was used; empty without an averaged copy
    notes: tuple[str, ...] = ()  # sentences about copies in the file that were not used


def bare_name(name: str) -> str:
    """Remove wrapper prefixes from the name of a tensor."""
    parts = [part for part in name.split(".") if part not in WRAPPERS]
    while len(parts) > 1 and parts[0] in OUTER:
        parts.pop(0)
    return ".".join(parts)


def extract_weights(stored: Any, path: Path) -> Weights:
    """Extract the weights from `stored`, the content of the file at `path`.

    Raises CheckpointError if the file has no weights or the model is not supported.
    """
    groups = list(_groups(stored))
    candidates = [group for group in groups if group.is_model] or groups
    if not candidates:
        raise CheckpointError(f"{path} is not a state dict: {_describe_content(stored)}")
    raw = [group for group in candidates if not group.is_averaged]
    averaged = [group for group in candidates if group.is_averaged]
    if not raw:  # one dictionary with parameters and buffers, one with parameters only: {"ema": {...}}
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
    """Number of positions in the training states that EqR saves under `carry`; 0 without such states."""
    part: Any = stored.get("carry") if isinstance(stored, dict) else None
    for key in ("inner_carry", "z_H"):
        part = part.get(key) if isinstance(part, dict) else _attributes(part).get(key)
    return part.shape[1] if isinstance(part, Tensor) and part.ndim == 3 else 0


def _describe_copy(copy: ParameterGroup | None, base: ParameterGroup) -> str:
    """A description of the averaged copy that was used."""
    if copy is None:
        return ""
    if not copy.place:
        return "the file counts averaged models (n_averaged)"
    over = f", applied over `{base.place}`" if copy is not base and base.place else ""
    return f"the copy `{copy.place}` in the file{over}"


def _groups(stored: Any) -> Iterator[ParameterGroup]:
    """Yield all dictionaries with tensors, outermost first, except optimizer states and other training data."""
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
    """The attributes of a pickled object; empty for a pickled model, whose tensors have no full names."""
    attributes = value.attributes if isinstance(value, InertObject) else {}
    return {} if "_modules" in attributes else attributes


def _copies(group: ParameterGroup) -> Iterator[ParameterGroup]:
    """Yield the two copies in a group that ema-pytorch saved, or the group itself."""
    copies: dict[str, dict[str, Any]] = {}
    for name, tensor in group.tensors.items():
        copy = next((part for part in name.split(".") if part in TWO_COPIES), "")
        copies.setdefault(copy, {})[name] = tensor
    if copies.keys() & TWO_COPIES:
        yield from (ParameterGroup((*group.keys, copy), tensors) for copy, tensors in copies.items() if copy)
    else:
        yield group


def _as_tensor(value: Any) -> Any:
    """Return the value if it is a tensor, or an inert object for a NumPy array or an unknown tensor class; else None."""
    if isinstance(value, Tensor):
        return value
    stands_for_tensor = (
        isinstance(value, InertObject)
        and not isinstance(value, InertName)
        and SAVED_AS_TENSOR.search(value.name)
    )
    return value if stands_for_tensor else None


def _unnamed_average(stored: Any) -> str:
    """The key of an averaged copy saved as a list of tensors, as by torch_ema and diffusers; empty if there is none."""
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
    """A message that says what a file without a state dict contains, and what to do."""
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
    """Printable text for a key from an untrusted dictionary, at most 60 characters long."""
    return key[:60] if isinstance(key, str) and key[:60].isprintable() else SHORT.repr(key)[:60]


def plain_names(tensors: dict[str, Any], path: Path, format: Format) -> dict[str, Tensor]:
    """Return tensors under the names of the official format, without wrapper prefixes and counters.

    Raises CheckpointError, which names the first tensor that does not belong to the format or is not supported.
    """
    refuse_by_names(tensors, path)
    plain: dict[str, Tensor] = {}
    left = path.stat().st_size  # maximum total bytes of NumPy arrays, since a pickle can repeat an array
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
    """Whether a tensor is a step counter, decay rate, or flag, which averaged copies store with the weights."""
    single = isinstance(tensor, Tensor) and tensor.numel() == 1
    return single and (not tensor.is_floating_point() or name.rpartition(".")[2] in COUNTERS)


def check_tensor(name: str, tensor: Any, path: Path) -> None:
    """Raise CheckpointError unless a tensor is dense, has a supported dtype, and lies entirely in the file.

    A view can claim more elements than the file contains; copying such a view would use too much memory.
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
