"""Draws a picture as pixels with Pillow, at a higher resolution that is then averaged to smooth slanted edges."""

from PIL import Image, ImageDraw

from trm.export.pictures.fonts import BOLD_STROKE, font, measure, runs
from trm.export.pictures.primitives import Cell, Corner, Disc, Hatch, Picture, Rect, Ring, Shape, Text

FINER = 2


def image(picture: Picture, scale: int = 1) -> Image.Image:
    """The picture as an RGB image with `scale` pixels per unit."""
    fine = scale * FINER
    drawn = Image.new("RGB", (picture.width * fine, picture.height * fine))
    draw = ImageDraw.Draw(drawn)
    for shape in picture.shapes:
        _draw(draw, shape, fine)
    return drawn.reduce(FINER)


def _draw(draw: ImageDraw.ImageDraw, shape: Shape, scale: int) -> None:
    match shape:
        case Rect(x, y, width, height, fill):
            left, top, right, bottom = (round(at * scale) for at in (x, y, x + width, y + height))
            if left < right and top < bottom:
                draw.rectangle((left, top, right - 1, bottom - 1), fill)
        case Disc(x, y, radius, fill):
            ends = (x - radius, y - radius, x + radius, y + radius)
            draw.ellipse(tuple(at * scale for at in ends), fill)
        case Corner(x, y, side, fill):
            draw.polygon(
                [(x * scale, y * scale), ((x + side) * scale, y * scale), (x * scale, (y + side) * scale)],
                fill,
            )
        case Hatch():
            for line in shape.lines():
                draw.polygon([(x * scale, y * scale) for x, y in line], shape.fill)
        case Ring(x, y, radius, thick, fill):
            outer = radius + thick / 2
            ends = (x - outer, y - outer, x + outer, y + outer)
            draw.ellipse(tuple(at * scale for at in ends), outline=fill, width=max(1, round(thick * scale)))
        case Text():
            _write(draw, shape, scale)
        case Cell():
            for inner in shape.shapes:
                _draw(draw, inner, scale)


def _write(draw: ImageDraw.ImageDraw, text: Text, scale: int) -> None:
    x = text.x - measure(text.text, text.size, italic=text.italic) / 2 if text.middle else text.x
    stroke = text.size * scale * BOLD_STROKE if text.bold else 0
    for face, marks in runs(text.text, text.italic):
        own = font(face, text.size * scale)
        draw.text((x * scale, text.y * scale), marks, text.fill, own, anchor="ls", stroke_width=stroke)
        x += own.getlength(marks) / scale
