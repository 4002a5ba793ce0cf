"""The pinned run, shown beside the current run for comparison. Each session has at most one pinned run, on all pages.

The player's key p pins the run that it shows. A complete run is stored in the session; an incomplete run is requested
again until it is complete. The address names the pinned run by model, depth and puzzle.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from app.player.pair import Side, run_title
from app.screens.solve import why
from app.server import choice_runs
from app.server.opening import Opening
from app.server.options import Options
from app.server.runs import Run
from app.sidebar import arc_puzzles, model_controls, puzzles
from app.sidebar.model_controls import MOST_CYCLES, MOST_STEPS, Opened
from app.state import links, session
from app.state.choice import Choice
from app.ui import status
from app.ui.text import plain
from trm.coordinates import Depth
from trm.errors import CheckpointError, UserError
from trm.export.payload import trace_id
from trm.tasks import task_of
from trm.tasks.base import Task
from trm.trace import Trace

NAMES = ("Pinned", "Current")
HINT = "Change the puzzle, model or depth in the sidebar to compare with the pinned run."


@dataclass(frozen=True)
class Pinned:
    """The pinned run. `trace` is set once the run is complete or stopped."""

    choice: Choice
    trace: Trace | None = None


def pinned() -> Pinned | None:
    """Return the pinned run of this session; None if no run is pinned."""
    return st.session_state.get("pinned")


def opening() -> Opening | None:
    """Return the model of a linked run that will be pinned as soon as the model is loaded; None if there is none."""
    return st.session_state.get("pin_opening")


def unpin() -> None:
    """Remove the pinned run, or the link to a run that is not pinned yet."""
    st.session_state.pinned = st.session_state.pin_link = st.session_state.pin_opening = None


def drop(error: UserError, page: Choice) -> None:
    """Unpin a run that failed. `open_linked` returns the error as long as the page shows the same current run."""
    unpin()
    st.session_state.pin_problem = (page.run, f"The pinned run could not be loaded and was unpinned. {error}")


def options_of(choice: Choice, *, key: str) -> dict[str, Any]:
    """Return the options of the player for its pin button."""
    return {"pin": "unpin" if pinned() else "pin", "on_pin": partial(_on_pin, choice, key)}


def _on_pin(choice: Choice, key: str) -> None:
    """Callback: pin or unpin the run that was on screen when the user pressed the pin.

    The page may have sent another run in the meantime, which is then not pinned. If `without` names a cell, the given
    in that cell is then removed from the puzzle.
    """
    press = st.session_state[key].get("pin")
    if not isinstance(press, dict):
        return
    if not press.get("pin"):
        unpin()
        return
    run = choice_runs.shown(choice)
    trace = run.trace if isinstance(run, Run) else run
    if trace is not None and press.get("trace_id") == trace_id(trace):
        is_final = trace.steps == choice.depth.N_sup or session.is_stopped(choice)
        st.session_state.pin_link = None
        st.session_state.pinned = Pinned(choice, trace if is_final else None)
        _remove_given(choice.task, trace.inputs, press.get("without"))


def _remove_given(task: Task, inputs: np.ndarray, cell: Any) -> None:
    """Remove a given from the page's puzzle. `cell` comes from the browser; anything but a removable given is ignored."""
    if task.blank is None or not isinstance(cell, int) or not 0 <= cell < task.cells:
        return
    if task.givens(inputs)[cell] and inputs[cell] not in task.unique_tokens:
        changed = inputs.copy()
        changed[cell] = task.blank
        puzzles.set_puzzle(task, changed)


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
    """Write the pinned run into the address."""
    if st.session_state.get("pin_link") is None:
        pinned_run = pinned()
        links.write({"pin": links.write_pin(_link_of(pinned_run.choice, page)) if pinned_run else None})


def _open(linked: links.PinnedRun, page: Choice, options: Options) -> None:
    """Pin the run that a link names, or start loading its model. Raises UserError if the model cannot be opened."""
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
            f"{linked.model} must be downloaded first ({opened.asks / 1e6:,.0f} MB). Select it in the sidebar first, then open the link again."
        )
    else:
        state.pin_opening = opened


def pinned_side() -> Side | None:
    """Return the pinned run, as far as it has been computed; None if no run is pinned.

    Raises UserError if the pinned run cannot be computed.
    """
    pinned_run = pinned()
    if pinned_run is None:
        return None
    run = pinned_run.trace or choice_runs.shown(pinned_run.choice, place=NAMES[0])
    if run is None:
        status.switch_to_model(pinned_run.choice.source)
    side = Side.of(pinned_run.choice, run, name=NAMES[0], place=NAMES[0])
    side = replace(side, why=why.address(pinned_run.choice, place=NAMES[0]))
    if side.is_whole and pinned_run.trace is None:
        st.session_state.pinned = replace(pinned_run, trace=side.trace)
    return side


def sidebar_note() -> None:
    """Draw the name of the pinned run in the sidebar, with an Unpin button that works without the player."""
    pinned_run = pinned()
    if pinned_run is None:
        return
    with st.sidebar:
        st.caption(f":material/keep: Pinned: {plain(run_title(pinned_run.choice))}")
        st.button("Unpin", key="unpin", on_click=unpin)


def _link_of(choice: Choice, page: Choice) -> links.PinnedRun:
    """Return the pinned run for a link. The puzzle is omitted if it is the page's own puzzle."""
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
    """Return the choice that a link describes. Raises UserError if it is not valid."""
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
