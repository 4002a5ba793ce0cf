"""What lives longer than one run of the page: models opened, runs made, the facts of puzzles. What is shown is decided here.

torch takes seconds to import. So a page first shows a recorded trace, then asks for the model, which is loaded by a
thread; when it is ready the page shows its own run instead. Nothing here is shared between people but models and runs,
and those are looked up by what was asked for: weights, puzzle, depth.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import streamlit as st

from app.server.checks import Checks
from app.server.jobs import Jobs
from app.server.models import Source, found_models
from app.server.opening import Models, torch_threads
from app.server.options import Options
from app.server.runs import Run, Runs
from trm import flops, registry
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.errors import CheckpointError, PuzzleError
from trm.tasks import task_of
from trm.trace import LARGEST_TRACE, Trace, TraceError, load_trace

if TYPE_CHECKING:
    from app.sidebar.sidebar import Choice
    from trm.data.arc import ArcTask
    from trm.models import Model
    from trm.tasks.base import Rating, Task

TRACES_KEPT = 256  # recorded ones, about 120 kB each
SHORT_RUN = 1e11  # FLOPs of a run that is waited for: about a second of one core
SHORT_WAIT = 2.0  # seconds it is waited for on a busy machine, before it is shown as a slow one
AT_ONCE = 0.5  # seconds that a longer run gets to be shown whole; on a GPU most need less
LARGEST_STATES = 1 << 30  # bytes of the states of one supervision step, which are held together
MOST_GUESSES = 5000  # of the rating of a puzzle: 150 ms, which a person waits for
EVERY_FEW_SECONDS = timedelta(seconds=10)  # how often files are looked at again


@st.cache_resource(show_spinner=False)
def runs() -> Runs:
    return Runs()


@st.cache_resource(show_spinner=False)
def models() -> Models:
    return Models()


@st.cache_resource(show_spinner=False)
def checks() -> Checks:
    return Checks(runs().give_way)


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    return Jobs(runs().give_way)


@st.cache_data(ttl=EVERY_FEW_SECONDS, max_entries=64, show_spinner=False)
def model_names(bundled: Path, options: Options) -> list[str]:
    """Bundled models (of that folder) first, then those of the server's folders."""
    names = registry.model_names()
    return [*names, *(name for name in found_models(options.model_dirs) if name not in names)]


@st.cache_data(max_entries=TRACES_KEPT, show_spinner=False)
def recorded_trace(model_name: str, fingerprint: str, puzzle: str) -> Trace | None:
    """The bundled trace of exactly these weights on exactly this puzzle, if there is one."""
    task = task_of(registry.model_config(model_name))
    for path in registry.trace_paths(model_name):
        try:
            trace = load_trace(path)
        except TraceError:
            continue
        if trace.provenance.fingerprint == fingerprint and task.format(trace.inputs) == puzzle:
            return trace
    return None


@st.cache_data(ttl=EVERY_FEW_SECONDS, max_entries=64, show_spinner=False)
def weights_fingerprint(model_name: str, stamp: tuple[int, ...]) -> str:
    """Content hash of a bundled model's weights."""
    return registry.fingerprint(registry.models_folder() / model_name / "model.safetensors")


def shown(choice: "Choice", *, place: str = "", waits: bool = False) -> Trace | Run | None:
    """What to show: the model's own run if it is open, else a recorded trace; None when there is neither yet.

    A recorded trace stays until the run is whole: who looks at a late step of it would else be set back to the first.
    `waits`: a run gets the time after which it is better shown growing. `place` as for `run_of`. Raises UserError when the model
    cannot be opened or cannot read the puzzle, or the run would be too large.
    """
    own = None
    if is_open := models().ready(choice.source):
        own = run_of(choice, place=place)
    if own is not None and waits:
        _wait_for(own, choice)
    if own is not None and own.done:
        return own
    kept = recorded(choice)
    if kept is None and not is_open:
        models().ask(choice.source)
    return own if kept is None else kept


def recorded(choice: "Choice") -> Trace | None:
    """The bundled trace of exactly what is chosen, if there is one."""
    if not (choice.source.is_bundled and choice.is_as_trained):
        return None
    mark = weights_fingerprint(choice.source.name, choice.source.stamp)
    return recorded_trace(choice.source.name, mark, choice.puzzle)


def is_made(choice: "Choice") -> bool:
    """Whether the run of an open model is there to its end, or failed. It is asked for by this."""
    try:
        own = run_of(choice)
    except UserError:
        return True  # `shown` raises it too
    return own is not None and own.done


