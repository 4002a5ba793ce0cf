"""Finds puzzles in JSON of any structure: lists of strings, rows of cells, or objects with a puzzle and its solution.

The same rules apply to column tables ({"puzzle": [...], "solution": [...]}), JSON lines, and responses of web services:
an object with a known puzzle key is a puzzle, a list of rows is a puzzle, and all other values are searched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trm.data.files.entry import PuzzleEntry
from trm.data.files.table import ANSWER_COLUMNS, PUZZLE_COLUMNS, RATING_COLUMNS, Columns
from trm.errors import DataError
from trm.tasks.base import Task

REMEDY = 'Give a list such as ["53..7...", ...] or [{"question": "53..7..."}, ...], or rows such as [[5,3,0, ...], ...].'
DEEPEST = 12
"""Maximum nesting depth to which objects and lists are searched."""


def entries_in_json(content: Any, name: str, task: Task, *, place: str = "") -> Iterator[PuzzleEntry]:
    """Yield the puzzles in parsed JSON. Raises `DataError`, which names the entry, if an entry contains no puzzle.

    `name` is the name of the file in messages, and `place` is the location of `content` in the file. By default, the
    places are "entry 1", "entry 2", and so on.
    """
    if not isinstance(content, list) or _is_puzzle(content, task):
        content = [content]
    for number, entry in enumerate(content, 1):
        here = place or f"entry {number}"
        puzzles = list(_search(entry, name, task, here, 0))
        if not puzzles:
            raise DataError(f"{name}, {here} is not a puzzle. {REMEDY}")
        yield from puzzles


def _search(entry: Any, name: str, task: Task, place: str, depth: int) -> Iterator[PuzzleEntry]:
    if _is_puzzle(entry, task) or (depth == 0 and isinstance(entry, str)):
        yield PuzzleEntry(name, place, _text(entry, task))
        return
    if depth == DEEPEST:
        return
    if isinstance(entry, Mapping):
        if (puzzle := _of_object(entry, name, task, place)) is not None:
            yield puzzle
            return
        if (columns := _as_rows(entry, task)) is not None:
            for number, row in enumerate(columns, 1):
                yield from _search(row, name, task, f"{place}, row {number}", depth + 1)
            return
        for key, value in entry.items():
            if isinstance(value, Mapping | list):
                yield from _search(value, name, task, f"{place}, {str(key)[:40]}", depth + 1)
    elif isinstance(entry, list):
        for number, value in enumerate(entry, 1):
            yield from _search(value, name, task, f"{place}, {number}", depth + 1)


def _of_object(entry: Mapping, name: str, task: Task, place: str) -> PuzzleEntry | None:
    """Return the puzzle and answer of an object with a known puzzle key, or None if the object has no such key."""
    row = {str(key).strip().lower(): value for key, value in entry.items()}
    keys = [
        key
        for key in PUZZLE_COLUMNS
        if key in row and (isinstance(row[key], str) or _is_puzzle(row[key], task))
    ]
    whole = [key for key in keys if _is_puzzle(row[key], task)]
    if not keys:
        return None
    puzzle = (whole or keys)[0]
    answer = next(
        (key for key in ANSWER_COLUMNS if key in row and key != puzzle and _is_puzzle(row[key], task)), ""
    )
    rating = next((key for key in RATING_COLUMNS if key in row), "")
    texts = {key: _text(row[key], task) for key in (puzzle, answer) if key}
    others = {key: str(row[key]) for key in (rating, "difficulty") if key in row and row[key] is not None}
    return Columns(puzzle, answer, rating, "difficulty").entry_of({**others, **texts}, name, place)


def _as_rows(entry: Mapping, task: Task) -> list[dict] | None:
    """Convert a column table to a list of rows. Returns None if the object is not a column table."""
    columns = {
        str(key): list(value.values()) if isinstance(value, Mapping) else value
        for key, value in entry.items()
        if isinstance(value, list)
        or (isinstance(value, Mapping) and all(str(row).isdecimal() for row in value))
    }
    named = [key for key in columns if key.strip().lower() in PUZZLE_COLUMNS]
    if not any(columns[key] and all(_is_puzzle(each, task) for each in columns[key]) for key in named):
        return None
    count = max(len(columns[key]) for key in named)
    complete = {key: values for key, values in columns.items() if len(values) == count}
    return [{key: values[at] for key, values in complete.items()} for at in range(count)]


def _is_puzzle(entry: Any, task: Task) -> bool:
    """Return whether a value may be a puzzle: a long enough string, a list of rows, or a list of all cells."""
    if isinstance(entry, str):
        return len(entry) >= task.cells
    if not isinstance(entry, list) or not entry:
        return False
    if all(isinstance(row, str) for row in entry) and len(entry) != task.cells:
        return len(entry) == task.rows and all(len(row) == task.columns for row in entry)
    if all(isinstance(row, list) and row for row in entry):
        return all(map(_is_cell, [cell for row in entry for cell in row]))
    return len(entry) == task.cells and all(map(_is_cell, entry))


def _is_cell(cell: Any) -> bool:
    """Return whether a value may be a cell: a number, a short string, null, or an object with a value."""
    if isinstance(cell, Mapping):
        return not cell or "value" in cell
    return cell is None or (isinstance(cell, str) and len(cell) <= 4) or isinstance(cell, int | float)


def _text(entry: Any, task: Task) -> str:
    """Convert a puzzle to text for `Task.parse`."""
    if isinstance(entry, str):
        return entry
    if all(isinstance(row, str) for row in entry) and len(entry) != task.cells:
        return "\n".join(entry)
    rows = [entry] if not isinstance(entry[0], list) else entry
    rows = [[cell.get("value") if isinstance(cell, Mapping) else cell for cell in row] for row in rows]
    if task.name == "maze":
        return "\n".join(
            "".join(" " if cell is None or cell == "" else str(cell) for cell in row) for row in rows
        )
    return json.dumps(rows)
