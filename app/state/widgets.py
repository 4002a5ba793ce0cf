"""Keeps sidebar values and the player's view when the user changes pages."""

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
"""Keys of widgets that appear on several pages."""


def carry_over(page: str) -> None:
    """On a page change, set the values again. Otherwise Streamlit treats the widgets on the next page as new and empty.

    This is done only on a page change, because setting a value overwrites text that the user is typing.
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
    """Drop the fragments of the previous page, and any pending rerun of them.

    Streamlit would run them after this page, and the browser would then show nothing of this page. There is no public
    API for dropping them. Requesting a full rerun instead would lose a click on a third page made in the meantime.
    """
    context = get_script_run_ctx()
    context.fragment_storage.clear()
    requests = context.script_requests
    with requests._lock:
        if requests._state is ScriptRequestType.RERUN and requests._rerun_data.fragment_id_queue:
            requests._state = ScriptRequestType.CONTINUE
