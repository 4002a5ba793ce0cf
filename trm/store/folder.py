"""The folder of a store for writing: it is created atomically, and shards are locked, cleared, and marked when complete.

Several processes may write into one store, each writing its own shards. A shard that is being written is locked by one
byte of the file `.lock`; the operating system releases such locks when a process ends for any reason.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec

from trm.config import SHORT
from trm.errors import StoreError
from trm.files import OutputError, atomic_file, make_folder
from trm.store.layout import BLOCK, Layout
from trm.store.manifest import check_same

MANIFEST, LOCK, SHARDS, MARKER = "manifest.json", ".lock", "shards", "done.json"


def finished_shards(path: Path) -> list[int]:
    """Numbers of the complete shards, ascending."""
    return sorted(
        int(marker.parent.name)
        for marker in path.joinpath(SHARDS).glob(f"*/{MARKER}")
        if marker.parent.name.isdecimal()
    )


def marker_of(path: Path, shard: int) -> Path:
    """The file whose existence marks a shard as complete."""
    return path / SHARDS / f"{shard:06d}" / MARKER


class StoreFolder:
    """The folder of a store; create it with `prepare`. `write` and `finish` may be called from another thread."""

    def __init__(self, path: Path, layout: Layout):
        self.path, self.layout = path, layout
        group = zarr.open_group(path, mode="r+")
        # All-zero chunks are written too, so that a missing file always means damage.
        self.arrays = {
            name: group[name].with_config({"write_empty_chunks": True}) for name in layout.arrays()
        }
        self._lock = (path / LOCK).open("r+b")

    @classmethod
    def prepare(cls, path: Path, manifest: Mapping[str, Any], *, force: bool = False) -> "StoreFolder":
        """Open the store, creating it if necessary. With `force`, an existing store is removed first.

        Raises StoreError if the folder is not a store, or if the store has a different manifest or is in use.
        """
        layout = Layout.of(manifest)
        path = path.resolve()  # a folder cannot replace a symlink
        if force and is_store(path):
            remove(path)
        check_destination(path, manifest)
        if not is_store(path):
            create(path, manifest, layout)
            check_same(read_manifest(path), manifest, path)  # another process may have created it first
        try:
            return cls(path, layout)
        except (OSError, KeyError, ValueError, TypeError, zarr.errors.BaseZarrError) as error:
            raise StoreError(
                f"{path} is damaged ({type(error).__name__}: {SHORT.repr(str(error))}). Start over with --force."
            ) from None

    def close(self) -> None:
        self._lock.close()

    def unfinished(self) -> list[int]:
        """Numbers of the incomplete shards, ascending."""
        done = set(finished_shards(self.path))
        return [shard for shard in range(self.layout.shards) if shard not in done]

    def begin(self, shard: int) -> bool:
        """Lock a shard for writing, and remove any partial shard left by a killed process.

        Returns False if another process is writing it, or has just finished it.
        """
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, shard)
        except (BlockingIOError, PermissionError):
            return False
        if marker_of(self.path, shard).is_file():
            self._release(shard)
            return False
        self._clear(shard)
        return True

    def write(self, name: str, rows: range, calls: range | None, block: np.ndarray) -> None:
        """Write a block of an array for puzzles in one shard. `calls` are indices on the second axis, None for all."""
        place = (slice(rows.start, rows.stop),)
        if calls is not None:
            place += (slice(calls.start, calls.stop),)
        self.arrays[name][place] = block

    def finish(self, shard: int) -> None:
        """Mark a shard as complete, after flushing all of its files to disk."""
        plans = self.layout.arrays()
        for name, plan in plans.items():
            for chunk in plan.chunk_names(shard):
                flush(self.path / name / chunk)
            flush(self.path / name)
        rows = self.layout.rows(shard)
        marker = marker_of(self.path, shard)
        with atomic_file(marker) as temporary:
            temporary.write_text(json.dumps({"shard": shard, "puzzles": [rows.start, rows.stop]}) + "\n")
        for folder in (marker.parent, marker.parent.parent):
            flush(folder)
        self._release(shard)

    def drop(self, shard: int) -> None:
        """Remove and release a shard that was started but not finished."""
        self._clear(shard)
        self._release(shard)

    def _release(self, shard: int) -> None:
        fcntl.lockf(self._lock, fcntl.LOCK_UN, 1, shard)

    def _clear(self, shard: int) -> None:
        """Remove the chunks of a shard, including any that zarr was writing: `c.<shard>.<...>.<random>.partial`."""
        shutil.rmtree(marker_of(self.path, shard).parent, ignore_errors=True)
        for name in self.arrays:
            for chunk in self.path.joinpath(name).glob(f"c.{shard}.*"):
                chunk.unlink()


def is_store(path: Path) -> bool:
    """Whether a folder is a trace store."""
    return (path / MANIFEST).is_file()


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a store. Raises StoreError."""
    file = path / MANIFEST
    try:
        manifest = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict):
        raise StoreError(f"{file} is damaged: it is not a JSON object. Record the store again.")
    return manifest


