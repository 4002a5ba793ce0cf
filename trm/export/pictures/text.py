"""Text in pictures: fonts, plain lines of a given width, and the settings of matplotlib while it draws.

matplotlib shapes text in any script and orders right-to-left text. DejaVu Sans, which comes with it, has Latin, Greek,
Cyrillic, Hebrew, Arabic, symbols, and some emoji. Other letters are taken from the fonts of the machine and, if none has
them, are drawn as boxes. SVG keeps the characters and uses the viewer's fonts.
"""

import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, get_font_names
from matplotlib.textpath import text_to_path

from trm.export.run import printable

CUT = "…"
NARROWEST = 8  # maximum number of letters per line, in multiples of line width / font size
OTHER_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei", "Droid Sans Fallback", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei",
    "Arial Unicode MS", "Noto Sans Thai", "Noto Sans Devanagari", "Nirmala UI", "Noto Emoji",
)  # fmt: skip
BIDI_CONTROLS = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
SETTINGS = {
    "text.parse_math": False,  # names may contain dollar signs
    "text.usetex": False,
    "text.hinting": "no_hinting",  # letters are as wide as measured
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "recursion-lens",  # the same picture is the same file
    "pdf.fonttype": 42,  # journals reject Type 3 fonts
    "path.simplify": False,
    "savefig.bbox": "standard",  # a person's own settings could cut or paint the picture
    "savefig.facecolor": "auto",
}
_LOCK = threading.RLock()

Length = int | float
"""A length in units of a picture, or in inches."""


@contextmanager
def drawing() -> Iterator[None]:
    """Set matplotlib up to draw. Its settings are global, so one thread draws at a time."""
    with _LOCK, mpl.rc_context(SETTINGS | {"font.family": families()}):
        yield


@cache
def families() -> list[str]:
    """The font families to draw with, in order of preference."""
    installed = set(get_font_names())
    return ["DejaVu Sans", *(name for name in OTHER_FONTS if name in installed)]


@lru_cache(maxsize=64)
def font(size: Length, bold: bool = False, italic: bool = False) -> FontProperties:
    """The font at a size in points."""
    return FontProperties(
        family=families(),
        size=size,
        weight="bold" if bold else "normal",
        style="italic" if italic else "normal",
    )


@lru_cache(maxsize=8192)
def measure(text: str, size: Length) -> Length:
    """Width of a line of text at a font size, in the unit of the size."""
    return text_to_path.get_text_width_height_descent(text, font(100), False)[0] * size / 100


def plain(text: str) -> str:
    """Convert a text to one line without control characters, which could hide or reorder other parts of a line."""
    return printable(text.translate(BIDI_CONTROLS))


def wrap(text: str, size: Length, width: Length, most: int) -> list[str]:
    """Wrap text to at most `most` lines of at most `width`, and cut off the rest. Break words that exceed a line."""
    room = int(NARROWEST * most * width / size)
    text = plain(text[: 2 * room])
    text = text if len(text) <= room else text[:room] + CUT
    letters = max(int(1.3 * len(text) * width / max(measure(text, size), 1)), 2)
    while True:
        lines = textwrap.wrap(text, letters, break_on_hyphens=False) or [""]
        widest = max(measure(line, size) for line in lines)
        if widest <= width or letters <= 2:
            break
        letters = max(min(letters - 1, int(letters * width / widest) + 1), 2)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while measure(last + CUT, size) > width:
        last = last[:-1]
    return [*lines[: most - 1], last + CUT]
