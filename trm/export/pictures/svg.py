"""Draws a picture as SVG: text remains selectable text, and each cell is a group with its position and description.

The viewer's font has unknown widths, so lines that could leave the picture get a fixed length.
"""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from trm.export.pictures.fonts import Length, measure
from trm.export.pictures.primitives import Cell, Corner, Disc, Hatch, Picture, Rect, Ring, Shape, Text

FONTS = "'Source Sans 3', 'Segoe UI', system-ui, Helvetica, Arial, sans-serif"
WIDER = 1.25  # how much wider the viewer's font may be than the layout's


def svg(picture: Picture) -> str:
    """The picture as an XML document, UTF-8."""
    size = f'width="{picture.width}" height="{picture.height}" viewBox="0 0 {picture.width} {picture.height}"'
    head = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONTS}" xml:lang="en">',
        f"<title>{escape(picture.title)}</title>",
        f"<desc>{escape(picture.description)}</desc>",
    ]
    return "\n".join(
        [*head, *(line for shape in picture.shapes for line in _drawn(shape, picture.width)), "</svg>", ""]
    )


def _drawn(shape: Shape, most: int) -> Iterator[str]:
    match shape:
        case Rect(x, y, width, height, fill):
            yield f'<rect x="{n(x)}" y="{n(y)}" width="{n(width)}" height="{n(height)}" fill="{fill}"/>'
        case Disc(x, y, radius, fill):
            yield f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(radius)}" fill="{fill}"/>'
        case Ring(x, y, radius, thick, fill):
            yield f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(radius)}" fill="none" stroke="{fill}" stroke-width="{n(thick)}"/>'
        case Corner(x, y, side, fill):
            yield f'<path d="M{n(x)} {n(y)}h{n(side)}l{n(-side)} {n(side)}z" fill="{fill}"/>'
        case Hatch():
            lines = (" ".join(f"{n(x)},{n(y)}" for x, y in line) for line in shape.lines())
            yield f'<path d="{"".join(f"M{line}z" for line in lines)}" fill="{shape.fill}"/>'
        case Text():
            weight = ' font-weight="700"' if shape.bold else ""
            style = ' font-style="italic"' if shape.italic else ""
            anchor = ' text-anchor="middle"' if shape.middle else ""
            width = measure(shape.text, shape.size)
            is_long = not shape.middle and shape.x + WIDER * width > most
            length = f' textLength="{n(width)}" lengthAdjust="spacingAndGlyphs"' if is_long else ""
            place = f'x="{n(shape.x)}" y="{n(shape.y)}" font-size="{n(shape.size)}"'
            yield f'<text {place} fill="{shape.fill}"{weight}{style}{anchor}{length}>{escape(shape.text)}</text>'
        case Cell():
            yield f'<g data-cell="{shape.row},{shape.column}"><title>{escape(shape.description)}</title>'
            yield from (line for inner in shape.shapes for line in _drawn(inner, most))
            yield "</g>"


def n(number: Length) -> str:
    """A number rounded to a hundredth of a pixel."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
