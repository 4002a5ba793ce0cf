"""Scales charts with the page's text size, which the browser reports.

The text is larger on a 4K screen or if the user has set a larger font size. Charts have sizes in pixels, so this module
multiplies these sizes.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

NAME = "recursion_lens_text_size"
SCRIPT = Path(__file__).with_suffix(".js")
SCALE = "text_scale"
MOST = 4.0
PIXELS = {
    "size",
    "thickness",
    "xpad",
    "ypad",
    "xgap",
    "ygap",
    "borderwidth",
    "outlinewidth",
    "standoff",
    "itemwidth",
}
"""Figure properties whose values are always in pixels.

`PIXELS_WITHIN` lists, for some parts of a figure, the properties that are in pixels only inside this part.
"""
PIXELS_WITHIN = {
    "line": {"width"},
    "margin": {"l", "r", "t", "b"},
    "pad": {"l", "r", "t", "b"},
    "layout": {"height"},
}


@cache
def _component() -> Any:
    return st.components.v2.component(NAME, js=SCRIPT.read_text("utf-8"))


def watch() -> None:
    """Make the browser report the text size, and rerun the page when the text size changes."""
    reported = _component()(data={"scale": scale()}, key="text_size", on_scale_change=lambda: None)
    if reported.get("scale"):
        st.session_state[SCALE] = reported["scale"]


def scale() -> float:
    """Return the text size as a multiple of the default, 16 pixels. The result is between 1 and `MOST`."""
    reported = st.session_state.get("text_size") or {}
    return min(max(float(reported.get("scale") or st.session_state.get(SCALE, 1.0)), 1.0), MOST)


def enlarged(figure: "Figure", times: float) -> "Figure":
    """Return a copy of a figure with all lengths in pixels multiplied by `times`. Lengths in axis units stay as is."""
    from plotly.graph_objects import Figure

    return Figure(_enlarged(figure.to_plotly_json(), times))


def _enlarged(node: Any, times: float, within: str = "") -> Any:
    if isinstance(node, list | tuple) and any(isinstance(each, dict) for each in node):
        return [_enlarged(each, times, within) for each in node]
    if not isinstance(node, dict):
        return node
    in_pixels = PIXELS | PIXELS_WITHIN.get(within, set())
    return {
        key: _times(value, times) if key in in_pixels else _enlarged(value, times, key)
        for key, value in node.items()
    }


def _times(value: Any, times: float) -> Any:
    return [each * times for each in value] if isinstance(value, list | tuple) else value * times
