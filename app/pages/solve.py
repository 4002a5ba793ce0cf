"""Solve: how does the answer come about? One model, one puzzle, the player."""

from typing import Any

import streamlit as st

from app import inputs, links, notes, session
from app.inputs import Choice
from app.models import Source
from app.options import server_options
from app.player import player
from app.runs import Run
from trm.errors import UserError
from trm.export.payload import VERSION, payload
from trm.trace import Trace

PAGE_FIRST = 1.5  # seconds the browser gets before torch is imported behind it
GROWS_EVERY = 0.5  # seconds between looks at a run that grows


def page() -> None:
    asked = inputs.sidebar(server_options())
    with st.container():
        for mistake in asked.mistakes:
            notes.problem(mistake)
    if asked.choice is not None:
        solve(asked.choice)
    elif asked.opening is not None:
        notes.opening(asked.opening)
    else:
        notes.no_models()


def solve(choice: Choice) -> None:
    """Words, then what is waited for, then the player: always in these places, so that a player once drawn stays."""
    with st.container():
        notes.puzzle(choice)
    waiting = st.container()
    try:
        shown = session.shown(choice)
    except UserError as error:
        notes.problem(str(error))
        return
    if isinstance(shown, Run):
        session.wait_for(shown, choice)
    elif shown is None and not session.models().ready(choice.source):
        with waiting:
            notes.loading(choice.source)
    grows = isinstance(shown, Run) and not shown.done and not session.is_stopped(choice)
    st.fragment(show, run_every=GROWS_EVERY if grows else None)(choice, shown, grows)
    if isinstance(shown, Trace) and not session.models().ready(choice.source):
        session.models().ask(choice.source, after=PAGE_FIRST)
        take_over(choice.source)


def show(choice: Choice, shown: Trace | Run | None, grows: bool) -> None:
    """The player and how far its run has come. A fragment, so that reporting a view or a grown run reruns nothing else."""
    try:
        run = session.run_of(choice) if grows else shown
    except UserError as error:
        notes.problem(str(error))
        return
    trace = run.trace if isinstance(run, Run) else run
    if isinstance(run, Run) and run.error:
        if grows:
            st.rerun()  # which tells it, and looks no more
        notes.problem(str(run.error))
        return
    is_whole = trace is not None and trace.steps == choice.depth.N_sup
    with st.container():
        if not is_whole:
            notes.growth(run, choice)
    if trace is None and session.is_stopped(choice):
        return
    view = player(contents(choice, trace), key="player")
    if view:
        links.remember_view(view)
    if grows and is_whole:
        st.rerun()  # from now on there is nothing to look for


def contents(choice: Choice, trace: Trace | None) -> dict[str, Any]:
    """What the player is sent: the trace, made ready once for each step that it grew, or word that none is there yet."""
    if trace is None:
        task, depth = choice.task, choice.depth
        return {"version": VERSION, "rows": task.rows, "columns": task.columns, "steps": 0} | vars(depth)
    state = st.session_state
    kept = state.get("contents")
    if kept is None or kept[0] is not trace:
        kept = state.contents = (trace, payload(trace, choice.task, start=links.opening_view()))
    return kept[1]


@st.fragment(run_every=1.0)
def take_over(source: Source) -> None:
    """Waits for the model to be loaded; then the page shows its own run."""
    if session.models().ready(source):
        st.rerun()


page()
