"""The grid after a call as shapes: each cell is a group of shapes with a description, followed by the grid lines.

The type of grid determines how a cell is drawn: `text.py`, `maze.py`, `colours.py`. Marks never rely on colour alone: a
changed cell has a corner, a conflict is hatched, a wrong cell is underlined (text) or has a bar (pictures), a stably
correct cell has a square, a given is bold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import UInt8

from trm.export.call_view import CallView
from trm.export.pictures.cell_view import CellView, Grid
from trm.export.pictures.cells import colours, maze, text
from trm.export.pictures.primitives import Cell, Shape
from trm.export.pictures.skin import COLOURS, MAZE, TEXT
from trm.tasks.base import Task

PATH_KINDS = ("path", "start", "goal")
MARK_NAMES = {
    "given": "given",
    "changed": "changed",
    "dropped": "dropped from the path",
    "wrong": "wrong",
    "stable": "stayed correct",
}
"""Labels of the marks, except `conflict`, whose label depends on the skin."""

PAINTERS: dict[str, Callable[[CellView], Iterator[Shape]]] = {
    TEXT.name: text.paint,
    MAZE.name: maze.paint,
    COLOURS.name: colours.paint,
}
LINES: dict[str, Callable[[Grid, CallView], Iterator[Shape]]] = {
    TEXT.name: text.lines,
    MAZE.name: maze.lines,
    COLOURS.name: colours.lines,
}


def grid_shapes(grid: Grid, view: CallView) -> Iterator[Shape]:
    """The drawn cells, each as a `Cell`, followed by the lines over them."""
    task = grid.task
    paint = PAINTERS[grid.skin.name]
    joints = _joints(task, view.tokens)
    for row, column in np.ndindex(grid.rows, grid.columns):
        cell = row * task.columns + column
        shapes = paint(_cell_view(grid, view, row, column, joints[cell]))
        yield Cell(row, column, _description(grid, view, row, column), tuple(shapes))
    yield from LINES[grid.skin.name](grid, view)


def _cell_view(grid: Grid, view: CallView, row: int, column: int, joints: frozenset[str]) -> CellView:
    cell = row * grid.task.columns + column
    token = int(view.tokens[cell])
    marks = frozenset(view.marks(cell))
    return CellView(
        grid=grid,
        x=grid.left + column * grid.cell,
        y=grid.top + row * grid.cell,
        size=grid.cell,
        mode=view.mode,
        token=token,
        marks=marks,
        joints=joints,
        fading=float(view.fading[cell]),
        secondary=None if view.secondary is None or view.secondary[cell] < 0 else int(view.secondary[cell]),
        confidence=None if view.confidence is None else float(view.confidence[cell]),
        probabilities=None if view.probabilities is None else view.probabilities[cell],
    )


def _description(grid: Grid, view: CallView, row: int, column: int) -> str:
    """The description of a cell for screen readers."""
    cell = row * grid.task.columns + column
    token = int(view.tokens[cell])
    parts = [grid.task.symbol_names[token]]
    if view.probabilities is not None:
        parts[0] += f" with probability {view.probabilities[cell, token]:.2f}"
    elif view.confidence is not None:
        parts[0] += f" with confidence {view.confidence[cell]:.2f}"
    parts += (MARK_NAMES.get(mark, grid.skin.conflict) for mark in view.marks(cell))
    return f"row {row + 1}, column {column + 1}: {', '.join(parts)}"


def _joints(task: Task, tokens: UInt8[np.ndarray, "cells"]) -> list[frozenset[str]]:
    """For each path cell, the sides where the path continues; empty for other cells."""
    on_path = np.isin(tokens, [token for token, look in enumerate(task.looks) if look in PATH_KINDS])
    padded = np.pad(on_path.reshape(task.rows, task.columns), 1)
    neighbours = {
        "up": padded[:-2, 1:-1],
        "right": padded[1:-1, 2:],
        "down": padded[2:, 1:-1],
        "left": padded[1:-1, :-2],
    }
    sides = {side: (there & padded[1:-1, 1:-1]).ravel() for side, there in neighbours.items()}
    return [frozenset(side for side in sides if sides[side][cell]) for cell in range(task.cells)]
