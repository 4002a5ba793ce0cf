"""The elements of a picture: text and a few types of shape that both SVG and Pillow can draw.

Lengths are in CSS pixels, y grows downwards, and later shapes are drawn over earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trm.export.pictures.fonts import Length
from trm.export.pictures.palette import Palette


@dataclass(frozen=True)
class Rect:
    """A filled rectangle."""

    x: Length
    y: Length
    width: Length
    height: Length
    fill: str


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    x: Length  # of the centre
    y: Length
    radius: Length
    fill: str


@dataclass(frozen=True)
class Ring:
    """A circular line."""

    x: Length  # of the centre
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
    """Slanted lines clipped to a rectangle. They continue across adjacent rectangles."""

    x: Length
    y: Length
    width: Length
    height: Length
    fill: str
    thick: Length  # of a line, along x
    every: Length  # distance between lines, along x

    def lines(self) -> Iterator[list[tuple[Length, Length]]]:
        """The polygon of each line. Along a line, x + y is constant."""
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
    """The part of a convex polygon where x + y is above (side 1) or below (side -1) `total`."""
    clipped = []
    for (x, y), (next_x, next_y) in zip(corners, [*corners[1:], *corners[:1]], strict=True):
        here, there = side * (x + y - total), side * (next_x + next_y - total)
        if here >= 0:
            clipped.append((x, y))
        if here * there < 0:
            share = here / (here - there)
            clipped.append((x + share * (next_x - x), y + share * (next_y - y)))
    return clipped if len(clipped) > 2 else []


@dataclass(frozen=True)
class Text:
    """A line of text."""

    x: Length
    y: Length  # of the baseline
    text: str
    size: Length
    fill: str
    bold: bool = False
    italic: bool = False
    middle: bool = False  # whether x is the middle of the text rather than its start


@dataclass(frozen=True)
class Cell:
    """The shapes of one cell, with a description for screen readers."""

    row: int
    column: int
    description: str
    shapes: tuple[Shape, ...]


Shape = Rect | Disc | Ring | Corner | Hatch | Text | Cell


@dataclass(frozen=True)
class Picture:
    """A complete picture: its size, texts for screen readers, palette, and shapes."""

    width: int
    height: int
    title: str
    description: str
    palette: Palette
    shapes: tuple[Shape, ...]
