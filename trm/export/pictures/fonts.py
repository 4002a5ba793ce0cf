"""Fonts for pictures: text is measured and drawn identically on every machine, with two fonts from installed packages.

Pillow's own scalable font provides the Latin letters. Other characters use DejaVu Sans, which comes with matplotlib:
Greek, Cyrillic, Hebrew, Arabic, mathematics, arrows, some emoji. A symbol that is in neither font (most emoji) is
replaced by its name in brackets, a letter (Chinese, Thai) by a box. SVG and HTML keep the original characters and use
the viewer's fonts.

Pillow draws characters in logical order, so right-to-left text is reordered by the rules of Unicode (UAX #9), and Arabic
letters are replaced by their joining forms.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path

from PIL import ImageFont

BOLD_STROKE = 0.028  # bold letters are drawn with an outline of this width, relative to the font size
MEASURED_AT = 100
CUT = "…"
NARROWEST = 8  # most letters per line, in multiples of line width / font size
BOX = "□"
LATIN, WIDE, SLANTED = "latin", "DejaVuSans.ttf", "DejaVuSans-Oblique.ttf"

Length = int | float
"""A length in units of a picture."""

Runs = tuple[tuple[str, str], ...]
"""Characters from left to right, grouped by font: (font, characters)."""


@cache
def font(face: str, size: Length) -> ImageFont.FreeTypeFont:
    """A font by name: LATIN, WIDE or SLANTED."""
    if face == LATIN:
        return ImageFont.load_default(size)
    import matplotlib as mpl

    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / face
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=8192)
def runs(text: str, italic: bool = False) -> Runs:
    """Split a line of text into runs of one font, in visual order."""
    own = SLANTED if italic else LATIN
    if text.isascii():
        return ((own, text),)
    visual = _visual_order("".join(map(_drawable, unicodedata.normalize("NFC", text))))
    faces = [(own if _has(own, mark) else WIDE, mark) for mark in visual]
    return tuple(
        (face, "".join(mark for _, mark in marks)) for face, marks in groupby(faces, lambda each: each[0])
    )


def measure(text: str, size: Length, *, italic: bool = False) -> float:
    """The width of a line of text."""
    widths = (font(face, MEASURED_AT).getlength(marks) for face, marks in runs(text, italic))
    return sum(widths) * size / MEASURED_AT


@lru_cache(maxsize=8192)
def _drawable(mark: str) -> str:
    """A character, or its replacement if no font has it."""
    kind = unicodedata.category(mark)
    if (kind in ("Cf", "Sk") and not mark.isascii()) or "\ufe00" <= mark <= "\ufe0f":
        return ""  # emoji joiners and selectors, direction marks
    if _has(LATIN, mark) or _has(WIDE, mark):
        return mark
    return f"[{unicodedata.name(mark, 'symbol').lower()}]" if kind == "So" else BOX


@lru_cache(maxsize=8192)
def _has(face: str, mark: str) -> bool:
    """Whether a font has a character: a missing character is drawn like a code point that no font has."""
    return mark.isspace() or _shape(face, mark) != _shape(face, "\U0010ffff")


def _shape(face: str, mark: str) -> tuple[tuple[int, int], bytes]:
    mask = font(face, 16).getmask(mark)
    return mask.size, bytes(mask)


def _visual_order(text: str) -> str:
    """Reorder characters for drawing from left to right."""
    directions = {unicodedata.bidirectional(mark) for mark in text}
    if not directions & {"R", "AL", "AN"}:
        return text
    import arabic_reshaper
    from bidi import get_display

    return get_display(arabic_reshaper.reshape(text) if "AL" in directions else text, base_dir="L")


def wrap(text: str, size: Length, width: Length, most: int) -> list[str]:
    """Wrap text to at most `most` lines no wider than `width`; the rest is cut off. Words longer than a line are broken."""
    room = int(NARROWEST * most * width / size)
    words = (text if len(text) <= room else text[:room] + CUT).split()
    lines = [""]
    for piece in (piece for word in words for piece in _pieces(word, size, width)):
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
    """Break a word into parts that fit in a line."""
    while measure(word, size) > width and len(word) > 1:
        fits = bisect_right(range(1, len(word)), width, key=lambda end: measure(word[:end], size))
        yield word[: max(fits, 1)]
        word = word[max(fits, 1) :]
    yield word
