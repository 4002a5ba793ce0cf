"""Lists the puzzles in a file without solving them, so that a user can choose one.

`trm.data.load` reads whole sets for training or evaluation, which need answers. Here, a CSV with hundreds of thousands
of puzzles is only split into rows.
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
    """The puzzles in the content of a file, at least one, in file order. `name` is the file's name, for messages.

    All formats of `trm.data.files.kinds` are read. In ARC JSON, the test inputs of the tasks are the puzzles. Raises
    `DataError`, which names the file and the faulty line.
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
    """Read a file for `puzzle_entries`, up to one byte more than the maximum that it accepts. Raises `DataError`."""
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
