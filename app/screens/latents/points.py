"""The points of the cloud: one for each puzzle and moment, in the colour and shape of what a field says of it.

Each carries the row of its puzzle and its moment as `customdata`, which is how a selection and a click are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.ui import charts
from probes.latents.projection import MODEL, Field, Scene
from trm.coordinates import Coordinates

DRAWN_BY_GPU = 6000  # points from which on SVG is slow
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

    @property
    def is_flat(self) -> bool:
        return self.axes == 2

    def along(self, places: np.ndarray) -> dict[str, np.ndarray]:
        """Places (points, axes) as a trace of plotly wants them: an array (points,) for each axis."""
        return {axis: places[:, number].astype(np.float32) for number, axis in enumerate("xyz"[: self.axes])}


class Points:
    """Makes the traces of one figure's points, and the key to their colours."""

    def __init__(self, scene: Scene, look: Look, places: np.ndarray):
        self.scene, self.look, self.places = scene, look, places
        self.field = scene.field(look.colour)
        self.symbols = MARKERS if look.is_flat else SPACE_MARKERS
        self.gpu = not look.by_step and places[..., 0].size > DRAWN_BY_GPU
        self.hover = "<b>puzzle %{customdata[2]}</b>, %{customdata[3]}<br>%{customdata[4]}<extra></extra>"

    def at(self, time_point: int) -> list[Any]:
        """One point a puzzle, at one moment."""
        return self.of([time_point])

    def of(self, time_points: Sequence[int]) -> list[Any]:
        """The points of these moments: a trace for each level of a category, or one coloured by the number."""
        chosen = np.zeros(self.places.shape[:2], bool)
        chosen[:, list(time_points)] = True
        large = len(time_points) == 1
        if self.field.kind == "number":
            return [self._trace(chosen, self._number_marker(chosen, large), None)]
        found = []
        for number, (level, colour) in enumerate(level_colours(self.field, self.scene)):
            symbol = self.symbols[number % len(self.symbols)]
            marker = self._marker(large) | {"color": colour, "symbol": symbol}
            found.append(self._trace(chosen & (self.field.values == self._value(number)), marker, level))
        return found

    def _value(self, number: int) -> int:
        """The value of a field that stands for this entry of its key; the last one for where it does not apply."""
        return number if number < len(self.field.levels) else -1

    def _marker(self, large: bool) -> dict[str, Any]:
        flat = self.look.is_flat
        size = (11 if large else 6) if flat else (5 if large else 3)
        return {"size": size, "opacity": 0.9 if large else 0.6, "line": {"width": 0}}

    def _number_marker(self, chosen: np.ndarray, large: bool) -> dict[str, Any]:
        values = self.field.values[chosen]
        finite = self.field.values[np.isfinite(self.field.values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        return self._marker(large) | {
            "color": np.where(np.isfinite(values), values, low).astype(np.float32),
            "colorscale": charts.sequential()[3:],
            "cmin": low,
            "cmax": high,
            "colorbar": charts.colour_bar(self.field.title),
        }

    def _trace(self, chosen: np.ndarray, marker: dict[str, Any], name: str | None) -> Any:
        from plotly import graph_objects

        rows, time_points = np.nonzero(chosen)
        if self.scene.partner:  # whose model it is stays seen whatever the colour says
            marker = marker | {"symbol": [self.symbols[owner] for owner in self.scene.owner[rows]]}
        kind = "Scatter3d" if not self.look.is_flat else "Scattergl" if self.gpu else "Scatter"
        return getattr(graph_objects, kind)(
            **self.look.along(self.places[rows, time_points]),
            mode="markers",
            marker=marker,
            name=name or self.field.title,
            showlegend=False,
            customdata=self._custom(rows, time_points),
            hovertemplate=self.hover,
            **({"unselected": {"marker": {"opacity": 0.12}}} if self.look.is_flat else {}),
        )

    def _custom(self, rows: np.ndarray, time_points: np.ndarray) -> list[list]:
        words, scene = self.field.words(), self.scene
        of = [f" of {name}" for name in models(scene)] if scene.partner else [""]
        numbers, owners = (scene.numbers + 1).tolist(), scene.owner.tolist()

        def about(row: int, time_point: int) -> str:
            word = words[row, time_point]
            return f"{word:.4g}" if self.field.kind == "number" else word or "does not apply"

        return [
            [
                row,
                time_point,
                numbers[row],
                said(scene.call_of(row, time_point)) + of[owners[row]],
                f"{self.field.title}: {about(row, time_point)}",
            ]
            for row, time_point in zip(rows.tolist(), time_points.tolist(), strict=True)
        ]

    def keys(self) -> list[Any]:
        """What the colours mean, as entries of the legend that no frame empties."""

        found = []
        if self.field.kind == "category":
            present = set(np.unique(self.field.values).tolist())
            found = [
                self._key(
                    f"{self.field.title}: {level}",
                    colour,
                    "square"
                    if self.scene.partner and self.field.name != MODEL
                    else self.symbols[number % len(self.symbols)],
                )
                for number, (level, colour) in enumerate(level_colours(self.field, self.scene))
                if self._value(number) in present
            ]
        if self.scene.partner and self.field.name != MODEL:
            found += [
                self._key(f"model: {name}", charts.colour("baseline"), symbol, way=charts.colour(meaning))
                for name, symbol, meaning in zip(
                    models(self.scene), self.symbols, meanings(self.scene), strict=False
                )
            ]
        return found

    def _key(self, name: str, colour: str, symbol: str, way: str = "") -> Any:
        """A point of this look, before a line in the colour of ways where those have one of their own."""
        from plotly import graph_objects

        flat = self.look.is_flat
        nowhere = {"x": [None], "y": [None]} | ({} if flat else {"z": [None]})
        kind = graph_objects.Scatter if flat else graph_objects.Scatter3d
        return kind(
            **nowhere,
            mode="lines+markers" if way else "markers",
            name=name,
            line={"color": way or colour, "width": 2.5},
            marker={"size": 11 if flat else 6, "color": colour, "symbol": symbol},
            hoverinfo="skip",
        )


def models(scene: Scene) -> tuple[str, ...]:
    """Names of the two models of a joint map."""
    return scene.field(MODEL).levels


def meanings(scene: Scene) -> tuple[str, str]:
    """What the colours of the two models of a joint map are called."""
    return charts.model_meanings(scene.about.kind, scene.partner.about.kind)


def level_colours(field: Field, scene: Scene) -> list[tuple[str, str]]:
    """The levels of a category with their colours; last what does not apply."""
    named = MEANINGS.get(field.name, {})
    if field.name == MODEL:
        named = dict(zip(field.levels, meanings(scene), strict=True))
    cycle = charts.categories()
    found = [
        (level, charts.colour(named[level]) if level in named else cycle[number % len(cycle)])
        for number, level in enumerate(field.levels)
    ]
    return [*found, ("does not apply", charts.colour("baseline"))]


def said(at: Coordinates) -> str:
    return f"step {at.supervision_step}, cycle {at.cycle}, call {at.call} ({at.kind})"
