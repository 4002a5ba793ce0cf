"""Lists the puzzles in a file without solving them, so that a user can choose one.

`trm.data.load` reads whole sets for training or evaluation and solves puzzles without an answer. This module only
splits a file into puzzles, which is fast even for a CSV file with hundreds of thousands of rows.
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
from trm.files import file_size
from trm.tasks.arc import encode
from trm.tasks.base import Task

LARGEST = 16 << 20
"""Maximum file size in bytes: about 100,000 Sudokus with their answers."""
LARGEST_UNPACKED = 128 << 20


def puzzle_entries(content: bytes, name: str, task: Task) -> list[PuzzleEntry]:
    """Return the puzzles in the content of a file, in file order. The list has at least one puzzle.

    `name` is the name of the file in error messages. All single-file formats in `trm.data.files.kinds` are supported.
    In ARC JSON, each test input is a puzzle. Raises `DataError`, whose message names the file and the faulty line.
    """
    if len(content) > LARGEST:
        raise DataError(
            f"{name} has {len(content) >> 20} MB; the maximum is {LARGEST >> 20} MB. Give a part of it."
        )
    source = ByteSource.of_bytes(content, name, most=LARGEST_UNPACKED)
    if task.name == "arc":
        source = unpacked(source)
        start = b"".join(source.head(1000).removeprefix(b"\xef\xbb\xbf").split())
        if start.startswith((b"{", b"[{")):
            return list(_from_arc_tasks(source.content(), name, task))
    return list(read(source, task))


def read_content(path: Path) -> bytes:
    """Read a file for `puzzle_entries`, but at most one byte more than its limit. Raises `DataError` if that fails."""
    try:
        file_size(path, DataError)
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
    for identifier, arc_task in tasks.items():
        prefix = "" if identifier == path.stem else f"{identifier}, "
        for number, pair in enumerate(arc_task.test, 1):
            yield PuzzleEntry(name, f"{prefix}test {number}", task.format(encode(pair.input)))
