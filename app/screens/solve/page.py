"""The Solve page: one model, one puzzle, and a player that shows how the answer develops."""

from dataclasses import replace

import streamlit as st

from app import editor
from app.player import pair, state_map
from app.player.component import player
from app.player.pair import cached_payload, feed_of
from app.screens.solve import PAPERS, export_panel, history, pin, why
from app.server import choice_runs, shared
from app.server.http import feeds
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
    """Draw the page."""
    options = server_options()
    selection = sidebar.sidebar(options)
    mistakes = pin.open_linked(selection.choice, options) if selection.choice else ()
    pin.sidebar_note()
    choice = sidebar.chosen(selection, mistakes)
    if choice is not None:
        solve(choice)


def solve(choice: Choice) -> None:
    """Draw the texts, the loading messages and the player. While the user edits the puzzle, only the editor is drawn.

    These parts are always in the same places, so that an existing player stays on the page.
    """
    if editor.is_open(choice.task):
        editor.show(choice)
        return
    with st.container():
        history.note()
        status.puzzle(choice, history.bar)
    waiting = st.container()
    try:
        run = choice_runs.shown(choice, waits=True)
    except UserError as error:
        status.problem(str(error))
        return
    if isinstance(run, Run) and run.error:
        status.problem(str(run.error))
        return
    with waiting:
        wait_for_run(choice, run)
    trace = run.trace if isinstance(run, Run) else run
    is_whole = trace is not None and trace.steps == choice.depth.N_sup
    with st.container():
        if not is_whole and (run is not None or session.is_stopped(choice)):
            status.run_progress(run, choice)
    if trace is None and session.is_stopped(choice):
        return
    reports = export_panel.is_open()
    draw(choice, run, trace, reports=reports)
    if trace is not None:
        growing = not is_whole and not session.is_stopped(choice)
        st.fragment(export_panel.offer)(choice, trace, player=PLAYER, reports=reports, growing=growing)
    pin.write_link(choice)


def wait_for_run(choice: Choice, run: Trace | Run | None) -> None:
    """Draw the state of a model that is loading. When it is loaded, and when its own run is complete, rerun the page."""
    if run is None and not shared.models().ready(choice.source):
        status.loading(choice.source)
    elif isinstance(run, Trace) and status.switch_to_model(choice.source):
        own = choice_runs.run_of(choice)
        if own is not None and not own.done:
            status.follow_run(own, session.watcher())
    if (opening := pin.opening()) is not None:
        status.follow_opening(opening)


def draw(choice: Choice, run: Trace | Run | None, trace: Trace | None, *, reports: bool) -> None:
    """Draw the player, or two players if a run is pinned. With `reports`, Python receives the view."""
    try:
        pinned_run = pin.pinned_side()
    except UserError as error:
        pin.drop(error, choice)
        session.rerun()  # shows the error above the player
    options = pin.options_of(choice, key=PLAYER) | {"edit": True, "reports": reports}
    options["guide"] = {"lecture": feeds.address("lecture", "").rstrip("/"), "papers": PAPERS}
    start = links.opening_view()
    if pinned_run is None:
        data = cached_payload(PLAYER, choice.task, choice.depth, trace)
        about = {
            "start": start,
            "feed": feed_of(choice, run),
            "why": why.address(choice),
            "map": state_map.address(choice),
        }
        player(data | about, key=PLAYER, **options)
    else:
        now = replace(pair.Side.of(choice, run, name=pin.NAMES[1]), why=why.address(choice))
        pair.show(pinned_run, now, key=PLAYER, start=start, hint=pin.HINT, **options)


page()
