"""How pages about one puzzle end that have no puzzle or no model yet, and how they take over from what was recorded."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.server.models import Source
from app.sidebar.sidebar import Asked, Choice
from app.state import session
from app.ui import status

PAGE_FIRST = 1.5  # seconds the browser gets before torch is imported behind it


def chosen(asked: Asked, mistakes: Sequence[str] = ()) -> Choice | None:
    """What the page is of; None where it is not known yet, and what is waited for or missing is said. Mistakes are said first."""
    with st.container():
        for mistake in (*asked.mistakes, *mistakes):
            status.problem(mistake)
    if asked.choice is None:
        status.no_model_yet(asked.opening)
    return asked.choice


@st.fragment(run_every=1.0)
def take_over(source: Source, is_made: Callable[[], bool]) -> None:
    """While something recorded is shown, the model is loaded behind it and then asked for the same by `is_made`, which tells
    whether that is there; then the page is drawn anew, with its own.
    """
    session.models().ask(source, after=PAGE_FIRST)
    if session.models().ready(source) and is_made():
        st.rerun()
