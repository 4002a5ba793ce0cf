"""The ways of puzzles through the cloud: those of all, faint, and those of the chosen ones. Places are (puzzles, calls, axes)."""

from typing import Any

import numpy as np

from app.screens.latents.points import Look, models
from app.ui import charts
from probes.latents.projection import Scene

MOST_FAINT = 150


def faint(look: Look, places: np.ndarray) -> Any:
    """The ways of all puzzles, or of some evenly spread: where a step's points come from and go to."""
    count = len(places)
    rows = np.unique(np.linspace(0, count - 1, min(count, MOST_FAINT)).astype(int))
    colour = charts.translucent(charts.colour("baseline"), 0.22 if look.by_step else 0.1)
    return _lines(look, places[rows], color=colour, width=1, name="ways")


def chosen(scene: Scene, look: Look, places: np.ndarray) -> list[Any]:
    """The ways of the chosen puzzles, one trace each, in the colour of how they end; of two models a dashed one for the second."""
    solved, owner = scene.field("solved").values[:, -1], scene.owner
    mates = [row + scene.puzzle_count for row in look.ways if scene.partner]
    of = [f" of {name}" for name in models(scene)] if scene.partner else [""]
    return [
        _lines(
            look,
            places[[row]],
            color=charts.colour("solved" if solved[row] == 1 else "unsolved"),
            width=2.5,
            name=f"way of puzzle {scene.numbers[row]}{of[owner[row]]}",
            dash="dash" if owner[row] else "solid",
        )
        for row in [*look.ways, *mates]
    ]


def _lines(look: Look, ways: np.ndarray, *, color: str, width: float, name: str, dash: str = "solid") -> Any:
    """One trace of several ways, with a gap after each."""
    from plotly import graph_objects

    gap = np.full((len(ways), 1, look.axes), np.nan, np.float32)
    along = np.concatenate([ways, gap], axis=1).reshape(-1, look.axes)
    kind = graph_objects.Scatter if look.is_flat else graph_objects.Scatter3d
    return kind(
        **look.along(along),
        mode="lines",
        line={"color": color, "width": width, "dash": dash},
        name=name,
        showlegend=False,
        hoverinfo="skip",
    )
