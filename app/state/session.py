"""State of a session that concerns runs: the names under which it watches runs, and the run that the user stopped."""

from uuid import uuid4

import streamlit as st

from app.state.choice import Choice


def watcher(place: str = "") -> str:
    """Return the name under which this session watches a run. Each `place` that shows a run has a different name."""
    return st.session_state.setdefault("watcher", uuid4().hex) + place


def is_stopped(choice: Choice) -> bool:
    """Whether the user has stopped the run of this choice."""
    return st.session_state.get("stopped") == choice.run


def stop(choice: Choice) -> None:
    st.session_state.stopped = choice.run


def resume() -> None:
    st.session_state.stopped = None
