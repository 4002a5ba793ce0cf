"""Shared by the puzzle parsers: character normalisation, and the puzzles located in a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

INVISIBLE = frozenset("\ufeff\u200b\u200c\u200d\u2060\ufe0e\ufe0f\u20e3\u00ad")
"""Byte order marks, joiners, variation selectors, and the combining keycap character."""
DOTS = {"…": "...", "⋯": "...", "‥": ".."}
"""Ellipsis characters that editors and phones substitute for dots."""
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d"


@dataclass(frozen=True)
class PuzzleText:
    """An unchecked puzzle located in a text.

    `text` is the input of `Task.parse`. `line` is its first line, from 1, and `count` its number of lines. `answer` is
    its solution, if the text has one. `note` reports what was skipped before it.
    """

    text: str
    line: int
    count: int = 1
    answer: str = ""
    note: str = ""

    @property
    def place(self) -> str:
        """The puzzle's lines, for messages: "line 7" or "lines 7 to 15"."""
        return f"lines {self.line} to {self.line + self.count - 1}" if self.count > 1 else f"line {self.line}"

    def with_note(self, note: str) -> PuzzleText:
        """A copy with this note, or the text itself if the note is empty."""
        return replace(self, note=note) if note else self


def plain(text: str) -> str:
    """Replace digits in other scripts, ellipses, dashes, spaces, and full-width characters with their ASCII forms."""
    return text if text.isascii() else "".join(map(plain_character, text))


@cache
def plain_character(character: str) -> str:
    """The ASCII form of one character, as in `plain`; "" for an invisible one."""
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
    """A character as shown in a message: in quotes, or by its code if it is not printable."""
    return f"'{character}'" if character.isprintable() else f"the character U+{ord(character):04X}"


def numbered_lines(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Lines without their line breaks, numbered from 1."""
    for number, line in enumerate(lines, 1):
        yield number, line.rstrip("\r\n")
