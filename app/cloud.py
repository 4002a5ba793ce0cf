"""The cloud: points of a scene on a map, the ways of chosen puzzles through it, and a player of the steps inside the figure.

Two looks. Step by step: one point a puzzle, where it is after the step on the slider, before the faint ways of all; played in
the browser by plotly's frames. All at once: every point. Each point carries the row of its puzzle and its moment as
`customdata`, which is how a selection and a click are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app import charts
from probes.scene import Field, Map, Scene
from trm.coordinates import Coordinates

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_WAYS = 150  # faint ones
DRAWN_BY_GPU = 6000  # points from which on SVG is slow
HEIGHT = 560
FRAME = 260  # milliseconds a step
MARKERS = ("circle", "diamond", "square", "cross", "x", "triangle-up")
SPACE_MARKERS = ("circle", "diamond", "square", "cross", "x", "circle-open")  # all that 3-D has
MEANINGS = {
    "solved": {"yes": "solved", "no": "unsolved"},
    "solved_now": {"yes": "solved", "no": "unsolved"},
    "cell_right": {"yes": "solved", "no": "unsolved"},
}


@dataclass(frozen=True)
class Look:
    """How a scene is drawn."""

    method: str  # pca or umap
    axes: int  # 2 or 3
    colour: str  # name of a field
    by_step: bool  # played over the steps, or all at once
    ways: tuple[int, ...] = ()  # rows of the puzzles whose ways are drawn


def figure(scene: Scene, look: Look) -> "Figure":
    """The cloud, with a slider and a play button where it is drawn step by step."""
    from plotly.graph_objects import Frame

    places = scene.map(look.method).places[..., : look.axes]
    drawer = _Drawer(scene, look, places)
    moments = range(len(scene.calls))
    first = drawer.now(0) if look.by_step else drawer.points(moments)
    backdrop = [drawer.faint(), *drawer.ways()]
    made = charts.new(x="", y="", height=HEIGHT)
    made.add_traces([*backdrop, *first, *drawer.keys()])
    _axes(made, scene, look, places)
    # Streamlit takes a click for a choice of its point only while nothing is drawn by dragging.
    made.update_layout(hovermode="closest", dragmode="pan" if look.axes == 2 else "orbit", uirevision="cloud")
    made.update_layout(
        legend={"itemclick": False, "itemdoubleclick": False},
        modebar={
            "orientation": "v",  # beside the legend on a phone, not over it
            "bgcolor": "rgba(0,0,0,0)",
            "color": charts.colour("baseline"),
            "activecolor": charts.colour("solved"),
        },
    )
    if look.by_step:
        numbers = list(range(len(backdrop), len(backdrop) + len(first)))
        made.frames = [
            Frame(name=_short(scene.calls[moment]), data=drawer.now(moment), traces=numbers)
            for moment in moments
        ]
        _player(made, scene)
    return made


class _Drawer:
    """Makes the traces of one figure."""

    def __init__(self, scene: Scene, look: Look, places: np.ndarray):
        self.scene, self.look, self.places = scene, look, places
        self.field = scene.field(look.colour)
        self.gpu = not look.by_step and places[..., 0].size > DRAWN_BY_GPU
        self.hover = "<b>puzzle %{customdata[2]}</b>, %{customdata[3]}<br>%{customdata[4]}<extra></extra>"

    def now(self, moment: int) -> list[Any]:
        """One point a puzzle, at one moment."""
        return self.points([moment])

    def points(self, moments: Sequence[int]) -> list[Any]:
        """The points of these moments: a trace for each level of a category, or one coloured by the number."""
        chosen = np.zeros(self.places.shape[:2], bool)
        chosen[:, list(moments)] = True
        large = len(moments) == 1
        if self.field.kind == "number":
            return [self._trace(chosen, self._number_marker(chosen, large), None)]
        found = []
        for number, (level, colour) in enumerate(level_colours(self.field)):
            symbols = MARKERS if self.look.axes == 2 else SPACE_MARKERS
            marker = self._marker(large) | {"color": colour, "symbol": symbols[number % len(symbols)]}
            found.append(self._trace(chosen & (self.field.values == self._value(number)), marker, level))
        return found

    def _value(self, number: int) -> int:
        """The value of a field that stands for this entry of its key; the last one for where it does not apply."""
        return number if number < len(self.field.levels) else -1

    def _marker(self, large: bool) -> dict[str, Any]:
        flat = self.look.axes == 2
        size = (11 if large else 6) if flat else (5 if large else 3)
        return {"size": size, "opacity": 0.9 if large else 0.6, "line": {"width": 0}}

    def _number_marker(self, chosen: np.ndarray, large: bool) -> dict[str, Any]:
        values = self.field.values[chosen]
        finite = self.field.values[np.isfinite(self.field.values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        bar = {"title": {"text": self.field.title, "side": "right"}, "thickness": 12, "outlinewidth": 0}
        return self._marker(large) | {
            "color": np.where(np.isfinite(values), values, low).astype(np.float32),
            "colorscale": charts.sequential()[3:],
            "cmin": low,
            "cmax": high,
            "colorbar": bar,
        }

    def _trace(self, chosen: np.ndarray, marker: dict[str, Any], name: str | None) -> Any:
        from plotly import graph_objects

        rows, moments = np.nonzero(chosen)
        kind = "Scatter3d" if self.look.axes == 3 else "Scattergl" if self.gpu else "Scatter"
        return getattr(graph_objects, kind)(
            **self._along(self.places[rows, moments]),
            mode="markers",
            marker=marker,
            name=name or self.field.title,
            legendgroup=name,
            showlegend=False,
            customdata=self._custom(rows, moments),
            hovertemplate=self.hover,
            **({} if self.look.axes == 3 else {"unselected": {"marker": {"opacity": 0.12}}}),
        )

    def _custom(self, rows: np.ndarray, moments: np.ndarray) -> list[list]:
        words = self.field.words()
        numbers = self.scene.numbers
        titles = [said(at) for at in self.scene.calls]
        about = [
            f"{self.field.title}: {words[row, moment]:.4g}"
            if self.field.kind == "number"
            else f"{self.field.title}: {words[row, moment] or 'does not apply'}"
            for row, moment in zip(rows, moments, strict=True)
        ]
        return [
            [int(row), int(moment), int(numbers[row]), titles[moment], text]
            for row, moment, text in zip(rows, moments, about, strict=True)
        ]

    def keys(self) -> list[Any]:
        """What the colours mean, as entries of the legend that no frame empties."""
        from plotly import graph_objects

        if self.field.kind == "number":
            return []
        present = set(np.unique(self.field.values).tolist())
        flat = self.look.axes == 2
        symbols = MARKERS if flat else SPACE_MARKERS
        nowhere = {"x": [None], "y": [None]} | ({} if flat else {"z": [None]})
        kind = graph_objects.Scatter if flat else graph_objects.Scatter3d
        return [
            kind(
                **nowhere,
                mode="markers",
                name=f"{self.field.title}: {level}",
                marker={"size": 11 if flat else 6, "color": colour, "symbol": symbols[number % len(symbols)]},
                hoverinfo="skip",
            )
            for number, (level, colour) in enumerate(level_colours(self.field))
            if self._value(number) in present
        ]

    def faint(self) -> Any:
        """The ways of all puzzles, or of some evenly spread: where a step's points come from and go to."""
        count = len(self.places)
        rows = np.unique(np.linspace(0, count - 1, min(count, MOST_WAYS)).astype(int))
        colour = charts.translucent(charts.colour("baseline"), 0.22 if self.look.by_step else 0.1)
        return self._lines(rows, color=colour, width=1, name="ways")

    def ways(self) -> list[Any]:
        """The ways of the chosen puzzles, one trace each, in the colour of how they end."""
        solved = self.scene.field("solved").values[:, -1]
        return [
            self._lines(
                np.array([row]),
                color=charts.colour("solved" if solved[row] == 1 else "unsolved"),
                width=2.5,
                name=f"way of puzzle {self.scene.numbers[row]}",
            )
            for row in self.look.ways
        ]

    def _lines(self, rows: np.ndarray, *, color: str, width: float, name: str) -> Any:
        from plotly import graph_objects

        gap = np.full((len(rows), 1, self.look.axes), np.nan, np.float32)
        along = np.concatenate([self.places[rows], gap], axis=1).reshape(-1, self.look.axes)
        kind = graph_objects.Scatter3d if self.look.axes == 3 else graph_objects.Scatter
        return kind(
            **self._along(along),
            mode="lines",
            line={"color": color, "width": width},
            name=name,
            showlegend=False,
            hoverinfo="skip",
        )

    def _along(self, places: np.ndarray) -> dict[str, np.ndarray]:
        return {
            axis: places[:, number].astype(np.float32) for number, axis in enumerate("xyz"[: self.look.axes])
        }