def run_of(choice: "Choice", *, place: str = "") -> Run | None:
    """The run of an open model; None where the person stopped it before it came to anything. Raises UserError.

    The person leaves the run that they watched before in the same place: one who looks at two has two places.
    """
    opening = models().ask(choice.source)
    if opening.error:
        raise opening.error
    if opening.model is None:  # forgotten since, for others
        return None
    key = (
        choice.source,
        opening.model.fingerprint,
        choice.puzzle,
        choice.puzzle_id,
        choice.labels,
        choice.depth,
    )
    if is_stopped(choice):
        return runs().look(key, watcher=watcher(place))
    check_size(choice.config, choice.depth)
    return runs().ask(key, partial(_steps, opening.model, choice), watcher=watcher(place))


def _wait_for(run: Run, choice: "Choice") -> None:
    """Give a run the time after which it is better shown growing: so long that no fast one is."""
    short = flops.run(choice.config.with_depth(**vars(choice.depth))) < SHORT_RUN
    runs().wait(run, SHORT_WAIT if short else AT_ONCE)


def _steps(model: "Model", choice: "Choice") -> Iterator[Trace]:
    """The growing trace of a run, with as many threads as the model is worth."""
    from trm.record import growing_trace

    task = task_of(model.config)
    traces = growing_trace(
        model,
        task,
        task.parse(choice.puzzle, unfinished=True),
        depth=choice.depth,
        puzzle_id=choice.puzzle_id,
        labels=choice.label_tokens,
    )
    while True:
        with torch_threads(model):
            trace = next(traces, None)
        if trace is None:
            return
        yield trace


def check_size(config: ModelConfig, depth: Depth) -> None:
    """Raises PuzzleError where a run of this depth would take too much memory."""
    calls, cells = depth.N_sup * depth.calls_per_step, config.sequence_length
    trace = cells * (2 * calls + depth.N_sup * depth.T * (config.vocab_size + 1))
    states = depth.calls_per_step * config.length * config.hidden_size * 4 * (2 + config.latents)
    if trace > LARGEST_TRACE or states > LARGEST_STATES:
        raise PuzzleError(
            f"n = {depth.n}, T = {depth.T} and {depth.N_sup} supervision steps on {cells} cells make a run of "
            f"{trace >> 20} MiB, with states of {states >> 20} MiB: too large to be kept. Lower n, T or the steps."
        )


# ---- what belongs to a person


def watcher(place: str = "") -> str:
    """Who looks: one name for each person's session, and for each place there in which a run is shown."""
    return st.session_state.setdefault("watcher", uuid4().hex) + place


def is_stopped(choice: "Choice") -> bool:
    """Whether this person stopped this very run."""
    return st.session_state.get("stopped") == choice.run


def stop(choice: "Choice") -> None:
    st.session_state.stopped = choice.run


def go_on() -> None:
    st.session_state.stopped = None


# ---- facts


def device_line(source: Source) -> str:
    """Device and dtype in use, once they are known."""
    model = models().ask(source).model if models().ready(source) else None
    if model is None:
        return "Model not loaded yet: a recorded run is shown first."
    return f"Runs in {str(model.compute_dtype).removeprefix('torch.')} on {model.device.type.upper()}."


@st.cache_data(ttl=EVERY_FEW_SECONDS, max_entries=64, show_spinner=False)
def accuracy(model_name: str, stamp: tuple[int, ...]) -> dict[str, Any] | None:
    """What `trm eval` measured of a bundled model; None where nothing was, or where its weights cannot be read."""
    try:
        return registry.model_card(model_name)["accuracy"]
    except CheckpointError:
        return None


def rating(task: "Task", puzzle: str) -> "Rating":
    """How hard a puzzle is, by the task's own solver. Raises PuzzleError where that gives up."""
    return _rating(task.name, puzzle, task)


@st.cache_data(max_entries=TRACES_KEPT, show_spinner=False)
def _rating(task_name: str, puzzle: str, _task: "Task") -> "Rating":
    return _task.rate(_task.parse(puzzle, unfinished=True), most_guesses=MOST_GUESSES)


@st.cache_resource(max_entries=2, show_spinner="Reading the ARC tasks")
def arc_tasks(folder: Path) -> "dict[str, ArcTask]":
    """The tasks of the server's --data-dir. Raises DataError."""
    from trm.data.arc import arc_tasks

    return arc_tasks(folder)


@st.cache_resource(max_entries=2, show_spinner="Reading the puzzle ids")
def puzzle_ids(path: Path) -> dict[str, int]:
    """Puzzle ids by name, of an identifiers.json. Raises DataError."""
    from trm.data.identifiers import read_identifiers

    return read_identifiers(path)
