"""Solve: how does the answer come about? One model, one puzzle, the player."""

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
    mistakes = pin.settle(selection.choice, options) if selection.choice else ()
    pin.note()
    choice = sidebar.chosen(selection, mistakes)
    if choice is not None:
        solve(choice)


def solve(choice: Choice) -> None:
    """Words, then what is waited for, then the player: always in these places, so that a player once drawn stays.

    While a person edits the puzzle there is only the editor.
    """
    if editor.is_open(choice.task):
        editor.show(choice)
        return
    with st.container():
        status.puzzle(choice)
    waiting = st.container()
    try:
        shown = choice_runs.shown(choice, waits=True)
    except UserError as error:
        status.problem(str(error))
        return
    if shown is None and not shared.models().ready(choice.source):
        with waiting:
            status.loading(choice.source)
    grows = isinstance(shown, Run) and not shown.done and not session.is_stopped(choice)
    looks = grows or pin.waits()
    st.fragment(show, run_every=shared.runs().look_every if looks else None)(choice, shown, grows, looks)
    if isinstance(shown, Trace):
        status.take_over(choice.source, partial(choice_runs.is_made, choice))


def show(choice: Choice, shown: Trace | Run | None, grows: bool, looks: bool) -> None:
    """The player and how far its run has come. A fragment, so that reporting a view or a grown run reruns nothing else.

    `grows`: there is more to come of the run; `looks`: of that or of the pinned one, so the fragment runs every now and then.
    """
    try:
        run = choice_runs.run_of(choice) if grows else shown
    except UserError as error:
        status.problem(str(error))
        return
    trace = run.trace if isinstance(run, Run) else run
    if isinstance(run, Run) and run.error:
        if grows:
            st.rerun()  # which tells it, and looks no more
        status.problem(str(run.error))
        return
    is_whole = trace is not None and trace.steps == choice.depth.N_sup
    with st.container():
        if not is_whole:
            status.growth(run, choice)
    if trace is None and session.is_stopped(choice):
        return
    view = draw(choice, trace) or links.left_view(choice.run)
    if view:
        links.remember_view(view, choice.run)
    if trace is not None:
        export_panel.offer(choice, trace, view, grows=not is_whole and not session.is_stopped(choice))
    pin.write_link(choice)
    # Only now: a player that is not drawn in a run of this is taken off the page, and forgets what was chosen in it.
    if pin.has_news() or (looks and (is_whole or not grows) and not pin.waits()):
        st.rerun()  # the rest of the page; or from now on there is nothing to look for


def draw(choice: Choice, trace: Trace | None) -> dict | None:
    """The player, or two of them where a run is pinned. Returns the view that the person settled on."""
    try:
        ghost = pin.side()
    except UserError as error:
        pin.fail(error, choice)
        ghost = None
    options = pin.options_of(choice, trace, key=PLAYER) | {"edit": True}
    start = links.opening_view(choice.run)
    if ghost is None:
        return player(
            cached_payload(PLAYER, choice.task, choice.depth, trace) | {"start": start}, key=PLAYER, **options
        )
    now = pair.Side.of(choice, trace, name=pin.NAMES[1])
    return pair.show(ghost, now, key=PLAYER, start=start, hint=pin.HINT, **options)


page()
