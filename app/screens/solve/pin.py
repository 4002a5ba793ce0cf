"""The pinned run: kept as a ghost beside whatever a person looks at next. Each person has one, on all pages, and in the address.

The player asks for it with its key p (a trigger, since what is pinned is known here: the run that was last sent). A run
that is whole is kept as it is; one that grows is asked for until it is whole. A link names it by model, depth and puzzle.
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

NAMES = ("Pinned", "Now")
HINT = "Choose another puzzle, model or depth in the sidebar to hold it against this one."


@dataclass(frozen=True)
class Pinned:
    """What is pinned. `trace` is kept once it is whole, or as far as it came when the run was stopped."""

    choice: Choice
    trace: Trace | None = None


def pinned() -> Pinned | None:
    return st.session_state.get("pinned")


def waits() -> bool:
    """Whether something of it is still to come: its model from a link, or steps of its run."""
    ghost = pinned()
    if ghost is None:
        return st.session_state.get("pin_link") is not None
    return ghost.trace is None and not session.is_stopped(ghost.choice)


def let_go() -> None:
    st.session_state.pinned = st.session_state.pin_link = st.session_state.pin_opening = None


def fail(error: UserError, page: Choice) -> None:
    """Let go of what cannot be shown; `settle` tells it as long as the page shows the same."""
    let_go()
    st.session_state.pin_changed = True
    st.session_state.pin_problem = (page.run, f"The pinned run cannot be shown, and was let go. {error}")


def options_of(choice: Choice, trace: Trace | None, *, key: str) -> dict[str, Any]:
    """What the player needs for its pin: what a press does, and which run it is about."""
    ghost = pinned()
    return {"pin": "unpin" if ghost else "pin", "on_pin": partial(_pressed, choice, trace, key)}


def _pressed(choice: Choice, trace: Trace | None, key: str) -> None:
    """The person pressed the pin. That counts for the run they saw: another may have been sent since."""
    press = st.session_state[key].get("pin")
    if not isinstance(press, dict):
        return
    st.session_state.pin_changed = True
    if not press.get("pin"):
        let_go()
    elif trace is not None and press.get("trace_id") == trace_id(trace):
        is_final = trace.steps == choice.depth.N_sup or session.is_stopped(choice)
        st.session_state.pin_link = None
        st.session_state.pinned = Pinned(choice, trace if is_final else None)


def has_news() -> bool:
    """Whether the page has more to draw than the player: what is pinned changed, or the model that a link names is there."""
    opening = st.session_state.get("pin_opening")
    return st.session_state.pop("pin_changed", False) or (opening is not None and opening.ended.is_set())


def settle(page: Choice, options: Options) -> list[str]:
    """Open the run that the link names, as soon as its model is there. Returns what went wrong."""
    state = st.session_state
    if state.get("pin_link") is not None:
        try:
            _open(state.pin_link, page, options)
        except UserError as error:
            fail(error, page)
    write_link(page)
    about, problem = state.get("pin_problem", (None, ""))
    return [problem] if about == page.run else []


def write_link(page: Choice) -> None:
    """Write what is pinned into the address. Also whenever the view is written there: each message of the browser brings
    the address that it had, which may be one of before the pin was pressed.
    """
    if st.session_state.get("pin_link") is None:
        ghost = pinned()
        links.write({"pin": links.write_pin(_named(ghost.choice, page)) if ghost else None})


def _open(named: links.PinnedRun, page: Choice, options: Options) -> None:
    """Pin what a link names; while its model is being opened, only that. Raises UserError."""
    state = st.session_state
    found = model_controls.open_model(named.model, options)
    if not isinstance(found, Opening):
        state.pinned, state.pin_link, state.pin_opening = (
            Pinned(_choice(found, named, page, options)),
            None,
            None,
        )
    elif found.asks:
        raise CheckpointError(
            f"{named.model} takes {found.asks / 1e6:,.0f} MB to download. Choose it as the model, then open the link again."
        )
    else:
        state.pin_opening = found


def side() -> Side | None:
    """The pinned run as far as it has come; None where none is pinned. Raises UserError when it cannot be made."""
    ghost = pinned()
    if ghost is None:
        return None
    run = ghost.trace or choice_runs.shown(ghost.choice, place=NAMES[0])
    found = Side.of(ghost.choice, run, name=NAMES[0])
    if found.is_whole and ghost.trace is None:
        st.session_state.pinned = replace(ghost, trace=found.trace)
    return found


def note() -> None:
    """What is pinned, in the sidebar, with a way to let it go that needs no player."""
    ghost = pinned()
    if ghost is None:
        return
    with st.sidebar:
        st.caption(f":material/keep: Pinned: {plain(run_title(ghost.choice))}")
        st.button("Unpin", key="unpin", on_click=let_go)


def _named(choice: Choice, page: Choice) -> links.PinnedRun:
    """How a link names the run, on a page that shows another."""
    depth = choice.depth
    return links.PinnedRun(
        choice.source.name,
        (depth.n, depth.T, depth.N_sup),
        "" if choice.puzzle == page.puzzle else choice.puzzle,
        choice.puzzle_id,
        choice.source.heads,
        choice.arc or "",
    )


def _choice(opened: Opened, named: links.PinnedRun, page: Choice, options: Options) -> Choice:
    """What a link asks of a model. Raises UserError."""
    source, config = opened.source, opened.config
    if named.heads != config.heads and named.heads in model_controls.possible_heads(config):
        source, config = replace(source, heads=named.heads), replace(config, heads=named.heads)
    n, T, N_sup = named.depth
    most_n, most_T = (max(MOST_CYCLES, own) for own in (config.n, config.T))
    task = task_of(config)
    puzzle = task.format(task.parse(named.puzzle or page.puzzle, unfinished=True))
    title, sentence = puzzles.title_of(task, puzzle)
    arc, labels, puzzle_id = None, None, 0
    if task.needs_puzzle_id:
        arc, labels = arc_puzzles.published_as(task, options, named.arc, puzzle)
        puzzle_id = min(named.puzzle_id, max(config.puzzle_ids - 1, 0))
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
