"""The page's text size as reported by the browser; it is larger on a 4K screen or with the user's settings. Charts use
pixels, so their sizes are multiplied by it.
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
PIXELS = {"size", "thickness", "xpad", "ypad", "xgap", "ygap", "borderwidth", "outlinewidth", "standoff"}
"""Figure properties that are in pixels at any level. `PIXELS_WITHIN` lists those that are in pixels only inside certain
parts.
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
    """Have the browser report the text size. The page is rerun when it changes."""
    reported = _component()(data={"scale": scale()}, key="text_size", on_scale_change=lambda: None)
    if reported.get("scale"):
        st.session_state[SCALE] = reported["scale"]


def scale() -> float:
    """Text size, in multiples of the default 16 pixels."""
    reported = st.session_state.get("text_size") or {}
    return min(max(float(reported.get("scale") or st.session_state.get(SCALE, 1.0)), 1.0), MOST)


def enlarged(figure: "Figure", times: float) -> "Figure":
    """The figure with every length in pixels multiplied by `times`. Lengths in axis units do not change."""
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
