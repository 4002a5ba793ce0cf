"""The grid of a moment as primitives: every cell a group of shapes with its place and meaning in words, then the lines.

How a cell is drawn depends on the kind of grid: `cells_text.py`, `cells_maze.py`, `cells_colours.py`. A mark is never a
colour alone: what changed has a corner, what breaks a rule is hatched, what is not the solution is underlined (text) or
has a bar (pictures), what stayed right has a square, a given is bold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import UInt8

from trm.export.pictures.cells import colours, maze, text
from trm.export.pictures.look import CellView, Grid
from trm.export.pictures.primitives import Cell, Shape
from trm.export.pictures.skin import COLOURS, MAZE, TEXT
from trm.export.time_point import CallView
from trm.tasks.base import Task

TRAIL = ("path", "start", "goal")
MARK_NAMES = {
    "given": "given",
    "changed": "changed",
    "dropped": "dropped from the path",
    "wrong": "not the solution",
    "kept": "right and stayed right",
}
"""In words; what `conflict` means, the skin says."""

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


def grid_parts(grid: Grid, time_point: CallView) -> Iterator[Shape]:
    """The cells that are drawn, each a Cell, then the lines over them."""
    task = grid.task
    paint = PAINTERS[grid.skin.name]
    trails = _trails(task, time_point.tokens)
    for row, column in np.ndindex(grid.rows, grid.columns):
        cell = row * task.columns + column
        look = _look(grid, time_point, row, column, trails[cell])
        yield Cell(row, column, _words(grid, time_point, row, column), tuple(paint(look)))
    yield from LINES[grid.skin.name](grid, time_point)


def _look(grid: Grid, time_point: CallView, row: int, column: int, trail: frozenset[str]) -> CellView:
    cell = row * grid.task.columns + column
    token = int(time_point.tokens[cell])
    marks = frozenset(time_point.marks(cell))
    return CellView(
        grid=grid,
        x=grid.left + column * grid.cell,
        y=grid.top + row * grid.cell,
        size=grid.cell,
        mode=time_point.mode,
        token=token,
        marks=marks,
        trail=trail,
        fading=float(time_point.fading[cell]),
        beside=None
        if time_point.beside is None or time_point.beside[cell] < 0
        else int(time_point.beside[cell]),
        sure=None if time_point.sure is None else float(time_point.sure[cell]),
        probabilities=None if time_point.probabilities is None else time_point.probabilities[cell],
    )


def _words(grid: Grid, time_point: CallView, row: int, column: int) -> str:
    """What a reader who sees nothing is told of a cell."""
    cell = row * grid.task.columns + column
    token = int(time_point.tokens[cell])
    said = [grid.task.symbol_names[token]]
    if time_point.probabilities is not None:
        said[0] += f" with probability {time_point.probabilities[cell, token]:.2f}"
    elif time_point.sure is not None:
        said[0] += f" with {time_point.sure[cell]:.2f}"
    said += (MARK_NAMES.get(mark, grid.skin.breaks) for mark in time_point.marks(cell))
    return f"row {row + 1}, column {column + 1}: {', '.join(said)}"


def _trails(task: Task, tokens: UInt8[np.ndarray, "cells"]) -> list[frozenset[str]]:
    """For each cell of a way the sides where it goes on; nothing for other cells."""
    on_way = np.isin(tokens, [token for token, look in enumerate(task.looks) if look in TRAIL])
    padded = np.pad(on_way.reshape(task.rows, task.columns), 1)
    beside = {
        "up": padded[:-2, 1:-1],
        "right": padded[1:-1, 2:],
        "down": padded[2:, 1:-1],
        "left": padded[1:-1, :-2],
    }
    sides = {side: (there & padded[1:-1, 1:-1]).ravel() for side, there in beside.items()}
    return [frozenset(side for side in sides if sides[side][cell]) for cell in range(task.cells)]
