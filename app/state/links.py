"""Writes the current view into the page's address, and parses addresses as untrusted input.

Parameters of an address:
model                name or path of the model, or its address on the hub
n, T, heads, steps   depth and number of attention heads, if they differ from those of the model
puzzle, id           puzzle in the task's one-line form; puzzle id
arc                  ARC task and number of its test
at, cell, mode       call, selected cell and display mode of the player
why, map             1 if *Why?* or the map of states is open in the player
pin, align, lead     pinned run; alignment of the two players
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlencode

import streamlit as st

LONGEST_NAME = 500
LARGEST_ID = 1 << 24
OPTIONAL_VIEW = {"align": "call", "lead": "left", "why": "1", "map": "1"}
"""Optional parameters of a view, each with its only value: two players are aligned by call, `at` refers to the left
player, *Why?* is open, the map of states is open."""
LONGEST_PUZZLE = 4000  # characters; the largest grid has 900 cells
IN_ADDRESS = {"bind": "query-params"}
"""Options of a widget whose value is stored in the address, in a parameter named after the widget's key.

The value survives a reload, a copied link and a page change. The browser adds no history entry when it changes. The
default of the widget must be the value to show if the parameter is missing.
"""
NUMBER = "link"  # key of the number of the link in a view
MARK = "~"  # separates the parts of `pin`; it needs no escaping in addresses
_SCREENS = Path(__file__).parents[1] / "screens"
SOLVE, INTERVENTIONS = (_SCREENS / name / "page.py" for name in ("solve", "interventions"))
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
    """A pinned run, as described by the parameter `pin` of a link."""

    model: str
    depth: tuple[int, int, int]  # n, T and N_sup, each at least 1
    puzzle: str = ""  # "" for the puzzle of the page
    puzzle_id: int = 0
    heads: int | None = None  # None for the number of heads in the checkpoint
    arc: str = ""  # ARC task and number of its test


def opened_with() -> dict[str, str]:
    """Return the parameters of the link that this session was opened with, or of the link that it last followed.

    Callers remove the parameters that they have used to set widgets.
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


def follow(link: dict[str, str], page: Path = SOLVE) -> NoReturn:
    """Switch to a page as if it had been opened with these parameters, for example those of `place(...)`.

    Missing parameters are reset as in a new session, except the model and the pinned run. Streamlit cannot switch pages
    in a callback, so write `if st.button(...): links.follow(...)`.
    """
    st.session_state.followed = dict(link)
    st.switch_page(page, query_params=link)


def place(
    *,
    model: str | None = None,
    puzzle: str | None = None,
    at: tuple[int, int, int] | None = None,
    cell: tuple[int, int] | None = None,
    mode: str | None = None,
) -> dict[str, str]:
    """Return the parameters of a link to a call of a run in Solve.

    `puzzle` is in the one-line form of its task, `at` is (supervision step, cycle, call) counted from 1, and `cell` is
    (row, column) counted from 0.
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
    """Return the address of a link on this server, relative to the host, for links that open in a new tab."""
    return f"{path}?{urlencode(link)}"


def opening_view() -> dict[str, Any] | None:
    """Return the view in the link that this session was opened with, or that it last followed; None if it has no view.

    A view contains coordinates, cell and mode, and for two players their alignment. A player goes there once.
    """
    return st.session_state.get("opening_view")


def current_view(player: str) -> dict[str, Any] | None:
    """Return the view of the player with this key; None before the user has moved.

    Before the player reports a view, it is the one in the address with which the page was drawn.
    """
    if reported := (st.session_state.get(player) or {}).get("view"):
        return reported
    view, opened = view_of(st.query_params.to_dict()), opening_view() or {}
    return None if view == {name: value for name, value in opened.items() if name != NUMBER} else view


def _open_with(view: dict[str, Any] | None) -> None:
    """Make the player go to a view. Following the same link again goes there again, so views of links are numbered."""
    number = st.session_state.views_opened = st.session_state.get("views_opened", -1) + 1
    st.session_state.opening_view = view and (view | {NUMBER: number} if number else view)


def read_pin(text: str) -> PinnedRun | None:
    """Parse the parameter `pin` in the format of `write_pin`; None if it is malformed.

    Only the lengths of the names and the puzzle are checked here. Opening the pinned run checks whether they are valid.
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
    """Format the parameter `pin` as model~n.T.steps~puzzle~id~heads~arc, without empty parts at the end."""
    depth = ".".join(map(str, run.depth))
    parts = [run.model, depth, run.puzzle, str(run.puzzle_id or ""), str(run.heads or ""), run.arc]
    return MARK.join(part.replace("%", "%25").replace(MARK, "%7E") for part in parts).rstrip(MARK)


def write(values: dict[str, str | None]) -> None:
    """Set these parameters of the address. The value None removes a parameter.

    All changed values are written in one update, because Streamlit adds a history entry for each update unless the
    browser already shows the new address (`trm/player/model/link.js`). Other parameters, such as those of widgets with
    `IN_ADDRESS`, do not change.
    """
    current = st.query_params.to_dict()
    # An empty list removes the parameter in the same update.
    changed = {name: value or [] for name, value in values.items() if current.get(name, "") != (value or "")}
    if changed:
        st.query_params.update(changed)


def parse_numbers(text: str, count: int, *, separator: str = ",", digits: int = 3) -> list[int] | None:
    """Parse exactly `count` non-negative integers of at most `digits` digits; None if the text is anything else."""
    parts = text.split(separator)
    if len(parts) != count or not all(part.isdecimal() and len(part) <= digits for part in parts):
        return None
    return [int(part) for part in parts]


def parse_number(text: str, *, most: int, otherwise: int) -> int:
    """Parse a positive integer, clipped to `most`; `otherwise` if the text is anything else."""
    (value,) = parse_numbers(text, 1, digits=len(str(most)) + 1) or (0,)
    return min(value, most) or otherwise


def view_of(link: dict[str, str]) -> dict[str, Any] | None:
    """Parse the view in a link; None if its parameter `at` is missing or malformed.

    The range of the numbers is not checked, because the player clips them to its run.
    """
    place = parse_numbers(link.get("at", ""), 3, separator=".")
    if place is None:
        return None
    step, cycle, call = place
    cell = parse_numbers(link.get("cell", ""), 2)
    mode = link.get("mode", "answer")
    return {"supervision_step": step, "cycle": cycle, "call": call, "cell": cell, "mode": mode} | {
        name: other for name, other in OPTIONAL_VIEW.items() if link.get(name) == other
    }
