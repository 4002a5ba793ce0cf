"""The puzzles of a file that somebody hands over, found without solving them: which one is meant is chosen afterwards.

A set for training or evaluation is read as a whole and needs answers (`trm.data.load`). Here a single puzzle is looked
for: a CSV of hundreds of thousands is only cut into its rows.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from trm.data.arc import arc_tasks
from trm.data.table import QUESTION, csv_rows, misread, place, text_rows
from trm.errors import DataError, PuzzleError
from trm.tasks.arc import encode
from trm.tasks.base import Task

LARGEST = 16 << 20
"""Bytes; about 100,000 Sudokus with their answers."""
LOOKED_AT = 100
"""Lines among which one must be a puzzle for a text to be taken for one puzzle a line."""
JSON_REMEDY = 'Give a list such as ["53..7...", ...] or [{"question": "53..7..."}, ...], or rows such as [[5,3,0, ...], ...].'


@dataclass(frozen=True)
class Question:
    """A puzzle as its file has it, not read yet. `place` is where it stands, in words: `line 7`; `line` where it begins."""

    file: str
    place: str
    text: str
    line: int = 1

    def read(self, task: Task) -> UInt8[np.ndarray, "cells"]:
        """Its tokens. Raises `DataError` naming file and place."""
        try:
            return task.parse(self.text, unfinished=True)
        except PuzzleError as error:
            raise DataError(f"{self.file}, {self.place}: {misread(error, self.line, self.text)}") from None


def questions(content: bytes, name: str, task: Task) -> list[Question]:
    """The puzzles of a file of this name, at least one, in file order.

    CSV with a column `q` or `question`; text with one puzzle a line, or drawn in lines with empty ones between puzzles; JSON with a list of
    puzzles, each a text, rows of cells, or an object with a `q` or `question`; for ARC JSON with tasks, whose test
    inputs are the puzzles. Raises `DataError` naming the file, and the line at fault.
    """
    if len(content) > LARGEST:
        raise DataError(
            f"{name} has {len(content) >> 20} MB, at most {LARGEST >> 20} are read here. Give a part of it."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{name} is not text in UTF-8. Give a CSV or text file.") from None
    if not text.strip():
        raise DataError(f"{name} is empty. Give a file with one puzzle a line.")
    if task.name == "arc" and text.lstrip().startswith("{"):
        return list(_from_arc_tasks(content, name, task))
    if text.lstrip().startswith(("[", "{")):
        found = _from_json(text, name, task)
    elif name.lower().endswith(".csv") or _has_header(text):
        found = list(_from_csv(text, name))
    else:
        found = _from_text(text, name, task)
    if not found:
        raise DataError(f"{name} holds no puzzle. Give a file with one puzzle a line.")
    return found


def _has_header(text: str) -> bool:
    header = text.split("\n", 1)[0].lower().split(",")
    return bool({column.strip() for column in header} & set(QUESTION))


def _from_csv(text: str, name: str) -> Iterator[Question]:
    for line, row in csv_rows(text.splitlines(keepends=True), name):
        yield Question(name, f"line {line}", next(row[key] for key in QUESTION if key in row))


def _from_json(text: str, name: str, task: Task) -> list[Question]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{name}, line {error.lineno}: not JSON ({error.msg}). Give JSON, or a text with one puzzle a line."
        ) from None
    except (ValueError, RecursionError):  # numbers of thousands of digits, thousands of brackets
        raise DataError(f"{name} is no JSON with puzzles in it. {JSON_REMEDY}") from None
    if not isinstance(found, list) or _is_grid(found):
        found = [found]
    return [
        Question(name, f"entry {number}", _in_text(entry, name, number, task))
        for number, entry in enumerate(found, 1)
    ]


def _in_text(entry: object, name: str, number: int, task: Task) -> str:
    """The text of one puzzle in JSON, for the task to parse."""
    if isinstance(entry, dict):
        entry = next((entry[key] for key in QUESTION if key in entry), None)
    if _is_grid(entry):
        return json.dumps(entry) if task.name == "arc" else "\n".join("".join(map(str, row)) for row in entry)
    if not isinstance(entry, str):
        raise DataError(f"{name}, entry {number} is no puzzle. {JSON_REMEDY}")
    return entry


def _is_grid(entry: object) -> bool:
    """Rows of cells, each a number or a character."""
    return (
        isinstance(entry, list)
        and bool(entry)
        and all(isinstance(row, list) and row for row in entry)
        and all(isinstance(cell, int | str) for row in entry for cell in row)
    )


def _from_text(text: str, name: str, task: Task) -> list[Question]:
    try:
        task.parse(text, unfinished=True)
    except PuzzleError as error:
        not_one_puzzle = str(error)
    else:
        line = text[: -len(text.lstrip("\r\n"))].count("\n") + 1
        return [Question(name, place(line, text.strip("\r\n")), text)]
    rows = [Question(name, place(line, row), row, line) for line, row in text_rows(text.splitlines(), task)]
    if len(rows) > 1 and all("\n" in row.text for row in rows):
        return rows
    if not any(_is_puzzle(row, task) for row in rows[:LOOKED_AT]):
        raise DataError(f"{name}: {not_one_puzzle}")
    return rows


def _is_puzzle(row: Question, task: Task) -> bool:
    try:
        row.read(task)
    except DataError:
        return False
    return True


def _from_arc_tasks(content: bytes, name: str, task: Task) -> Iterator[Question]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tasks.json"
        path.write_bytes(content)
        try:
            tasks = arc_tasks(path)
        except DataError as error:
            raise DataError(str(error).replace(str(path), name)) from None
    for identifier, found in tasks.items():
        called = "" if identifier == path.stem else f"{identifier}, "
        for number, pair in enumerate(found.test, 1):
            yield Question(name, f"{called}test {number}", task.format(encode(pair.input)))
