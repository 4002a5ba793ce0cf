"""The grid of a moment as primitives: every cell a group of shapes with its place and meaning in words, then the lines.

How a cell is drawn depends on the kind of grid: `cells_text.py`, `cells_maze.py`, `cells_colours.py`. A mark is never a
colour alone: what changed has a corner, what breaks a rule is hatched, what is not the solution is underlined (text) or
has a bar (pictures), what stayed right has a square, a given is bold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import UInt8

from trm.export.moment import Moment
from trm.export.pictures.cells import colours, maze, text
from trm.export.pictures.look import Grid, Look
from trm.export.pictures.primitives import Cell, Part
from trm.export.pictures.skin import COLOURS, MAZE, TEXT
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

PAINTERS: dict[str, Callable[[Look], Iterator[Part]]] = {
    TEXT.name: text.paint,
    MAZE.name: maze.paint,
    COLOURS.name: colours.paint,
}
LINES: dict[str, Callable[[Grid, Moment], Iterator[Part]]] = {
    TEXT.name: text.lines,
    MAZE.name: maze.lines,
    COLOURS.name: colours.lines,
}


def grid_parts(grid: Grid, moment: Moment) -> Iterator[Part]:
    """The cells that are drawn, each a Cell, then the lines over them."""
    task = grid.task
    paint = PAINTERS[grid.skin.name]
    trails = _trails(task, moment.tokens)
    for row, column in np.ndindex(grid.rows, grid.columns):
        cell = row * task.columns + column
        look = _look(grid, moment, row, column, trails[cell])
        yield Cell(row, column, _words(grid, moment, row, column), tuple(paint(look)))
    yield from LINES[grid.skin.name](grid, moment)


def _look(grid: Grid, moment: Moment, row: int, column: int, trail: frozenset[str]) -> Look:
    cell = row * grid.task.columns + column
    token = int(moment.tokens[cell])
    marks = frozenset(moment.marks(cell))
    return Look(
        grid=grid,
        x=grid.left + column * grid.cell,
        y=grid.top + row * grid.cell,
        size=grid.cell,
        mode=moment.mode,
        token=token,
        marks=marks,
        trail=trail,
        fading=float(moment.fading[cell]),
        beside=None if moment.beside is None or moment.beside[cell] < 0 else int(moment.beside[cell]),
        sure=None if moment.sure is None else float(moment.sure[cell]),
        probabilities=None if moment.probabilities is None else moment.probabilities[cell],
    )


def _words(grid: Grid, moment: Moment, row: int, column: int) -> str:
    """What a reader who sees nothing is told of a cell."""
    cell = row * grid.task.columns + column
    token = int(moment.tokens[cell])
    said = [grid.task.symbol_names[token]]
    if moment.probabilities is not None:
        said[0] += f" with probability {moment.probabilities[cell, token]:.2f}"
    elif moment.sure is not None:
        said[0] += f" with {moment.sure[cell]:.2f}"
    said += (MARK_NAMES.get(mark, grid.skin.breaks) for mark in moment.marks(cell))
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
