"""Sudoku as text: reads what people paste, says exactly what is wrong with what it cannot read.

Digits are cells, `.` and `0` are blanks. What people draw between cells (spaces, line breaks, `| - + =`,
box-drawing characters) is skipped. Other marks for a blank (`_ * x X ? -`) are taken for one when that is
the only reading that fits.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from trm.errors import PuzzleError
from trm.tasks.sudoku.geometry import BLANK, FIRST_DIGIT

LONGEST_TEXT = 100_000
"""Characters accepted; the most generous drawing of a 9x9 grid has under 1,000."""

SEPARATORS = frozenset("|-+=,;\ufeff\u200b") | frozenset(map(chr, range(0x2500, 0x2580)))
BLANKS = frozenset(".0")
OTHER_BLANKS = "_*xX?-"


def parse(text: str, side: int) -> UInt8[np.ndarray, "cells"]:
    """Tokens of a `side` x `side` Sudoku. Raises `PuzzleError` naming the line and position at fault."""
    if len(text) > LONGEST_TEXT:
        raise PuzzleError(
            f"This text has {len(text):,} characters, at most {LONGEST_TEXT:,} are read. Paste one puzzle."
        )
    digits = {str(digit): FIRST_DIGIT - 1 + digit for digit in range(1, side + 1)}
    blanks = BLANKS | _other_blank(text, digits, side * side)
    lines = text.splitlines()
    tokens: list[int] = []
    cells_by_line = []
    for number, line in enumerate(lines, 1):
        before = len(tokens)
        for position, character in enumerate(line, 1):
            if character in digits:
                tokens.append(digits[character])
            elif character in blanks:
                tokens.append(BLANK)
            elif character not in SEPARATORS and not character.isspace():
                where = f"Line {number}, position {position}" if len(lines) > 1 else f"Position {position}"
                raise PuzzleError(
                    f"{where}: {_shown(character)} is not part of a {side}x{side} Sudoku. {_remedy(side)}"
                )
        cells_by_line.append(len(tokens) - before)
    if len(tokens) != side * side:
        raise PuzzleError(
            f"A {side}x{side} Sudoku has {side * side} cells, this text has {len(tokens)}"
            f"{_odd_line(cells_by_line, side)}. {_remedy(side)}"
        )
    return np.array(tokens, np.uint8)


def _other_blank(text: str, digits: dict[str, int], cells: int) -> frozenset[str]:
    """The mark that must stand for a blank: the only such kind, in a text without plain blanks."""
    marks = [
        mark for mark in OTHER_BLANKS if mark in text and (mark != "-" or not SEPARATORS & set(text) - {"-"})
    ]
    if len(marks) != 1 or any(blank in text for blank in BLANKS):
        return frozenset()
    filled = sum(map(text.count, digits))
    fits = filled + text.count(marks[0]) == cells
    return frozenset(marks) if fits or marks[0] != "-" else frozenset()


def _odd_line(cells_by_line: list[int], side: int) -> str:
    """Which line makes the count wrong, where one line a row was meant."""
    filled = [(number, count) for number, count in enumerate(cells_by_line, 1) if count]
    if len(filled) <= 1:
        return ""
    odd = [f"line {number} has {count}" for number, count in filled if count != side]
    if not odd:
        return f" ({len(filled)} rows of {side})"
    return f" ({', '.join(odd[:3])}{', ...' if len(odd) > 3 else ''})"


def _shown(character: str) -> str:
    return f"'{character}'" if character.isprintable() else f"the character U+{ord(character):04X}"


def _remedy(side: int) -> str:
    return f"Use digits 1-{side} and . or 0 for blanks."


def pretty(characters: str, box_rows: int, box_columns: int) -> str:
    """The cells (one character each) as a grid with lines between boxes."""
    side = box_rows * box_columns
    rule = "+".join("-" * (2 * box_columns + 1) for _ in range(box_rows))[1:-1]
    lines = []
    for row in range(side):
        if row and row % box_rows == 0:
            lines.append(rule)
        cells = characters[row * side : (row + 1) * side]
        lines.append(" | ".join(" ".join(cells[at : at + box_columns]) for at in range(0, side, box_columns)))
    return "\n".join(lines)
