"""Keeps sidebar values when the user changes pages."""

import streamlit as st

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
    """Set the values of shared widgets again on a page change, and record the page.

    Streamlit restores a persistent value only after the first run of the other page, which would show the default.
    Without a page change, nothing is set, because setting a value overwrites text that the user is typing.
    """
    state = st.session_state
    before, state.page = state.get("page", page), page
    if before != page:
        for key in SHARED:
            if key in state:
                state[key] = state[key]
