"""A view is a link: what the address of the page says, read with suspicion, and written.

model  name, path or hub name       n, T, heads, steps  where they are not the model's own
puzzle in the task's one-line form  id, arc             puzzle id; ARC task and number of its test
at, cell, mode                      what the player shows
pin                                 the run that is pinned beside it; align, lead: how the two stand
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
"""Options of a widget whose value stands in the address under its key: a reload, a copied link and another page keep it. The
browser writes it without a step of its way back. Its default must be what it shows where the address says nothing.
"""
MARK = "~"  # between the parts of `pin`; it stands in addresses as it is
SOLVE = Path(__file__).parents[1] / "screens" / "solve" / "page.py"
SETTLED = ("shown_task", "puzzle_text", "depth_of", "puzzle_id", "arc_task", "arc_test", "refused", "stopped")
"""What the sidebar settles from a link once in a session, by its names in the session's state."""


@dataclass(frozen=True)
class PinnedRun:
    """What a link says of the run that is pinned."""

    model: str
    depth: tuple[int, int, int]  # n, T and N_sup, each from 1 up
    puzzle: str = ""  # "": the page's own
    puzzle_id: int = 0
    heads: int | None = None  # None: the model's own
    arc: str = ""  # ARC task and number of its test


def opened_with() -> dict[str, str]:
    """The parameters that this session's page was opened with, or that `follow` went to since. Those taken into widgets
    are removed from it.
    """
    state = st.session_state
    followed = state.pop("followed", None)
    if followed is not None:
        for name in SETTLED if "model" not in followed else ("model", *SETTLED):
            state.pop(name, None)
        state.link = followed
        _open_with(view_of(followed))
        if pin := read_pin(followed.pop("pin", "")):  # without one, what is pinned stays so
            state.pin_link = pin
    elif "link" not in state:
        state.link = st.query_params.to_dict()
        _open_with(view_of(state.link))
        state.pin_link = read_pin(state.link.pop("pin", ""))
    return state.link


