"""What the readers of puzzle texts share: characters of other keyboards made plain, and what is found in a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

INVISIBLE = frozenset("\ufeff\u200b\u200c\u200d\u2060\ufe0e\ufe0f\u20e3\u00ad")
"""Byte order marks, joiners, and what turns a digit into a keycap."""
DOTS = {"…": "...", "⋯": "...", "‥": ".."}
"""What editors and telephones make of dots in a row."""
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d"


@dataclass(frozen=True)
class PuzzleText:
    """A puzzle in a text, not checked yet: its text for `Task.parse`, and where it stands.

    `line` is where it begins, from 1. `answer` is its solution, if the text has one. `note` says what was passed over.
    """

    text: str
    line: int
    count: int = 1
    answer: str = ""
    note: str = ""

    @property
    def place(self) -> str:
        return f"lines {self.line} to {self.line + self.count - 1}" if self.count > 1 else f"line {self.line}"

    def with_note(self, note: str) -> PuzzleText:
        return replace(self, note=note) if note else self


def plain(text: str) -> str:
    """The text in the characters of one keyboard: digits of any script, dots in a row, dashes and spaces."""
    return text if text.isascii() else "".join(map(plain_character, text))


@cache
def plain_character(character: str) -> str:
    """One character likewise; "" for one that is not seen."""
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
    if "\uff01" <= character <= "\uff5e":  # the wide forms of ASCII
        return chr(ord(character) - 0xFEE0)
    return character


def quoted(character: str) -> str:
    """A character in a message."""
    return f"'{character}'" if character.isprintable() else f"the character U+{ord(character):04X}"


def numbered_lines(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Lines without their ends, counted from 1."""
    for number, line in enumerate(lines, 1):
        yield number, line.rstrip("\r\n")
