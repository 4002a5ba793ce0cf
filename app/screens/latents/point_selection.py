"""Selection of points in the projection: a lasso or box selects puzzles, and a click opens a puzzle in Solve.

The session stores the selection, so it remains when the figure is redrawn, for example with another trajectory. A
double click clears the selection.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app.state import links
from probes.latents.projection import Projection, StepCurve

CHART = "latents_projection"
SELECTED, CLICKED, AREAS = "latents_selected", "latents_clicked", "latents_areas"


@dataclass(frozen=True)
class PuzzleSelection:
    """The rows of the selected puzzles, and the last selected time point of each puzzle."""

    rows: tuple[int, ...]
    time_points: tuple[int, ...]


def on_select() -> None:
    """Callback of the chart: the selection changed, or a point was clicked."""
    event = st.session_state.get(CHART) or {}
    selection = event.get("selection") or {}
    points = selected_points(selection.get("points") or [])
    areas = [*(selection.get("box") or []), *(selection.get("lasso") or [])]
    is_new_area = areas != st.session_state.get(AREAS, [])  # an area remains drawn while points are clicked
    st.session_state[AREAS] = areas
    if len(points) == 1 and not is_new_area:
        st.session_state[CLICKED] = points[0]
    else:
        st.session_state[SELECTED] = selection_of(points)


def selected_points(sent: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Return row and time point of the points sent by the browser.

    Points without a row and a time point (trajectories, legend) are left out.
    """
    points = []
    for point in sent:
        match point.get("customdata"):
            case [int(row), int(time_point), *_]:
                points.append((row, time_point))
            case {"0": int(row), "1": int(time_point)}:
                points.append((row, time_point))
    return points


def selection_of(points: list[tuple[int, int]]) -> PuzzleSelection | None:
    """Return the puzzles to which the points belong, in the order of the set; None if there are no points."""
    latest: dict[int, int] = {}
    for row, time_point in points:
        latest[row] = max(time_point, latest.get(row, -1))
    rows = tuple(sorted(latest))
    return PuzzleSelection(rows, tuple(latest[row] for row in rows)) if rows else None


def selected(projection: Projection) -> PuzzleSelection | None:
    """Return the current selection; None if there is no selection or it does not fit this projection."""
    selection = st.session_state.get(SELECTED)
    fits = (
        selection
        and max(selection.rows) < len(projection)
        and max(selection.time_points) < len(projection.calls)
    )
    return selection if fits else None


def clear() -> None:
    """Clear the selection and the clicked point."""
    st.session_state[SELECTED] = st.session_state[CLICKED] = None


def open_clicked(projection: Projection) -> None:
    """Open the puzzle of the clicked point, if any, in Solve at the point's call."""
    clicked = st.session_state.get(CLICKED)
    st.session_state[CLICKED] = None
    if clicked and clicked[0] < len(projection) and clicked[1] < len(projection.calls):
        links.follow(link(projection, *clicked))


def link(projection: Projection, row: int, time_point: int) -> dict[str, str]:
    """Return the link that opens a point in Solve: its puzzle, its call and, for a projection of one cell, that cell."""
    at, provenance = projection.call_of(row, time_point), projection.provenance_of(row)
    cell = None
    if projection.position.startswith("r"):
        cell_row, column = projection.position[1:].split("c")
        cell = (int(cell_row) - 1, int(column) - 1)
    return links.place(
        model=provenance.model,
        puzzle=projection.puzzles[row],
        at=(at.supervision_step, at.cycle, at.call),
        cell=cell,
    )


def table(projection: Projection, rows: tuple[int, ...], time_points: tuple[int, ...]) -> dict[str, list]:
    """Return table columns with one row per selected puzzle, each with a link to Solve."""
    solved = projection.field("solved").labels()
    columns: dict[str, list] = {
        "puzzle": [int(projection.puzzle_numbers[row]) + 1 for row in rows],
        **(
            {"model": [projection.provenance_of(row).model for row in rows]}
            if projection.second_model
            else {}
        ),
        "solved at the end": [solved[row, -1] == "yes" for row in rows],
    }
    names = [field.name for field in projection.fields]
    for name in ("difficulty", "givens"):
        if name in names:
            field = projection.field(name)
            columns[field.title] = field.labels()[list(rows), 0].tolist()
    for curve in projection.curves:
        if curve.name.startswith("residual"):
            columns[f"last {curve.title}"] = last_values(curve, rows)
    columns["open in Solve"] = [
        links.address(link(projection, row, time_point))
        for row, time_point in zip(rows, time_points, strict=True)
    ]
    return columns


def last_values(curve: StepCurve, rows: tuple[int, ...]) -> list[float]:
    """Return the last value of a curve for each puzzle."""
    return [float(value) for value in np.asarray(curve.values)[list(rows), -1]]
