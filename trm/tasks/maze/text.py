"""Parse mazes from pasted text. If a text is not a maze, the error message names the mistake and its place.

The public datasets use `#` for walls, spaces for open cells, `S` for start, `G` for goal, and `o` for path. Spaces are
often lost in copying, mostly at line ends, so `Maze.format` writes `.` for open cells. The parser accepts both. It
ignores spaces and line breaks if the other characters alone fill the grid. The module `marks` handles other notations,
and the module `thin` handles mazes with thin walls.
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
"""Maximum length of a text in characters. A 100x100 maze in lines has 10,100."""

PUBLIC = (" ", "#", " ", "S", "G", "o")
"""Character for each token, as in the public datasets, which have no padding. Padding is written as open cells."""
REMEDY = "Use # for walls, spaces or . for open cells, one S, one G, and o for a path."
FAST = {True: {mark: MARKS[mark] for mark in "# SGo"}, False: {mark: MARKS[mark] for mark in "#.SGo"}}
"""Tokens for the usual characters of a one-line maze with spaces (True) and without spaces (False)."""
SIZE = re.compile(r"\s*(\d{1,3})(?:\s*[x\u00d7,; ]\s*(\d{1,3}))?\s*")
"""Pattern of a line that gives the size of the maze below it."""
ROW_CHARACTERS = 4
"""Maximum number of characters per cell in a drawing, including spaces and walls between cells."""
COMMENT = 4
"""A line is a heading or a comment if more than 1 in `COMMENT` characters is a letter without a meaning in mazes."""

Lines = list[tuple[int, str]]
"""Lines of a text with their numbers, counted from 1."""


class Mark(NamedTuple):
    """A character and its place in the text. Lines and positions are counted from 1."""

    character: str
    line: int
    position: int


def parse(text: str, side: int, *, any_ends: bool = False) -> UInt8[np.ndarray, "cells"]:
    """Parse a `side` x `side` maze that is written in one line or in `side` lines, with or without a path.

    The maze must have one start and one goal, unless `any_ends` is True. Cells that are missing at the end of a line are
    open. Raises a `PuzzleError` that names the mistake and its place.
    """
    if len(text) > LONGEST_TEXT:
        raise PuzzleError(
            f"This text has {len(text):,} characters; the maximum is {LONGEST_TEXT:,}. Paste one maze."
        )
    if (
        len(text) == side * side
        and set(text) <= FAST[" " in text].keys()
        and text.count("S") == text.count("G") == 1
    ):
        token_of = FAST[" " in text]
        return np.array([token_of[mark] for mark in text], np.uint8)
    lines = _without_frame(text.removeprefix("\ufeff"), side)
    solid = [mark for mark in _marks(lines) if not mark.character.isspace()]
    token_of = character_tokens([mark.character for mark in solid], side)
    _check_characters(solid, token_of, lines)
    cells = solid if len(solid) == side * side else list(_marks(_rows(lines, side)))
    characters = [mark.character for mark in cells]
    token_of = character_tokens(characters, side)
    _check_characters(
        cells, token_of, lines
    )  # a tab is allowed as spacing between cells, but not in place of a cell
    tokens = [token_of[mark] for mark in characters]
    if dots_lead_from_start_to_goal(tokens, characters, side):
        tokens = [PATH if mark == "." else token for mark, token in zip(characters, tokens, strict=True)]
    if not any_ends:
        _check_ends(cells, tokens, lines)
    return np.array(tokens, np.uint8)


def puzzle_texts(lines: Iterable[str], side: int) -> Iterator[PuzzleText]:
    """Yield the mazes in a text, in order. A maze is one line that holds all cells, or a drawing of consecutive lines.

    A drawing ends before the next empty line, comment, or heading.
    """
    drawing: list[str] = []
    number, note = 0, ""

    def finished(end: int) -> PuzzleText:
        return PuzzleText("\n".join(drawing), end - len(drawing) + 1, len(drawing), note=note)

    for number, line in numbered_lines(lines):
        if _is_row(line, side):
            drawing.append(line)
            continue
        if drawing:
            yield finished(number - 1)
            drawing, note = [], ""
        if not line.strip():
            continue
        if _is_heading(line, side):
            note = note or f"line {number}: {line.strip()[:40]!r} skipped"
            continue
        puzzle, answer = _maze_and_answer(line, side)
        yield PuzzleText(puzzle, number, answer=answer, note=note)
        note = ""
    if drawing:
        yield finished(number)


def _maze_and_answer(line: str, side: int) -> tuple[str, str]:
    """Split a line at a comma, semicolon or tab into a maze and its answer. The answer is "" if the line has none."""
    whole = [field.strip("\"'") for field in re.split(r"[,;\t]", line)]
    whole = [field for field in whole if len(field) == side * side and set(field) <= ALL]
    if len(whole) not in (1, 2):
        return line, ""
    whole.sort(key=lambda field: "o" in field)
    return whole[0], whole[1] if len(whole) == 2 else ""


def _is_row(line: str, side: int) -> bool:
    if not line.strip():
        return len(line) == side
    return len(line) <= min(ROW_CHARACTERS * side + 1, side * side - 1) and not _is_heading(line, side)


def _is_heading(line: str, side: int) -> bool:
    """Whether a line is a heading, a comment, or a size. One letter does not suffice: it may be a mistake in a row."""
    if (size := SIZE.fullmatch(line)) and set(line.split()) - {"0", "1"}:
        return {size[1], size[2] or size[1]} == {str(side)}
    marks = "".join(line.split())
    letters = sum(mark.isalpha() and mark not in ALL for mark in marks)
    return len(line) != side * side and letters > 1 and COMMENT * letters > len(marks)


def _without_frame(text: str, side: int) -> Lines:
    """Number the lines of a text, without list brackets, code fences, and a line with the size, and with walls as cells.

    The empty line after a final line break is included: it may be a row of open cells.
    """
    if text.lstrip().startswith(("[", "{")):
        text = _from_list(text)
    lines = list(enumerate(text.splitlines(), 1))
    after = [(len(lines) + 1, "")] if text.endswith("\n") else []
    if any(line.startswith("```") for _, line in lines):
        lines, after = [(number, line) for number, line in lines if not line.startswith("```")], []
    if len(lines) > side and _is_heading(lines[0][1], side):
        lines, after = lines[1:], []
    filled = [line for _, line in lines if line.strip()]
    if len(filled) > 2 and is_thin(filled):
        return list(enumerate(widened(filled, side), 1))
    return lines + after


def _from_list(text: str) -> str:
    """Convert a JSON or Python list of rows to lines; other text is returned unchanged."""
    try:
        rows = json.loads(text.replace("'", '"'))
        return "\n".join(row if isinstance(row, str) else "".join(map(str, row)) for row in rows)
    except (ValueError, TypeError, RecursionError):
        return text


def _marks(lines: Lines) -> Iterator[Mark]:
    for number, line in lines:
        for position, character in enumerate(line, 1):
            yield Mark(character, number, position)


def _rows(lines: Lines, side: int) -> Lines:
    """Return the lines of the grid, padded to full length. Empty lines are rows, unless there are too many lines."""
    filled = [(number, line) for number, line in lines if line.strip()]
    is_one_line = len(lines) == 1 and len(lines[0][1]) >= side * side  # the last rows may consist of spaces
    if is_one_line or (len(filled) == 1 and len(filled[0][1].rstrip()) > side):
        number, line = filled[0] if filled else lines[0]
        line = line[: side * side] + line[side * side :].rstrip()
        if len(line) != side * side:
            raise PuzzleError(_wrong_size([(number, line)], side))
        return [(number, line)]
    for blanks in ("\n", None):  # remove empty lines first: lines of spaces are more likely rows
        lines = _without_spare(lines, side, blanks)
    rows = [(number, line if len(line) <= side else line.rstrip()) for number, line in lines]
    if len(rows) != side or any(len(row) > side for _, row in rows):
        raise PuzzleError(_wrong_size(rows, side))
    return [(number, row.ljust(side)) for number, row in rows]


def _without_spare(lines: Lines, side: int, blanks: str | None) -> Lines:
    """Remove lines of `blanks` (None: any white space) from both ends while there are more than `side` lines."""
    while len(lines) > side and not lines[-1][1].strip(blanks):
        lines = lines[:-1]
    while len(lines) > side and not lines[0][1].strip(blanks):
        lines = lines[1:]
    return lines


def _wrong_size(lines: Lines, side: int) -> str:
    """Return the error message for a text with the wrong size."""
    expected = (
        f"A {side}x{side} maze has {side} lines of {side} characters, or {side * side} characters in one line"
    )
    filled = _without_spare(lines, 1, None)
    longest = max((len(line) for _, line in filled), default=0)
    given_side = isqrt(longest) if len(filled) == 1 else len(filled)
    is_square = longest == (given_side**2 if len(filled) == 1 else given_side)
    if is_square and given_side != side and given_side >= 3:
        return f"This maze is {given_side}x{given_side}, but {side}x{side} was expected. Choose a model of its size."
    if len(lines) == side:
        number, length = next((number, len(line)) for number, line in lines if len(line) > side)
        return f"{expected}; line {number} has {length}. Shorten it."
    if len(lines) == 1:
        return f"{expected}; this text has {longest}. Write open cells as dots, since spaces at the ends may get lost."
    return f"{expected}; this text has {len(lines)} lines. Paste the whole maze and nothing else."


def _check_characters(marks: list[Mark], tokens: dict[str, int], lines: Lines) -> None:
    for mark in marks:
        if mark.character not in tokens:
            raise PuzzleError(
                f"{_place(mark, lines)}: {quoted(mark.character)} is not part of a maze. {REMEDY}"
            )


def _check_ends(cells: list[Mark], tokens: list[int], lines: Lines) -> None:
    """Raise `PuzzleError` unless there is exactly one start and one goal."""
    for usual, name, end in (("S", "start", START), ("G", "goal", GOAL)):
        ends = [mark for mark, token in zip(cells, tokens, strict=True) if token == end]
        character = ends[0].character if ends else usual
        if not ends:
            raise PuzzleError(f"This maze has no {name}. Add one {character}.")
        if len(ends) > 1:
            first, second = (_place(mark, lines) for mark in ends[:2])
            raise PuzzleError(
                f"{second}: a second {name} {character}; the first is at {first.lower()}. Remove one of them."
            )


def _place(mark: Mark, lines: Lines) -> str:
    return f"Line {mark.line}, position {mark.position}" if len(lines) > 1 else f"Position {mark.position}"


def in_lines(characters: str, side: int) -> str:
    """Break a string with one character per cell into lines of `side` characters."""
    return "\n".join(characters[at : at + side] for at in range(0, side * side, side))
