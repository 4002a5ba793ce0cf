"""The grid of a moment as primitives: digits on paper, a maze, or colours, each with the player's marks.

A mark is never a colour alone: what changed has a corner, what breaks a rule is hatched, what is not the solution is
underlined (text) or has a bar (pictures), a given is bold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from trm.export.fonts import Length, measure
from trm.export.primitives import (
    ACCENT,
    FAINT,
    HATCH,
    INK,
    PAPER,
    SOFT,
    SURFACE,
    WRONG,
    Cell,
    Corner,
    Disc,
    Hatch,
    Part,
    Rect,
    Text,
)
from trm.export.run import Moment
from trm.export.skin import COLOURS, MAZE, TEXT, Skin
from trm.tasks.base import Task

WALL, GOAL = "#29313a", "#007763"
CELL_LINE, FLOOR_LINE, GRID_LINE = "#cacccd", "#e7e8e8", "#9ca0a4"
TRAIL = ("path", "start", "goal")
MARK_NAMES = {"given": "given", "changed": "changed", "wrong": "not the solution"}
CAPITAL = 0.7  # height of a capital or a digit, in sizes of the letter


@dataclass(frozen=True)
class Grid:
    """The part of a task's grid that is drawn, and where."""

    task: Task
    skin: Skin
    rows: int
    columns: int
    cell: int
    left: int
    top: int


@dataclass(frozen=True)
class Look:
    """One cell to be drawn."""

    x: Length
    y: Length
    size: Length
    look: str  # of Task.looks
    symbol: str
    empty: bool  # blank or padding
    marks: frozenset[str]
    trail: frozenset[str]  # sides where a way goes on: up, right, down, left

    @property
    def middle(self) -> tuple[Length, Length]:
        return self.x + self.size / 2, self.y + self.size / 2


def grid_parts(grid: Grid, moment: Moment) -> Iterator[Part]:
    """The cells that are drawn, each a Cell, then the lines over them."""
    task = grid.task
    names = task.symbol_names
    paint = PAINTERS[grid.skin.name]
    trails = _trails(task, moment.tokens)
    for row, column in np.ndindex(grid.rows, grid.columns):
        cell = row * task.columns + column
        token = int(moment.tokens[cell])
        empty = names[token] in ("blank", "pad")
        marks = moment.marks(cell)
        look = Look(
            x=grid.left + column * grid.cell,
            y=grid.top + row * grid.cell,
            size=grid.cell,
            look=task.looks[token],
            symbol=task.symbols[token],
            empty=empty,
            marks=frozenset(marks),
            trail=trails[cell],
        )
        said = [names[token], *(MARK_NAMES.get(mark, grid.skin.breaks) for mark in marks)]
        words = f"row {row + 1}, column {column + 1}: {', '.join(said)}"
        yield Cell(row, column, words, tuple(paint(look)))
    yield from LINES[grid.skin.name](grid, moment)


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


# text


def _text_cell(cell: Look) -> Iterator[Part]:
    yield Rect(cell.x, cell.y, cell.size, cell.size, SURFACE if "given" in cell.marks else PAPER)
    if "conflict" in cell.marks:
        yield Hatch(cell.x, cell.y, cell.size, cell.size, HATCH, 2.5, 10)
    if "changed" in cell.marks:
        yield Corner(cell.x, cell.y, cell.size * 0.24, ACCENT)
    size = cell.size * 0.6
    x, y = cell.middle
    baseline = y + size * CAPITAL / 2
    tone = WRONG if "wrong" in cell.marks else FAINT if cell.empty else INK
    yield Text(x, baseline, cell.symbol, size, tone, bold="given" in cell.marks, middle=True)
    if "wrong" in cell.marks:
        width = measure(cell.symbol, size)
        yield Rect(x - width / 2, baseline + size * 0.1, width, size * 0.09, WRONG)


def _text_lines(grid: Grid, moment: Moment) -> Iterator[Part]:
    """Thin lines between cells, over them strong ones between boxes and around."""
    width, height = grid.columns * grid.cell, grid.rows * grid.cell
    box_rows, box_columns = getattr(grid.task, "box_rows", 0), getattr(grid.task, "box_columns", 0)
    for strong, thick, tone in ((False, 1, CELL_LINE), (True, 2, INK)):
        for row in range(1, grid.rows):
            if _closes_box(row, box_rows) == strong:
                yield Rect(grid.left, grid.top + row * grid.cell - 1, width, thick, tone)
        for column in range(1, grid.columns):
            if _closes_box(column, box_columns) == strong:
                yield Rect(grid.left + column * grid.cell - 1, grid.top, thick, height, tone)
    yield from _outline(grid.left, grid.top, width, height, 2, INK)


def _closes_box(place: int, box: int) -> bool:
    return bool(box) and place % box == 0


