"""Parse Sudokus from pasted text. If a text is not a Sudoku, the error message names the mistake and its place.

Digits are cells, and `.` and `0` are blanks. Marks between cells (spaces, line breaks, `| - + =`, box-drawing
characters) are skipped. Other marks (`_ * x X ? -`, dots, squares) are blanks if no other interpretation fits. A text
with other content is searched for one grid in any supported format: drawings, Python and NumPy lists, spreadsheet cells,
links, candidates (see `rows`, `lists`, `links`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, islice

import numpy as np
from jaxtyping import UInt8

from trm.errors import PuzzleError
from trm.tasks.puzzle_text import PuzzleText, plain, plain_character, quoted
from trm.tasks.sudoku.geometry import BLANK, FIRST_DIGIT
from trm.tasks.sudoku.links import cells_in_link, refusal
from trm.tasks.sudoku.lists import grids_in_brackets, is_shortened, zero_and_minus_one
from trm.tasks.sudoku.puzzle_texts import puzzle_texts
from trm.tasks.sudoku.rows import OTHER_BLANKS, has_minus_one, spaces_are_blanks

LONGEST_TEXT = 100_000
"""Maximum length of a text in characters. The largest drawings of a 9x9 grid have fewer than 1,000."""

SEPARATORS = frozenset("|-+=,;") | frozenset(map(chr, range(0x2500, 0x2580)))
BLANKS = frozenset(".0")
HEAD, LARGEST_LIST = 200, 64 << 20
"""Number of lines that determine whether a text is a list, and maximum length of a list in characters."""
ESCAPED_LINE = "\\n"
"""An escaped line break, as printed inside quotes."""


def parse(text: str, side: int) -> UInt8[np.ndarray, "cells"]:
    """Parse a `side` x `side` Sudoku. Raises a `PuzzleError` that names the mistake and its place."""
    if len(text) > LONGEST_TEXT:
        raise PuzzleError(
            f"This text has {len(text):,} characters; the maximum is {LONGEST_TEXT:,}. Paste one puzzle."
        )
    if len(text) == side * side and set(text) <= _codes(side).keys():
        return np.array([_codes(side)[mark] for mark in text], np.uint8)
    if spaces_are_blanks(text, side):
        return parse(text.replace(" ", "."), side)
    lines = plain(text).splitlines()
    if not has_minus_one(lines):
        try:
            return _in_order(text, side)
        except PuzzleError as error:
            mistake = str(error)
    elif zero_and_minus_one(text):
        raise PuzzleError("This text has both 0 and -1, so either may be a blank. Write . for blanks.")
    else:
        mistake = f"This text contains -1 but does not have {side} cells per row. {_remedy(side)}"
    if is_shortened(text):
        raise PuzzleError(
            "This array is incomplete: NumPy replaced cells by '...'. Print all of it, or print it as a list."
        )
    cells = _elsewhere(text, side)
    if cells is None:
        raise PuzzleError(refusal(text) or mistake)
    return np.array([BLANK if cell == "." else FIRST_DIGIT - 1 + int(cell) for cell in cells], np.uint8)


@cache
def _codes(side: int) -> dict[str, int]:
    """Return the token of each character that a grid in one line may contain."""
    digits = {str(digit): FIRST_DIGIT - 1 + digit for digit in range(1, side + 1)}
    return dict.fromkeys(BLANKS, BLANK) | digits


def _elsewhere(text: str, side: int) -> str | None:
    """Return the cells of the only grid in a text with other content, or None without exactly one grid."""
    cells = cells_in_link(text, side)
    if cells is None:
        for variant in dict.fromkeys((text, text.replace(ESCAPED_LINE, "\n"))):
            grids = list(find_puzzles(variant.splitlines(keepends=True), side))
            if len(grids) == 1 and is_grid(grids[0].text, side):
                return grids[0].text
    return cells


def find_puzzles(lines: Iterable[str], side: int) -> Iterator[PuzzleText]:
    """Yield the puzzles in a text of any length. A text that starts with a list is read into memory.

    Raises `PuzzleError` if a list is faulty or longer than `LARGEST_LIST` characters.
    """
    lines = iter(lines)
    head = list(islice(lines, HEAD))
    try:
        in_brackets = bool(grids_in_brackets(plain("".join(head)), side))
    except PuzzleError:  # the list is cut off, or has a mistake that is reported once the whole text is read
        in_brackets = True
    if not in_brackets:
        yield from puzzle_texts(chain(head, lines), side)
        return
    text = "".join(chain(head, lines))
    if len(text) > LARGEST_LIST:
        raise PuzzleError(
            f"This list is over {LARGEST_LIST >> 20} MB. Write it as CSV, with one puzzle per line."
        )
    yield from grids_in_brackets(plain(text), side)


def is_grid(text: str, side: int) -> bool:
    """Whether a text consists of exactly the cells of a grid, with . for blanks."""
    return len(text) == side * side and not set(text) - set(".123456789"[: side + 1])


def _in_order(text: str, side: int) -> UInt8[np.ndarray, "cells"]:
    """Parse cells in order, with only separators between them."""
    digits = {mark: token for mark, token in _codes(side).items() if mark not in BLANKS}
    blanks = BLANKS | _other_blank(plain(text), digits, side * side)
    lines = text.splitlines()
    tokens: list[int] = []
    cells_by_line = []
    for number, line in enumerate(lines, 1):
        before = len(tokens)
        for position, written in enumerate(line, 1):
            for character in plain_character(written):
                if character in digits:
                    tokens.append(digits[character])
                elif character in blanks:
                    tokens.append(BLANK)
                elif character not in SEPARATORS and not character.isspace():
                    where = (
                        f"Line {number}, position {position}" if len(lines) > 1 else f"Position {position}"
                    )
                    raise PuzzleError(
                        f"{where}: {quoted(written)} is not part of a {side}x{side} Sudoku. {_remedy(side)}"
                    )
        cells_by_line.append(len(tokens) - before)
    if len(tokens) != side * side:
        raise PuzzleError(
            f"A {side}x{side} Sudoku has {side * side} cells, but this text has {len(tokens)}"
            f"{_odd_line(cells_by_line, side)}. {_remedy(side)}"
        )
    return np.array(tokens, np.uint8)


def _other_blank(text: str, digits: dict[str, int], cells: int) -> frozenset[str]:
    """Return a set with the only possible blank in a text without plain blanks, or an empty set."""
    marks = [
        mark for mark in OTHER_BLANKS if mark in text and (mark != "-" or not SEPARATORS & set(text) - {"-"})
    ]
    if len(marks) != 1 or any(blank in text for blank in BLANKS):
        return frozenset()
    filled = sum(map(text.count, digits))
    fits = filled + text.count(marks[0]) == cells
    return frozenset(marks) if fits or marks[0] != "-" else frozenset()


def _odd_line(cells_by_line: list[int], side: int) -> str:
    """Return a part of the error message: the lines with a wrong number of cells, if each line is a row."""
    filled = [(number, count) for number, count in enumerate(cells_by_line, 1) if count]
    if len(filled) <= 1:
        return ""
    odd = [f"line {number} has {count}" for number, count in filled if count != side]
    if not odd:
        return f" ({len(filled)} rows of {side})"
    return f" ({', '.join(odd[:3])}{', ...' if len(odd) > 3 else ''})"


def _remedy(side: int) -> str:
    return f"Use digits 1-{side} and . or 0 for blanks."


def pretty(characters: str, box_rows: int, box_columns: int) -> str:
    """Format a string with one character per cell as a grid with lines between boxes."""
    side = box_rows * box_columns
    rule = "+".join("-" * (2 * box_columns + 1) for _ in range(box_rows))[1:-1]
    lines = []
    for row in range(side):
        if row and row % box_rows == 0:
            lines.append(rule)
        cells = characters[row * side : (row + 1) * side]
        lines.append(" | ".join(" ".join(cells[at : at + box_columns]) for at in range(0, side, box_columns)))
    return "\n".join(lines)
