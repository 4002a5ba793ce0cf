"""The weights among all that a file holds, under plain names: out of wrappers, with the averaged copy laid over them.

Training scripts nest their state dict in a dictionary beside optimizers and counters, often with an averaged copy (EMA)
that holds parameters only, no buffers. The copy is what the public code evaluates, so it is laid over the weights as
trained. Groups of tensors are found by content, a dictionary whose tensors have names of a known model, and their
place only decides between several.
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

# Left by torch.compile, DataParallel, FSDP and others wherever in a name the part lies that they wrap.
WRAPPERS = {"_orig_mod", "module", "_fsdp_wrapped_module", "_forward_module", "_checkpoint_wrapped_module"}
OUTER = {"model", "inner", "net", "network", "online_model", "ema_model"}  # at the beginning of a name
TWO_COPIES = {"online_model", "ema_model"}  # of ema-pytorch, in one dictionary

COMPUTED = re.compile(r"(.*\.)?rotary_emb\.(cos_cached|sin_cached|inv_freq)")  # tables that we make ourselves
COUNTERS = {"decay", "step", "initted", "n_averaged", "num_updates"}
AVERAGED = re.compile(r"(?<![a-z])ema|ema(?![a-z])|shadow|averag|polyak|(?<![a-z])swa(?![a-z])", re.I)
NO_WEIGHTS = re.compile(r"optim|sched|carry|grad|rng|loops|scaler|current_model_state", re.I)
SAVED_AS_TENSOR = re.compile(r"_rebuild_|multiarray\._reconstruct$")
READ = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
ALIGNED = 16  # bytes; in a file of another's making numbers may begin anywhere
MAX_DEPTH, MAX_PLACES = 6, 4000
MAX_LISTED = 12


class ParameterGroup(NamedTuple):
    """A dictionary of tensors, and the keys that lead to it."""

    keys: tuple[str, ...]
    tensors: dict[str, Any]  # among them inert things in a tensor's place

    @property
    def place(self) -> str:
        return ".".join(self.keys)[:80]

    @property
    def is_averaged(self) -> bool:
        return any(AVERAGED.search(key) for key in self.keys) or "n_averaged" in self.tensors

    @property
    def is_model(self) -> bool:
        names = [bare_name(name) for name in self.tensors]
        known = format_of_tensors(names).names
        return any(known.fullmatch(name) for name in names)


@dataclass(frozen=True)
class Weights:
    """Tensors by plain names, and which copy of them this is."""

    tensors: dict[str, Tensor]
    format: Format = OFFICIAL  # whose names they had
    positions: int = 0  # of the states of a training batch that the file holds too; 0 where it holds none
    averaged: str = ""  # the averaged copy that was taken; empty where the file names none
    notes: tuple[str, ...] = ()  # what else of the kind the file holds


def bare_name(name: str) -> str:
    """A tensor's name without the prefixes of wrappers."""
    parts = [part for part in name.split(".") if part not in WRAPPERS]
    while len(parts) > 1 and parts[0] in OUTER:
        parts.pop(0)
    return ".".join(parts)


def extract_weights(stored: Any, path: Path) -> Weights:
    """The weights that a file holds. Raises CheckpointError where there are none, or none of a model that is known."""
    groups = list(_groups(stored))
    candidates = [group for group in groups if group.is_model] or groups
    if not candidates:
        raise CheckpointError(f"{path} is not a state dict: {_what_is_there(stored)}")
    raw = [group for group in candidates if not group.is_averaged]
    averaged = [group for group in candidates if group.is_averaged]
    if (
        not raw and len(averaged) > 1
    ):  # {"ema": {...}} of a file with buffers in one and parameters in the other
        averaged.sort(key=lambda group: -len(group.tensors))
    base, copy = (raw or averaged)[0], (averaged or [None])[0]
    if isinstance(stored, dict) and "averaging_state" in stored and base.keys == ("state_dict",):
        copy = base  # Lightning's WeightAveraging saves the average as the state dict
    format = format_of_tensors(bare_name(name) for name in base.tensors)
    tensors = plain_names(base.tensors, path, format)
    if copy is not None and copy is not base:
        tensors |= plain_names(copy.tensors, path, format)
    others = [group.place for group in (*raw, *averaged) if group not in (base, copy) and group.place]
    notes = [f"the file also holds {', '.join(others[:3])}, which was not taken"] if others else []
    if copy is None and (unnamed := _unnamed_average(stored)):
        notes.append(
            f"the file's averaged copy ({unnamed}) has no names and was not taken: these are the weights as trained"
        )
    return Weights(tensors, format, _carry_positions(stored), _describe_copy(copy, base), tuple(notes))


def _carry_positions(stored: Any) -> int:
    """Positions of the live states that EqR's trainer saves under `carry`."""
    part: Any = stored.get("carry") if isinstance(stored, dict) else None
    for key in ("inner_carry", "z_H"):
        part = part.get(key) if isinstance(part, dict) else _attributes(part).get(key)
    return part.shape[1] if isinstance(part, Tensor) and part.ndim == 3 else 0


def _describe_copy(copy: ParameterGroup | None, base: ParameterGroup) -> str:
    """Which averaged copy was taken, in words."""
    if copy is None:
        return ""
    if not copy.place:
        return "the file counts averaged models (n_averaged)"
    over = f", laid over `{base.place}`" if copy is not base and base.place else ""
    return f"the copy `{copy.place}` in the file{over}"


