"""The puzzles of a file that somebody hands over, found without solving them: which one is meant is chosen afterwards.

A set for training or evaluation is read as a whole and needs answers (`trm.data.load`). Here a single puzzle is looked
for: a CSV of hundreds of thousands is only cut into its rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from trm.data.arc import arc_tasks
from trm.data.files.containers import ByteSource, unpacked
from trm.data.files.entry import PuzzleEntry
from trm.data.files.readers import read
from trm.errors import DataError
from trm.files import size_of
from trm.tasks.arc import encode
from trm.tasks.base import Task

LARGEST = 16 << 20
"""Bytes; about 100,000 Sudokus with their answers."""
LARGEST_UNPACKED = 128 << 20


def puzzle_entries(content: bytes, name: str, task: Task) -> list[PuzzleEntry]:
    """The puzzles of a file of this name, at least one, in file order: of every kind in `trm.data.files.kinds`.

    For ARC JSON with tasks, whose test inputs are the puzzles. Raises `DataError` naming the file, and the line at fault.
    """
    if len(content) > LARGEST:
        raise DataError(
            f"{name} has {len(content) >> 20} MB, at most {LARGEST >> 20} are read here. Give a part of it."
        )
    source = ByteSource.of_bytes(content, name, most=LARGEST_UNPACKED)
    if task.name == "arc":
        source = unpacked(source)
        start = b"".join(source.head(1000).removeprefix(b"\xef\xbb\xbf").split())
        if start.startswith((b"{", b"[{")):
            return list(_from_arc_tasks(source.content(), name, task))
    return list(read(source, task))


def read_content(path: Path) -> bytes:
    """What a file holds, for `puzzle_entries`; of a larger one than that takes, a byte more. Raises `DataError`."""
    try:
        size_of(path, DataError)
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None


def _from_arc_tasks(content: bytes, name: str, task: Task) -> Iterator[PuzzleEntry]:
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
            yield PuzzleEntry(name, f"{called}test {number}", task.format(encode(pair.input)))