def check_destination(path: Path, manifest: Mapping[str, Any], *, force: bool = False) -> None:
    """Raises StoreError unless the path is unused or is a store with this manifest (with `force`: any store)."""
    if is_store(path):
        if not force:
            check_same(read_manifest(path), manifest, path)
    elif path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise StoreError(f"{path} exists and is not a trace store. Give another --out.")


def create(path: Path, manifest: Mapping[str, Any], layout: Layout) -> None:
    """Create an empty store under a temporary name and rename it. If several processes try this, one succeeds.

    Raises OutputError if it cannot be written.
    """
    make_folder(path.parent)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".partial-{path.name}-", dir=path.parent))
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Give another place.") from None
    try:
        group = zarr.create_group(temporary, attributes={"format": manifest["format"]})
        for name, plan in layout.arrays().items():
            group.create_array(
                name,
                shape=plan.shape,
                chunks=plan.chunks,
                dtype=plan.dtype,
                dimension_names=plan.dimensions,
                chunk_key_encoding={"name": "default", "separator": "."},
                filters=None,
                compressors=[Crc32cCodec()],
                fill_value=0,
                attributes=array_attributes(name, layout),
            )
        (temporary / SHARDS).mkdir()
        (temporary / LOCK).touch()
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
        for file in (*temporary.rglob("*"), temporary):
            flush(file)
        temporary.chmod(0o755)
        temporary.rename(path)
        flush(path.parent)
    except OSError as error:
        if is_store(path):
            return  # another process created it first
        raise OutputError(f"{path} cannot be written: {error.strerror}. Give another place.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def array_attributes(name: str, layout: Layout) -> dict[str, Any]:
    """The zarr attributes of an array: labels along its axes, and the encoding of bfloat16."""
    attributes: dict[str, Any] = {}
    if "call" in layout.arrays()[name].dimensions:
        calls = layout.coordinates("z" if name == "z" else "y")
        attributes["calls"] = [[at.supervision_step, at.cycle, at.call] for at in calls]
    if name in layout.states:
        attributes["positions"] = list(layout.positions.names)
    if name == "facts":
        attributes["facts"] = list(layout.facts)
    if layout.settings.dtype == "bfloat16" and name in (*layout.states, "logits", "top_logits"):
        attributes["bits_of"] = "bfloat16"
    return attributes


def remove(path: Path) -> None:
    """Remove a store, renaming it first. Raises StoreError if a process is writing into it."""
    with (path / LOCK).open("ab") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise StoreError(f"Another process is recording into {path}. Stop it, then start over.") from None
        gone = Path(tempfile.mkdtemp(prefix=f".removed-{path.name}-", dir=path.parent))
        path.rename(gone)
    shutil.rmtree(gone)


def free_bytes(path: Path) -> int:
    """Free bytes on the disk where a folder is or will be."""
    there = next(folder for folder in (path, *path.resolve().parents) if folder.exists())
    return shutil.disk_usage(there).free


def store_bytes(path: Path) -> int:
    """Disk space in bytes of the store in a folder; 0 without a store."""
    return sum(file.stat().st_blocks * 512 for file in path.rglob("*")) if is_store(path) else 0


def needed_bytes(layout: Layout, shards: int) -> int:
    """Disk space in bytes for this many more shards, plus that of an empty store."""
    return shards * layout.shard_bytes() + (2 * len(layout.arrays()) + 6) * BLOCK


def flush(path: Path) -> None:
    """Flush a file, or the directory entry of a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