def _groups(stored: Any) -> Iterator[ParameterGroup]:
    """Every dictionary with tensors in it, the outermost first; not those of optimizers."""
    waiting: list[ParameterGroup] = [ParameterGroup((), stored)]
    seen = 0
    while waiting and seen < MAX_PLACES:
        keys, value = waiting.pop(0)
        parts = value if isinstance(value, dict) else _attributes(value)
        seen += 1
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
    """Those of an object that was pickled whole; not of a model, whose tensors lie in many objects without their names."""
    attributes = value.attributes if isinstance(value, InertObject) else {}
    return {} if "_modules" in attributes else attributes


def _copies(group: ParameterGroup) -> Iterator[ParameterGroup]:
    """The group, or of ema-pytorch the two copies in it."""
    found: dict[str, dict[str, Any]] = {}
    for name, tensor in group.tensors.items():
        copy = next((part for part in name.split(".") if part in TWO_COPIES), "")
        found.setdefault(copy, {})[name] = tensor
    if found.keys() >= {"ema_model"} or found.keys() >= {"online_model"}:
        yield from (ParameterGroup((*group.keys, copy), tensors) for copy, tensors in found.items() if copy)
    else:
        yield group


def _as_tensor(value: Any) -> Any:
    """A tensor, or a thing that was saved as one: an array of numpy, a tensor of a kind that is not read."""
    if isinstance(value, Tensor):
        return value
    kept = (
        isinstance(value, InertObject)
        and not isinstance(value, InertName)
        and SAVED_AS_TENSOR.search(value.name)
    )
    return value if kept else None


def _unnamed_average(stored: Any) -> str:
    """The key of an averaged copy that is a list of tensors, as torch_ema and diffusers keep it."""
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


def _what_is_there(stored: Any) -> str:
    """What a file without a state dict holds, and what to do."""
    for value in [stored, *(stored.values() if isinstance(stored, dict) else ())]:
        if isinstance(value, InertObject) and "_modules" in value.attributes:
            return (
                f"it holds a whole model ({value.name[:60]}), which is code. Where you trust the file, load it and save "
                "its state dict: torch.save(model.state_dict(), 'model.pt')."
            )
    if isinstance(stored, InertObject):
        return f"it holds an object of {stored.name[:80]}. Save the model's state dict with torch.save."
    if isinstance(stored, Tensor):
        return "it holds a single tensor. Save the model's state dict with torch.save."
    if not isinstance(stored, dict):
        return f"it holds {SHORT.repr(stored)[:60]}. Save the model's state dict with torch.save."
    keys = [_printable(key) for key in list(stored)[:MAX_LISTED]]
    more = f" and {len(stored) - MAX_LISTED} more" if len(stored) > MAX_LISTED else ""
    return f"no named tensors under its keys ({', '.join(keys) or 'none'}{more}). Save the weights as `model_state_dict`."


def _printable(key: Any) -> str:
    """A key of a stranger's dictionary, in a few printable letters."""
    return key[:60] if isinstance(key, str) and key[:60].isprintable() else SHORT.repr(key)[:60]


def plain_names(tensors: dict[str, Any], path: Path, format: Format) -> dict[str, Tensor]:
    """Our names: without the prefixes of wrappers, and without counters. Raises CheckpointError naming the first that its
    code does not write.
    """
    refuse_by_names(tensors, path)
    plain: dict[str, Tensor] = {}
    left = path.stat().st_size  # bytes that arrays of numpy may take: a file can name one text many times
    for name, tensor in tensors.items():
        bare = bare_name(name)
        if isinstance(tensor, InertObject) and format.names.fullmatch(bare) and left > 0:
            array = numpy_array(tensor)
            tensor, left = (tensor, left) if array is None else (array, left - array.nbytes)
        if _is_counter(bare, tensor) or COMPUTED.fullmatch(bare):
            continue
        if len(name) > 128 or not name.isprintable():
            raise CheckpointError(f"{path} holds a tensor of the odd name {SHORT.repr(name)}.")
        if not format.names.fullmatch(bare):
            raise CheckpointError(
                f"{path}: tensor {name} does not belong to a {format.title} checkpoint. {guess_model(name, path)}"
            )
        if bare in plain:
            raise CheckpointError(f"{path}: two tensors are both called {bare} once prefixes are removed.")
        check_tensor(name, tensor, path)
        plain[bare] = tensor if tensor.data_ptr() % ALIGNED == 0 else tensor.clone()
    return format.plain(plain)


def _is_counter(name: str, tensor: Any) -> bool:
    """Steps, rates and flags that averages keep among their tensors."""
    single = isinstance(tensor, Tensor) and tensor.numel() == 1
    return single and (not tensor.is_floating_point() or name.rpartition(".")[2] in COUNTERS)


def check_tensor(name: str, tensor: Any, path: Path) -> None:
    """Only dense numbers that are all in the file: a view can claim more than that, and a copy would take the memory."""
    dense = isinstance(tensor, Tensor) and tensor.layout == torch.strided and tensor.device.type == "cpu"
    if dense and tensor.is_floating_point() and tensor.dtype not in READ:
        raise CheckpointError(
            f"{path}: tensor {name} holds numbers of {str(tensor.dtype).removeprefix('torch.')}, which is not read. "
            "Save it as bfloat16 or float32."
        )
    if not dense or not tensor.is_floating_point():
        raise CheckpointError(
            f"{path}: tensor {name} does not hold plain numbers. Save it dense, as floating-point numbers, on the CPU."
        )
    if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
        raise CheckpointError(
            f"{path}: tensor {name} claims more numbers than the file holds. Save it again."
        )
