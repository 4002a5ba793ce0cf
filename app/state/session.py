"""Per-session state: the watcher names for the session's runs, and the run that the user stopped."""

from uuid import uuid4

import streamlit as st

from app.state.choice import Choice


def watcher(place: str = "") -> str:
    """The name of a watcher: one for each place in a session that shows a run."""
    return st.session_state.setdefault("watcher", uuid4().hex) + place


def is_stopped(choice: Choice) -> bool:
    """Whether the user stopped this run."""
    return st.session_state.get("stopped") == choice.run


def stop(choice: Choice) -> None:
    st.session_state.stopped = choice.run


def resume() -> None:
    st.session_state.stopped = None
