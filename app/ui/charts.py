"""Chart style: the page's colours, text large enough for a projector, and the same colour for the same meaning on all
pages.

Figures use plotly with Streamlit's theme, which takes text and background colours from the page. Colours with a meaning
are named here, in a light and a dark version. Dashes or markers distinguish them without colour.
Importing plotly takes a third of a second, so it is imported only where a figure is made.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.ui import text_size

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

LIGHT = {
    "solved": "#1a62b8",
    "unsolved": "#c2410c",
    "y": "#1a62b8",
    "z": "#b3589a",
    "trm": "#339950",
    "hrm": "#a3297a",
    "baseline": "#6b7785",
    "other": "#1b9e83",
}
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
"""Additional category colours, after the eight of Streamlit's theme, because a Sudoku has nine digits."""
FONT = 15  # pixels
HEIGHT = 380
TOOLS = 44  # pixels reserved for the chart tools, to the right of the plot


def is_dark() -> bool:
    return st.context.theme.type == "dark"


def colour(meaning: str) -> str:
    """The colour of a meaning named above, in the page's theme. Raises KeyError for any other name."""
    return (DARK if is_dark() else LIGHT)[meaning]


def text_colour() -> str:
    """The text colour, for parts that plotly's theme does not colour."""
    return str(_option("textColor"))


def model_meanings(one: str, other: str) -> tuple[str, str]:
    """Colour meanings for two models, by type: "hrm" for an HRM compared with another type, otherwise "trm" and
    "hrm".
    """
    return ("hrm", "trm") if one == "hrm" != other else ("trm", "hrm")


def categories() -> list[str]:
    """Twelve colours for categories without a fixed meaning."""
    return [*_option("chartCategoricalColors"), *MORE["dark" if is_dark() else "light"]]


def sequential() -> list[str]:
    """The theme's sequential scale; its low end is close to the page's background, light or dark."""
    return list(_option("chartSequentialColors"))


def diverging() -> list[str]:
    return list(_option("chartDivergingColors"))


def _option(name: str) -> Any:
    return st.get_option(f"theme.{'dark' if is_dark() else 'light'}.{name}")


def new(*, x: str, y: str, height: int = HEIGHT, **layout: Any) -> "Figure":
    """An empty figure. The axis titles name the quantity and its unit."""
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0.0},
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
    """The area between two curves, in the colour of `meaning`; `of` is the name of its line."""
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
    """Options for a colour bar between the plot and the chart tools, with the title along its side."""
    return {
        "title": {"text": title, "side": "right"},
        "thickness": 14,
        "xpad": TOOLS - 8,
        "outlinewidth": 0,
    }


def translucent(code: str, alpha: float) -> str:
    """The colour #rrggbb as rgba with this opacity."""
    red, green, blue = (int(code[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def show(figure: "Figure", *, key: str, **options: Any) -> Any:
    """Draw a figure over the full width. Returns what `st.plotly_chart` returns (selections, with `on_select`)."""
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
        "toImageButtonOptions": {"format": "png", "scale": 3, "filename": key},
        "modeBarButtonsToRemove": ["autoScale2d"],
    }
    scale = text_size.scale()
    if scale != 1:
        figure = text_size.enlarged(figure, scale)
    return st.plotly_chart(
        figure, key=key, theme="streamlit", config=config | options.pop("config", {}), **options
    )
