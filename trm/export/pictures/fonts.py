"""Letters of pictures, measured and drawn alike on every machine: from two fonts that come with what is installed.

Pillow's own scalable one has the Latin letters. What it lacks is drawn with DejaVu Sans, which comes with matplotlib:
Greek, Cyrillic, Hebrew, Arabic, mathematics, arrows, some faces. A symbol that neither has (most emoji) is written as its
name in brackets, a letter (Chinese, Thai) as a box; SVG and the page keep both, since there the viewer's fonts draw.

Pillow draws characters in the order it gets them, so text that runs from right to left is put in the order in which it is
seen, by the rules of Unicode (UAX #9), and Arabic letters in the forms that join.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path

from PIL import ImageFont

BOLD_STROKE = (
    0.028  # the fonts are used in one weight: bold letters are drawn with an outline so wide, in sizes
)
MEASURED_AT = 100
CUT = "…"
NARROWEST = 8  # letters that a line may hold for each time that its width is the size of the letters
BOX = "□"
LATIN, WIDE, SLANTED = "latin", "DejaVuSans.ttf", "DejaVuSans-Oblique.ttf"

Length = int | float
"""Units of a scene."""

Runs = tuple[tuple[str, str], ...]
"""Characters as they stand from left to right, in groups with the font of each: (font, characters)."""


@cache
def font(face: str, size: Length) -> ImageFont.FreeTypeFont:
    if face == LATIN:
        return ImageFont.load_default(size)
    import matplotlib as mpl

    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / face
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=8192)
def runs(text: str, italic: bool = False) -> Runs:
    """A line of text as it is drawn."""
    own = SLANTED if italic else LATIN
    if text.isascii():
        return ((own, text),)
    seen = _as_seen("".join(map(_drawable, unicodedata.normalize("NFC", text))))
    faces = [(own if _has(own, mark) else WIDE, mark) for mark in seen]
    return tuple(
        (face, "".join(mark for _, mark in marks)) for face, marks in groupby(faces, lambda each: each[0])
    )


def measure(text: str, size: Length, *, italic: bool = False) -> float:
    """Width of a line of text."""
    widths = (font(face, MEASURED_AT).getlength(marks) for face, marks in runs(text, italic))
    return sum(widths) * size / MEASURED_AT


@lru_cache(maxsize=8192)
def _drawable(mark: str) -> str:
    """A character, or what is drawn for one that no font has."""
    kind = unicodedata.category(mark)
    if (kind in ("Cf", "Sk") and not mark.isascii()) or "\ufe00" <= mark <= "\ufe0f":
        return ""  # joiners and selectors between emoji, marks of direction
    if _has(LATIN, mark) or _has(WIDE, mark):
        return mark
    return f"[{unicodedata.name(mark, 'symbol').lower()}]" if kind == "So" else BOX


@lru_cache(maxsize=8192)
def _has(face: str, mark: str) -> bool:
    """Whether a font has a character: one that it lacks looks like one that none has."""
    return mark.isspace() or _shape(face, mark) != _shape(face, "\U0010ffff")


def _shape(face: str, mark: str) -> tuple[tuple[int, int], bytes]:
    mask = font(face, 16).getmask(mark)
    return mask.size, bytes(mask)


def _as_seen(text: str) -> str:
    """Characters from left to right as they are read on a page that runs from left to right."""
    directions = {unicodedata.bidirectional(mark) for mark in text}
    if not directions & {"R", "AL", "AN"}:
        return text
    import arabic_reshaper
    from bidi import get_display

    return get_display(arabic_reshaper.reshape(text) if "AL" in directions else text, base_dir="L")


def wrap(text: str, size: Length, width: Length, most: int) -> list[str]:
    """Lines no wider than `width`, at most `most`: the rest is cut. Words longer than a line are broken."""
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
    """A word in parts that fit a line."""
    while measure(word, size) > width and len(word) > 1:
        fits = bisect_right(range(1, len(word)), width, key=lambda end: measure(word[:end], size))
        yield word[: max(fits, 1)]
        word = word[max(fits, 1) :]
    yield word
