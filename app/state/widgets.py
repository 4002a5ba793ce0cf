"""What a person chose in the sidebar stays chosen on every page, and the player stands where it was when they come back."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

from app.state import links

SHARED = (
    "model",
    "model_path",
    "puzzle_preset",
    "puzzle_text",
    "supervision_steps",
    "force_n",
    "force_T",
    "force_heads",
    "arc_task",
    "arc_test",
    "puzzle_id",
)
"""Keys of widgets that several pages have."""


def carry_over(page: str) -> None:
    """On the way to another page, say the values again: else Streamlit takes the widgets there for new ones, which are empty.

    Only then, as a value that is said replaces what somebody is typing.
    """
    state = st.session_state
    before, state.page = state.get("page", page), page
    if before != page:
        links.leave_page()
        for key in SHARED:
            if key in state:
                state[key] = state[key]
        _cancel_pending_fragments()


def _cancel_pending_fragments() -> None:
    """Parts of the page that was left may still have something to tell. Streamlit would run them after this page, of which
    the browser would then show nothing: so they are forgotten, and so is a run of them that waits, for which there is no public
    way: a rerun instead of it would lose a click on a third page that comes meanwhile.
    """
    context = get_script_run_ctx()
    context.fragment_storage.clear()
    requests = context.script_requests
    with requests._lock:
        if requests._state is ScriptRequestType.RERUN and requests._rerun_data.fragment_id_queue:
            requests._state = ScriptRequestType.CONTINUE
