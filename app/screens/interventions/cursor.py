"""The call and cell selected in the two players. The figures below the players explain them.

Until the user moves, the opening view is used. It comes from the link, or shows the first answer with the cell that
changes most often in the intervened run.
"""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.state import links
from app.state.choice import Choice
from trm.grading import most_changed_cell
from trm.trace import Trace

PLAYER = "interventions"  # key of the players
OPENED = "interventions_opened"


@dataclass(frozen=True)
class Cursor:
    """A call within the chosen depth, and the selected cell."""

    supervision_step: int
    cycle: int
    call: int
    cell: int | None  # index of the cell; None: no cell is selected


def reset() -> None:
    """Discard the opening view of players that are no longer on the page."""
    st.session_state.pop(OPENED, None)


def opening_view(
    choice: Choice, clean: Trace, intervened: Trace, linked: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the view with which the players open, with a selected cell. It does not change while they are on the page."""
    linked = linked or {}
    trace = clean if linked.get("lead") == "left" else intervened
    row, column = linked.get("cell") or (-1, -1)
    if not (0 <= row < choice.task.rows and 0 <= column < choice.task.columns):
        row, column = divmod(most_changed_cell(trace, choice.task), choice.task.columns)
    first = {"supervision_step": 1, "cycle": 1, "call": trace.depth.n + 1}
    return st.session_state.setdefault(OPENED, first | linked | {"cell": [row, column]})


def current(choice: Choice) -> Cursor | None:
    """Return the current call and cell; None if there is no player on the page."""
    view = links.current_view(PLAYER) or st.session_state.get(OPENED)
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


def cell_name(choice: Choice, cell: int) -> str:
    """Return the name of a cell in command lines, for example "r1c1" for index 0."""
    row, column = divmod(cell, choice.task.columns)
    return f"r{row + 1}c{column + 1}"