def level_colours(field: Field) -> list[tuple[str, str]]:
    """The levels of a category with their colours; last what does not apply."""
    named = MEANINGS.get(field.name, {})
    cycle = list(st.get_option(f"theme.{'dark' if charts.is_dark() else 'light'}.chartCategoricalColors"))
    found = [
        (level, charts.colour(named[level]) if level in named else cycle[number % len(cycle)])
        for number, level in enumerate(field.levels)
    ]
    return [*found, ("does not apply", charts.colour("baseline"))]


def said(at: Coordinates) -> str:
    return f"step {at.supervision_step}, cycle {at.cycle}, call {at.call} ({at.kind})"


def _short(at: Coordinates) -> str:
    return f"{at.supervision_step}.{at.cycle}.{at.call}"


def axis_title(scene: Scene, found: Map, axis: int) -> str:
    """What an axis shows, and for PCA how much of the variance."""
    if found.method == "umap":
        return f"UMAP {axis + 1} (no unit)"
    share = scene.variance[axis] if axis < len(scene.variance) else 0.0
    return f"component {axis + 1} ({share:.0%} of the variance)"


def _axes(made: "Figure", scene: Scene, look: Look, places: np.ndarray) -> None:
    """Axes that stay as they are while the cloud is played, of one scale: a distance is the same in every direction."""
    found = scene.map(look.method)
    low, high = places.min((0, 1)), places.max((0, 1))
    margin = 0.06 * np.maximum(high - low, 1e-6)
    ranges = [[float(a), float(b)] for a, b in zip(low - margin, high + margin, strict=True)]
    titles = [axis_title(scene, found, axis) for axis in range(look.axes)]
    if look.axes == 3:
        axes = {
            f"{name}axis": {"title": {"text": title}, "range": limits}
            for name, title, limits in zip("xyz", titles, ranges, strict=True)
        }
        made.update_layout(scene=axes | {"aspectmode": "data"})
        return
    made.update_xaxes(title=titles[0], range=ranges[0], zeroline=False)
    made.update_yaxes(title=titles[1], range=ranges[1], zeroline=False, scaleanchor="x")


