"""What belongs to one person: the name by which their runs are watched, and the run that they stopped."""

from uuid import uuid4

import streamlit as st

from app.state.choice import Choice


def watcher(place: str = "") -> str:
    """The name of a watcher: one for each session and each place in it where a run is shown."""
    return st.session_state.setdefault("watcher", uuid4().hex) + place


def is_stopped(choice: Choice) -> bool:
    """Whether this person stopped this very run."""
    return st.session_state.get("stopped") == choice.run


def stop(choice: Choice) -> None:
    st.session_state.stopped = choice.run


def resume() -> None:
    st.session_state.stopped = None
