"""The lecture as a Streamlit component. Scenes are changed in the browser; only what is not there yet is asked for."""

from collections.abc import Callable
from functools import cache
from typing import Any

import streamlit as st

from app.screens.lecture.assembled import lecture_css, lecture_js


@cache
def component() -> Callable[..., Any]:
    """Registered once per server."""
    return st.components.v2.component(
        "recursion_lens_lecture",
        html='<div class="lens-lecture"></div>\n',
        css=lecture_css(),
        js=lecture_js(),
    )


def show(data: dict[str, Any], *, key: str, on_ask: Callable[[], None]) -> None:
    """Draw the lecture. `on_ask` is called when another scene or language was asked for: {"scene", "language"} stand in
    the session state of the key, under "ask"."""
    component()(data=data, key=key, on_ask_change=on_ask)
