"""The call that the two players show and the cell that is selected in them. The figures below explain that cell.

Until the players report a view, it is the one that the page opened with: that of a link, else the first answer, with the
cell selected that changes most often in the intervened run.
"""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.state.choice import Choice
from trm.grading import restless_cell
from trm.trace import Trace

REPORTED, OPENED = "interventions_view", "interventions_opened"


@dataclass(frozen=True)
class Cursor:
    """A call, within the depth that was request for, and a cell."""

    supervision_step: int
    cycle: int
    call: int
    cell: int | None  # None: none is selected


def reset() -> None:
    """The players come onto the page anew: they stand no more where they stood."""
    for key in (REPORTED, OPENED):
        st.session_state.pop(key, None)


def opening_view(
    choice: Choice, plain: Trace, changed: Trace, wanted: dict[str, Any] | None
) -> dict[str, Any]:
    """The view that the players open with, a cell selected: the same one for as long as they are on the page."""
    request = wanted or {}
    trace = plain if request.get("lead") == "left" else changed
    row, column = request.get("cell") or (-1, -1)
    if not (0 <= row < choice.task.rows and 0 <= column < choice.task.columns):
        row, column = divmod(restless_cell(trace, choice.task), choice.task.columns)
    first = {"supervision_step": 1, "cycle": 1, "call": trace.depth.n + 1}
    return st.session_state.setdefault(OPENED, first | request | {"cell": [row, column]})


def current(choice: Choice) -> Cursor | None:
    """None while there is no player on the page."""
    view = st.session_state.get(REPORTED) or st.session_state.get(OPENED)
    if view is None:
        return None
    depth, task = choice.depth, choice.task
    step, cycle, call = (
        min(int(view.get(name, 1)), most)
        for name, most in (("supervision_step", depth.N_sup), ("cycle", depth.T), ("call", depth.n + 1))
    )
    row, column = view.get("cell") or (None, None)
    cell = None if row is None else min(row * task.columns + column, task.cells - 1)
    return Cursor(step, cycle, call, cell)
