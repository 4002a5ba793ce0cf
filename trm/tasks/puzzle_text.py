"""Functions and types that the puzzle parsers share: character normalisation, and puzzles located in a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

INVISIBLE = frozenset("\ufeff\u200b\u200c\u200d\u2060\ufe0e\ufe0f\u20e3\u00ad")
"""Invisible characters: byte order marks, joiners, variation selectors, and the combining keycap character."""
DOTS = {"…": "...", "⋯": "...", "‥": ".."}
"""Ellipsis characters that editors and phones substitute for dots."""
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d"


@dataclass(frozen=True)
class PuzzleText:
    """An unchecked puzzle located in a text.

    `text` is the input for `Task.parse`. `line` is the number of the puzzle's first line, counted from 1, and `count` is
    the number of its lines. `answer` is the solution that the text gives, or "". `note` reports skipped lines.
    """

    text: str
    line: int
    count: int = 1
    answer: str = ""
    note: str = ""

    @property
    def place(self) -> str:
        """Line numbers of the puzzle for messages, such as "line 7" or "lines 7 to 15"."""
        return f"lines {self.line} to {self.line + self.count - 1}" if self.count > 1 else f"line {self.line}"

    def with_note(self, note: str) -> PuzzleText:
        """Return a copy with this note, or the object itself if the note is empty."""
        return replace(self, note=note) if note else self


def plain(text: str) -> str:
    """Replace digits of other scripts, ellipses, dashes, spaces, and full-width characters with their ASCII forms."""
    return text if text.isascii() else "".join(map(plain_character, text))


@cache
def plain_character(character: str) -> str:
    """Return the ASCII form of a character, "" if it is invisible, or the character itself if it has no ASCII form."""
    if character.isascii():
        return character
    if character in INVISIBLE:
        return ""
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    if character in DOTS:
        return DOTS[character]
    if character in DASHES:
        return "-"
    if character.isspace() and character not in "\x85\u2028\u2029":
        return " "
    if "\uff01" <= character <= "\uff5e":  # full-width ASCII
        return chr(ord(character) - 0xFEE0)
    return character


def quoted(character: str) -> str:
    """Format a character for a message: in quotes, or as its Unicode code point if it is not printable."""
    return f"'{character}'" if character.isprintable() else f"the character U+{ord(character):04X}"


def numbered_lines(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the number of each line, counted from 1, and the line without its line break."""
    for number, line in enumerate(lines, 1):
        yield number, line.rstrip("\r\n")
