"""Draws charts in a common style, with text large enough for a projector and consistent colours on all pages.

Figures use plotly with Streamlit's theme, which takes text and background colours from the page. Colours with a meaning
are those of figures for papers in the light theme; those of the dark theme are defined here. Line dashes or markers carry
the same meaning for readers who cannot distinguish the colours. Importing plotly takes a third of a second, so only the functions that need plotly import it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.state.links import IN_ADDRESS
from app.ui import text_size
from trm.export.pictures.palette import CURVES

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

DARK = {
    "solved": "#6cb2f7",
    "unsolved": "#ff9b66",
    "y": "#6cb2f7",
    "z": "#d684bd",
    "trm": "#9fdfb1",
    "hrm": "#eb47b3",
    "baseline": "#97a3b0",
    "other": "#3cc4a6",
}
DASHES = {
    "solved": "solid",
    "unsolved": "dash",
    "y": "solid",
    "z": "dash",
    "trm": "solid",
    "hrm": "dash",
    "baseline": "dot",
    "other": "dashdot",
}
MORE = {
    "light": ("#7a4fb5", "#4d7a1f", "#a8324a", "#0e6f7c"),
    "dark": ("#b79df0", "#8fce6a", "#f27f95", "#5fd0dc"),
}
"""Category colours in addition to the eight colours of Streamlit's theme, because a Sudoku has nine digits."""
FONT = 15  # font size in pixels
HEIGHT = 380  # default height of a chart in pixels
ITEM_WIDTH = 30  # width in pixels of a legend entry's symbol
TOOLS = 44  # width in pixels reserved for the chart tools to the right of the plot


def is_dark() -> bool:
    return st.context.theme.type == "dark"


def colour(meaning: str) -> str:
    """Return the colour of a meaning (a key of `CURVES`) in the page's theme. Raises KeyError for other names."""
    return (DARK if is_dark() else CURVES)[meaning]


def text_colour() -> str:
    """Return the page's text colour, for parts of a figure that Streamlit's theme does not colour."""
    return str(_option("textColor"))


def model_meanings(one: str, other: str) -> tuple[str, str]:
    """Return the colour meanings of two models, given their types ("hrm" or another type).

    Only an HRM in first place that is compared with a model of another type gets ("hrm", "trm"). Any other pair gets
    ("trm", "hrm"), even if both models have the same type.
    """
    return ("hrm", "trm") if one == "hrm" != other else ("trm", "hrm")


def categories() -> list[str]:
    """Return twelve colours for categories without a fixed meaning."""
    return [*_option("chartCategoricalColors"), *MORE["dark" if is_dark() else "light"]]


def sequential() -> list[str]:
    """Return the theme's sequential colour scale, whose low end is close to the background colour of the page."""
    return list(_option("chartSequentialColors"))


def diverging() -> list[str]:
    return list(_option("chartDivergingColors"))


def _option(name: str) -> Any:
    return st.get_option(f"theme.{'dark' if is_dark() else 'light'}.{name}")


def new(*, x: str, y: str, height: int = HEIGHT, **layout: Any) -> "Figure":
    """Create an empty figure with the axis titles `x` and `y`, which should name the quantity and its unit."""
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0.0, "itemwidth": ITEM_WIDTH},
        hovermode="x unified",
        **layout,
    )
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y)
    return figure


def line(name: str, x: Sequence, y: Sequence, meaning: str, **options: Any) -> "Scatter":
    from plotly.graph_objects import Scatter

    style = {"color": colour(meaning), "dash": DASHES[meaning], "width": 3}
    return Scatter(name=name, x=list(x), y=list(y), mode="lines", line=style, legendgroup=name, **options)


def band(x: Sequence, low: Sequence, high: Sequence, meaning: str, *, of: str) -> "Scatter":
    """Create a translucent area between two curves, in the colour of `meaning`.

    `of` is the name of the line that the area belongs to. The legend shows and hides both together.
    """
    from plotly.graph_objects import Scatter

    return Scatter(
        name=of,
        x=[*x, *reversed(list(x))],
        y=[*high, *reversed(list(low))],
        mode="lines",
        fill="toself",
        fillcolor=translucent(colour(meaning), 0.18),
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=of,
    )


def colour_bar(title: str = "") -> dict[str, Any]:
    """Return the options of a colour bar between the plot and the chart tools, with a vertical title."""
    return {
        "title": {"text": title, "side": "right"},
        "thickness": 14,
        "xpad": TOOLS - 8,
        "outlinewidth": 0,
    }


def translucent(code: str, alpha: float) -> str:
    """Convert the colour #rrggbb to rgba with the opacity `alpha`, 0 to 1."""
    red, green, blue = (int(code[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def show(figure: "Figure", *, key: str, **options: Any) -> Any:
    """Draw a figure over the full width of the page. Returns the result of `st.plotly_chart`."""
    figure.update_layout(font={"size": FONT}, legend={"font": {"size": FONT}}, margin={"r": TOOLS})
    figure.update_layout(
        modebar={
            "orientation": "v",
            "bgcolor": "rgba(0,0,0,0)",
            "color": colour("baseline"),
            "activecolor": colour("solved"),
        }
    )
    figure.update_xaxes(title={"font": {"size": FONT}}, tickfont={"size": FONT - 1})
    figure.update_yaxes(title={"font": {"size": FONT}}, tickfont={"size": FONT - 1})
    config = {
        "displaylogo": False,
        "toImageButtonOptions": {"format": "svg", "filename": key},
        "modeBarButtonsToRemove": ["autoScale2d"],
    }
    scale = text_size.scale()
    if scale != 1:
        figure = text_size.enlarged(figure, scale)
    return st.plotly_chart(
        figure, key=key, theme="streamlit", config=config | options.pop("config", {}), **options
    )


def choose(
    names: Sequence[str],
    *,
    key: str,
    label: str = "Figure",
    place: Any = st,
    default: str = "",
    **options: Any,
) -> str:
    """Draw the selector of a page's figures in `place`. Returns the name of the selected figure, at first `default`."""
    return place.segmented_control(
        label,
        names,
        default=default or names[0],
        key=key,
        **IN_ADDRESS,
        required=True,
        label_visibility="collapsed",
        **options,
    )
