"""Mazes as text: reads what people paste, says exactly what is wrong with what it cannot read.

The public data sets write `#` wall, space open, `S` start, `G` goal, `o` path. Spaces get lost on the way, at the
ends of lines above all, so one-line text is written with `.` for open cells; both are read. Where the other
characters alone fill the grid, spaces and line breaks are taken for spacing. Other people's marks are in `marks`, walls
that are lines in `thin`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from math import isqrt
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from trm.errors import PuzzleError
from trm.tasks.maze.geometry import GOAL, PATH, START
from trm.tasks.maze.marks import ALL, MARKS, character_tokens, dots_lead_from_start_to_goal
from trm.tasks.maze.thin import is_thin, widened
from trm.tasks.puzzle_text import PuzzleText, numbered_lines, quoted

LONGEST_TEXT = 100_000
"""Characters accepted; a 100x100 maze has 10,100 in lines."""

PUBLIC = (" ", "#", " ", "S", "G", "o")
"""Character of each token in the public data sets. Padding is none of them; it prints as open."""
REMEDY = "Use # for walls, spaces or . for open cells, one S, one G, and o for a path."
FAST = {True: {mark: MARKS[mark] for mark in "# SGo"}, False: {mark: MARKS[mark] for mark in "#.SGo"}}
"""The marks of the public data sets, with spaces and without: a maze of these in one line needs no look around."""
SIZE = re.compile(r"\s*(\d{1,3})(?:\s*[x\u00d7,; ]\s*(\d{1,3}))?\s*")
"""A line above a maze that says its size."""
ROW_CHARACTERS = 4
"""Characters that a cell may take in a drawing, spaces and walls between cells among them."""
COMMENT = 4
"""One letter of so many characters that is no mark of a maze makes a line a heading or a comment."""

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
    if (
        len(text) == side * side
        and set(text) <= FAST[" " in text].keys()
        and text.count("S") == text.count("G") == 1
    ):
        token_of = FAST[" " in text]
        return np.array([token_of[mark] for mark in text], np.uint8)
    lines = _numbered(_without_frame(text.removeprefix("\ufeff"), side))
    solid = [mark for mark in _marks(lines) if not mark.character.isspace()]
    token_of = character_tokens([mark.character for mark in solid], side)
    _check_characters(solid, token_of, lines)
    cells = solid if len(solid) == side * side else list(_marks(_rows(lines, side)))
    characters = [mark.character for mark in cells]
    token_of = character_tokens(characters, side)
    _check_characters(
        cells, token_of, lines
    )  # a tab between cells is spacing, in place of one it is a mistake
    tokens = [token_of[mark] for mark in characters]
    if dots_lead_from_start_to_goal(tokens, characters, side):
        tokens = [PATH if mark == "." else token for mark, token in zip(characters, tokens, strict=True)]
    if not any_ends:
        _check_ends(cells, tokens, lines)
    return np.array(tokens, np.uint8)


def puzzle_texts(lines: Iterable[str], side: int) -> Iterator[PuzzleText]:
    """The mazes of a text, each with its lines: a line with room for all cells, or shorter ones below each other.

    Empty lines and comments end a drawing and are left out, and so do headings.
    """
    drawing: list[str] = []
    number, note = 0, ""

    def drawn(end: int) -> PuzzleText:
        return PuzzleText("\n".join(drawing), end - len(drawing) + 1, len(drawing), note=note)

    for number, line in numbered_lines(lines):
        if _is_row(line, side):
            drawing.append(line)
            continue
        if drawing:
            yield drawn(number - 1)
            drawing, note = [], ""
        if not line.strip():
            continue
        if _is_heading(line, side):
            note = note or f"line {number}: {line.strip()[:40]!r} passed over"
            continue
        question, answer = _beside(line, side)
        yield PuzzleText(question, number, answer=answer, note=note)
        note = ""
    if drawing:
        yield drawn(number)


def _beside(line: str, side: int) -> tuple[str, str]:
    """The maze and its answer, where a line holds more than one of them, divided by commas, semicolons or tabs."""
    whole = [field.strip("\"'") for field in re.split(r"[,;\t]", line)]
    whole = [field for field in whole if len(field) == side * side and set(field) <= ALL]
    if len(whole) not in (1, 2) or len(line) == side * side:
        return line, ""
    whole.sort(key=lambda field: "o" in field)
    return whole[0], whole[1] if len(whole) == 2 else ""


def _is_row(line: str, side: int) -> bool:
    if not line.strip():
        return len(line) == side
    return len(line) <= min(ROW_CHARACTERS * side + 1, side * side - 1) and not _is_heading(line, side)


def _is_heading(line: str, side: int) -> bool:
    """Whether a line is words or a size. A row may have a mistake in it, which is to be named: it takes several letters."""
    if (size := SIZE.fullmatch(line)) and set(line.split()) - {"0", "1"}:
        return {size[1], size[2] or size[1]} == {str(side)}
    marks = "".join(line.split())
    letters = sum(mark.isalpha() and mark not in ALL for mark in marks)
    return len(line) != side * side and letters > 1 and COMMENT * letters > len(marks)


def _without_frame(text: str, side: int) -> str:
    """The maze alone: out of lists, code fences, without a line that says its size, with walls that are lines made cells."""
    if text.lstrip().startswith(("[", "{")):
        text = _from_list(text)
    lines = text.splitlines()
    if any(line.startswith("```") for line in lines):
        lines = [line for line in lines if not line.startswith("```")]
        text = "\n".join(lines)
    if len(lines) > 1 and len(lines[0].strip()) > 0 and len(lines) > side and _is_heading(lines[0], side):
        text = "\n".join(lines[1:])
    kept = [line for line in text.splitlines() if line.strip()]
    if len(kept) > 2 and is_thin(kept):
        return "\n".join(widened(kept, side))
    return text


def _from_list(text: str) -> str:
    """Rows of a list in JSON or Python, a line each; the text itself where it is none."""
    try:
        rows = json.loads(text.replace("'", '"'))
        return "\n".join(row if isinstance(row, str) else "".join(map(str, row)) for row in rows)
    except (ValueError, TypeError, RecursionError):
        return text


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
                f"{_place(mark, lines)}: {quoted(mark.character)} is not part of a maze. {REMEDY}"
            )


def _check_ends(cells: list[Mark], tokens: list[int], lines: Lines) -> None:
    """Exactly one start and one goal."""
    for usual, name, end in (("S", "start", START), ("G", "goal", GOAL)):
        found = [mark for mark, token in zip(cells, tokens, strict=True) if token == end]
        character = found[0].character if found else usual
        if not found:
            raise PuzzleError(f"This maze has no {name}. Put one {character} into it.")
        if len(found) > 1:
            first, second = (_place(mark, lines) for mark in found[:2])
            raise PuzzleError(
                f"{second}: a second {name} {character}, the first is at {first.lower()}. Keep one of them."
            )


def _place(mark: Mark, lines: Lines) -> str:
    return f"Line {mark.line}, position {mark.position}" if len(lines) > 1 else f"Position {mark.position}"


def in_lines(characters: str, side: int) -> str:
    """The cells (one character each) as a grid."""
    return "\n".join(characters[at : at + side] for at in range(0, side * side, side))
