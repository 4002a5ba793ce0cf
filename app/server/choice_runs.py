"""Finds the run for a user's choice, which is either recorded or computed now, and waits for it.

Importing torch takes seconds, so a page first shows a recorded trace while a thread loads the model. When the model is
ready, the page shows a new run of the model instead.
"""

import streamlit as st

from app.server import shared
from app.server.options import server_options
from app.server.recording import Recording
from app.server.runs import Run
from app.state import session
from app.state.choice import Choice
from trm import registry
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.errors import PuzzleError
from trm.inspection import flops
from trm.tasks import task_of
from trm.trace import MAX_TRACE, Trace, TraceError, load_trace

MOST_MODELS = 16  # models whose recorded traces stay in memory, about 1 MB each
SHORT_RUN = 1e11  # FLOPs, about a second on one core; the page waits for shorter runs to complete
SHORT_WAIT = 2.0  # maximum seconds to wait for a short run before it is shown incomplete
AT_ONCE = 0.5  # maximum seconds to wait for a longer run; on a GPU, most runs need less
MOST_WORK = 4  # maximum number of calls on a public server, as a multiple of the calls at the trained depth
LARGEST_STATES = 1 << 30  # bytes; limit for the states of one supervision step, all in memory at once


@st.cache_resource(max_entries=MOST_MODELS, show_spinner=False)
def recorded_traces(model_name: str, fingerprint: str) -> dict[str, Trace]:
    """Return the recorded traces of a bundled model whose weights have this fingerprint, by puzzle in one-line form."""
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
    """Return the run or the recorded trace to show for a choice; None if there is neither yet.

    A complete run of the model comes first, then a recorded trace, then an incomplete run. A recorded trace is shown
    until the run is complete; otherwise the view of a user at a late step would jump back to the first step. `waits`
    makes the page wait for a short run to complete. `place` is as in `run_of`. Raises UserError if the model cannot be
    opened or does not accept the puzzle, or if the run would be too large.
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
    """Return the recorded trace of exactly this choice, or None if there is none."""
    if not (choice.source.is_bundled and choice.is_as_trained):
        return None
    mark = shared.weights_fingerprint(choice.source.name, choice.source.stamp)
    return recorded_traces(choice.source.name, mark).get(choice.puzzle)


def run_of(choice: Choice, *, place: str = "") -> Run | None:
    """Return the run of a loaded model on the chosen puzzle, started if there is none.

    A session watches one run for each `place`. A request for another run stops watching the previous run. A page with
    two players has two places. Returns None if the model is not in memory, or if the user stopped the run and it has
    been dropped. Raises UserError if the model cannot be opened or the run would be too large.
    """
    opening = shared.models().ask(choice.source)
    if opening.error:
        raise opening.error
    if opening.model is None:  # dropped in the meantime to make room for other models
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
    from trm.engine.choice import choose

    check_depth(choice.config, choice.depth)
    options = {"depth": choice.depth, "puzzle_id": choice.puzzle_id, "labels": choice.label_tokens}
    recording = Recording(choose(opening.model), choice.task, choice.puzzle, **options)
    return shared.runs().ask(key, recording, watcher=session.watcher(place))


def _wait_for(run: Run, choice: Choice) -> None:
    """Wait long enough for a short run to complete. A longer run is shown before it is complete."""
    short = flops.run(choice.config.with_depth(**vars(choice.depth))) < SHORT_RUN
    shared.runs().wait(run, SHORT_WAIT if short else AT_ONCE)


def check_depth(config: ModelConfig, depth: Depth) -> None:
    """Check that a run of this depth is allowed.

    Raises PuzzleError if the run needs too much memory or, on a public server, too many calls.
    """
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
