"""A view is a link: what the address of the page says, read with suspicion, and written.

model  name, path or hub name       n, T, heads, steps  where they are not the model's own
puzzle in the task's one-line form  id, arc             puzzle id; ARC task and number of its test
at, cell, mode                      what the player shows
"""

from typing import Any

import streamlit as st

LONGEST_NAME = 500
LARGEST_ID = 1 << 24


def opened_with() -> dict[str, str]:
    """The parameters that this session's page was opened with. Those taken into widgets are removed from it."""
    state = st.session_state
    if "link" not in state:
        state.link = st.query_params.to_dict()
        state.opening_view = _view(state.link)
    return state.link


def opening_view() -> dict[str, Any] | None:
    """The view that the link asked for: coordinates, cell and mode."""
    return st.session_state.get("opening_view")


def remember_view(view: dict[str, Any]) -> None:
    """Put the view that the player settled on into the address."""
    cell = view.get("cell")
    place = ".".join(str(view[name]) for name in ("supervision_step", "cycle", "call"))
    write({"at": place, "mode": str(view["mode"]), "cell": ",".join(map(str, cell)) if cell else None})


def write(values: dict[str, str | None]) -> None:
    """Change these parameters of the address, None: remove. Only where they differ: each change is a message to the browser."""
    for name, value in values.items():
        if value is None:
            if name in st.query_params:
                del st.query_params[name]
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


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


def _view(link: dict[str, str]) -> dict[str, Any] | None:
    """Whole numbers where numbers belong; the player bounds them by the run it shows."""
    place = counts(link.get("at", ""), 3, separator=".")
    if place is None:
        return None
    step, cycle, call = place
    cell = counts(link.get("cell", ""), 2)
    mode = link.get("mode", "answer")
    return {"supervision_step": step, "cycle": cycle, "call": call, "cell": cell, "mode": mode}
