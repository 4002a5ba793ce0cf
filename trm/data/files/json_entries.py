"""Puzzles in JSON, in whatever objects they lie: lists of texts, rows of cells, objects with a puzzle and its solution.

Tables in columns ({"puzzle": [...], "solution": [...]}), JSON lines and the answers of web services are read alike: an
object with a known name for its puzzle is one, a list of rows is one, and all else is looked through.
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
"""Objects and lists in each other that are looked through."""


def entries_in_json(content: Any, name: str, task: Task, *, place: str = "") -> Iterator[PuzzleEntry]:
    """The puzzles in what a JSON file holds. Raises `DataError` naming the entry that is none."""
    if not isinstance(content, list) or _is_puzzle(content, task):
        content = [content]
    for number, entry in enumerate(content, 1):
        here = place or f"entry {number}"
        found = list(_found(entry, name, task, here, 0))
        if not found:
            raise DataError(f"{name}, {here} is no puzzle. {REMEDY}")
        yield from found


def _found(entry: Any, name: str, task: Task, place: str, depth: int) -> Iterator[PuzzleEntry]:
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
                yield from _found(row, name, task, f"{place}, row {number}", depth + 1)
            return
        for key, value in entry.items():
            if isinstance(value, Mapping | list):
                yield from _found(value, name, task, f"{place}, {str(key)[:40]}", depth + 1)
    elif isinstance(entry, list):
        for number, value in enumerate(entry, 1):
            yield from _found(value, name, task, f"{place}, {number}", depth + 1)


def _of_object(entry: Mapping, name: str, task: Task, place: str) -> PuzzleEntry | None:
    """The puzzle that an object names, with its answer; None where it names none."""
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
    """The rows of a table that is kept in columns; None where it is none."""
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
    kept = {key: values for key, values in columns.items() if len(values) == count}
    return [{key: values[at] for key, values in kept.items()} for at in range(count)]


def _is_puzzle(entry: Any, task: Task) -> bool:
    """A text, rows of cells, or all cells in a row; each cell a number, a character, or nothing."""
    if isinstance(entry, str):
        return len(entry) >= task.cells
    if not isinstance(entry, list) or not entry:
        return False
    if all(isinstance(row, str) for row in entry):
        return len(entry) == task.rows and all(len(row) == task.columns for row in entry)
    if all(isinstance(row, list) and row for row in entry):
        return all(map(_is_cell, [cell for row in entry for cell in row]))
    return len(entry) == task.cells and all(map(_is_cell, entry))


def _is_cell(cell: Any) -> bool:
    if isinstance(cell, Mapping):
        return not cell or "value" in cell
    return cell is None or (isinstance(cell, str) and len(cell) <= 4) or isinstance(cell, int | float)


def _text(entry: Any, task: Task) -> str:
    """For the task to parse."""
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
