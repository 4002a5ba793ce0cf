"""The data for drawing one cell, and shapes shared by several types of grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from trm.export.pictures.fonts import Length
from trm.export.pictures.palette import Palette
from trm.export.pictures.primitives import Corner, Hatch, Rect, Shape
from trm.export.pictures.skin import Skin
from trm.tasks.base import Task

CAPITAL = 0.7  # height of a capital or a digit, relative to the font size
FADED = 0.3  # brightness of dimmed cells


@dataclass(frozen=True)
class Grid:
    """The drawn part of a task's grid, its position and its colours."""

    task: Task
    skin: Skin
    palette: Palette
    rows: int
    columns: int
    cell: int
    left: int
    top: int

    @property
    def width(self) -> int:
        return self.columns * self.cell

    @property
    def height(self) -> int:
        return self.rows * self.cell


@dataclass(frozen=True)
class CellView:
    """One cell to draw."""

    grid: Grid
    x: Length
    y: Length
    size: Length
    mode: str  # one of MODES
    token: int
    marks: frozenset[str]
    joints: frozenset[str]  # sides where a path continues: up, right, down, left
    fading: float
    secondary: int | None  # small token: the previous answer or y, if shown and different
    confidence: float | None
    probabilities: Float[np.ndarray, "vocab"] | None

    @property
    def palette(self) -> Palette:
        return self.grid.palette

    @property
    def look(self) -> str:
        """How the token is drawn (see `Task.looks`)."""
        return self.grid.task.looks[self.token]

    @property
    def symbol(self) -> str:
        """The symbol of the token."""
        return self.grid.task.symbols[self.token]

    @property
    def is_empty(self) -> bool:
        """Whether the token is blank or padding."""
        return self.grid.task.symbol_names[self.token] in ("blank", "pad")

    @property
    def middle(self) -> tuple[Length, Length]:
        """The centre of the cell."""
        return self.x + self.size / 2, self.y + self.size / 2

    @property
    def brightness(self) -> float:
        """Brightness of pictures: unchanged cells are dimmed in the view of changes, uncertain cells in the view of z."""
        if self.mode == "change" and "changed" not in self.marks:
            return FADED
        if self.mode == "z" and "given" not in self.marks:
            return FADED + (1 - FADED) * self.confidence
        return 1.0

    def rect(self, fill: str, *, gap: Length = 0) -> Rect:
        """The whole cell, except for a gap to the neighbouring cells."""
        return Rect(self.x, self.y, self.size - gap, self.size - gap, fill)

    def square(self, fill: str, share: float) -> Rect:
        """A square in the middle that covers a fraction of the cell's area."""
        x, y = self.middle
        side = self.size * share**0.5
        return Rect(x - side / 2, y - side / 2, side, side, fill)


def outline(x: Length, y: Length, width: Length, height: Length, thick: Length, tone: str) -> Iterator[Shape]:
    """Four lines around the outside of a rectangle."""
    yield Rect(x - thick, y - thick, width + 2 * thick, thick, tone)
    yield Rect(x - thick, y + height, width + 2 * thick, thick, tone)
    yield Rect(x - thick, y, thick, height, tone)
    yield Rect(x + width, y, thick, height, tone)


# Marks in pictures have two tones, so that they are visible on any colour.


def two_tone_hatch(cell: CellView) -> Iterator[Shape]:
    """The conflict mark."""
    place = (cell.x, cell.y, cell.size, cell.size)
    thick, every = max(1.0, cell.size / 14), max(6.0, cell.size / 3)
    yield Hatch(*place, cell.palette.paper, 2.8 * thick, every)
    yield Hatch(*place, cell.palette.soft, 1.4 * thick, every)


def picture_marks(cell: CellView) -> Iterator[Shape]:
    """The marks for changed, wrong, and stable cells."""
    palette = cell.palette
    if "changed" in cell.marks:
        yield Corner(cell.x, cell.y, cell.size * 0.42, palette.paper)
        yield Corner(cell.x, cell.y, cell.size * 0.33, palette.accent)
    rim = max(1.0, cell.size * 0.04)
    if "wrong" in cell.marks:
        inset, thick = cell.size * 0.14, max(2.0, cell.size * 0.14)
        x, y, width = cell.x + inset, cell.y + cell.size - rim - thick, cell.size - 2 * inset
        yield Rect(x - rim, y - rim, width + 2 * rim, thick + 2 * rim, palette.paper)
        yield Rect(x, y, width, thick, palette.wrong)
    if "stable" in cell.marks:
        for side, tone in ((cell.size * 0.26 + rim, palette.paper), (cell.size * 0.26, palette.goal)):
            yield Rect(cell.x, cell.y + cell.size - side, side, side, tone)


def small_square(cell: CellView, frame: str, fill: str) -> Iterator[Shape]:
    """The secondary token, as a small square in the lower right corner."""
    side = round(cell.size * 0.36)
    x, y = cell.x + cell.size - side - 1, cell.y + cell.size - side - 1
    yield Rect(x - 1, y - 1, side + 2, side + 2, frame)
    yield Rect(x, y, side, side, fill)
