"""What lives longer than one run of the page: models being loaded, traces already made, the puzzle of a session.

torch takes seconds to import. So a page first shows a recorded trace, then asks for the model, which is loaded by a
thread; when it is ready the page shows its own run instead. Nothing here is shared between people but models and traces,
and those are looked up by the content of weights and puzzle.
"""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import streamlit as st

from trm import registry
from trm.coordinates import Depth
from trm.tasks import get_task
from trm.trace import Trace, TraceError, load_trace

if TYPE_CHECKING:
    from app.inputs import Choice
    from trm.models import TRM
    from trm.tasks.base import Rating, Task

# FLOPs of a net call under which a second thread gains a tenth on an idle machine and loses manyfold on a busy one,
# where the two wait for each other a thousand times a second.
SMALL_CALL = 5e8
TRACES_KEPT = 256  # about 120 kB each


class ModelLoader:
    """Loads each bundled model once, in the background. One per server."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="model-loader")
        self._models: dict[str, Future[TRM]] = {}
        self._lock = threading.Lock()
        self.running = threading.Lock()  # one forward pass at a time: two would only take turns on the cores

    def ask(self, name: str, *, after: float = 0.0) -> "Future[TRM]":
        """Start loading, if that has not been done. `after` seconds: time for the page to reach the browser first."""
        with self._lock:
            if name not in self._models:
                self._models[name] = self._pool.submit(_load, name, after)
            return self._models[name]

    def ready(self, name: str) -> bool:
        """Loaded, or failed: `ask` then answers at once."""
        future = self._models.get(name)
        return future is not None and future.done()


def _load(name: str, after: float) -> "TRM":
    time.sleep(after)
    import torch

    from trm import flops
    from trm.checkpoint import load_model

    model = load_model(name)
    if flops.net_call(model.config) < SMALL_CALL:
        torch.set_num_threads(1)
    return model


@st.cache_resource(show_spinner=False)
def loader() -> ModelLoader:
    return ModelLoader()


@st.cache_data(max_entries=TRACES_KEPT, show_spinner=False)
def live_trace(model_name: str, fingerprint: str, puzzle: str, depth: Depth) -> Trace:
    """A run of a loaded model on a puzzle (text), at a depth."""
    from trm.record import record

    model = loader().ask(model_name).result()
    task = get_task(model.config.task)
    with loader().running:
        return record(model, task, task.parse(puzzle), depth=depth)


@st.cache_data(max_entries=TRACES_KEPT, show_spinner=False)
def recorded_trace(model_name: str, fingerprint: str, puzzle: str) -> Trace | None:
    """The bundled trace of exactly these weights on exactly this puzzle, if there is one."""
    task = get_task(registry.model_config(model_name).task)
    for path in registry.trace_paths(model_name):
        try:
            trace = load_trace(path)
        except TraceError:
            continue
        if trace.provenance.fingerprint == fingerprint and task.format(trace.inputs) == puzzle:
            return trace
    return None


@st.cache_data(max_entries=64, ttl=timedelta(seconds=10), show_spinner=False)
def weights_fingerprint(model_name: str) -> str:
    """Content hash of a bundled model's weights, looked at again every ten seconds."""
    return registry.fingerprint(registry.models_folder() / model_name / "model.safetensors")


def trace(choice: "Choice") -> Trace | None:
    """The run to show: the model's own if it is loaded, else a recorded one; None when there is neither yet.

    Raises UserError when the model cannot be loaded or cannot read the puzzle.
    """
    mark = weights_fingerprint(choice.model)
    if not loader().ready(choice.model):
        kept = (
            recorded_trace(choice.model, mark, choice.puzzle) if choice.depth == choice.config.depth else None
        )
        if kept is not None:
            return kept
        loader().ask(choice.model)
        return None
    return live_trace(choice.model, mark, choice.puzzle, choice.depth)


def device_line(model_name: str) -> str:
    """Device and dtype in use, once they are known."""
    if not loader().ready(model_name):
        return "Model not loaded yet: a recorded run is shown first."
    model = loader().ask(model_name).result()
    return f"Runs in {str(model.compute_dtype).removeprefix('torch.')} on {model.H_init.device.type.upper()}."


@st.cache_data(max_entries=TRACES_KEPT, show_spinner=False)
def rating(_task: "Task", puzzle: str) -> "Rating":
    """How hard a puzzle is, by the task's own solver."""
    return _task.rate(_task.parse(puzzle))
