"""Collect filled shapes and text, and turn them into a few artists of matplotlib.

Lengths are in units of the picture, and y grows downwards. Shapes of one layer and colour become a single path: a maze of
900 cells is drawn as a dozen paths.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import cos, pi, sin
from typing import Any

from matplotlib.artist import Artist
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.textpath import TextPath
from matplotlib.transforms import Transform

from trm.export.pictures.text import Length, font

OUTLINED_AT = 100
CIRCLE = [(cos(turn * pi / 18), sin(turn * pi / 18)) for turn in range(36)]

Point = tuple[Length, Length]


class Ink:
    """Shapes by layer and colour, and text, which lies over all shapes.

    All polygons turn clockwise: where two of a layer overlap, both are filled.
    """

    def __init__(self):
        self.polygons: dict[tuple[int, str], list[Sequence[Point]]] = defaultdict(list)
        self.texts: list[dict[str, Any]] = []
        self.lines: list[tuple[Sequence[Point], str, Length]] = []

    @property
    def colours(self) -> set[str]:
        """Colours of the shapes."""
        return {colour for _, colour in self.polygons}

    def polygon(self, layer: int, colour: str, points: Sequence[Point]) -> None:
        """Add a convex polygon. Higher layers lie over lower ones."""
        self.polygons[layer, colour].append(points)

    def box(self, layer: int, colour: str, x: Length, y: Length, width: Length, height: Length) -> None:
        self.polygon(layer, colour, [(x, y), (x + width, y), (x + width, y + height), (x, y + height)])

    def rectangle(
        self, layer: int, colour: str, middle: Point, width: Length, height: Length | None = None
    ) -> None:
        """Add a rectangle around a point; without a height, a square."""
        x, y = middle
        height = width if height is None else height
        self.box(layer, colour, x - width / 2, y - height / 2, width, height)

    def frame(
        self, layer: int, colour: str, place: tuple[Length, Length, Length, Length], thick: Length
    ) -> None:
        """Add four lines around the outside of a rectangle (x, y, width, height)."""
        x, y, width, height = place
        self.box(layer, colour, x - thick, y - thick, width + 2 * thick, thick)
        self.box(layer, colour, x - thick, y + height, width + 2 * thick, thick)
        self.box(layer, colour, x - thick, y, thick, height)
        self.box(layer, colour, x + width, y, thick, height)

    def disc(self, layer: int, colour: str, x: Length, y: Length, radius: Length) -> None:
        self.polygon(layer, colour, [(x + radius * right, y + radius * down) for right, down in CIRCLE])

    def ring(self, layer: int, colour: str, centre: Point, radius: Length, thick: Length) -> None:
        """Add a circle. `radius` is the distance from its centre to the middle of the line."""
        x, y = centre
        self.disc(layer, colour, x, y, radius + thick / 2)
        inner = radius - thick / 2  # turns the other way, which leaves a hole
        self.polygon(layer, colour, [(x + inner * right, y - inner * down) for right, down in CIRCLE])

    def corner(self, layer: int, colour: str, x: Length, y: Length, side: Length) -> None:
        """Add a triangle in the top left corner of a cell."""
        self.polygon(layer, colour, [(x, y), (x + side, y), (x, y + side)])

    def hatch(
        self, layer: int, colour: str, place: tuple[Length, Length, Length], thick: Length, stripes: int = 3
    ) -> None:
        """Add slanted stripes to a cell (x, y, side); they continue across adjacent cells.

        `stripes` is their number along a side, and `thick` a fraction of the side, below 1 / `stripes`.
        """
        x, y, side = place
        for stripe in range(2 * stripes):
            start = (stripe + 0.5) / stripes - thick / 2
            ends = [
                (min(at, 1.0), max(at - 1.0, 0.0)) for at in (start, start + thick)
            ]  # on the top or right side
            points = [ends[0], ends[1], ends[1][::-1], ends[0][::-1]]
            self.polygon(layer, colour, [(x + side * right, y + side * down) for right, down in points])

    def line(self, points: Sequence[Point], colour: str, thick: Length) -> None:
        self.lines.append((points, colour, thick))

    def text(
        self,
        x: Length,
        y: Length,
        text: str,
        size: Length,
        colour: str,
        *,
        anchor: str = "left",
        bold: bool = False,
        italic: bool = False,
    ) -> None:
        """Add a line of text with its baseline at y. `anchor` says which part of it is at x: left, center or right."""
        self.texts.append({
            "x": x, "y": y, "text": text, "size": size, "color": colour, "ha": anchor, "bold": bold, "italic": italic,
        })  # fmt: skip

    def artists(self, transform: Transform, unit: Length, *, outlined: bool = False) -> Iterator[Artist]:
        """Yield artists of matplotlib, lowest layer first. `unit` is the unit of the picture in points.

        If `outlined`, text is drawn as shapes, which takes less time in a film: many frames have the same words.
        """
        for (_, colour), polygons in sorted(self.polygons.items(), key=lambda each: each[0][0]):
            yield PathPatch(_joined(polygons), facecolor=colour, linewidth=0, transform=transform)
        for points, colour, thick in self.lines:
            yield PathPatch(
                Path(points),
                fill=False,
                edgecolor=colour,
                linewidth=thick * unit,
                capstyle="round",
                joinstyle="round",
                transform=transform,
            )
        outlines: dict[str, list[Path]] = defaultdict(list)
        for each in self.texts:
            text = dict(each)
            size, style = text.pop("size"), (text.pop("bold"), text.pop("italic"))
            if outlined:
                shape, scale = _outline(each["text"], each["ha"], *style), size / OUTLINED_AT
                points = shape.vertices * (scale, -scale) + (each["x"], each["y"])
                outlines[each["color"]].append(Path(points, shape.codes))
            else:
                yield Text(
                    **text, fontproperties=font(size * unit, *style), va="baseline", transform=transform
                )
        for colour, shapes in outlines.items():
            path = Path.make_compound_path(*shapes)
            yield PathPatch(path, facecolor=colour, linewidth=0, transform=transform)


@lru_cache(maxsize=1024)
def _outline(text: str, anchor: str, bold: bool, italic: bool) -> Path:
    """The outline of a line of text at the font size OUTLINED_AT, with its anchor at 0."""
    path = TextPath((0, 0), text, size=OUTLINED_AT, prop=font(OUTLINED_AT, bold, italic))
    if not len(path.vertices):
        return path
    across = path.vertices[path.codes != Path.CLOSEPOLY, 0]  # the point of a CLOSEPOLY is always (0, 0)
    start, end = across.min(), across.max()
    shift = {"left": 0, "center": (start + end) / 2, "right": end}[anchor]
    return Path(path.vertices - (shift, 0), path.codes)


def _joined(polygons: Sequence[Sequence[Point]]) -> Path:
    """One path of several polygons."""
    corners: list[Point] = []
    codes: list[int] = []
    for polygon in polygons:
        corners += [*polygon, polygon[0]]
        codes += [Path.MOVETO, *[Path.LINETO] * (len(polygon) - 1), Path.CLOSEPOLY]
    return Path(corners, codes)
