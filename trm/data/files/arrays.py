"""Reads puzzles from NumPy arrays (.npy and .npz) of digits, tokens of the official format, or characters.

The header of each array is checked before memory is allocated (`trm.data.files.npz`). Pickled objects are rejected.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np

from trm.data.files.containers import ByteSource, is_arrays
from trm.data.files.entry import PuzzleEntry
from trm.data.files.npz import array_of, header_of
from trm.data.files.spread import LARGE, evenly_spread
from trm.data.files.table import ANSWER_COLUMNS, PUZZLE_COLUMNS
from trm.errors import DataError
from trm.tasks.base import Task

LARGEST = 1 << 30
"""Maximum size of an array in bytes."""


def entries_in_arrays(source: ByteSource, task: Task, *, spread: int | None = None) -> Iterator[PuzzleEntry]:
    """Yield the puzzles, with their answers, in an .npy or .npz file.

    If `spread` is given, only `spread` evenly spaced puzzles are taken from a large array. Raises `DataError` if the
    file is damaged, an array has the wrong shape or type, or its numbers are ambiguous.
    """
    if is_arrays(source):
        puzzles, answers = _named_arrays(source)
    else:
        with source.open() as stream:
            puzzles, answers = _array(stream, source.name), None
    puzzles, answers = _split(puzzles, answers, task)
    _check(puzzles, task, source.name)
    if answers is not None:
        _check(answers, task, source.name)
        if len(answers) != len(puzzles):
            raise DataError(
                f"{source.name} has {len(puzzles):,} puzzles but {len(answers):,} answers. Write both again."
            )
    tokens = _is_tokens(puzzles, answers, task, source.name)
    large = spread is not None and puzzles.nbytes > LARGE
    for number in evenly_spread(len(puzzles), spread).tolist() if large else range(len(puzzles)):
        yield PuzzleEntry(
            source.name,
            f"puzzle {number + 1}",
            _text(np.atleast_1d(puzzles[number]), task, tokens),
            answer="" if answers is None else _answer(np.atleast_1d(answers[number]), task, tokens),
        )


def _array(stream: io.BufferedIOBase, name: str) -> np.ndarray:
    try:
        header = header_of(stream)
    except ValueError as error:
        raise DataError(f"{name} is damaged: {error}. Copy it again.") from None
    if header.dtype.kind not in "iufUS":
        raise DataError(
            f"{name} has dtype {str(header.dtype)[:60]}, which is not supported: it is not numeric, or could run code. Write an array of integers."
        )
    if header.nbytes > LARGEST:
        raise DataError(
            f"{name} has an array of {header.count:,} numbers, which is over {LARGEST >> 30} GB. Give a part of it."
        )
    try:
        return array_of(stream, header)
    except ValueError as error:
        raise DataError(f"{name} is truncated: {error}. Copy it again.") from None


def _named_arrays(source: ByteSource) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the arrays of puzzles and answers in an .npz file, found by name. A single array may have any name."""
    with source.open() as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as archive:
        names = {PurePosixPath(name).stem.lower(): name for name in archive.namelist()}

        def take(words: tuple[str, ...]) -> np.ndarray | None:
            for key, name in names.items():
                if any(key in (word, f"{word}_test", f"test_{word}", f"{word}s") for word in words):
                    with archive.open(name) as member:
                        return _array(io.BufferedReader(member), f"{source.name}, {name}")
            return None

        puzzles, answers = take(PUZZLE_COLUMNS), take(ANSWER_COLUMNS)
        if puzzles is None and len(names) == 1:
            with archive.open(next(iter(names.values()))) as member:
                puzzles = _array(io.BufferedReader(member), source.name)
    if puzzles is None:
        raise DataError(
            f"{source.name} has arrays named {', '.join(list(names)[:5])}. Name them puzzles and solutions."
        )
    return puzzles, answers


def _split(
    puzzles: np.ndarray, answers: np.ndarray | None, task: Task
) -> tuple[np.ndarray, np.ndarray | None]:
    """Reshape puzzles and answers to (count, cells). An array of pairs contains (puzzle, answer) in each row."""
    sides = (task.rows, task.columns)
    if answers is None and puzzles.shape[1:] in ((2, task.cells), (2, *sides)):
        return puzzles[:, 0].reshape(-1, task.cells), puzzles[:, 1].reshape(-1, task.cells)
    flat = [None if part is None else _flat(part, task) for part in (puzzles, answers)]
    return flat[0] if flat[0] is not None else puzzles, flat[1]


def _flat(array: np.ndarray, task: Task) -> np.ndarray:
    if array.ndim > 1 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.shape[-2:] == (task.rows, task.columns) or array.shape[-1:] == (task.cells,):
        return array.reshape(-1, task.cells)
    return array


def _check(array: np.ndarray, task: Task, name: str) -> None:
    text = array.dtype.kind in "US" and array.ndim == 1  # one string per puzzle
    if not text and (array.ndim != 2 or array.shape[1] != task.cells):
        raise DataError(
            f"{name} has an array of shape {array.shape}. Give (puzzles, {task.rows}, {task.columns}) or (puzzles, {task.cells})."
        )
    if array.dtype.kind == "f" and not np.isin(array, np.arange(-1, 256)).all():
        raise DataError(f"{name} contains numbers that are not integers. Write integers, 0 for a blank.")


def _is_tokens(puzzles: np.ndarray, answers: np.ndarray | None, task: Task, name: str) -> bool:
    """Return whether the numbers are tokens of the official format. Raises `DataError` if this is ambiguous."""
    if puzzles.dtype.kind in "US" or not puzzles.size:
        return False
    lowest, highest = int(puzzles.min()), int(puzzles.max())
    if task.name == "sudoku":
        if lowest < 1 or (answers is not None and answers.max() <= task.rows and answers.min() >= 1):
            return False
        if highest == task.vocab_size - 1:
            return True
        complete = np.sort(puzzles, axis=1)[:, :: task.rows] == np.arange(1, task.rows + 1)
        if not complete.all():
            raise DataError(
                f"{name} has numbers from {lowest} to {highest}, so 1 may be a blank or a digit. Write 0 for a blank."
            )
        return False
    if task.name != "maze" or lowest < 1 or not {3, 4} <= set(np.unique(puzzles).tolist()):
        return False
    if highest >= task.vocab_size:
        raise DataError(
            f"{name} contains token {highest}, but {task.name} has tokens 0-{task.vocab_size - 1}."
        )
    return True


def _answer(row: np.ndarray, task: Task, tokens: bool) -> str:
    """Return the answer to a puzzle as text, or "" if it is a Sudoku answer with blanks."""
    text = _text(row, task, tokens)
    return "" if task.name == "sudoku" and "." in text else text


def _text(row: np.ndarray, task: Task, tokens: bool) -> str:
    """Convert a puzzle to text for `Task.parse`."""
    if row.dtype.kind in "US":
        cells = [cell.decode("ascii", "replace") if isinstance(cell, bytes) else cell for cell in row]
        return cells[0] if len(cells) == 1 else "".join(cell or "." for cell in cells)
    if tokens:
        return task.format(np.clip(row, 0, task.vocab_size - 1).astype(np.uint8))
    numbers = [int(cell) for cell in row]
    if (
        task.name == "sudoku"
        and all(-1 <= cell <= task.rows for cell in numbers)
        and not {0, -1} <= set(numbers)
    ):
        return "".join("." if cell < 1 else str(cell) for cell in numbers)
    rows = [numbers[at : at + task.columns] for at in range(0, task.cells, task.columns)]
    return "\n".join((" " if task.name == "sudoku" else "").join(map(str, line)) for line in rows)
