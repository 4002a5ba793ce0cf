"""What a person chose in the sidebar stays chosen on every page."""

import streamlit as st

SHARED = (
    "model",
    "model_path",
    "puzzle_preset",
    "puzzle_text",
    "difficulty",
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
    if state.get("page", page) != page:
        for key in SHARED:
            if key in state:
                state[key] = state[key]
    state.page = page
