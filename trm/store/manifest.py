"""The manifest of a store, which says how it was made. Written once; a store can be resumed only with the same manifest."""

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trm import __version__
from trm.config import SHORT
from trm.data import PuzzleSet
from trm.errors import StoreError
from trm.store.layout import StoreSettings

if TYPE_CHECKING:
    from trm.model import Model

FORMAT = "recursion-lens-traces-1"
MAY_DIFFER = ("recorded", "command", "model", "data.name")
"""Entries besides versions that may differ on resuming: weights and puzzles are identified by hash, not by name."""
BLOCK = 4096  # puzzles hashed at a time, because a set may be memory-mapped


def make_manifest(
    model: "Model",
    puzzles: PuzzleSet,
    settings: StoreSettings,
    *,
    facts: tuple[str, ...],
    recorded: str,
    command: str,
) -> dict[str, Any]:
    """The manifest of a new store. `recorded` is a date, ISO 8601."""
    return {
        "format": FORMAT,
        "recorded": recorded,
        "command": command,
        "model": model.name,
        "fingerprint": model.fingerprint,
        "config": model.config.to_dict(),
        "device": model.device.type,
        "compute_dtype": str(model.compute_dtype).removeprefix("torch."),
        "data": {"name": puzzles.name, "puzzles": len(puzzles), "sha256": puzzles_hash(puzzles)},
        **asdict(settings),
        "facts": list(facts),
        "versions": {
            "recursion-lens": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "zarr")},
        },
    }


def puzzles_hash(puzzles: PuzzleSet) -> str:
    """SHA-256 of inputs, labels and puzzle ids (as int64), in this order."""
    digest = hashlib.sha256()
    for array in (puzzles.inputs, puzzles.labels, puzzles.puzzle_identifiers.astype("<i8")):
        for begin in range(0, len(array), BLOCK):
            digest.update(array[begin : begin + BLOCK].tobytes())
    return digest.hexdigest()


def check_same(existing: Mapping[str, Any], requested: Mapping[str, Any], path: Path) -> None:
    """Raises StoreError, naming the first difference between a store's manifest and that of the requested recording."""
    was, now = (dict(flattened(manifest)) for manifest in (existing, requested))
    for name in (*was, *(now.keys() - was.keys())):
        if name in MAY_DIFFER or name.startswith("versions.") or was.get(name) == now.get(name):
            continue
        raise StoreError(
            f"{path} was recorded with {name} {SHORT.repr(was.get(name))}, but now it is {SHORT.repr(now.get(name))}. "
            "Use the same settings, give another --out, or start over with --force."
        )


def flattened(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Values by their dotted names."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{before}{name}.")
        else:
            yield before + name, value
