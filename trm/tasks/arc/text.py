"""Parse and format ARC grids as text: JSON, lines of digits, or one URL-safe line with / between rows."""

from __future__ import annotations

import json

from trm.errors import PuzzleError
from trm.tasks.arc.grid import Grid, checked_grid

LONGEST_TEXT = 100_000
"""Maximum length of a text in characters. A 30x30 grid in JSON indented by two spaces has fewer than 10,000."""

ROW_SEPARATOR = "/"
BETWEEN_CELLS = ", \t"
REMEDY = "Write [[0,1],[2,3]], or rows of digits 0-9 on separate lines or separated by /."


def parse(text: str) -> Grid:
    """Parse one grid. Raises `PuzzleError` if the text is not a grid."""
    if len(text) > LONGEST_TEXT:
        raise PuzzleError(
            f"This text has {len(text):,} characters; the maximum is {LONGEST_TEXT:,}. Paste one grid."
        )
    stripped = text.strip("\ufeff\u200b \t\r\n")
    return checked_grid(_from_json(stripped) if stripped.startswith(("[", "{")) else _from_lines(stripped))


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise PuzzleError(
            f"Line {error.lineno}, position {error.colno}: not JSON ({error.msg}). {REMEDY}"
        ) from None
    except (ValueError, RecursionError):
        raise PuzzleError(f"This JSON is not a grid. {REMEDY}") from None


def _from_lines(text: str) -> list[list[int]]:
    lines = [line for line in text.replace(ROW_SEPARATOR, "\n").splitlines() if line.strip()]
    if not lines:
        raise PuzzleError(f"This text contains no grid. {REMEDY}")
    rows: list[list[int]] = []
    for number, line in enumerate(lines, 1):
        row: list[int] = []
        for character in line:
            if character in BETWEEN_CELLS:
                continue
            if character not in "0123456789":
                quoted = f"'{character}'" if character.isprintable() else f"U+{ord(character):04X}"
                raise PuzzleError(f"Row {number}, column {len(row) + 1}: {quoted} is not a colour. {REMEDY}")
            row.append(int(character))
        rows.append(row)
    return rows


def in_lines(grid: Grid, separator: str) -> str:
    """Write each row of a grid as digits and join the rows with `separator`."""
    return separator.join("".join(map(str, row)) for row in grid.tolist())
