"""Reads any puzzle file. The content of the file determines the format; the file name does not matter.

First, the file is decompressed (`containers`). Its first bytes distinguish arrays, Parquet, and text. Text that starts
like JSON is parsed as JSON, and text with a header that names a puzzle column is read as a table. In any other text,
the task searches for grids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from trm.data.files.arrays import entries_in_arrays
from trm.data.files.containers import NPY, PARQUET, ByteSource, is_arrays, unpacked
from trm.data.files.entry import PuzzleEntry
from trm.data.files.json_entries import REMEDY, entries_in_json
from trm.data.files.json_file import MAX_BRACKETS, json_line
from trm.data.files.spread import LARGE, spread_rows
from trm.data.files.table import (
    ANSWER_COLUMNS,
    PUZZLE_COLUMNS,
    RATING_COLUMNS,
    entries_of_table,
    layout_of,
    rows_of,
)
from trm.data.files.text import lines_of
from trm.errors import DataError, PuzzleError
from trm.tasks.base import Task
from trm.tasks.puzzle_text import PuzzleText

HEAD = 50
"""Number of lines that are inspected to distinguish a table from other text."""
SECTION = re.compile(r"\[[^\W\d_][^\[\],\"']*\]")
"""Pattern of a heading in brackets, as in .sdk files."""
LARGEST_JSON = 64 << 20
"""Maximum length of a JSON document in characters; a JSON lines file may be longer."""
LONGEST_GRID = 100_000
"""Maximum length, in characters, of a text that is parsed as a whole, as one grid in an unusual format."""
MAX_LINES_WITHOUT_PUZZLE = 50_000  # maximum number of consecutive lines without a puzzle
SAMPLE_SIZE = 100
"""Number of puzzles at the start of a long text that are checked. At least one of them must be valid."""
CSV = (".csv", ".tsv")
EMPTY = " is empty. Give a file with one puzzle per line."
NO_PUZZLE = "contains no puzzles. Give a file with one puzzle per line, or with drawn grids."


def read(
    source: ByteSource, task: Task, *, prefer: str = "", spread: int | None = None
) -> Iterator[PuzzleEntry]:
    """Yield the unparsed puzzles in a file, in file order.

    `prefer` is the name, without suffix, of the file to read from a zip with several files. If `spread` is given, only
    about `spread` evenly spaced puzzles of a large file are read (`trm.data.files.spread`).

    Raises `DataError` if the file is invalid or contains no puzzles. The message names the file and the location.
    """
    source = unpacked(source, prefer=prefer)
    try:
        entries = _entries(source, task, spread)
        first = next(entries, None)
        if first is None:
            raise DataError(f"{source.name} {NO_PUZZLE}")
        yield first
        yield from entries
    except PuzzleError as error:
        raise DataError(f"{source.name}: {error}") from None


def _entries(source: ByteSource, task: Task, spread: int | None) -> Iterator[PuzzleEntry]:
    head = source.head()
    if head.startswith(NPY) or is_arrays(source):
        return entries_in_arrays(source, task, spread=spread)
    if head.startswith(PARQUET):
        return _in_parquet(source, task, spread)
    if spread is not None and (some := spread_rows(source, task, spread)) is not None:
        return some
    return _in_text(source, task)


def _in_parquet(source: ByteSource, task: Task, spread: int | None) -> Iterator[PuzzleEntry]:
    from trm.data.files import parquet

    used = {*PUZZLE_COLUMNS, *ANSWER_COLUMNS, *RATING_COLUMNS, "difficulty"}

    def wanted(names: list[str]) -> list[str]:
        if not {name.lower() for name in names} & set(PUZZLE_COLUMNS):
            raise DataError(
                f"{source.name} has columns {', '.join(names)[:80]}. Name the puzzle column puzzle and the answer column solution."
            )
        return [name for name in names if name.lower() in used]

    large = source.size is None or source.size > LARGE
    for number, row in parquet.rows_of(source, wanted, spread=spread if large else None):
        yield from entries_in_json(row, source.name, task, place=f"row {number}")


def _in_text(source: ByteSource, task: Task) -> Iterator[PuzzleEntry]:
    lines = lines_of(source)
    head = list(islice(lines, HEAD))
    blank = not "".join(head).strip()
    following = list(islice(lines, 1)) if blank else []
    if blank and not following:
        raise DataError(f"{source.name}{NO_HEADER if source.name.lower().endswith(CSV) else EMPTY}")
    text = chain(head, following, lines)
    start = "" if blank else next(line.strip() for line in head if line.strip())
    if (
        start.startswith(("[", "{"))
        and not SECTION.match(start)
        and (in_json := _in_json(source, head, text, task)) is not None
    ):
        return in_json
    if (layout := layout_of(head)) is not None:
        return entries_of_table(rows_of(text, layout, source.name), source.name, task.cells)
    return _in_lines(source, text, task)


NO_HEADER = (
    ", line 1: the header has no column q or question, and no line contains a puzzle. Start the file with, for example, "
    "source,q,a,rating or question,answer."
)


def _in_json(
    source: ByteSource, head: list[str], text: Iterator[str], task: Task
) -> Iterator[PuzzleEntry] | None:
    """Return the puzzles in JSON or JSON lines, or in other text that starts like JSON, such as a Python list."""
    first = next(line for line in head if line.strip())
    alone = _parsed(first)
    if isinstance(alone, dict) and any(line.strip() for line in head[head.index(first) + 1 :]):
        return _in_json_lines(source, text, task)
    if (
        isinstance(alone, list)
        and alone
        and isinstance(alone[0], list | dict)
        and len([*filter(str.strip, head)]) > 1
    ):
        return _in_json_lines(source, text, task)
    whole = _bounded(text, source)
    try:
        content = json.loads(whole)
    except RecursionError:
        raise DataError(f"{source.name} is not JSON with puzzles. {REMEDY}") from None
    except ValueError as error:
        if list(_valid_entries(whole.splitlines(keepends=True), task)):
            return _in_lines(source, iter(whole.splitlines(keepends=True)), task)
        if "..." in whole and len(whole) <= LONGEST_GRID:
            task.parse(whole, unfinished=True)  # raises an error for an incomplete array
        line = getattr(error, "lineno", None)
        if line is None:  # a number with thousands of digits
            raise DataError(f"{source.name} is not JSON with puzzles. {REMEDY}") from None
        raise DataError(
            f"{source.name}, line {line}: not JSON ({error.msg}). Give JSON, or text with one puzzle per line."
        ) from None
    return entries_in_json(content, source.name, task)


def _bounded(text: Iterator[str], source: ByteSource) -> str:
    parts, size, brackets = [], 0, 0
    for line in text:
        parts.append(line)
        size += len(line)
        brackets += line.count("[") + line.count("{")
        if size > LARGEST_JSON or brackets > MAX_BRACKETS:
            raise DataError(
                f"{source.name} has over {LARGEST_JSON >> 20} MB of JSON. Write one puzzle per line, or CSV."
            )
    return "".join(parts)


def _in_json_lines(source: ByteSource, text: Iterator[str], task: Task) -> Iterator[PuzzleEntry]:
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        place = f"line {number}"
        yield from entries_in_json([json_line(line, source.name, place)], source.name, task, place=place)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _valid_entries(lines: list[str], task: Task) -> Iterator[PuzzleEntry]:
    """Yield the puzzles in a text, without those that the task cannot parse."""
    for puzzle in task.find_puzzles(lines):
        try:
            task.parse(puzzle.text, unfinished=True)
        except PuzzleError:
            continue
        yield PuzzleEntry.of_text(puzzle, "")


def _in_lines(source: ByteSource, text: Iterator[str], task: Task) -> Iterator[PuzzleEntry]:
    """Return the puzzles in a text. A short text may also be a single puzzle as a whole."""
    start, size = [], 0
    for line in text:
        start.append(line)
        size += len(line)
        if size > LONGEST_GRID:
            break
    else:
        return _in_short_text(source, start, task)
    return _checked_sample(source, chain(start, text), task)


def _in_short_text(source: ByteSource, lines: list[str], task: Task) -> Iterator[PuzzleEntry]:
    text = "".join(lines)
    try:
        entries = [PuzzleEntry.of_text(puzzle, source.name) for puzzle in task.find_puzzles(lines)]
        mistake = ""
    except PuzzleError as error:
        entries, mistake = [], str(error)
    valid = [entry for entry in entries if _is_valid(entry, task)]
    if valid and len(valid) == len(entries) and task.name != "arc":  # in ARC, consecutive lines are one grid
        yield from entries
        return
    try:
        task.parse(text, unfinished=True)
    except PuzzleError as error:
        if not valid and entries and entries[0].note:
            entries[0].read(task)  # raises an error that names the place
        if not valid and source.name.lower().endswith(CSV):
            raise DataError(f"{source.name}{NO_HEADER}") from None
        if not valid:
            raise DataError(f"{source.name}: {mistake or error}") from None
        yield from entries
        return
    line = text[: len(text) - len(text.lstrip("\r\n"))].count("\n") + 1
    count = text.strip("\r\n").count("\n") + 1
    yield PuzzleEntry(source.name, PuzzleText(text, line, count).place, text)


def _checked_sample(source: ByteSource, text: Iterator[str], task: Task) -> Iterator[PuzzleEntry]:
    lines_without_puzzle = 0

    def lines() -> Iterator[str]:
        nonlocal lines_without_puzzle
        for line in text:
            lines_without_puzzle += 1
            if lines_without_puzzle > MAX_LINES_WITHOUT_PUZZLE:
                raise DataError(
                    f"{source.name} has {MAX_LINES_WITHOUT_PUZZLE:,} lines without a puzzle. Give a file with one puzzle per line, or "
                    "with drawn grids."
                )
            yield line

    def all_entries() -> Iterator[PuzzleEntry]:
        nonlocal lines_without_puzzle
        for puzzle in task.find_puzzles(lines()):
            lines_without_puzzle = 0
            yield PuzzleEntry.of_text(puzzle, source.name)

    entries = all_entries()
    head = list(islice(entries, SAMPLE_SIZE))
    if head and not any(_is_valid(entry, task) for entry in head):
        head[0].read(task)
    yield from chain(head, entries)


def _is_valid(entry: PuzzleEntry, task: Task) -> bool:
    try:
        entry.read(task)
    except DataError:
        return False
    return True
