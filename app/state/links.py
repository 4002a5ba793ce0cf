"""The page's address stores the view. This module writes it, and parses it as untrusted input.

model   name, path or hub name       n, T, heads, steps  if they differ from the model's own
puzzle  in the task's one-line form  id, arc             puzzle id; ARC task and number of its test
at, cell, mode                       what the player shows
pin                                  the pinned run; align, lead: how the two players are aligned
"""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlencode

import streamlit as st

LONGEST_NAME = 500
LARGEST_ID = 1 << 24
LONGEST_PUZZLE = 4000  # characters; the largest grid has 900 cells
IN_ADDRESS = {"bind": "query-params"}
"""Options of a widget whose value is in the address, under its key: it survives a reload, a copied link and a page change. The
browser adds no history entry for it. The widget's default must be the value it shows when the address has none.
"""
MARK = "~"  # separates the parts of `pin`; it needs no escaping in addresses
SOLVE = Path(__file__).parents[1] / "screens" / "solve" / "page.py"
SET_FROM_LINK = (
    "current_task",
    "puzzle_text",
    "depth_of",
    "puzzle_id",
    "arc_task",
    "arc_test",
    "refused",
    "stopped",
)
"""Session keys that the sidebar sets from a link, once per session."""


@dataclass(frozen=True)
class PinnedRun:
    """The pinned run, as a link describes it."""

    model: str
    depth: tuple[int, int, int]  # n, T and N_sup, each at least 1
    puzzle: str = ""  # "": the page's puzzle
    puzzle_id: int = 0
    heads: int | None = None  # None: the model's own
    arc: str = ""  # ARC task and number of its test


def opened_with() -> dict[str, str]:
    """The parameters that this session was opened with, or those of the last `follow`. Callers remove the ones that
    they have put into widgets.
    """
    state = st.session_state
    followed = state.pop("followed", None)
    if followed is not None:
        for name in SET_FROM_LINK if "model" not in followed else ("model", *SET_FROM_LINK):
            state.pop(name, None)
        state.link = followed
        _open_with(view_of(followed))
        if pin := read_pin(followed.pop("pin", "")):  # if the link has no pin, the pinned run stays
            state.pin_link = pin
    elif "link" not in state:
        state.link = st.query_params.to_dict()
        _open_with(view_of(state.link))
        state.pin_link = read_pin(state.link.pop("pin", ""))
    return state.link


def follow(link: dict[str, str]) -> NoReturn:
    """Go to Solve as if it had been opened with these parameters: `follow(place(...))`.

    Do not call it in a callback, where Streamlit cannot switch pages: `if st.button(...): links.follow(...)`. Parameters that are
    not given are reset as in a new session, except the model and the pinned run.
    """
    st.session_state.followed = dict(link)
    st.switch_page(SOLVE, query_params=link)


def place(
    *,
    model: str | None = None,
    puzzle: str | None = None,
    at: tuple[int, int, int] | None = None,
    cell: tuple[int, int] | None = None,
    mode: str | None = None,
) -> dict[str, str]:
    """Parameters of a link to one call of a run in Solve.

    `puzzle` is in the one-line form of its task, `at` is (supervision step, cycle, call) from 1, `cell` is (row, column) from 0.
    """
    values = {
        "model": model,
        "puzzle": puzzle,
        "at": ".".join(map(str, at)) if at else None,
        "cell": ",".join(map(str, cell)) if cell else None,
        "mode": mode,
    }
    return {name: value for name, value in values.items() if value is not None}


def address(link: dict[str, str], path: str = "/") -> str:
    """The address of a link on this server, for links that open in a new tab."""
    return f"{path}?{urlencode(link)}"


def opening_view(run: Hashable = None) -> dict[str, Any] | None:
    """The view that a player opens with: coordinates, cell and mode; for two players also their alignment. It is the
    last view of this run, or else the view in the link.
    """
    return last_view(run) or st.session_state.get("opening_view")


def last_view(run: Hashable) -> dict[str, Any] | None:
    """The view of this run when the user left the page, or None."""
    of, view = st.session_state.get("last_view", (None, None))
    return view if of == run else None


def save_view() -> None:
    """Make the next player open with the view in the address."""
    _open_with(view_of(st.query_params.to_dict()))


def clear_view() -> None:
    """Make the next player open with its default view."""
    _open_with(None)


def _open_with(view: dict[str, Any] | None) -> None:
    st.session_state.opening_view = view
    st.session_state.last_view = st.session_state.settled_view = (None, None)


