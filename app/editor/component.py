"""The editor as a Streamlit component. It shares modules and looks with the player."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from trm.player.assembled import joined, player_css

FOLDER = Path(__file__).parent
ENTRY = FOLDER / "src" / "mount.js"


@cache
def component() -> Callable[..., Any]:
    """Registered once per server."""
    return st.components.v2.component(
        "recursion_lens_editor",
        html='<div class="lens-editor"></div>\n',
        css="\n".join((player_css(), (FOLDER / "editor.css").read_text("utf-8"))),
        js=joined(ENTRY),
    )
