"""Which points a person picked in the cloud: a lasso or box chooses puzzles, a click goes to one.

What was chosen stays in the session while the figure is drawn anew, as when a way is added; a double click lets it go.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app.state import links
from probes.latents.projection import Curve, Scene

CHART = "latents_cloud"
CHOSEN, GO, AREAS = "latents_chosen", "latents_go", "latents_areas"


@dataclass(frozen=True)
class Chosen:
    """Puzzles that were picked, and the last of the moments at which each was."""

    rows: tuple[int, ...]
    time_points: tuple[int, ...]


def take() -> None:
    """Callback of the chart: something was selected, or nothing any more."""
    event = st.session_state.get(CHART) or {}
    selection = event.get("selection") or {}
    picked = points(selection.get("points") or [])
    areas = [*(selection.get("box") or []), *(selection.get("lasso") or [])]
    drawn = areas != st.session_state.get(AREAS, [])  # an area stays drawn while points are clicked
    st.session_state[AREAS] = areas
    if len(picked) == 1 and not drawn:
        st.session_state[GO] = picked[0]
    else:
        st.session_state[CHOSEN] = chosen_of(picked)


def points(sent: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Row and moment of what the browser sent; what has none (ways, the legend) is left out."""
    found = []
    for point in sent:
        match point.get("customdata"):
            case [int(row), int(time_point), *_]:
                found.append((row, time_point))
            case {"0": int(row), "1": int(time_point)}:
                found.append((row, time_point))
    return found


def chosen_of(picked: list[tuple[int, int]]) -> Chosen | None:
    """The puzzles of some points, in the order of their set."""
    last: dict[int, int] = {}
    for row, time_point in picked:
        last[row] = max(time_point, last.get(row, -1))
    rows = tuple(sorted(last))
    return Chosen(rows, tuple(last[row] for row in rows)) if rows else None


def chosen(scene: Scene) -> Chosen | None:
    """What is chosen of this scene."""
    found = st.session_state.get(CHOSEN)
    fits = found and max(found.rows) < len(scene) and max(found.time_points) < len(scene.calls)
    return found if fits else None


def forget() -> None:
    st.session_state[CHOSEN] = st.session_state[GO] = None


def go(scene: Scene) -> None:
    """Where a point was clicked, leave for its puzzle and step in Solve."""
    wish = st.session_state.get(GO)
    st.session_state[GO] = None
    if wish and wish[0] < len(scene) and wish[1] < len(scene.calls):
        links.follow(link(scene, *wish))


def link(scene: Scene, row: int, time_point: int) -> dict[str, str]:
    """The link to a point in Solve: its puzzle, its call, and its cell where one is followed."""
    at, about = scene.call_of(row, time_point), scene.about_of(row)
    cell = None
    if scene.about.position.startswith("r"):
        row_name, column = scene.about.position[1:].split("c")
        cell = (int(row_name) - 1, int(column) - 1)
    return links.place(
        model=about.model,
        puzzle=scene.puzzles[row],
        at=(at.supervision_step, at.cycle, at.call),
        cell=cell,
    )


def table(scene: Scene, rows: tuple[int, ...], time_points: tuple[int, ...]) -> dict[str, list]:
    """A line for each of these puzzles, with a link to it in Solve."""
    solved = scene.field("solved").words()
    found: dict[str, list] = {
        "puzzle": [int(scene.numbers[row]) + 1 for row in rows],
        **({"model": [scene.about_of(row).model for row in rows]} if scene.partner else {}),
        "ends solved": [solved[row, -1] == "yes" for row in rows],
    }
    known = [field.name for field in scene.fields]
    for name in ("difficulty", "givens"):
        if name in known:
            field = scene.field(name)
            found[field.title] = field.words()[list(rows), 0].tolist()
    for curve in scene.curves:
        if curve.name.startswith("residual"):
            found[f"last {curve.title}"] = last(curve, rows)
    found["open in Solve"] = [
        links.address(link(scene, row, time_point)) for row, time_point in zip(rows, time_points, strict=True)
    ]
    return found


def last(curve: Curve, rows: tuple[int, ...]) -> list[float]:
    """The last number of a curve, of each puzzle."""
    return [float(value) for value in np.asarray(curve.values)[list(rows), -1]]
