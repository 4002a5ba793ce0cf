"""Puzzles in lines: CSV with a header, and plain text with a puzzle a line or drawn in lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from trm.data.puzzle_set import PuzzleSet
from trm.errors import DataError, PuzzleError
from trm.tasks.base import Difficulty, Progress, Task

LARGEST_FILE = 2 << 30
MOST_PUZZLES = 1_000_000

ROW_CHARACTERS = 4
"""Characters that a cell may take in a drawing, spaces and lines between cells among them."""

COMMENT = 4
"""One character of so many that is no cell makes a line that begins with # a comment, where # is a cell."""

QUESTION = ("q", "question")
ANSWER = ("a", "answer")


@dataclass
class _Rows:
    """What has been read so far, a list per column."""

    lines: list[int] = field(default_factory=list)
    inputs: list[UInt8[np.ndarray, "cells"]] = field(default_factory=list)
    labels: list[UInt8[np.ndarray, "cells"]] = field(default_factory=list)
    rating: list[float] = field(default_factory=list)
    difficulty: list[str] = field(default_factory=list)


def load_csv(
    path: Path, task: Task, *, name: str, limit: int | None = None, progress: Progress | None = None
) -> PuzzleSet:
    """Columns `q` or `question`, and if there `a` or `answer`, `rating`, `difficulty`; others are ignored.

    An answer that breaks the rules or changes a given is an error; that it is the only one is not checked.
    Raises `DataError` naming the file and line.
    """
    rows = _Rows()
    for line, row in csv_rows(_lines(path), path):
        _read_row(rows, path, line, row, task)
        if _full(rows, path, limit, progress):
            break
    return _puzzle_set(rows, path, name, task)


def load_text(
    path: Path, task: Task, *, name: str, limit: int | None = None, progress: Progress | None = None
) -> PuzzleSet:
    """One puzzle a line, or drawn in lines with empty ones between puzzles; comments, which start with #, are skipped.

    Raises `DataError` likewise.
    """
    rows = _Rows()
    for line, puzzle in text_rows(_lines(path), task):
        _read_row(rows, path, line, {"q": puzzle}, task, drawn=puzzle)
        if _full(rows, path, limit, progress):
            break
    return _puzzle_set(rows, path, name, task)


def text_rows(lines: Iterable[str], task: Task) -> Iterator[tuple[int, str]]:
    """The puzzles of a text, each with the number, from 1, of the line that it begins at.

    A line with room for all cells is a puzzle; shorter ones below each other are the drawing of one. Lines that are empty
    or a comment end a drawing and are left out.
    """
    drawing: list[str] = []
    line = 0
    for line, ended in enumerate(lines, 1):
        text = ended.rstrip("\r\n")
        if _is_row(text, task):
            drawing.append(text)
            continue
        if drawing:
            yield line - len(drawing), "\n".join(drawing)
            drawing = []
        if text.strip() and not _is_comment(text, task):
            yield line, text
    if drawing:
        yield line + 1 - len(drawing), "\n".join(drawing)


def _is_row(line: str, task: Task) -> bool:
    """Whether a line is a row of a drawing. Of tasks whose grids come in all sizes a line is a puzzle, however short."""
    if task.crop(np.zeros(task.cells, np.uint8)) is not None:
        return False
    if not line.strip():
        return task.draws_with_spaces and len(line) == task.columns
    longest = min(ROW_CHARACTERS * task.columns + 1, task.cells - 1)
    return len(line) <= longest and not _is_comment(line, task)


def _is_comment(line: str, task: Task) -> bool:
    """Whether a line begins with # and is neither a puzzle nor a row of one that does: mazes begin with a wall.

    A row may have a mistake in it, which is to be named: it takes several letters to make it a comment.
    """
    if not line.startswith("#") or "#" not in task.symbols:
        return line.startswith("#")
    marks = "".join(line.split())
    foreign = sum(mark not in task.symbols for mark in marks)
    return len(line) != task.cells and foreign > 1 and COMMENT * foreign > len(marks)


