"""The pinned run, shown beside the current one for comparison. Each session has at most one, on all pages and in the address.

The player's key p pins the run that it shows. A complete run is stored in the session; an incomplete one is requested
repeatedly until it is complete. A link names the pinned run by model, depth and puzzle.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from app.player.pair import Side, run_title
from app.server import choice_runs
from app.server.opening import Opening
from app.server.options import Options
from app.sidebar import arc_puzzles, model_controls, puzzles
from app.sidebar.model_controls import MOST_CYCLES, MOST_STEPS, Opened
from app.state import links, session
from app.state.choice import Choice
from app.ui.text import plain
from trm.coordinates import Depth
from trm.errors import CheckpointError, UserError
from trm.export.payload import trace_id
from trm.tasks import task_of
from trm.trace import Trace

NAMES = ("Pinned", "Current")
HINT = "Change the puzzle, model or depth in the sidebar to compare with the pinned run."


@dataclass(frozen=True)
class Pinned:
    """The pinned run. `trace` is set once the run is complete or stopped."""

    choice: Choice
    trace: Trace | None = None


def pinned() -> Pinned | None:
    return st.session_state.get("pinned")


def is_pending() -> bool:
    """Whether the pinned run is incomplete: its model is loading, or steps are missing."""
    pinned_run = pinned()
    if pinned_run is None:
        return st.session_state.get("pin_link") is not None
    return pinned_run.trace is None and not session.is_stopped(pinned_run.choice)


def unpin() -> None:
    st.session_state.pinned = st.session_state.pin_link = st.session_state.pin_opening = None


def drop(error: UserError, page: Choice) -> None:
    """Unpin a run that failed. `open_linked` shows the error as long as the page shows the same run."""
    unpin()
    st.session_state.pin_changed = True
    st.session_state.pin_problem = (page.run, f"The pinned run could not be loaded and was unpinned. {error}")


def options_of(choice: Choice, trace: Trace | None, *, key: str) -> dict[str, Any]:
    """Options of the player for its pin button."""
    pinned_run = pinned()
    return {"pin": "unpin" if pinned_run else "pin", "on_pin": partial(_on_pin, choice, trace, key)}


def _on_pin(choice: Choice, trace: Trace | None, key: str) -> None:
    """Callback: the user pressed the pin. This applies to the run that was on screen; a newer one may have been sent
    since.
    """
    press = st.session_state[key].get("pin")
    if not isinstance(press, dict):
        return
    st.session_state.pin_changed = True
    if not press.get("pin"):
        unpin()
    elif trace is not None and press.get("trace_id") == trace_id(trace):
        is_final = trace.steps == choice.depth.N_sup or session.is_stopped(choice)
        st.session_state.pin_link = None
        st.session_state.pinned = Pinned(choice, trace if is_final else None)


def needs_rerun() -> bool:
    """Whether the whole page must be rerun: the pin changed, or the model of a linked run has loaded."""
    opening = st.session_state.get("pin_opening")
    return st.session_state.pop("pin_changed", False) or (opening is not None and opening.ended.is_set())


def open_linked(page: Choice, options: Options) -> list[str]:
    """Pin the run that the link names, once its model is loaded. Returns error messages."""
    state = st.session_state
    if state.get("pin_link") is not None:
        try:
            _open(state.pin_link, page, options)
        except UserError as error:
            drop(error, page)
    write_link(page)
    about, problem = state.get("pin_problem", (None, ""))
    return [problem] if about == page.run else []


def write_link(page: Choice) -> None:
    """Write the pinned run into the address. Call it whenever the view is written: the browser sends its address with
    every message, and that address may predate the press of the pin.
    """
    if st.session_state.get("pin_link") is None:
        pinned_run = pinned()
        links.write({"pin": links.write_pin(_link_of(pinned_run.choice, page)) if pinned_run else None})


def _open(linked: links.PinnedRun, page: Choice, options: Options) -> None:
    """Pin the run that a link names, or start loading its model. Raises UserError."""
    state = st.session_state
    opened = model_controls.open_model(linked.model, options)
    if not isinstance(opened, Opening):
        state.pinned, state.pin_link, state.pin_opening = (
            Pinned(_choice(opened, linked, page, options)),
            None,
            None,
        )
    elif opened.asks:
        raise CheckpointError(
            f"{linked.model} is a {opened.asks / 1e6:,.0f} MB download. Select it in the sidebar first, then open the link again."
        )
    else:
        state.pin_opening = opened


def pinned_side() -> Side | None:
    """The pinned run, as far as it has been computed; None if no run is pinned. Raises UserError if it cannot run."""
    pinned_run = pinned()
    if pinned_run is None:
        return None
    run = pinned_run.trace or choice_runs.shown(pinned_run.choice, place=NAMES[0])
    side = Side.of(pinned_run.choice, run, name=NAMES[0])
    if side.is_whole and pinned_run.trace is None:
        st.session_state.pinned = replace(pinned_run, trace=side.trace)
    return side


def sidebar_note() -> None:
    """Name the pinned run in the sidebar, with an Unpin button that works without the player."""
    pinned_run = pinned()
    if pinned_run is None:
        return
    with st.sidebar:
        st.caption(f":material/keep: Pinned: {plain(run_title(pinned_run.choice))}")
        st.button("Unpin", key="unpin", on_click=unpin)


def _link_of(choice: Choice, page: Choice) -> links.PinnedRun:
    """The pinned run for a link; the puzzle is omitted if it is the page's own."""
    depth = choice.depth
    return links.PinnedRun(
        choice.source.name,
        (depth.n, depth.T, depth.N_sup),
        "" if choice.puzzle == page.puzzle else choice.puzzle,
        choice.puzzle_id,
        choice.source.heads,
        choice.arc or "",
    )


def _choice(opened: Opened, linked: links.PinnedRun, page: Choice, options: Options) -> Choice:
    """The choice that a link describes. Raises UserError."""
    source, config = opened.source, opened.config
    if linked.heads != config.heads and linked.heads in model_controls.possible_heads(config):
        source, config = replace(source, heads=linked.heads), replace(config, heads=linked.heads)
    n, T, N_sup = linked.depth
    most_n, most_T = (max(MOST_CYCLES, own) for own in (config.n, config.T))
    task = task_of(config)
    puzzle = task.format(task.parse(linked.puzzle or page.puzzle, unfinished=True))
    title, sentence = puzzles.title_of(task, puzzle)
    arc, labels, puzzle_id = None, None, 0
    if task.needs_puzzle_id:
        arc, labels = arc_puzzles.published_by_name(task, options, linked.arc, puzzle)
        puzzle_id = min(linked.puzzle_id, max(config.puzzle_ids - 1, 0))
    return Choice(
        source,
        config,
        Depth(n=min(n, most_n), T=min(T, most_T), N_sup=min(N_sup, MOST_STEPS)),
        puzzle,
        arc_puzzles.title_of(arc) if arc else title,
        sentence,
        puzzle_id,
        None if labels is None else labels.tobytes(),
        arc=arc,
    )
