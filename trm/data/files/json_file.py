"""Reads user JSON files, with limited size and one-line errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trm.data.files.containers import ByteSource, unpacked
from trm.errors import DataError

MAX_BRACKETS = 4_000_000
"""Maximum number of lists and objects in a file: an empty list takes 2 bytes in the file and 64 in memory."""


def json_line(line: str, file: str, place: str) -> Any:
    """Parse one line of JSON lines. Raises `DataError`, which names file and place."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise DataError(f"{file}, {place}: not JSON. Write one object with a puzzle per line.") from None


def read_json(path: Path, largest: int) -> Any:
    """Read a JSON file of at most `largest` bytes, compressed or not. Raises `DataError`, which names the file."""
    if not path.exists():
        raise DataError(f"{path} is missing. Copy the whole folder.")
    content = unpacked(ByteSource.of_path(path, most=largest)).content()
    if content.count(b"[") + content.count(b"{") > MAX_BRACKETS:
        raise DataError(
            f"{path} contains over {MAX_BRACKETS:,} lists and objects, more than any file of this kind."
        )
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({str(error)[:80]}). Copy or write it again.") from None
