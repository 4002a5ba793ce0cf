"""The ways of puzzles through the cloud: those of all, faint, and those of the chosen ones. Places are (puzzles, calls, axes)."""

from typing import Any

import numpy as np

from app.screens.latents.points import PointStyle, meanings, model_names
from app.ui import charts
from probes.latents.projection import Projection

MOST_FAINT = 150


def faint(style: PointStyle, coordinates: np.ndarray) -> Any:
    """The ways of all puzzles, or of some evenly spread: where a step's points come from and go to."""
    count = len(coordinates)
    rows = np.unique(np.linspace(0, count - 1, min(count, MOST_FAINT)).astype(int))
    colour = charts.translucent(charts.colour("baseline"), 0.22 if style.by_step else 0.1)
    return _lines(style, coordinates[rows], color=colour, width=1, name="ways")


def traced(projection: Projection, style: PointStyle, coordinates: np.ndarray) -> list[Any]:
    """The ways of the chosen puzzles, one trace each: dashed where they end unsolved, in the colour of how they end, or of two
    models in that of the model.
    """
    mates = [row + projection.puzzle_count for row in style.traced if projection.second_model]
    of = [f" of {name}" for name in model_names(projection)] if projection.second_model else [""]
    return [
        _lines(
            style,
            coordinates[[row]],
            **_style(projection, int(projection.model_index[row]), _is_solved(projection, row)),
            width=2.5,
            name=f"way of puzzle {projection.puzzle_numbers[row] + 1}{of[projection.model_index[row]]}",
        )
        for row in [*style.traced, *mates]
    ]


def legend_entries(projection: Projection, style: PointStyle) -> list[Any]:
    """How the chosen ways end, as entries of the legend; whose they are on a joint map the entries of the models say."""
    rows = [
        *style.traced,
        *(row + projection.puzzle_count for row in style.traced if projection.second_model),
    ]
    ends = {"solved" if _is_solved(projection, row) else "unsolved" for row in rows}
    nowhere = np.full((1, 1, style.axes), np.nan, np.float32)
    return [
        _lines(
            style,
            nowhere,
            color=charts.colour("baseline" if projection.second_model else end),
            dash=charts.DASHES[end],
            width=2.5,
            name=f"way: ends {end}",
            showlegend=True,
        )
        for end in sorted(ends)
    ]


def _is_solved(projection: Projection, row: int) -> bool:
    return bool(projection.field("solved").values[row, -1] == 1)


def _style(projection: Projection, owner: int, solved: bool) -> dict[str, str]:
    ends = "solved" if solved else "unsolved"
    meaning = meanings(projection)[owner] if projection.second_model else ends
    return {"color": charts.colour(meaning), "dash": charts.DASHES[ends]}


def _lines(
    style: PointStyle,
    trajectories: np.ndarray,
    *,
    color: str,
    width: float,
    name: str,
    dash: str = "solid",
    showlegend: bool = False,
) -> Any:
    """One trace of several ways, with a gap after each."""
    from plotly import graph_objects

    gap = np.full((len(trajectories), 1, style.axes), np.nan, np.float32)
    along = np.concatenate([trajectories, gap], axis=1).reshape(-1, style.axes)
    kind = graph_objects.Scatter if style.is_flat else graph_objects.Scatter3d
    return kind(
        **style.along(along),
        mode="lines",
        line={"color": color, "width": width, "dash": dash},
        name=name,
        showlegend=showlegend,
        hoverinfo="skip",
    )