def place(line: int, puzzle: str) -> str:
    """Where a puzzle of a text stands, in words."""
    count = puzzle.count("\n")
    return f"lines {line} to {line + count}" if count else f"line {line}"


def misread(error: PuzzleError, line: int, puzzle: str) -> str:
    """What is wrong with a puzzle of a text. Where it is a drawing the lines that are named are those of the text."""
    if "\n" not in puzzle:
        return str(error)
    return re.sub(r"\b([Ll]ine) (\d+)", lambda found: f"{found[1]} {int(found[2]) + line - 1}", str(error))


def _lines(path: Path) -> Iterator[str]:
    if path.stat().st_size > LARGEST_FILE:
        raise DataError(
            f"{path} has over {LARGEST_FILE >> 30} GB. Split it, or convert it to a dataset folder."
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield from file
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text in UTF-8. Give a CSV or text file.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None


def csv_rows(lines: Iterable[str], path: Path | str) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows by column, with the line they end at; `path` is what messages call the file. Raises `DataError`."""
    reader = csv.reader(lines)
    try:
        header = [column.strip().lower() for column in next(reader, [])]
        if not set(header) & set(QUESTION):
            raise DataError(
                f"{path}, line 1: the header names no column q or question. Begin the file with, say, "
                "source,q,a,rating or question,answer."
            )
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise DataError(
                    f"{path}, line {reader.line_num}: {len(row)} columns where the header has {len(header)}."
                    " Check the commas."
                )
            yield reader.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: not CSV ({error}). Check the quotes.") from None


def _read_row(
    rows: _Rows, path: Path, line: int, row: dict[str, str], task: Task, *, drawn: str = ""
) -> None:
    """`drawn` is the puzzle where it may be a drawing, which begins at `line`."""
    question, answer = (next((row[key] for key in keys if key in row), "") for keys in (QUESTION, ANSWER))
    try:
        inputs = task.parse(question)
        # Neither is stripped: a space is an open cell of a maze.
        labels = task.parse(answer) if answer.strip() else _solution(inputs, task)
        difficulty, rating = (row.get(key, "").strip() for key in ("difficulty", "rating"))
        rows.difficulty.append(Difficulty(difficulty) if difficulty else "")
        rows.rating.append(float(rating or "nan"))
    except PuzzleError as error:
        raise DataError(f"{path}, {place(line, drawn)}: {misread(error, line, drawn)}") from None
    except ValueError:
        raise DataError(
            f"{path}, line {line}: the rating {rating!r} is no number. Correct it or leave it empty."
        ) from None
    rows.lines.append(line)
    rows.inputs.append(inputs)
    rows.labels.append(labels)


def _solution(inputs: UInt8[np.ndarray, "cells"], task: Task) -> UInt8[np.ndarray, "cells"]:
    """The only solution, or padding when there is none or more than one."""
    solutions = task.solutions(inputs, limit=2)
    return solutions[0] if len(solutions) == 1 else np.zeros_like(inputs)


def _full(rows: _Rows, path: Path, limit: int | None, progress: Progress | None) -> bool:
    """Whether the limit is reached."""
    count = len(rows.lines)
    if progress:
        progress(count)
    if limit is None and count > MOST_PUZZLES:
        raise DataError(f"{path} has over {MOST_PUZZLES:,} puzzles. Set a limit to read the first ones.")
    return count == limit


def _puzzle_set(rows: _Rows, path: Path, name: str, task: Task) -> PuzzleSet:
    if not rows.lines:
        raise DataError(f"{path} holds no puzzle. Give a file with one puzzle a line, or drawn in lines.")
    inputs, labels = np.stack(rows.inputs), np.stack(rows.labels)
    wrong = labels.any(-1) & ~task.is_solved(inputs, labels)
    if task.judged_by_rules and wrong.any():
        line = rows.lines[int(wrong.argmax())]
        raise DataError(
            f"{path}, line {line}: the answer breaks a rule or changes a given. Correct it or empty it."
        )
    return PuzzleSet.of(
        name, task, inputs, labels, difficulty=tuple(map(str, rows.difficulty)), rating=np.array(rows.rating)
    )
