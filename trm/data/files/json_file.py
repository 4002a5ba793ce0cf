"""Reads JSON files from users, with a size limit and one-line error messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trm.data.files.containers import ByteSource, unpacked
from trm.errors import DataError

MAX_BRACKETS = 4_000_000
"""Maximum number of lists and objects in a file. An empty list takes 2 bytes in the file but 64 bytes in memory."""


def json_line(line: str, file: str, place: str) -> Any:
    """Parse one line of a JSON lines file. Raises `DataError`, which names `file` and `place`, if it is not JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise DataError(f"{file}, {place}: not JSON. Write one object with a puzzle per line.") from None


def read_json(path: Path, largest: int) -> Any:
    """Read a JSON file, plain or compressed, of at most `largest` decompressed bytes.

    Raises `DataError`, which names the file, if it is missing, too large, or not JSON.
    """
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
