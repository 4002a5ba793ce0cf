"""The one font that is on every machine: the scalable one that Pillow brings, Latin only."""

from collections.abc import Iterator
from functools import cache

from PIL import ImageFont

BOLD_STROKE = 0.028  # the font has no bold face: letters are drawn with an outline so wide, in sizes
MEASURED_AT = 100
CUT = "…"

Length = int | float
"""Units of a scene."""


@cache
def font(size: Length) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def measure(text: str, size: Length) -> float:
    """Width of a line of text."""
    return font(MEASURED_AT).getlength(text) * size / MEASURED_AT


def wrap(text: str, size: Length, width: Length, most: int) -> list[str]:
    """Lines no wider than `width`, at most `most`: the rest is cut. Words longer than a line are broken."""
    lines = [""]
    for piece in (piece for word in text.split() for piece in _pieces(word, size, width)):
        longer = f"{lines[-1]} {piece}".lstrip()
        if measure(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    lines = lines[1:] if len(lines) > 1 and not lines[0] else lines
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while measure(last + CUT, size) > width:
        last = last[:-1]
    return [*lines[: most - 1], last + CUT]


def _pieces(word: str, size: Length, width: Length) -> Iterator[str]:
    """A word in parts that fit a line."""
    while word:
        fits = next((end for end in range(len(word), 1, -1) if measure(word[:end], size) <= width), 1)
        yield word[:fits]
        word = word[fits:]
