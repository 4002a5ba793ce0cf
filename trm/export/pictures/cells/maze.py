"""Cells of mazes: walls, floor, and a path whose neighbouring cells are joined."""

from collections.abc import Iterator

from trm.export.call_view import CallView
from trm.export.pictures.cell_view import (
    CAPITAL,
    CellView,
    Grid,
    outline,
    picture_marks,
    small_square,
    two_tone_hatch,
)
from trm.export.pictures.fonts import Length
from trm.export.pictures.primitives import Disc, Rect, Ring, Shape, Text


def paint(cell: CellView) -> Iterator[Shape]:
    """The shapes of a cell."""
    palette = cell.palette
    ground = (
        palette.mix(palette.accent, 0.5 * cell.confidence) if cell.mode == "confidence" else palette.paper
    )
    yield cell.rect(palette.floor_line)
    yield cell.rect(ground, gap=1)
    if "conflict" in cell.marks:
        yield from two_tone_hatch(cell)
    if cell.mode == "probabilities" and "given" not in cell.marks:
        yield from _probability(cell)
    else:
        yield from _thing(cell)
    if cell.secondary is not None:
        yield from small_square(cell, palette.soft, _tone(cell, cell.secondary))
    yield from picture_marks(cell)


def _thing(cell: CellView) -> Iterator[Shape]:
    """The content of a cell: start is a disc with its letter, goal is a square with its letter."""
    palette = cell.palette

    def bright(tone: str) -> str:
        return palette.mix(tone, cell.brightness)

    if cell.look == "wall":
        yield cell.rect(bright(palette.wall))
    elif cell.look == "path":
        yield from _path(cell, 0.26, bright(palette.wrong if "wrong" in cell.marks else palette.accent))
    elif cell.look == "start":
        yield from _path(cell, 0.46, bright(palette.accent))
        yield _letter(cell, palette.paper)
    elif cell.look == "goal":
        yield from _path(cell, 0.1, bright(palette.accent))
        yield cell.square(bright(palette.goal), 0.72)
        yield _letter(cell, palette.on_goal)
    elif cell.fading:
        x, y = cell.middle
        tone = palette.mix(palette.accent, cell.fading)
        yield Ring(x, y, cell.size * 0.2, max(1, cell.size * 0.12), tone)


def _probability(cell: CellView) -> Iterator[Shape]:
    """A dot whose area is the probability of path."""
    if cell.probabilities is not None:
        p = float(cell.probabilities[cell.grid.task.looks.index("path")])
        yield Disc(*cell.middle, cell.size * 0.46 * p**0.5, cell.palette.accent)


def _path(cell: CellView, radius: Length, tone: str) -> Iterator[Shape]:
    """A dot, and a bar to each side where the path continues."""
    x, y = cell.middle
    half, thick = cell.size / 2, cell.size * 0.34
    bars = {
        "up": (x - thick / 2, cell.y, thick, half),
        "right": (x, y - thick / 2, half, thick),
        "down": (x - thick / 2, y, thick, half),
        "left": (cell.x, y - thick / 2, half, thick),
    }
    yield from (Rect(*bars[side], tone) for side in bars if side in cell.joints)
    yield Disc(x, y, cell.size * radius, tone)


def _letter(cell: CellView, tone: str) -> Text:
    size = cell.size * 0.62
    x, y = cell.middle
    return Text(x, y + size * CAPITAL / 2, cell.symbol, size, tone, bold=True, middle=True)


def _tone(cell: CellView, token: int) -> str:
    palette = cell.palette
    tones = {"wall": palette.wall, "path": palette.accent, "start": palette.accent, "goal": palette.goal}
    return tones.get(cell.grid.task.looks[token], palette.paper)


def lines(grid: Grid, view: CallView) -> Iterator[Shape]:
    """The outline of the grid."""
    yield from outline(grid.left, grid.top, grid.width, grid.height, 2, grid.palette.ink)
