"""What a picture is made of: a few kinds of shapes and text, which SVG and Pillow both draw.

Lengths are in units of one pixel on an ordinary screen, y grows downwards; later parts lie over earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trm.export.pictures.fonts import Length
from trm.export.pictures.palette import Palette


@dataclass(frozen=True)
class Rect:
    x: Length
    y: Length
    width: Length
    height: Length
    fill: str


@dataclass(frozen=True)
class Disc:
    x: Length  # of the middle
    y: Length
    radius: Length
    fill: str


@dataclass(frozen=True)
class Ring:
    x: Length  # of the middle
    y: Length
    radius: Length  # to the middle of the line
    thick: Length
    fill: str


@dataclass(frozen=True)
class Corner:
    """A triangle in the top left corner of a cell."""

    x: Length
    y: Length
    side: Length
    fill: str


@dataclass(frozen=True)
class Hatch:
    """Slanted lines over a rectangle, cut at its edges. They go on where rectangles meet."""

    x: Length
    y: Length
    width: Length
    height: Length
    fill: str
    thick: Length  # of a line, along x
    every: Length  # from line to line, along x

    def lines(self) -> Iterator[list[tuple[Length, Length]]]:
        """The corners of each line, a polygon. Along a line x + y is the same."""
        right, bottom = self.x + self.width, self.y + self.height
        corners = [(self.x, self.y), (right, self.y), (right, bottom), (self.x, bottom)]
        number = int((self.x + self.y) // self.every)
        while number * self.every < right + bottom:
            begin = number * self.every
            line = _cut(_cut(corners, begin, 1), begin + self.thick, -1)
            if line:
                yield line
            number += 1


def _cut(corners: list[tuple[Length, Length]], total: Length, side: int) -> list[tuple[Length, Length]]:
    """Of a convex polygon the part where x + y is above (side 1) or below (side -1) `total`."""
    kept = []
    for (x, y), (next_x, next_y) in zip(corners, [*corners[1:], *corners[:1]], strict=True):
        here, there = side * (x + y - total), side * (next_x + next_y - total)
        if here >= 0:
            kept.append((x, y))
        if here * there < 0:
            share = here / (here - there)
            kept.append((x + share * (next_x - x), y + share * (next_y - y)))
    return kept if len(kept) > 2 else []


@dataclass(frozen=True)
class Text:
    x: Length
    y: Length  # of the line that letters stand on
    text: str
    size: Length
    fill: str
    bold: bool = False
    italic: bool = False
    middle: bool = False  # x is the middle, not the beginning


@dataclass(frozen=True)
class Cell:
    """What one cell is drawn with, and its place and meaning in words."""

    row: int
    column: int
    description: str
    shapes: tuple[Shape, ...]


Shape = Rect | Disc | Ring | Corner | Hatch | Text | Cell


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    title: str
    description: str
    palette: Palette
    shapes: tuple[Shape, ...]
