"""The player as a Streamlit component, and a factory for components that share its modules and style.

Stepping happens in the browser, without server requests.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from trm.player.bundle import FOLDER, bundle, player_css


@cache
def component(name: str, script: Path, *styles: Path) -> Callable[..., Any]:
    """A component whose `script` has `mount` as its default export. Registered once per server."""
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
    """Draw the payload of one run or of a pair. Returns the settled view (coordinates, cell, mode), or None before the
    first report.

    `pin` is what a click on the pin does, "pin" or "unpin"; None hides the pin. `on_pin` is called after a click, with
    {"pin": bool, "trace_id": str} in the session state of the key, under "pin". `edit` says whether the page has an
    editor; the help then lists its key. `fold` says whether a pair initially hides the curves below the grids. The
    browser writes the view into the address; the page does so too (`app.state.links.remember_view`), so that Python
    knows it.
    """
    state = component("player", FOLDER / "mount.js")(
        data=data | {"pin": pin, "edit": edit, "fold": fold, "addressed": True},
        key=key,
        on_view_change=lambda: None,
        on_pin_change=on_pin or (lambda: None),
    )
    return state.get("view")
