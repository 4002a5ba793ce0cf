"""The player as a Streamlit component. Stepping happens in the browser: it never asks the server for a call."""

from collections.abc import Callable
from functools import cache
from typing import Any

import streamlit as st

from app.player.assembled import player_css, player_js


@cache
def component() -> Callable[..., Any]:
    """Registered once per server."""
    return st.components.v2.component(
        "recursion_lens_player",
        html='<div class="lens-player"></div>\n',
        css=player_css(),
        js=player_js(),
    )


def player(data: dict[str, Any], *, key: str) -> dict[str, Any] | None:
    """Show a payload. Returns the view that the person settled on (coordinates, cell, mode), None before any."""
    shown = component()(data=data, key=key, on_view_change=lambda: None)
    return shown.get("view")
