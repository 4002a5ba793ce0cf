"""The points of the projection as plotly traces: one point per puzzle and time point, with colour and shape by a field.

The `customdata` of a point contains its row and its time point, which selections and clicks use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.ui import charts
from probes.latents.projection import MODEL_FIELD, Field, Projection
from trm.coordinates import Coordinates

GPU_FROM = 6000  # number of points; SVG is slow with more
MARKERS = ("circle", "diamond", "square", "cross", "x", "triangle-up")
SPACE_MARKERS = ("circle", "diamond", "square", "cross", "x", "circle-open")  # all that exist in 3-D
NOT_APPLICABLE = "not applicable"
MEANINGS = {
    "solved": {"yes": "solved", "no": "unsolved"},
    "solved_now": {"yes": "solved", "no": "unsolved"},
    "cell_right": {"yes": "solved", "no": "unsolved"},
}


@dataclass(frozen=True)
class PointStyle:
    """The choices that determine how a projection is drawn."""

    method: str  # pca or umap
    axes: int  # 2 or 3
    colour: str  # name of a field
    by_step: bool  # animated over the steps, or all points at once
    traced: tuple[int, ...] = ()  # rows of the puzzles whose trajectories are drawn

    @property
    def is_flat(self) -> bool:
        return self.axes == 2

    def by_axis(self, coordinates: np.ndarray) -> dict[str, np.ndarray]:
        """Return coordinates of shape [points, axes] as keyword arguments of a plotly trace: one array per axis."""
        return {
            axis: coordinates[:, number].astype(np.float32) for number, axis in enumerate("xyz"[: self.axes])
        }


class Points:
    """Builds the traces of the points of one figure, and their legend."""

    def __init__(self, projection: Projection, style: PointStyle, coordinates: np.ndarray):
        self.projection, self.style, self.coordinates = projection, style, coordinates
        self.field = projection.field(style.colour)
        self.symbols = MARKERS if style.is_flat else SPACE_MARKERS
        self.gpu = not style.by_step and coordinates[..., 0].size > GPU_FROM
        self.hover = "<b>puzzle %{customdata[2]}</b>, %{customdata[3]}<br>%{customdata[4]}<extra></extra>"

    def at(self, time_point: int) -> list[Any]:
        """Return the traces of one point per puzzle, at one time point."""
        return self.of([time_point])

    def of(self, time_points: Sequence[int]) -> list[Any]:
        """Return the traces of the points at these time points.

        A category has one trace per level; a number has a single trace with a colour scale.
        """
        selected = np.zeros(self.coordinates.shape[:2], bool)
        selected[:, list(time_points)] = True
        large = len(time_points) == 1
        if self.field.kind == "number":
            return [self._trace(selected, self._number_marker(selected, large), None)]
        traces = []
        for number, (level, colour) in enumerate(level_colours(self.field, self.projection)):
            symbol = self.symbols[number % len(self.symbols)]
            marker = self._marker(large) | {"color": colour, "symbol": symbol}
            traces.append(self._trace(selected & (self.field.values == self._value(number)), marker, level))
        return traces

    def _value(self, number: int) -> int:
        """Return the field value of this legend entry. The last entry is for values that do not apply."""
        return number if number < len(self.field.levels) else -1

    def _marker(self, large: bool) -> dict[str, Any]:
        flat = self.style.is_flat
        size = (11 if large else 6) if flat else (5 if large else 3)
        return {"size": size, "opacity": 0.9 if large else 0.6, "line": {"width": 0}}

    def _number_marker(self, selected: np.ndarray, large: bool) -> dict[str, Any]:
        values = self.field.values[selected]
        finite = self.field.values[np.isfinite(self.field.values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        return self._marker(large) | {
            "color": np.where(np.isfinite(values), values, low).astype(np.float32),
            "colorscale": charts.sequential()[3:],
            "cmin": low,
            "cmax": high,
            "colorbar": charts.colour_bar(self.field.title),
        }

    def _trace(self, selected: np.ndarray, marker: dict[str, Any], name: str | None) -> Any:
        from plotly import graph_objects

        rows, time_points = np.nonzero(selected)
        if self.projection.second_model:  # the symbol distinguishes the models, whatever the colour shows
            marker = marker | {"symbol": [self.symbols[index] for index in self.projection.model_index[rows]]}
        trace = "Scatter3d" if not self.style.is_flat else "Scattergl" if self.gpu else "Scatter"
        return getattr(graph_objects, trace)(
            **self.style.by_axis(self.coordinates[rows, time_points]),
            mode="markers",
            marker=marker,
            name=name or self.field.title,
            showlegend=False,
            customdata=self._custom_data(rows, time_points),
            hovertemplate=self.hover,
            **({"unselected": {"marker": {"opacity": 0.12}}} if self.style.is_flat else {}),
        )

    def _custom_data(self, rows: np.ndarray, time_points: np.ndarray) -> list[list]:
        labels, projection = self.field.labels(), self.projection
        suffixes = [f", {name}" for name in model_names(projection)] if projection.second_model else [""]
        numbers, model_indices = (projection.puzzle_numbers + 1).tolist(), projection.model_index.tolist()

        def value(row: int, time_point: int) -> str:
            label = labels[row, time_point]
            return f"{label:.4g}" if self.field.kind == "number" else label or NOT_APPLICABLE

        return [
            [
                row,
                time_point,
                numbers[row],
                call_label(projection.call_of(row, time_point)) + suffixes[model_indices[row]],
                f"{self.field.title}: {value(row, time_point)}",
            ]
            for row, time_point in zip(rows.tolist(), time_points.tolist(), strict=True)
        ]

    def legend_entries(self) -> list[Any]:
        """Return legend entries for colours and symbols, which do not change with the frames."""
        entries = []
        if self.field.kind == "category":
            present = set(np.unique(self.field.values).tolist())
            entries = [
                self._legend_entry(
                    f"{self.field.title}: {level}",
                    colour,
                    "square"
                    if self.projection.second_model and self.field.name != MODEL_FIELD
                    else self.symbols[number % len(self.symbols)],
                )
                for number, (level, colour) in enumerate(level_colours(self.field, self.projection))
                if self._value(number) in present
            ]
        if self.projection.second_model and self.field.name != MODEL_FIELD:
            entries += [
                self._legend_entry(
                    f"model: {name}", charts.colour("baseline"), symbol, line_colour=charts.colour(meaning)
                )
                for name, symbol, meaning in zip(
                    model_names(self.projection), self.symbols, meanings(self.projection), strict=False
                )
            ]
        return entries

    def _legend_entry(self, name: str, colour: str, symbol: str, line_colour: str = "") -> Any:
        """Return a marker of this style, on a line in the trajectories' colour if that differs from the marker's."""
        from plotly import graph_objects

        flat = self.style.is_flat
        no_point = {"x": [None], "y": [None]} | ({} if flat else {"z": [None]})
        trace = graph_objects.Scatter if flat else graph_objects.Scatter3d
        return trace(
            **no_point,
            mode="lines+markers" if line_colour else "markers",
            name=name,
            line={"color": line_colour or colour, "width": 2.5},
            marker={"size": 11 if flat else 6, "color": colour, "symbol": symbol},
            hoverinfo="skip",
        )


def model_names(projection: Projection) -> tuple[str, ...]:
    """Return the names of the two models of a joint projection."""
    return projection.field(MODEL_FIELD).levels


def meanings(projection: Projection) -> tuple[str, str]:
    """Return the colour names of the two models of a joint projection, for `charts.colour`."""
    return charts.model_meanings(projection.provenance.kind, projection.second_model.provenance.kind)


def level_colours(field: Field, projection: Projection) -> list[tuple[str, str]]:
    """Return the levels of a category with their colours, and last the colour of values that do not apply."""
    named = MEANINGS.get(field.name, {})
    if field.name == MODEL_FIELD:
        named = dict(zip(field.levels, meanings(projection), strict=True))
    cycle = charts.categories()
    colours = [
        (level, charts.colour(named[level]) if level in named else cycle[number % len(cycle)])
        for number, level in enumerate(field.levels)
    ]
    return [*colours, (NOT_APPLICABLE, charts.colour("baseline"))]


def call_label(at: Coordinates) -> str:
    return f"step {at.supervision_step}, cycle {at.cycle}, call {at.call} ({at.kind})"