def _outline(x: Length, y: Length, width: Length, height: Length, thick: Length, tone: str) -> Iterator[Part]:
    """Four lines around a rectangle, outside of it."""
    yield Rect(x - thick, y - thick, width + 2 * thick, thick, tone)
    yield Rect(x - thick, y + height, width + 2 * thick, thick, tone)
    yield Rect(x - thick, y, thick, height, tone)
    yield Rect(x + width, y, thick, height, tone)


# pictures


def _maze_cell(cell: Look) -> Iterator[Part]:
    yield Rect(cell.x, cell.y, cell.size, cell.size, FLOOR_LINE)
    yield Rect(cell.x, cell.y, cell.size - 1, cell.size - 1, PAPER)
    if "conflict" in cell.marks:
        yield from _two_tone_hatch(cell)
    x, y = cell.middle
    if cell.look == "wall":
        yield Rect(cell.x, cell.y, cell.size, cell.size, WALL)
    elif cell.look == "path":
        yield from _way(cell, 0.26, WRONG if "wrong" in cell.marks else ACCENT)
    elif cell.look == "start":
        yield from _way(cell, 0.46, ACCENT)
    elif cell.look == "goal":
        yield from _way(cell, 0.1, ACCENT)
        side = cell.size * 0.84
        yield Rect(x - side / 2, y - side / 2, side, side, GOAL)
    if cell.look in ("start", "goal"):
        size = cell.size * 0.62
        yield Text(x, y + size * CAPITAL / 2, cell.symbol, size, PAPER, bold=True, middle=True)
    yield from _picture_marks(cell)


def _way(cell: Look, radius: Length, tone: str) -> Iterator[Part]:
    """A dot, and a bar from it to every side where the way goes on."""
    x, y = cell.middle
    half, thick = cell.size / 2, cell.size * 0.34
    bars = {
        "up": (x - thick / 2, cell.y, thick, half),
        "right": (x, y - thick / 2, half, thick),
        "down": (x - thick / 2, y, thick, half),
        "left": (cell.x, y - thick / 2, half, thick),
    }
    yield from (Rect(*bars[side], tone) for side in bars if side in cell.trail)
    yield Disc(x, y, cell.size * radius, tone)


def _colour_cell(cell: Look) -> Iterator[Part]:
    yield Rect(cell.x, cell.y, cell.size, cell.size, GRID_LINE if cell.look.startswith("#") else PAPER)
    if cell.look.startswith("#"):
        yield Rect(cell.x, cell.y, cell.size - 1, cell.size - 1, cell.look)
    elif cell.look == "border":
        yield Hatch(cell.x, cell.y, cell.size, cell.size, GRID_LINE, 1, max(4, cell.size / 4))
    else:
        x, y = cell.middle
        yield Rect(x - 1, y - 1, 2, 2, FLOOR_LINE)
    if "conflict" in cell.marks:
        yield from _two_tone_hatch(cell)
    yield from _picture_marks(cell)


def _two_tone_hatch(cell: Look) -> Iterator[Part]:
    """Seen on any colour."""
    place = (cell.x, cell.y, cell.size, cell.size)
    thick, every = max(1.0, cell.size / 14), max(6.0, cell.size / 3)
    yield Hatch(*place, PAPER, 2.8 * thick, every)
    yield Hatch(*place, SOFT, 1.4 * thick, every)


def _picture_marks(cell: Look) -> Iterator[Part]:
    """In two tones, so that they stand out on any colour."""
    if "changed" in cell.marks:
        yield Corner(cell.x, cell.y, cell.size * 0.42, PAPER)
        yield Corner(cell.x, cell.y, cell.size * 0.33, ACCENT)
    if "wrong" in cell.marks:
        inset, thick, rim = cell.size * 0.14, max(2.0, cell.size * 0.14), max(1.0, cell.size * 0.04)
        x, y, width = cell.x + inset, cell.y + cell.size - rim - thick, cell.size - 2 * inset
        yield Rect(x - rim, y - rim, width + 2 * rim, thick + 2 * rim, PAPER)
        yield Rect(x, y, width, thick, WRONG)


def _maze_lines(grid: Grid, moment: Moment) -> Iterator[Part]:
    yield from _outline(grid.left, grid.top, grid.columns * grid.cell, grid.rows * grid.cell, 2, INK)


def _crop_lines(grid: Grid, moment: Moment) -> Iterator[Part]:
    """Around what counts of the grid."""
    rows, columns = (int(size) for size in grid.task.crop(moment.tokens))
    if rows and columns:
        width, height = columns * grid.cell, rows * grid.cell
        yield from _outline(grid.left - 2, grid.top - 2, width + 4, height + 4, 2, PAPER)
        yield from _outline(grid.left, grid.top, width, height, 2, INK)


PAINTERS: dict[str, Callable[[Look], Iterator[Part]]] = {
    TEXT.name: _text_cell,
    MAZE.name: _maze_cell,
    COLOURS.name: _colour_cell,
}
LINES: dict[str, Callable[[Grid, Moment], Iterator[Part]]] = {
    TEXT.name: _text_lines,
    MAZE.name: _maze_lines,
    COLOURS.name: _crop_lines,
}
