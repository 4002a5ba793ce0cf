"""Samples evenly spaced puzzles from a large file without reading all of it.

At each of several evenly spaced byte offsets, the next complete row is read. If all rows have about the same length, as
in all large public sets, `trm.evaluate.evenly` selects about the same puzzles from the complete set. Small files, files
with multi-line puzzles, and files with fewer than `SPARE` rows per requested row must be read completely.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
from jaxtyping import Int

from trm.data.files.containers import ByteSource
from trm.data.files.entry import PuzzleEntry
from trm.data.files.json_entries import entries_in_json
from trm.data.files.json_file import json_line
from trm.data.files.table import SAMPLE_SIZE, Columns, layout_of
from trm.data.files.text import LONGEST_LINE, encoding_of, readable
from trm.errors import DataError
from trm.tasks.base import Task

LARGE = 16 << 20
"""Decompressed file size in bytes above which a file is sampled."""
SPARE = 4
"""Minimum ratio of rows in the file to sampled rows."""

RowReader = Callable[[str, str], Iterator[PuzzleEntry]]
"""Function that converts a line to its puzzle. The second argument is the location of the line, for messages."""


def evenly_spread(total: int, count: int) -> Int[np.ndarray, "taken"]:
    """Return `min(count, total)` evenly spaced integers from 0 to `total - 1`, inclusive, in increasing order."""
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int))


def spread_rows(source: ByteSource, task: Task, count: int) -> Iterator[PuzzleEntry] | None:
    """Return about `count` evenly spaced puzzles from a large text with one puzzle per line.

    Returns None if the file must be read completely.
    """
    size = _size(source)
    if size is None or encoding_of(source.head()) not in ("utf-8", "utf-8-sig"):
        return None
    with source.open() as stream:
        head = [stream.readline(LONGEST_LINE) for _ in range(SAMPLE_SIZE)]
    reader, header = _row_reader([_text(line, source) for line in head], source, task)
    rows = head[header:]
    if reader is None or not rows or count * SPARE > size / (sum(map(len, rows)) / len(rows)):
        return None
    begin = sum(map(len, head[:header]))
    lines = list(_lines_at(source, begin, size, count))
    if len(lines) < count:
        return None
    return (entry for at, line in lines for entry in reader(_text(line, source), f"the row at byte {at:,}"))


def _size(source: ByteSource) -> int | None:
    """Return the decompressed size of a file in bytes, or None if it is at most `LARGE`."""
    size = source.size
    if size is None:
        size = 0
        with source.open() as stream:
            while part := stream.read(1 << 20):
                size += len(part)
    return size if size > LARGE else None


def _lines_at(source: ByteSource, begin: int, size: int, count: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line) at evenly spaced offsets from `begin` to the last line, without duplicate or blank lines."""
    with source.open() as stream:
        last = _last_line(stream, source, begin, size)
        before = -1
        for target in np.linspace(begin, last, count).round().astype(int).tolist():
            start, line = _line_from(stream, target, begin)
            if line.strip() and start != before:
                before = start
                yield start, line


def _line_from(stream: io.BufferedIOBase, target: int, begin: int) -> tuple[int, bytes]:
    """Return (offset, line) for the first line that starts at or after the offset `target`."""
    if target <= begin:
        stream.seek(begin)
    else:
        stream.seek(target - 1)
        stream.readline(LONGEST_LINE)
    start = stream.tell()
    return start, stream.readline(LONGEST_LINE)


def _last_line(stream: io.BufferedIOBase, source: ByteSource, begin: int, size: int) -> int:
    """Return the offset of the last non-empty line."""
    stream.seek(max(begin, size - LONGEST_LINE))
    start = stream.tell()
    end = stream.read(LONGEST_LINE).rstrip()
    if (at := end.rfind(b"\n")) < 0:
        raise DataError(
            f"{source.name}: the last line has over {LONGEST_LINE:,} characters. Write one puzzle per line."
        )
    return start + at + 1


def _row_reader(head: list[str], source: ByteSource, task: Task) -> tuple[RowReader | None, int]:
    """Return a parser for single lines (None if lines cannot be parsed separately) and the number of header lines."""
    layout = layout_of(head)
    if layout is not None:
        rows = list(csv.reader(head[layout.line + 1 :], delimiter=layout.delimiter))
        lines = [line for line in head[layout.line + 1 :] if line.strip()]
        if len(rows) < len(lines) or not all(len(row) >= len(layout.header) for row in rows):
            return None, 0
        columns = Columns.of([dict(zip(layout.header, row, strict=False)) for row in rows], task.cells)

        def of_table(line: str, place: str) -> Iterator[PuzzleEntry]:
            row = next(csv.reader([line], delimiter=layout.delimiter), [])
            if len(row) < len(layout.header):
                raise DataError(
                    f"{source.name}, {place}: {len(row)} columns, but the header has {len(layout.header)}. Check the commas."
                )
            yield columns.entry_of(dict(zip(layout.header, row, strict=False)), source.name, place)

        return of_table, layout.line + 1

    def of_json(line: str, place: str) -> Iterator[PuzzleEntry]:
        content = json_line(line, source.name, place)
        yield from entries_in_json([content], source.name, task, place=place)

    def of_text(line: str, place: str) -> Iterator[PuzzleEntry]:
        for puzzle in islice(task.find_puzzles([line]), 1):
            yield PuzzleEntry(source.name, place, puzzle.text, answer=puzzle.answer)

    if all(line.startswith("{") and line.rstrip().endswith("}") for line in head if line.strip()):
        return of_json, 0
    texts = [line for line in head if line.strip() and not line.startswith("#")]
    whole = [line for line in texts if len(line.strip()) >= task.cells and next(of_text(line, ""), None)]
    return (of_text, len(head) - len(texts)) if len(whole) * 2 > len(texts) > 0 else (None, 0)


def _text(line: bytes, source: ByteSource) -> str:
    return readable(line.decode("utf-8-sig", "surrogateescape"), source.name)
