"""The player as a Streamlit component, and a factory for other components that share its modules and style.

The browser steps through a run without requests to the server.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app.state import edits
from trm.player.bundle import FOLDER, bundle, player_css


@cache
def component(name: str, script: Path, *styles: Path) -> Callable[..., Any]:
    """Return a component, registered once per server. The default export of `script` must be the function `mount`."""
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
    reports: bool = False,
    guide: dict[str, Any] | None = None,
) -> None:
    """Draw the payload of a single run or of a pair of runs.

    `pin` is the effect of a click on the pin, "pin" or "unpin"; None hides the pin. `on_pin` is called after a click,
    with {"pin": bool, "trace_id": str} in `st.session_state[key]["pin"]`. With `edit`, the help lists the key that opens
    the editor. With `fold`, the curves below the grids of a pair are hidden at first.

    `guide`, {"lecture": address, "papers": {model: address}}, makes a single player explain itself to first-time
    visitors, and open its first run at the most telling call.

    The browser writes the view (coordinates, cell and mode) into the address, where `app.state.links.current_view` reads
    it. With `reports`, it also makes the page or fragment rerun once the view settles. A run with a `feed` in its payload
    is fetched by the browser while it grows; one rerun follows when all runs have ended.
    """
    options = {"pin": pin, "edit": edit, "fold": fold, "addressed": True, "reports": reports, "guide": guide}
    component("player", FOLDER / "mount.js")(
        data=data | options | {"place": key, "edits": edits.count()},
        key=key,
        on_view_change=lambda: None,
        on_pin_change=on_pin or (lambda: None),
        on_news_change=lambda: None,
    )
