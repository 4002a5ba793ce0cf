"""State of a session: the names under which it watches runs, the run that the user stopped, and its reruns."""

from typing import NoReturn
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


def rerun() -> NoReturn:
    """Rerun the page, unless the browser has already asked for a rerun, for example for another page.

    `st.rerun` would replace what the browser asked for, so a click on a link during this run would be lost.
    """
    st.empty()  # Streamlit handles a request of the browser here and then does not return
    st.rerun()
