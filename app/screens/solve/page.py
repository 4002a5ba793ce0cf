"""The Solve page: one model, one puzzle, and a player that shows how the answer develops."""

from functools import partial

import streamlit as st

from app import editor
from app.player import pair
from app.player.component import player
from app.player.pair import cached_payload
from app.screens.solve import export_panel, pin
from app.server import choice_runs, shared
from app.server.options import server_options
from app.server.runs import Run
from app.sidebar import sidebar
from app.state import links, session
from app.state.choice import Choice
from app.ui import status
from trm.errors import UserError
from trm.trace import Trace

PLAYER = "player"


def page() -> None:
    options = server_options()
    selection = sidebar.sidebar(options)
    mistakes = pin.open_linked(selection.choice, options) if selection.choice else ()
    pin.sidebar_note()
    choice = sidebar.chosen(selection, mistakes)
    if choice is not None:
        solve(choice)


def solve(choice: Choice) -> None:
    """Draw the texts, what the page is waiting for, and the player, always in the same places so that an existing
    player is kept.

    While the user edits the puzzle, only the editor is drawn.
    """
    if editor.is_open(choice.task):
        editor.show(choice)
        return
    with st.container():
        status.puzzle(choice)
    waiting = st.container()
    try:
        run = choice_runs.shown(choice, waits=True)
    except UserError as error:
        status.problem(str(error))
        return
    if run is None and not shared.models().ready(choice.source):
        with waiting:
            status.loading(choice.source)
    growing = isinstance(run, Run) and not run.done and not session.is_stopped(choice)
    polls = growing or pin.is_pending()
    st.fragment(show, run_every=shared.runs().look_every if polls else None)(choice, run, growing, polls)
    if isinstance(run, Trace):
        status.switch_to_model(choice.source, partial(choice_runs.is_made, choice))


def show(choice: Choice, run: Trace | Run | None, growing: bool, polls: bool) -> None:
    """Draw the player and the progress of its run. A fragment, so that a new view or a new step reruns nothing else.

    `growing` means that the run is not complete, `polls` that it or the pinned run is not, so the fragment runs
    repeatedly.
    """
    try:
        run = choice_runs.run_of(choice) if growing else run
    except UserError as error:
        status.problem(str(error))
        return
    trace = run.trace if isinstance(run, Run) else run
    if isinstance(run, Run) and run.error:
        if growing:
            st.rerun()  # shows the error and stops polling
        status.problem(str(run.error))
        return
    complete = trace is not None and trace.steps == choice.depth.N_sup
    with st.container():
        if not complete:
            status.run_progress(run, choice)
    if trace is None and session.is_stopped(choice):
        return
    view = draw(choice, trace) or links.last_view(choice.run)
    if view:
        links.remember_view(view, choice.run)
    if trace is not None:
        export_panel.offer(choice, trace, view, growing=not complete and not session.is_stopped(choice))
    pin.write_link(choice)
    # Only here: a run of this fragment that does not draw the player removes it from the page, with its state.
    if pin.needs_rerun() or (polls and (complete or not growing) and not pin.is_pending()):
        st.rerun()  # redraws the rest of the page, or stops polling


def draw(choice: Choice, trace: Trace | None) -> dict | None:
    """Draw the player, or two if a run is pinned. Returns the view that the player reports."""
    try:
        pinned_run = pin.pinned_side()
    except UserError as error:
        pin.drop(error, choice)
        pinned_run = None
    options = pin.options_of(choice, trace, key=PLAYER) | {"edit": True}
    start = links.opening_view(choice.run)
    if pinned_run is None:
        return player(
            cached_payload(PLAYER, choice.task, choice.depth, trace) | {"start": start}, key=PLAYER, **options
        )
    now = pair.Side.of(choice, trace, name=pin.NAMES[1])
    return pair.show(pinned_run, now, key=PLAYER, start=start, hint=pin.HINT, **options)


page()
