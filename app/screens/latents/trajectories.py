"""The ways of puzzles through the cloud: those of all, faint, and those of the chosen ones. Places are (puzzles, calls, axes)."""

from typing import Any

import numpy as np

from app.screens.latents.points import Look, meanings, models
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
    """The ways of the chosen puzzles, one trace each: dashed where they end unsolved, in the colour of how they end, or of two
    models in that of the model.
    """
    mates = [row + scene.puzzle_count for row in look.ways if scene.partner]
    of = [f" of {name}" for name in models(scene)] if scene.partner else [""]
    return [
        _lines(
            look,
            places[[row]],
            **_style(scene, int(scene.owner[row]), _is_solved(scene, row)),
            width=2.5,
            name=f"way of puzzle {scene.numbers[row] + 1}{of[scene.owner[row]]}",
        )
        for row in [*look.ways, *mates]
    ]


def keys(scene: Scene, look: Look) -> list[Any]:
    """How the chosen ways end, as entries of the legend; whose they are on a joint map the entries of the models say."""
    rows = [*look.ways, *(row + scene.puzzle_count for row in look.ways if scene.partner)]
    ends = {"solved" if _is_solved(scene, row) else "unsolved" for row in rows}
    nowhere = np.full((1, 1, look.axes), np.nan, np.float32)
    return [
        _lines(
            look,
            nowhere,
            color=charts.colour("baseline" if scene.partner else end),
            dash=charts.DASHES[end],
            width=2.5,
            name=f"way: ends {end}",
            showlegend=True,
        )
        for end in sorted(ends)
    ]


def _is_solved(scene: Scene, row: int) -> bool:
    return bool(scene.field("solved").values[row, -1] == 1)


def _style(scene: Scene, owner: int, solved: bool) -> dict[str, str]:
    ends = "solved" if solved else "unsolved"
    meaning = meanings(scene)[owner] if scene.partner else ends
    return {"color": charts.colour(meaning), "dash": charts.DASHES[ends]}


def _lines(
    look: Look,
    ways: np.ndarray,
    *,
    color: str,
    width: float,
    name: str,
    dash: str = "solid",
    showlegend: bool = False,
) -> Any:
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
        showlegend=showlegend,
        hoverinfo="skip",
    )
