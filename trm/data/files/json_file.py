"""JSON files that people hand over: bounded in size before they are read, refused with one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trm.errors import DataError

MOST_BRACKETS = 4_000_000
"""Lists and objects in a file: an empty list is 2 bytes there and 64 in memory."""


def read_json(path: Path, largest: int) -> Any:
    """What a JSON file of at most `largest` bytes holds. Raises `DataError` naming the file."""
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except FileNotFoundError:
        raise DataError(f"{path} is missing. Copy the whole folder.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    if len(content) > largest:
        raise DataError(f"{path} has over {largest >> 20} MB. No file of this kind is so large.")
    if content.count(b"[") + content.count(b"{") > MOST_BRACKETS:
        raise DataError(
            f"{path} holds over {MOST_BRACKETS:,} lists and objects. No file of this kind has so many."
        )
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}). Copy or write it again.") from None
