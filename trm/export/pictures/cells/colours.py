"""Cells of colour grids (ARC)."""

from collections.abc import Iterator

import numpy as np

from trm.export.call_view import LEVELS, CallView
from trm.export.pictures.cell_view import CellView, Grid, outline, picture_marks, small_square, two_tone_hatch
from trm.export.pictures.primitives import Hatch, Shape


def paint(cell: CellView) -> Iterator[Shape]:
    """The shapes of a cell."""
    palette = cell.palette
    is_colour = cell.look.startswith("#")
    yield cell.rect(palette.grid_line if is_colour else palette.paper)
    if is_colour:
        tone = palette.mix(cell.look, cell.brightness, palette.grid_line)
        share = cell.confidence if cell.mode == "confidence" else 1
        yield cell.rect(tone, gap=1) if share == 1 else cell.square(tone, share)
    elif cell.look == "border":
        every = max(4, cell.size / 4)
        yield Hatch(cell.x, cell.y, cell.size, cell.size, palette.grid_line, 1, every)
    else:
        yield cell.square(palette.floor_line, 0.02)
    if "conflict" in cell.marks:
        yield from two_tone_hatch(cell)
    yield from _second(cell)
    if cell.secondary is not None:
        look = cell.grid.task.looks[cell.secondary]
        yield from small_square(cell, palette.paper, look if look.startswith("#") else palette.floor_line)
    yield from picture_marks(cell)


def _second(cell: CellView) -> Iterator[Shape]:
    """An inner square for the second most probable token; its area is the probability."""
    if cell.probabilities is None:
        return
    others = cell.probabilities.copy()
    others[cell.token] = -1
    second = int(np.argmax(others))
    share = round(float(others[second]) * LEVELS) / LEVELS
    if share:
        look = cell.grid.task.looks[second]
        yield cell.square(look if look.startswith("#") else cell.palette.paper, share)


def lines(grid: Grid, view: CallView) -> Iterator[Shape]:
    """The part of the crop's outline that is drawn."""
    rows, columns = (int(size) for size in grid.task.crop(view.tokens))
    rows, columns = min(rows, grid.rows), min(columns, grid.columns)
    if rows and columns:
        width, height = columns * grid.cell, rows * grid.cell
        yield from outline(grid.left - 2, grid.top - 2, width + 4, height + 4, 2, grid.palette.paper)
        yield from outline(grid.left, grid.top, width, height, 2, grid.palette.ink)
