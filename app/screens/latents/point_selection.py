"""Which points a person picked in the cloud: a lasso or box chooses puzzles, a click goes to one.

What was chosen stays in the session while the figure is drawn anew, as when a way is added; a double click lets it go.
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
    """Puzzles that were picked, and the last of the moments at which each was."""

    rows: tuple[int, ...]
    time_points: tuple[int, ...]


def on_select() -> None:
    """Callback of the chart: something was selected, or nothing any more."""
    event = st.session_state.get(CHART) or {}
    selection = event.get("selection") or {}
    picked = selected_points(selection.get("points") or [])
    areas = [*(selection.get("box") or []), *(selection.get("lasso") or [])]
    drawn = areas != st.session_state.get(AREAS, [])  # an area stays drawn while points are clicked
    st.session_state[AREAS] = areas
    if len(picked) == 1 and not drawn:
        st.session_state[CLICKED] = picked[0]
    else:
        st.session_state[SELECTED] = selection_of(picked)


def selected_points(sent: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Row and moment of what the browser sent; what has none (ways, the legend) is left out."""
    found = []
    for point in sent:
        match point.get("customdata"):
            case [int(row), int(time_point), *_]:
                found.append((row, time_point))
            case {"0": int(row), "1": int(time_point)}:
                found.append((row, time_point))
    return found


def selection_of(picked: list[tuple[int, int]]) -> PuzzleSelection | None:
    """The puzzles of some points, in the order of their set."""
    last: dict[int, int] = {}
    for row, time_point in picked:
        last[row] = max(time_point, last.get(row, -1))
    rows = tuple(sorted(last))
    return PuzzleSelection(rows, tuple(last[row] for row in rows)) if rows else None


def selected(projection: Projection) -> PuzzleSelection | None:
    """What is chosen of this projection."""
    found = st.session_state.get(SELECTED)
    fits = found and max(found.rows) < len(projection) and max(found.time_points) < len(projection.calls)
    return found if fits else None


def clear() -> None:
    st.session_state[SELECTED] = st.session_state[CLICKED] = None


def open_clicked(projection: Projection) -> None:
    """Where a point was clicked, leave for its puzzle and step in Solve."""
    wish = st.session_state.get(CLICKED)
    st.session_state[CLICKED] = None
    if wish and wish[0] < len(projection) and wish[1] < len(projection.calls):
        links.follow(link(projection, *wish))


def link(projection: Projection, row: int, time_point: int) -> dict[str, str]:
    """The link to a point in Solve: its puzzle, its call, and its cell where one is followed."""
    at, metadata = projection.call_of(row, time_point), projection.metadata_of(row)
    cell = None
    if projection.metadata.position.startswith("r"):
        row_name, column = projection.metadata.position[1:].split("c")
        cell = (int(row_name) - 1, int(column) - 1)
    return links.place(
        model=metadata.model,
        puzzle=projection.puzzles[row],
        at=(at.supervision_step, at.cycle, at.call),
        cell=cell,
    )


def table(projection: Projection, rows: tuple[int, ...], time_points: tuple[int, ...]) -> dict[str, list]:
    """A line for each of these puzzles, with a link to it in Solve."""
    solved = projection.field("solved").words()
    found: dict[str, list] = {
        "puzzle": [int(projection.puzzle_numbers[row]) + 1 for row in rows],
        **({"model": [projection.metadata_of(row).model for row in rows]} if projection.second_model else {}),
        "ends solved": [solved[row, -1] == "yes" for row in rows],
    }
    known = [field.name for field in projection.fields]
    for name in ("difficulty", "givens"):
        if name in known:
            field = projection.field(name)
            found[field.title] = field.words()[list(rows), 0].tolist()
    for curve in projection.curves:
        if curve.name.startswith("residual"):
            found[f"last {curve.title}"] = last(curve, rows)
    found["open in Solve"] = [
        links.address(link(projection, row, time_point))
        for row, time_point in zip(rows, time_points, strict=True)
    ]
    return found


def last(curve: StepCurve, rows: tuple[int, ...]) -> list[float]:
    """The last number of a curve, of each puzzle."""
    return [float(value) for value in np.asarray(curve.values)[list(rows), -1]]
