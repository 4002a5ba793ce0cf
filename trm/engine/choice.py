"""Give a model an engine: the one that was requested, or the faster one for a live run."""

import threading
from collections.abc import Callable
from copy import deepcopy
from importlib.util import find_spec
from itertools import chain
from weakref import WeakKeyDictionary

import torch

from trm.device import cpu_has_bfloat16
from trm.engine import Engine
from trm.engine.bfloat16 import Bfloat16Net
from trm.engine.runtime import RuntimeNet
from trm.errors import UserError
from trm.layers import Net
from trm.model import Model
from trm.models import parameter_count
from trm.parallel import usable_threads

LIBRARIES = ("onnxruntime", "onnx")
MAX_BYTES = 1 << 30  # of the weights of a net; a graph holds at most 2 GB


class EngineError(UserError):
    """Raised if an engine is not installed or cannot compute a model."""


def with_engine(model: Model, engine: Engine, *, threads: int | None = None) -> Model:
    """Return the model with an engine. The model itself is not changed, and the weights are shared.

    ONNX Runtime uses `threads` threads, by default as many as torch would use. Raises EngineError if the engine is not
    installed, or cannot compute this model on this machine.
    """
    if engine == model.engine:
        return model
    if engine == "onnx":
        check_installed()
    if problem := _problem(model, engine):
        raise EngineError(f"The engine {engine} {problem}. Use --engine torch.")
    if engine == "onnx":
        return _with_runtime(model, threads)
    copied = replace_nets(model, lambda _, net: Bfloat16Net(net))
    copied.engine = engine
    return copied


def check_installed() -> None:
    """Raises EngineError unless ONNX Runtime, and the library that builds its graphs, are installed."""
    if missing := [name for name in LIBRARIES if not find_spec(name)]:
        raise EngineError(f"ONNX graphs need {' and '.join(missing)}. Run `pip install {' '.join(missing)}`.")


def choose(model: Model) -> Model:
    """Return the model with the engine that is faster for a live run.

    That is ONNX Runtime, on all cores, wherever it can compute the model (docs/performance.md). The same model always
    gives the same object, so that its sessions are made once.
    """
    if model.engine != "torch" or _problem(model, "onnx") or not all(map(find_spec, LIBRARIES)):
        return model
    with _guard:
        if model not in _chosen:
            _chosen[model] = _with_runtime(model, usable_threads())
        return _chosen[model]


_chosen: WeakKeyDictionary[Model, Model] = WeakKeyDictionary()
_guard = threading.Lock()


def _problem(model: Model, engine: Engine) -> str:
    """Say why ONNX Runtime, or torch in bfloat16, cannot compute a model; "" if it can."""
    if model.device.type != "cpu" or model.compute_dtype != torch.float32:
        dtype = str(model.compute_dtype).removeprefix("torch.")
        return f"is for models in float32 on a CPU, but this model runs in {dtype} on {model.device.type.upper()}"
    if engine == "bfloat16":
        return "" if cpu_has_bfloat16() else "needs a processor with bfloat16 arithmetic (AVX512-BF16 or AMX)"
    if max(4 * parameter_count(net) for net in _nets(model).values()) > MAX_BYTES:
        return f"computes nets of up to {MAX_BYTES >> 30} GiB, but this model's nets are larger"
    return ""


def _nets(model: Model) -> dict[str, Net]:
    return {name: module for name, module in model.named_children() if isinstance(module, Net)}


def _with_runtime(model: Model, threads: int | None) -> Model:
    copied = replace_nets(model, lambda name, net: RuntimeNet(net, threads))
    copied.engine = "onnx"
    return copied


def replace_nets(model: Model, make: Callable[[str, Net], Net]) -> Model:
    """Return a copy of the model that shares all tensors, with each net replaced by `make(name, net)`."""
    shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    copied = deepcopy(model, shared)
    for name, net in _nets(copied).items():
        setattr(copied, name, make(name, net))
    return copied