def _player(made: "Figure", scene: Scene) -> None:
    """Play, pause, and a slider over the moments, all within plotly."""
    still = {"mode": "immediate", "transition": {"duration": 0}, "frame": {"duration": 0, "redraw": True}}
    moving = still | {"frame": {"duration": FRAME, "redraw": True}, "fromcurrent": True}
    look = {
        "bgcolor": "rgba(0,0,0,0)",
        "bordercolor": charts.colour("baseline"),
        "font": {"size": charts.FONT},
    }
    made.update_layout(
        margin={"b": 140},
        updatemenus=[
            look
            | {
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "x": 0,
                "y": 0,
                "xanchor": "left",
                "yanchor": "top",
                "pad": {"t": 104, "r": 8},
                "buttons": [
                    {"label": "▶ Play", "method": "animate", "args": [None, moving]},
                    {"label": "❚❚", "method": "animate", "args": [[None], still]},
                ],
            }
        ],
        sliders=[
            {
                "active": 0,
                "x": 0,
                "len": 1,
                "y": 0,
                "yanchor": "top",
                "pad": {"t": 36},
                "ticklen": 0,
                "minorticklen": 0,
                "bordercolor": charts.colour("baseline"),
                "activebgcolor": charts.colour("solved"),
                "currentvalue": {"prefix": "after call ", "font": {"size": charts.FONT}, "xanchor": "left"},
                "font": {"size": 1, "color": "rgba(0,0,0,0)"},  # 48 labels would lie over each other
                "steps": [
                    {"label": _short(at), "method": "animate", "args": [[_short(at)], still]}
                    for at in scene.calls
                ],
            }
        ],
    )
