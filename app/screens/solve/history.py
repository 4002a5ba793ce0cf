"""Undo and redo of puzzle, model and settings on Solve, and favourites, which the browser keeps.

A place in the history is the part of a link that says which run is shown. To go to a place, Solve follows its link as
if the page had been opened with it, so it is validated like any other link.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from app.player.component import component
from app.state import edits

KEY = "history"
NAME = "history"
SCRIPT = Path(__file__).parent / "src" / "history_bar.js"
STYLE = Path(__file__).parent / "src" / "history_bar.css"
RUN = (
    "model",
    "n",
    "T",
    "heads",
    "steps",
    "puzzle",
    "id",
    "arc",
)  # parameters of a link, as in app/state/links.py
VIEW = ("at", "cell", "mode")
MOST = 100  # places; the oldest are forgotten
LONGEST = 4000  # characters of a parameter


@dataclass
class History:
    """The runs that a session has shown, oldest first, and the number of the current one."""

    places: list[dict[str, str]] = field(default_factory=list)
    current: int = -1
    moves: bool = False  # whether the page is on its way to `current`

    def note(self, place: dict[str, str]) -> None:
        """Record the run on the page. A run not reached by undo or redo clears what could be redone."""
        if self.moves:
            self.places[self.current] = place  # as the page writes it
            self.moves = False
        elif self.current < 0 or self.places[self.current] != place:
            self.places = [*self.places[: self.current + 1], place][-MOST:]
            self.current = len(self.places) - 1

    def can_go(self, by: int) -> bool:
        return 0 <= self.current + by < len(self.places)

    def go(self, by: int) -> dict[str, str] | None:
        """Go back (-1) or forward (1) and return that place, or None if there is none."""
        if not self.can_go(by):
            return None
        self.current += by
        self.moves = True
        return self.places[self.current]


def history() -> History:
    """Return the history of this session."""
    return st.session_state.setdefault("history_of_runs", History())


def note() -> None:
    """Record the run that the address of the page names."""
    link = st.query_params.to_dict()
    history().note({name: link[name] for name in RUN if link.get(name)})  # "" if just removed


def bar() -> None:
    """Draw the buttons. The browser handles their keys, and keeps the favourites."""
    can = {"undo": history().can_go(-1), "redo": history().can_go(1)}
    component(NAME, SCRIPT, STYLE)(
        data=can,
        key=KEY,
        on_undo_change=lambda: _go(-1),
        on_redo_change=lambda: _go(1),
        on_open_change=_open,
    )


def _go(by: int) -> None:
    place = history().go(by)
    if place is not None:
        _follow(place)


def _open() -> None:
    """Callback: open a favourite. It comes from the browser and may have any value."""
    wanted: Any = st.session_state[KEY].get("open")
    if not isinstance(wanted, dict):
        return
    link = {
        name: value
        for name in (*RUN, *VIEW)
        if isinstance(value := wanted.get(name), str) and 0 < len(value) <= LONGEST
    }
    if link:
        _follow(link)


def _follow(link: dict[str, str]) -> None:
    """Show a link on this page at the next run of its script, which follows the callback."""
    edits.note()
    st.session_state.followed = dict(link)
