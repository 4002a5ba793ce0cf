"""Trajectories drawn as lines: faint lines for all puzzles, and strong lines for the traced puzzles.

Coordinates have shape [puzzles, calls, axes].
"""

from typing import Any

import numpy as np

from app.screens.latents.points import PointStyle, meanings, model_names
from app.ui import charts
from probes.latents.projection import Projection

MOST_FAINT = 150


def faint(style: PointStyle, coordinates: np.ndarray) -> Any:
    """Draw the trajectories of all puzzles, or of MOST_FAINT evenly spaced puzzles, as a background to the points."""
    count = len(coordinates)
    rows = np.unique(np.linspace(0, count - 1, min(count, MOST_FAINT)).astype(int))
    colour = charts.translucent(charts.colour("baseline"), 0.22 if style.by_step else 0.1)
    return _lines(style, coordinates[rows], color=colour, width=1, name="trajectories")


def traced(projection: Projection, style: PointStyle, coordinates: np.ndarray) -> list[Any]:
    """Return one trace per traced puzzle and model.

    A trace is dashed if the puzzle is unsolved after the last step. Its colour shows the outcome or, with two models,
    the model.
    """
    suffixes = [f", {name}" for name in model_names(projection)] if projection.second_model else [""]
    return [
        _lines(
            style,
            coordinates[[row]],
            **_line_style(projection, int(projection.model_index[row]), _is_solved(projection, row)),
            width=2.5,
            name=f"trajectory of puzzle {projection.puzzle_numbers[row] + 1}{suffixes[projection.model_index[row]]}",
        )
        for row in _traced_rows(projection, style)
    ]


def legend_entries(projection: Projection, style: PointStyle) -> list[Any]:
    """Return legend entries for the outcomes of traced trajectories. The two models have their own entries."""
    ends = {
        "solved" if _is_solved(projection, row) else "unsolved" for row in _traced_rows(projection, style)
    }
    no_points = np.full((1, 1, style.axes), np.nan, np.float32)
    return [
        _lines(
            style,
            no_points,
            color=charts.colour("baseline" if projection.second_model else end),
            dash=charts.DASHES[end],
            width=2.5,
            name=f"trajectory, {end} puzzle",
            showlegend=True,
        )
        for end in sorted(ends)
    ]


def _traced_rows(projection: Projection, style: PointStyle) -> list[int]:
    """Return the rows of the traced puzzles, for both models if there are two."""
    second = [row + projection.puzzle_count for row in style.traced if projection.second_model]
    return [*style.traced, *second]


def _is_solved(projection: Projection, row: int) -> bool:
    return bool(projection.field("solved").values[row, -1] == 1)


def _line_style(projection: Projection, model_index: int, solved: bool) -> dict[str, str]:
    end = "solved" if solved else "unsolved"
    meaning = meanings(projection)[model_index] if projection.second_model else end
    return {"color": charts.colour(meaning), "dash": charts.DASHES[end]}


def _lines(
    style: PointStyle,
    coordinates: np.ndarray,
    *,
    color: str,
    width: float,
    name: str,
    dash: str = "solid",
    showlegend: bool = False,
) -> Any:
    """Return one plotly trace of several trajectories, with a gap after each trajectory."""
    from plotly import graph_objects

    gap = np.full((len(coordinates), 1, style.axes), np.nan, np.float32)
    points = np.concatenate([coordinates, gap], axis=1).reshape(-1, style.axes)
    trace = graph_objects.Scatter if style.is_flat else graph_objects.Scatter3d
    return trace(
        **style.by_axis(points),
        mode="lines",
        line={"color": color, "width": width, "dash": dash},
        name=name,
        showlegend=showlegend,
        hoverinfo="skip",
    )
