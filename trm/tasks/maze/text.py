"""Mazes as text: reads what people paste, says exactly what is wrong with what it cannot read.

The public data sets write `#` wall, space open, `S` start, `G` goal, `o` path. Spaces get lost on the way, at the
ends of lines above all, so one-line text is written with `.` for open cells; both are read. Where the other
characters alone fill the grid, spaces and line breaks are taken for spacing.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from trm.errors import PuzzleError
from trm.tasks.maze.geometry import GOAL, OPEN, PATH, START, WALL

LONGEST_TEXT = 100_000
"""Characters accepted; a 100x100 maze has 10,100 in lines."""

PUBLIC = (" ", "#", " ", "S", "G", "o")
"""Character of each token in the public data sets. Padding is none of them; it prints as open."""
MARKS = {"#": WALL, " ": OPEN, "\xa0": OPEN, ".": OPEN, "_": OPEN, "S": START, "G": GOAL, "o": PATH}
OTHER_WALLS = "█X"
"""Read as walls in a text without `#`."""
REMEDY = "Use # for walls, spaces or . for open cells, one S, one G, and o for a path."

Lines = list[tuple[int, str]]
"""Lines of a text with their numbers, counted from 1."""


class Mark(NamedTuple):
    """A character and where it stands, both counted from 1."""

    character: str
    line: int
    position: int


def parse(text: str, side: int, *, any_ends: bool = False) -> UInt8[np.ndarray, "cells"]:
    """Tokens of a `side` x `side` maze, in one line or in `side` lines, with or without its path drawn.

    It has one start and one goal; with `any_ends` it may have any number. In lines, what is missing at
    the end of a line is open. Raises `PuzzleError` naming line and position.
    """
    if len(text) > LONGEST_TEXT:
        raise PuzzleError(
            f"This text has {len(text):,} characters, at most {LONGEST_TEXT:,} are read. Paste one maze."
        )
    tokens = MARKS if "#" in text else MARKS | dict.fromkeys(OTHER_WALLS, WALL)
    lines = _numbered(text.removeprefix("\ufeff"))
    solid = [mark for mark in _marks(lines) if not mark.character.isspace()]
    _check_characters(solid, tokens, lines)
    cells = solid if len(solid) == side * side else list(_marks(_rows(lines, side)))
    _check_characters(cells, tokens, lines)  # a tab between cells is spacing, in place of one it is a mistake
    if not any_ends:
        _check_ends(cells, lines)
    return np.array([tokens[mark.character] for mark in cells], np.uint8)


def _numbered(text: str) -> Lines:
    """With the empty one after a last line break: it may be a row of open cells."""
    return list(enumerate([*text.splitlines(), *([""] if text.endswith("\n") else [])], 1))


def _marks(lines: Lines) -> Iterator[Mark]:
    for number, line in lines:
        for position, character in enumerate(line, 1):
            yield Mark(character, number, position)


def _rows(lines: Lines, side: int) -> Lines:
    """The lines that hold the grid, at full length. Empty lines are rows unless there are too many of them."""
    filled = [(number, line) for number, line in lines if line.strip()]
    is_one_line = len(lines) == 1 and len(lines[0][1]) >= side * side  # its last rows may be all spaces
    if is_one_line or (len(filled) == 1 and len(filled[0][1].rstrip()) > side):
        number, line = filled[0] if filled else lines[0]
        line = line[: side * side] + line[side * side :].rstrip()
        if len(line) != side * side:
            raise PuzzleError(_wrong_size([(number, line)], side))
        return [(number, line)]
    for blanks in ("\n", None):  # empty lines go first: those of spaces are more likely rows
        lines = _without_spare(lines, side, blanks)
    rows = [(number, line if len(line) <= side else line.rstrip()) for number, line in lines]
    if len(rows) != side or any(len(row) > side for _, row in rows):
        raise PuzzleError(_wrong_size(rows, side))
    return [(number, row.ljust(side)) for number, row in rows]


def _without_spare(lines: Lines, side: int, blanks: str | None) -> Lines:
    """Without lines at the ends that hold nothing but `blanks` (None: any space), while there are too many."""
    while len(lines) > side and not lines[-1][1].strip(blanks):
        lines = lines[:-1]
    while len(lines) > side and not lines[0][1].strip(blanks):
        lines = lines[1:]
    return lines


def _wrong_size(lines: Lines, side: int) -> str:
    """What the text is instead."""
    wanted = f"A {side}x{side} maze has {side} lines of {side} characters, or {side * side} in one line"
    drawn = _without_spare(lines, 1, None)
    longest = max((len(line) for _, line in drawn), default=0)
    found = isqrt(longest) if len(drawn) == 1 else len(drawn)
    is_square = longest == (found**2 if len(drawn) == 1 else found)
    if is_square and found != side and found >= 3:
        return f"This maze is {found}x{found}, {side}x{side} is read here. Choose a model of its size."
    if len(lines) == side:
        number, length = next((number, len(line)) for number, line in lines if len(line) > side)
        return f"{wanted}; line {number} has {length}. Shorten it."
    if len(lines) == 1:
        return f"{wanted}; this text has {longest}. Mind spaces at its ends: write open cells as dots."
    return f"{wanted}; this text has {len(lines)} lines. Paste the whole maze and nothing else."


def _check_characters(marks: list[Mark], tokens: dict[str, int], lines: Lines) -> None:
    for mark in marks:
        if mark.character not in tokens:
            raise PuzzleError(
                f"{_place(mark, lines)}: {_shown(mark.character)} is not part of a maze. {REMEDY}"
            )


def _check_ends(cells: list[Mark], lines: Lines) -> None:
    """Exactly one start and one goal."""
    for character, name in (("S", "start"), ("G", "goal")):
        found = [mark for mark in cells if mark.character == character]
        if not found:
            raise PuzzleError(f"This maze has no {name}. Put one {character} into it.")
        if len(found) > 1:
            first, second = (_place(mark, lines) for mark in found[:2])
            raise PuzzleError(
                f"{second}: a second {name} {character}, the first is at {first.lower()}. Keep one of them."
            )


def _place(mark: Mark, lines: Lines) -> str:
    return f"Line {mark.line}, position {mark.position}" if len(lines) > 1 else f"Position {mark.position}"


def _shown(character: str) -> str:
    return f"'{character}'" if character.isprintable() else f"the character U+{ord(character):04X}"


def in_lines(characters: str, side: int) -> str:
    """The cells (one character each) as a grid."""
    return "\n".join(characters[at : at + side] for at in range(0, side * side, side))
