"""Decode Sudokus in the formats of websites and apps: links, game IDs, and one-line candidate grids.

Links that contain all cells in plain text (sudokuwiki, sudokuexchange) need no decoder: `puzzle_texts` finds the cells.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from urllib.parse import unquote

from trm.errors import PuzzleError

PUZZ_LINK = re.compile(
    r"(?:puzz\.link|pzv\.jp|pzprxs\.vercel\.app|pzplus\.tck\.mn)\S*?[?/]sudoku/(\d+)/(\d+)/([0-9a-z]*)", re.I
)
SOLO = re.compile(r"(?:^|[\s:=/])(\d)x(\d)(?:[a-z]*):([0-9a-z_]+)\s*$", re.I)
PACKED = re.compile(
    r"(?:f-puzzles\.com|crackingthecryptic|sudokupad)\S*?(?:load=|fpuzzles|fpuz)([\w+/=%-]+)", re.I
)
OTHERS = re.compile(
    r"(f-puzzles\.com|crackingthecryptic\.com|sudokupad\.(?:app|svencodes)|penpa|swaroopg92)\S*", re.I
)
LARGEST_UNPACKED = 1 << 20
"""Maximum length of a decompressed puzzle in characters. A 9x9 puzzle has a few thousand."""


def cells_in_link(text: str, side: int) -> str | None:
    """Decode the cells in a link or code, with . for blanks. Returns None if the text has no known format.

    Raises `PuzzleError` if the code is faulty or the Sudoku has a different size.
    """
    text = text.strip()
    if match := PUZZ_LINK.search(text):
        columns, rows, code = int(match[1]), int(match[2]), match[3]
        return _sized(_from_puzz_link(code.lower()), rows, columns, side)
    if match := SOLO.search(text):
        own_side = int(match[1]) * int(match[2])
        return _sized(_from_solo(match[3]), own_side, own_side, side)
    if match := PACKED.search(text):
        return _from_f_puzzles(unquote(match[1]), side)
    if len(text) == side**3 and set(text) <= set(".0123456789"[: side + 2]):
        return _from_candidates(text, side)
    return None


def refusal(text: str) -> str:
    """Return the error message for a link that cannot be decoded, or "" if the text is not a link."""
    if match := OTHERS.search(text):
        return f"This {match[1]} link does not contain its puzzle in a supported form. Paste the digits."
    if re.match(r"\s*(https?://|www\.)\S+\s*$", text):
        return "This link does not contain the digits of a puzzle. Open it and paste the digits."
    return ""


def _sized(cells: str | None, rows: int, columns: int, side: int) -> str | None:
    if (rows, columns) != (side, side):
        raise PuzzleError(
            f"This is a {rows}x{columns} Sudoku, but {side}x{side} was expected. Choose a model of its size."
        )
    if cells is None or len(cells) != side * side:
        raise PuzzleError(
            f"This code has {len(cells or '')} cells, but a {side}x{side} Sudoku has {side * side}. Copy it again."
        )
    return cells


def _from_puzz_link(code: str) -> str:
    """Decode a puzz.link code: characters up to f are givens, g is one blank, h is two blanks, ..., z is twenty."""
    return "".join("." * (ord(mark) - ord("f")) if mark >= "g" else mark for mark in code)


def _from_solo(code: str) -> str | None:
    """Decode a Solo game ID: digits are givens, _ separates givens, a is one blank, b is two, ..., z is twenty-six."""
    cells = "".join("." * (ord(mark) - ord("a") + 1) if mark.isalpha() else mark for mark in code.lower())
    return cells.replace("_", "")


def _from_candidates(text: str, side: int) -> str | None:
    """Decode a grid with `side` characters per cell, one for each digit. A cell with one candidate is a given."""
    cells = [text[at : at + side] for at in range(0, len(text), side)]
    digits = [[mark for mark in cell if mark not in ".0"] for cell in cells]
    if any(mark not in ".0" and mark != str(at + 1) for cell in cells for at, mark in enumerate(cell)):
        return None
    return "".join(candidates[0] if len(candidates) == 1 else "." for candidates in digits)


def _from_f_puzzles(code: str, side: int) -> str | None:
    try:
        content = json.loads(decompress(code))
        grid = content["grid"]
        cells = "".join(
            str(cell["value"]) if cell.get("given", True) and cell.get("value") else "."
            for row in grid
            for cell in row
        )
        rows, columns = len(grid), len(grid[0])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise PuzzleError("This f-puzzles link cannot be read. Open it and paste the digits.") from None
    return _sized(cells, rows, columns, side)


def decompress(code: str) -> str:
    """Decompress base64 text in the lz-string format, as in f-puzzles links. Raises `ValueError` if it is faulty."""
    try:
        packed = base64.b64decode(code.replace(" ", "+").replace("-", "+") + "=" * (-len(code) % 4))
    except binascii.Error as error:
        raise ValueError("not base64") from error
    bits = "".join(f"{byte:08b}" for byte in packed)
    at = 0

    def number(width: int) -> int:
        nonlocal at
        if at + width > len(bits):
            raise ValueError("cut short")
        at += width
        return int(bits[at - width : at][::-1], 2)

    entries: list[str] = ["", "", ""]
    width, room, size = 2, 1, 0
    out: list[str] = []
    while True:
        kind = number(width)
        if kind == 2:
            return "".join(out)
        if kind in (0, 1):
            entries.append(chr(number(8 if kind == 0 else 16)))
            kind = len(entries) - 1
            room -= 1
            if room == 0:
                room, width = 1 << width, width + 1
        if kind < len(entries):
            entry = entries[kind]
        elif kind == len(entries) and out:
            entry = out[-1] + out[-1][0]
        else:
            raise ValueError("not lz-string")
        size += len(entry)
        if size > LARGEST_UNPACKED:
            raise ValueError("too large")
        if out:
            entries.append(out[-1] + entry[0])
            room -= 1
            if room == 0:
                room, width = 1 << width, width + 1
        out.append(entry)