def leave_page() -> None:
    """Call on a page change: the player opens with its current view when the user comes back. It must not be called
    earlier, because a player jumps to any new opening view that it is sent.
    """
    of, view = st.session_state.pop("settled_view", (None, None))
    if view:
        st.session_state.last_view = (of, view)


def remember_view(view: dict[str, Any], run: Hashable = None) -> None:
    """Write the player's view into the address. With `run`, it is also the view to restore after a page change."""
    state = st.session_state
    if run is not None:
        state.settled_view = (run, view)
        if state.get("last_view", (run,))[0] != run:  # another run is on screen by now
            state.last_view = (None, None)
    cell = view.get("cell")
    place = ".".join(str(view[name]) for name in ("supervision_step", "cycle", "call"))
    write(
        {"at": place, "mode": str(view["mode"]), "cell": ",".join(map(str, cell)) if cell else None}
        | _pair_view(view)
    )


def read_pin(text: str) -> PinnedRun | None:
    """Parse the parameter `pin`, as `write_pin` writes it; None if it is malformed.

    Only the lengths of the model and puzzle are checked here; whether they exist is checked when they are opened.
    """
    model, depth, puzzle, puzzle_id, heads, arc, *more = [
        *map(unquote, text.split(MARK)),
        *[""] * 5,
    ]
    numbers = parse_numbers(depth, 3, separator=".") or (0,)
    if not model or any(more) or not all(numbers):
        return None
    if max(len(model), len(arc)) > LONGEST_NAME or len(puzzle) > LONGEST_PUZZLE:
        return None
    (identifier,), (chosen_heads,) = (parse_numbers(part, 1, digits=8) or (0,) for part in (puzzle_id, heads))
    return PinnedRun(model, tuple(numbers), puzzle, min(identifier, LARGEST_ID), chosen_heads or None, arc)


def write_pin(run: PinnedRun) -> str:
    """Format the parameter `pin`: model~n.T.steps~puzzle~id~heads~arc, without trailing empty parts."""
    depth = ".".join(map(str, run.depth))
    parts = [run.model, depth, run.puzzle, str(run.puzzle_id or ""), str(run.heads or ""), run.arc]
    return MARK.join(part.replace("%", "%25").replace(MARK, "%7E") for part in parts).rstrip(MARK)


def write(values: dict[str, str | None]) -> None:
    """Set these parameters of the address; None removes one. Only changed values are written, in one update: Streamlit adds a
    history entry for each update unless the browser already shows that address (`trm/player/model/link.js`).

    Parameters bound to widgets (`IN_ADDRESS`) are not touched.
    """
    current = st.query_params.to_dict()
    # An empty list removes a parameter in the same update.
    changed = {name: value or [] for name, value in values.items() if current.get(name, "") != (value or "")}
    if changed:
        st.query_params.update(changed)


def parse_numbers(text: str, count: int, *, separator: str = ",", digits: int = 3) -> list[int] | None:
    """Parse exactly `count` whole numbers of up to `digits` digits; None if the text is anything else."""
    parts = text.split(separator)
    if len(parts) != count or not all(part.isdecimal() and len(part) <= digits for part in parts):
        return None
    return [int(part) for part in parts]


def parse_number(text: str, *, most: int, otherwise: int) -> int:
    """Parse a positive integer, clipped to `most`; `otherwise` if the text is anything else."""
    (value,) = parse_numbers(text, 1, digits=len(str(most)) + 1) or (0,)
    return min(value, most) or otherwise


def view_of(link: dict[str, str]) -> dict[str, Any] | None:
    """The view in a link, or None. Numbers are parsed but not range-checked; the player clips them to its run."""
    place = parse_numbers(link.get("at", ""), 3, separator=".")
    if place is None:
        return None
    step, cycle, call = place
    cell = parse_numbers(link.get("cell", ""), 2)
    mode = link.get("mode", "answer")
    return {"supervision_step": step, "cycle": cycle, "call": call, "cell": cell, "mode": mode} | {
        name: value for name, value in _pair_view(link).items() if value
    }


def _pair_view(view: dict[str, Any]) -> dict[str, str | None]:
    """Alignment of two players, where it differs from the default: `align` by call, `lead` if `at` is the left player's."""
    return {
        name: other if view.get(name) == other else None
        for name, other in (("align", "call"), ("lead", "left"))
    }
