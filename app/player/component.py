"""The player as a Streamlit component, and what makes one of any script that shares its modules and looks.

Stepping happens in the browser: the player never asks the server for a call.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from trm.player.bundle import FOLDER, bundle, player_css


@cache
def component(name: str, script: Path, *styles: Path) -> Callable[..., Any]:
    """A component whose `script` exports `mount` as default. Registered once per server."""
    return st.components.v2.component(
        f"recursion_lens_{name}",
        html=f'<div class="lens-{name}"></div>\n',
        css=player_css(*styles),
        js=bundle(script),
    )


def player(
    data: dict[str, Any],
    *,
    key: str,
    pin: str | None = None,
    on_pin: Callable[[], None] | None = None,
    edit: bool = False,
    fold: bool = False,
) -> dict[str, Any] | None:
    """Show a payload of one run or of two. Returns the view that the person settled on (coordinates, cell, mode), None before any.

    `pin` is what a press on the pin would do: "pin" or "unpin"; None leaves the pin out. `on_pin` is called when it was
    pressed, with {"pin": bool, "trace_id": str} in the session state of the key, under "pin". `edit`: whether the page has an editor, whose key the help then lists.
    `fold`: of two runs, whether the curves below the grids are left out until a person asks for them.
    The browser shows the view in the address; the page writes it there too (`app.state.links.remember_view`), for Python to know it.
    """
    state = component("player", FOLDER / "mount.js")(
        data=data | {"pin": pin, "edit": edit, "fold": fold, "addressed": True},
        key=key,
        on_view_change=lambda: None,
        on_pin_change=on_pin or (lambda: None),
    )
    return state.get("view")
