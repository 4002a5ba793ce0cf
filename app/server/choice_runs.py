"""The run of what a person chose: which one is shown, recorded or made now, and how long it is waited for.

torch takes seconds to import. So a page first shows a recorded trace, then asks for the model, which is loaded by a
thread; when it is ready the page shows its own run instead.
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.server import shared
from app.server.options import server_options
from app.server.runs import Run
from app.server.slices import Pause, in_slices
from app.state import session
from app.state.choice import Choice
from trm import flops, registry
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.errors import PuzzleError, UserError
from trm.tasks import task_of
from trm.trace import LARGEST_TRACE, Trace, TraceError, load_trace

if TYPE_CHECKING:
    from trm.model import Model

MOST_MODELS = 16  # whose recorded traces stay in memory, about a MB each
SHORT_RUN = 1e11  # FLOPs of a run that is waited for: about a second of one core
SHORT_WAIT = 2.0  # seconds it is waited for on a busy machine, before it is shown as a slow one
AT_ONCE = 0.5  # seconds that a longer run gets to be shown whole; on a GPU most need less
MOST_WORK = 4  # times the calls that a model was trained with, which a stranger may ask for
LARGEST_STATES = 1 << 30  # bytes of the states of one supervision step, which are held together


@st.cache_resource(max_entries=MOST_MODELS, show_spinner=False)
def recorded_traces(model_name: str, fingerprint: str) -> dict[str, Trace]:
    """The bundled traces of exactly these weights, by their puzzles."""
    task, traces = task_of(registry.model_config(model_name)), {}
    for path in registry.trace_paths(model_name):
        try:
            trace = load_trace(path)
        except TraceError:
            continue
        if trace.provenance.fingerprint == fingerprint:
            traces.setdefault(task.format(trace.inputs), trace)
    return traces


def shown(choice: Choice, *, place: str = "", waits: bool = False) -> Trace | Run | None:
    """What to show: the model's own run if it is open, else a recorded trace; None when there is neither yet.

    A recorded trace stays until the run is complete; otherwise a person at a late step would be sent back to the first.
    `waits`: a run gets the time after which it is better shown growing. `place` as for `run_of`. Raises UserError when the model
    cannot be opened or cannot read the puzzle, or the run would be too large.
    """
    own = None
    if is_open := shared.models().ready(choice.source):
        own = run_of(choice, place=place)
    if own is not None and waits:
        _wait_for(own, choice)
    if own is not None and own.done:
        return own
    recorded_run = recorded(choice)
    if recorded_run is None and not is_open:
        shared.models().ask(choice.source)
    return own if recorded_run is None else recorded_run


def recorded(choice: Choice) -> Trace | None:
    """The bundled trace of exactly what is chosen, if there is one."""
    if not (choice.source.is_bundled and choice.is_as_trained):
        return None
    mark = shared.weights_fingerprint(choice.source.name, choice.source.stamp)
    return recorded_traces(choice.source.name, mark).get(choice.puzzle)


def is_made(choice: Choice) -> bool:
    """Whether the run of an open model is there to its end, or failed. It is asked for by this."""
    try:
        own = run_of(choice)
    except UserError:
        return True  # `shown` raises it too
    return own is not None and own.done


def run_of(choice: Choice, *, place: str = "") -> Run | None:
    """The run of an open model; None where the person stopped it before it came to anything. Raises UserError.

    In each `place` a person watches one run: asking for another stops watching the one before. A page with two players has
    two places.
    """
    opening = shared.models().ask(choice.source)
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
    if session.is_stopped(choice):
        return shared.runs().look(key, watcher=session.watcher(place))
    check_depth(choice.config, choice.depth)
    begin = partial(_steps, opening.model, choice)
    return shared.runs().ask(key, begin, watcher=session.watcher(place))


def _wait_for(run: Run, choice: Choice) -> None:
    """Give a run the time after which it is better shown growing: so long that no fast one is."""
    short = flops.run(choice.config.with_depth(**vars(choice.depth))) < SHORT_RUN
    shared.runs().wait(run, SHORT_WAIT if short else AT_ONCE)


def _steps(model: "Model", choice: Choice) -> Iterator[Trace | Pause]:
    task = choice.task
    inputs = task.parse(choice.puzzle, unfinished=True)
    recorded_run = {"depth": choice.depth, "puzzle_id": choice.puzzle_id, "labels": choice.label_tokens}
    return in_slices(model, task, inputs, gives_way=shared.runs().gives_way, **recorded_run)


def check_depth(config: ModelConfig, depth: Depth) -> None:
    """Raises PuzzleError where a run of this depth would take too much memory, or on a public server too long."""
    calls, cells = depth.N_sup * depth.calls_per_step, config.sequence_length
    trace = cells * (2 * calls + depth.N_sup * depth.T * (config.vocab_size + 1))
    states = depth.calls_per_step * config.length * config.hidden_size * 4 * (2 + config.latents)
    if trace > LARGEST_TRACE or states > LARGEST_STATES:
        raise PuzzleError(
            f"n = {depth.n}, T = {depth.T} and {depth.N_sup} supervision steps on {cells} cells make a run of "
            f"{trace >> 20} MiB, with states of {states >> 20} MiB: too large to be kept. Lower n, T or the steps."
        )
    allowed = MOST_WORK * config.depth.N_sup * config.depth.calls_per_step
    if server_options().public and calls > allowed:
        raise PuzzleError(
            f"n = {depth.n}, T = {depth.T} and {depth.N_sup} supervision steps are {calls:,} calls. This public server makes at most "
            f"{allowed:,} of this model's. Lower n, T or the steps, or run the app on your own machine."
        )
