"""The manifest of a store, which records how the store was made.

The manifest is written once. A store can be resumed only if the new recording would have the same manifest.
"""

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trm.config import SHORT, ModelConfig
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.errors import StoreError
from trm.provenance import Provenance
from trm.results import as_json
from trm.store.layout import Layout, StoreSettings

if TYPE_CHECKING:
    from trm.model import Model

FORMAT = "recursion-lens-traces-3"
MAY_DIFFER = ("recorded", "command", "model", "data", "version")
"""Entries of the provenance that may differ in a resumed store. Hashes, not names, identify weights and puzzles."""
BLOCK = 4096  # puzzles hashed at a time, because a set may be memory-mapped


@dataclass(frozen=True)
class Manifest:
    """How a store was made. Raises ValueError if it does not name the puzzles and their number."""

    provenance: Provenance  # `command` is the command that recorded the store; `count` is the size of the set
    config: dict[str, Any]  # of the model, with the depth of the runs
    puzzles: str  # SHA-256 of the puzzles
    settings: StoreSettings
    facts: tuple[str, ...]  # names
    versions: dict[str, str]
    format: str = FORMAT

    def __post_init__(self) -> None:
        if self.provenance.data is None or self.provenance.count is None:
            raise ValueError("puzzles are missing")

    @property
    def layout(self) -> Layout:
        """The arrays of the store. Raises UserError if the manifest is invalid."""
        config = ModelConfig.from_dict(self.config)
        return Layout(config, self.provenance.count, self.settings, self.facts)


def make_manifest(
    model: "Model",
    puzzles: PuzzleSet,
    settings: StoreSettings,
    *,
    facts: tuple[str, ...],
    depth: Depth | None = None,
    recorded: date | None = None,
    command: str = "",
) -> Manifest:
    """Create the manifest of a new store."""
    depth = depth or model.config.depth
    return Manifest(
        provenance=Provenance.of(
            model, recorded=recorded, puzzles=puzzles, depth=depth, command=command or None
        ),
        config=model.config.with_depth(**vars(depth)).to_dict(),
        puzzles=puzzles_hash(puzzles),
        settings=settings,
        facts=facts,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy")},
        },
    )


def puzzles_hash(puzzles: PuzzleSet) -> str:
    """SHA-256 of the inputs, labels and puzzle ids (as int64) of a puzzle set, in this order."""
    digest = hashlib.sha256()
    for array in (puzzles.inputs, puzzles.labels, puzzles.puzzle_identifiers.astype("<i8")):
        for begin in range(0, len(array), BLOCK):
            digest.update(array[begin : begin + BLOCK].tobytes())
    return digest.hexdigest()


def check_same(existing: Mapping[str, Any], requested: Manifest, path: Path) -> None:
    """Raise StoreError, naming the first difference, if a store's manifest does not match the requested recording."""
    was, now = (dict(flattened(values)) for values in (existing, as_json(requested)))
    ignored = {f"provenance.{name}" for name in MAY_DIFFER}
    for name in (*was, *(now.keys() - was.keys())):
        if name in ignored or name.startswith("versions.") or was.get(name) == now.get(name):
            continue
        raise StoreError(
            f"{path} was recorded with {name.rpartition('.')[2]} {SHORT.repr(was.get(name))}, but now it is "
            f"{SHORT.repr(now.get(name))}. Use the same settings, give another --out, or start over with --force."
        )


def flattened(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of each entry in nested mappings."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{before}{name}.")
        else:
            yield before + name, value
