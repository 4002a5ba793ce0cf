"""Read safetensors files, and models in shards that an index file lists."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from trm.errors import CheckpointError

MAX_INDEX = 1 << 24  # bytes
MAX_SHARDS = 1000


def read_safetensors(path: Path) -> dict[str, Any]:
    """Read the tensors of a file by name. The key `__metadata__` holds the file's metadata with JSON values decoded."""
    tensors: dict[str, Any] = dict(load_file(path))
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    return tensors | (
        {"__metadata__": {name: _value(text) for name, text in metadata.items()}} if metadata else {}
    )


def _value(text: str) -> Any:
    """Decode a metadata value that is a JSON object or list; return any other value as text."""
    if text[:1] not in "{[" or len(text) > MAX_INDEX:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def shards_of(index: Path) -> list[Path]:
    """Paths of the shards that an index lists. Raises CheckpointError if a shard is missing or in another folder."""
    try:
        if index.stat().st_size > MAX_INDEX:
            raise ValueError
        places = json.loads(index.read_bytes())["weight_map"].values()
        names = sorted({str(PurePosixPath(name)) for name in places})
        if not names or len(names) > MAX_SHARDS or any(PurePosixPath(name).name != name for name in names):
            raise ValueError
    except OSError as error:
        raise CheckpointError(f"{index} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(f"{index} does not list weights files in its folder. Copy it again.") from None
    for name in names:
        if not index.with_name(name).is_file():
            raise CheckpointError(
                f"{index} lists {name[:80]}, which is not in its folder. Copy all {len(names)} files."
            )
    return [index.with_name(name) for name in names]


def joined(parts: list[tuple[Path, dict[str, Tensor]]]) -> dict[str, Tensor]:
    """Merge the tensors of all shards. Raises CheckpointError if two shards contain the same tensor."""
    tensors: dict[str, Tensor] = {}
    for path, shard in parts:
        for name, tensor in shard.items():
            if name in tensors and name != "__metadata__":
                raise CheckpointError(
                    f"{path}: tensor {name[:80]} is also in another shard. Save the model again."
                )
            tensors[name] = tensor
    return tensors
