"""The run for a user's choice: recorded, or computed now, and how long the page waits for it.

Importing torch takes seconds, so a page first shows a recorded trace while a thread loads the model. When the model is
ready, the page shows the model's own run instead.
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
from trm.trace import MAX_TRACE, Trace, TraceError, load_trace

if TYPE_CHECKING:
    from trm.model import Model

MOST_MODELS = 16  # models whose recorded traces stay in memory, about 1 MB each
SHORT_RUN = 1e11  # FLOPs; the page waits for shorter runs: about a second on one core
SHORT_WAIT = 2.0  # seconds to wait for a short run before showing it incomplete
AT_ONCE = 0.5  # seconds to wait for a longer run; on a GPU most need less
MOST_WORK = 4  # times the calls at the trained depth: the limit on a public server
LARGEST_STATES = 1 << 30  # bytes of the states of one supervision step, all held at once


@st.cache_resource(max_entries=MOST_MODELS, show_spinner=False)
def recorded_traces(model_name: str, fingerprint: str) -> dict[str, Trace]:
    """The bundled traces of exactly these weights, by puzzle."""
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
    """What to show: the model's own run if the model is open, else a recorded trace; None if neither exists yet.

    A recorded trace stays until the run is complete; otherwise a user viewing a late step would be sent back to the
    first. `waits` makes the page wait for a short run to complete. `place` is as in `run_of`. Raises UserError if the
    model cannot be opened or cannot read the puzzle, or the run would be too large.
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
    """The bundled trace of exactly this choice, or None."""
    if not (choice.source.is_bundled and choice.is_as_trained):
        return None
    mark = shared.weights_fingerprint(choice.source.name, choice.source.stamp)
    return recorded_traces(choice.source.name, mark).get(choice.puzzle)


def is_made(choice: Choice) -> bool:
    """Whether the run of an open model is complete or failed. Starts the run."""
    try:
        own = run_of(choice)
    except UserError:
        return True  # `shown` raises the same error
    return own is not None and own.done


def run_of(choice: Choice, *, place: str = "") -> Run | None:
    """The run of an open model; None if the user stopped it before its first step. Raises UserError.

    A session watches one run per `place`: requesting another stops watching the previous one. A page with two players
    has two places.
    """
    opening = shared.models().ask(choice.source)
    if opening.error:
        raise opening.error
    if opening.model is None:  # dropped in the meantime to make room for others
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
    """Wait long enough for a short run to complete. A longer run is shown while it grows."""
    short = flops.run(choice.config.with_depth(**vars(choice.depth))) < SHORT_RUN
    shared.runs().wait(run, SHORT_WAIT if short else AT_ONCE)


def _steps(model: "Model", choice: Choice) -> Iterator[Trace | Pause]:
    task = choice.task
    inputs = task.parse(choice.puzzle, unfinished=True)
    options = {"depth": choice.depth, "puzzle_id": choice.puzzle_id, "labels": choice.label_tokens}
    return in_slices(model, task, inputs, gives_way=shared.runs().gives_way, **options)


def check_depth(config: ModelConfig, depth: Depth) -> None:
    """Check the depth. Raises PuzzleError if a run needs too much memory or, on a public server, too many calls."""
    calls, cells = depth.N_sup * depth.calls_per_step, config.sequence_length
    trace = cells * (2 * calls + depth.N_sup * depth.T * (config.vocab_size + 1))
    states = depth.calls_per_step * config.length * config.hidden_size * 4 * (2 + config.latents)
    if trace > MAX_TRACE or states > LARGEST_STATES:
        raise PuzzleError(
            f"n = {depth.n}, T = {depth.T} and {depth.N_sup} supervision steps on {cells} cells make a run of "
            f"{trace >> 20} MiB, with states of {states >> 20} MiB, which is too large. Lower n, T or the steps."
        )
    allowed = MOST_WORK * config.depth.N_sup * config.depth.calls_per_step
    if server_options().public and calls > allowed:
        raise PuzzleError(
            f"n = {depth.n}, T = {depth.T} and {depth.N_sup} supervision steps are {calls:,} calls. This public server allows "
            f"{allowed:,} for this model. Lower n, T or the steps, or run the app on your own machine."
        )
