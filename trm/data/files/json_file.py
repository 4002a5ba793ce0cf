"""JSON files that people hand over: bounded in size before they are read, refused with one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trm.data.files.containers import ByteSource, unpacked
from trm.errors import DataError

MAX_BRACKETS = 4_000_000
"""Lists and objects in a file: an empty list is 2 bytes there and 64 in memory."""


def json_line(line: str, file: str, place: str) -> Any:
    """What a line of JSON lines holds. Raises `DataError` naming file and place."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise DataError(f"{file}, {place}: not JSON. Write an object with a puzzle on every line.") from None


def read_json(path: Path, largest: int) -> Any:
    """What a JSON file of at most `largest` bytes holds, packed or not. Raises `DataError` naming the file."""
    if not path.exists():
        raise DataError(f"{path} is missing. Copy the whole folder.")
    content = unpacked(ByteSource.of_path(path, most=largest)).content()
    if content.count(b"[") + content.count(b"{") > MAX_BRACKETS:
        raise DataError(
            f"{path} holds over {MAX_BRACKETS:,} lists and objects. No file of this kind has so many."
        )
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({str(error)[:80]}). Copy or write it again.") from None