def follow(link: dict[str, str]) -> NoReturn:
    """Go to Solve as if it was opened with these parameters: `follow(place(...))`.

    Not in a callback, where Streamlit goes nowhere: `if st.button(...): links.follow(...)`. Parameters that are not given are as
    in a new session, but for the model and the pinned run, which stay.
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
    """The parameters of a link to a moment of a puzzle in Solve.

    `puzzle` is in the one-line form of its task, `at` supervision step, cycle and call from 1, `cell` row and column from 0.
    """
    found = {
        "model": model,
        "puzzle": puzzle,
        "at": ".".join(map(str, at)) if at else None,
        "cell": ",".join(map(str, cell)) if cell else None,
        "mode": mode,
    }
    return {name: value for name, value in found.items() if value is not None}


def address(link: dict[str, str], path: str = "/") -> str:
    """The address of a link on this server, for what opens in a tab of its own."""
    return f"{path}?{urlencode(link)}"


def opening_view(run: Hashable = None) -> dict[str, Any] | None:
    """The view that a player opens with: coordinates, cell and mode; for two players how they stand. The one that was left,
    else what the link asked for.
    """
    return left_view(run) or st.session_state.get("opening_view")


def left_view(run: Hashable) -> dict[str, Any] | None:
    """The view that the player of this run stood at when the page was left."""
    of, view = st.session_state.get("left", (None, None))
    return view if of == run else None


def keep_view() -> None:
    """What the address says of the view is what the player opens with when it next comes onto the page."""
    _open_with(view_of(st.query_params.to_dict()))


def forget_view() -> None:
    """It opens as it always does."""
    _open_with(None)


def _open_with(view: dict[str, Any] | None) -> None:
    st.session_state.opening_view = view
    st.session_state.left = st.session_state.settled = (None, None)


def leave_page() -> None:
    """For the way to another page: the view that the player settled on is what it opens with when one comes back. Only then,
    as a player goes to a new view that it is asked for.
    """
    of, view = st.session_state.pop("settled", (None, None))
    if view:
        st.session_state.left = (of, view)


def remember_view(view: dict[str, Any], run: Hashable = None) -> None:
    """Put the view that the player settled on into the address; that of a run is what one comes back to."""
    state = st.session_state
    if run is not None:
        state.settled = (run, view)
        if state.get("left", (run,))[0] != run:  # another run is looked at since
            state.left = (None, None)
    cell = view.get("cell")
    place = ".".join(str(view[name]) for name in ("supervision_step", "cycle", "call"))
    write(
        {"at": place, "mode": str(view["mode"]), "cell": ",".join(map(str, cell)) if cell else None}
        | _standing(view)
    )


def read_pin(text: str) -> PinnedRun | None:
    """What the parameter `pin` says, as `write_pin` writes it; None where it is anything else.

    Model and puzzle are only bounded in length: whether there are such ones is found out where they are opened.
    """
    model, depth, puzzle, puzzle_id, heads, arc, *more = [
        *map(unquote, text.split(MARK)),
        *[""] * 5,
    ]
    numbers = counts(depth, 3, separator=".") or (0,)
    if not model or any(more) or not all(numbers):
        return None
    if max(len(model), len(arc)) > LONGEST_NAME or len(puzzle) > LONGEST_PUZZLE:
        return None
    (identifier,), (chosen_heads,) = (counts(part, 1, digits=8) or (0,) for part in (puzzle_id, heads))
    return PinnedRun(model, tuple(numbers), puzzle, min(identifier, LARGEST_ID), chosen_heads or None, arc)


def write_pin(run: PinnedRun) -> str:
    """The parameter `pin`, as short as it can be: model~n.T.steps~puzzle~id~heads~arc, empty parts at its end left out."""
    depth = ".".join(map(str, run.depth))
    parts = [run.model, depth, run.puzzle, str(run.puzzle_id or ""), str(run.heads or ""), run.arc]
    return MARK.join(part.replace("%", "%25").replace(MARK, "%7E") for part in parts).rstrip(MARK)


def write(values: dict[str, str | None]) -> None:
    """Change these parameters of the address, None: remove. Only where they differ, and all at once: Streamlit makes a step of
    the browser's way back of each change, but for an address that the browser shows already (`trm/player/model/link.js`).

    Parameters bound to widgets (`KEPT`) are not touched. An empty list removes a parameter in the same update as the others.
    """
    shown = st.query_params.to_dict()
    changed = {name: value or [] for name, value in values.items() if shown.get(name, "") != (value or "")}
    if changed:
        st.query_params.update(changed)


def counts(text: str, count: int, *, separator: str = ",", digits: int = 3) -> list[int] | None:
    """So many whole numbers of up to three digits; None where the text is anything else."""
    parts = text.split(separator)
    if len(parts) != count or not all(part.isdecimal() and len(part) <= digits for part in parts):
        return None
    return [int(part) for part in parts]


def number(text: str, *, most: int, otherwise: int) -> int:
    """A whole number from 1 up; more than the most there may be is the most, anything else what is used otherwise."""
    (found,) = counts(text, 1, digits=len(str(most)) + 1) or (0,)
    return min(found, most) or otherwise


def view_of(link: dict[str, str]) -> dict[str, Any] | None:
    """The view that a link asks for: whole numbers where numbers belong; the player bounds them by the run it shows."""
    place = counts(link.get("at", ""), 3, separator=".")
    if place is None:
        return None
    step, cycle, call = place
    cell = counts(link.get("cell", ""), 2)
    mode = link.get("mode", "answer")
    return {"supervision_step": step, "cycle": cycle, "call": call, "cell": cell, "mode": mode} | {
        name: value for name, value in _standing(link).items() if value
    }


def _standing(view: dict[str, Any]) -> dict[str, str | None]:
    """How two players stand: what is not as usual of how they are aligned, and of whose coordinates the place is."""
    return {
        name: other if view.get(name) == other else None
        for name, other in (("align", "call"), ("lead", "left"))
    }
