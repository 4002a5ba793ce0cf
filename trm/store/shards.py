"""The folder of a store and its shards.

A shard is written into a hidden folder, and renamed once it is complete, so a reader never sees a partial shard and a
killed process loses at most the shard that it was writing. Several processes may write into one store; each shard in
progress is locked by a file, and the operating system releases the lock when a process ends for any reason.
"""

import json
import os
import shutil
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from trm.errors import StoreError, UserError
from trm.files import OutputError, make_folder, strict_json
from trm.results import as_json
from trm.store.layout import BLOCK, Layout
from trm.store.manifest import Manifest, check_same

MANIFEST, SHARDS, LOCKS, CHECKSUMS = "manifest.json", "shards", "locks", "checksums.json"


def shard_folder(store: Path, shard: int) -> Path:
    """The folder of a complete shard."""
    return store / SHARDS / f"{shard:06d}"


def partial_folder(store: Path, shard: int) -> Path:
    """The folder of a shard that is being written."""
    return store / SHARDS / f".partial-{shard:06d}"


def finished_shards(store: Path) -> list[int]:
    """Numbers of the complete shards, ascending."""
    return sorted(int(folder.name) for folder in store.joinpath(SHARDS).glob("*") if folder.name.isdecimal())


def is_store(path: Path) -> bool:
    """Whether a folder is a trace store."""
    return (path / MANIFEST).is_file()


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a store. Raises StoreError."""
    file = path / MANIFEST
    try:
        manifest = strict_json(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict):
        raise StoreError(f"{file} is damaged: it is not a JSON object. Record the store again.")
    return manifest


def prepare(path: Path, manifest: Manifest, *, force: bool = False) -> None:
    """Create a store, or check that an existing one has the same manifest. With `force`, an existing one is removed first.

    Raises StoreError if the folder is not a store, has a different manifest or is in use, and OutputError if it cannot
    be written.
    """
    if force and is_store(path):
        _remove(path)
    check_destination(path, manifest)
    if is_store(path):
        return
    make_folder(path.parent)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".partial-{path.name}-", dir=path.parent))
        try:
            for name in (SHARDS, LOCKS):
                (temporary / name).mkdir()
            (temporary / MANIFEST).write_text(json.dumps(as_json(manifest), indent=1) + "\n", "utf-8")
            for each in (temporary / MANIFEST, temporary):
                flush(each)
            temporary.chmod(0o755)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        if not is_store(path):  # otherwise another process created it first
            raise OutputError(f"{path} cannot be written: {error.strerror}. Give another place.") from None
    check_same(read_manifest(path), manifest, path)


def check_destination(path: Path, manifest: Manifest, *, force: bool = False) -> None:
    """Raises StoreError unless the path is unused or is a store with this manifest (with `force`: any store)."""
    is_taken = path.exists() and not (path.is_dir() and not any(path.iterdir()))
    if is_store(path):  # perhaps since a moment ago: another process may create it
        if not force:
            check_same(read_manifest(path), manifest, path)
    elif is_taken:
        raise StoreError(f"{path} exists and is not a trace store. Give another --out.")


class ShardWriter:
    """A shard in progress: the memory-mapped arrays to fill. Create it with `open`; then call `finish` or `drop`."""

    def __init__(self, store: Path, shard: int, layout: Layout, lock: FileLock):
        self.store, self.shard, self.lock = store, shard, lock
        self.folder = partial_folder(store, shard)
        shutil.rmtree(self.folder, ignore_errors=True)  # left by a killed process
        self.folder.mkdir()
        puzzles = len(layout.rows(shard))
        self.arrays: dict[str, np.ndarray] = {}
        self.plans = layout.arrays()
        for name, plan in self.plans.items():
            file = self.folder / f"{name}.npy"
            with file.open("wb") as stream:
                # Reserve the space: writing to a memory map on a full disk would end the process.
                reserve(stream.fileno(), plan.file_bytes(puzzles))
                stream.write(plan.header(puzzles))
            self.arrays[name] = np.load(file, mmap_mode="r+")

    @classmethod
    def open(cls, store: Path, shard: int, layout: Layout) -> "ShardWriter | None":
        """Lock a shard and allocate its files. None if another process is writing it or has just finished it."""
        lock = FileLock(store / LOCKS / f"{shard:06d}", thread_local=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        try:
            if shard_folder(store, shard).is_dir():
                _release(lock)
                return None
            return cls(store, shard, layout, lock)
        except BaseException:
            shutil.rmtree(partial_folder(store, shard), ignore_errors=True)
            _release(lock)
            raise

    def finish(self) -> None:
        """Check and flush all arrays to disk, and rename the folder. Raises UserError for a number beyond float16."""
        checksums = {}
        for name, array in self.arrays.items():
            check_finite(name, array)
            parts = [array] if self.plans[name].calls is None else array
            checksums[name] = [checksum(part) for part in parts]  # one for each call
            array.flush()
        self._close()
        (self.folder / CHECKSUMS).write_text(json.dumps(checksums) + "\n", "utf-8")
        for file in (*self.folder.iterdir(), self.folder):
            flush(file)
        self.folder.rename(shard_folder(self.store, self.shard))
        flush(self.store / SHARDS)
        _release(self.lock)

    def drop(self) -> None:
        """Remove the unfinished shard."""
        self._close()
        shutil.rmtree(self.folder, ignore_errors=True)
        _release(self.lock)

    def _close(self) -> None:
        self.arrays = {}  # Windows renames no folder with open files


def checksum(values: np.ndarray) -> int:
    """CRC-32 of an array's bytes."""
    return zlib.crc32(np.ascontiguousarray(values).reshape(-1).view(np.uint8))


def check_finite(name: str, array: np.ndarray) -> None:
    """Raises UserError if a number was too large for float16."""
    if array.dtype == np.float16 and any(((part.view(np.uint16) & 0x7C00) == 0x7C00).any() for part in array):
        raise UserError(
            f"{name} contains numbers beyond 65,504, the limit of float16. Record with --dtype bfloat16 or float32."
        )


def reserve(descriptor: int, size: int) -> None:
    """Reserve disk space for a file. Raises OSError if there is not enough."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    block = bytes(1 << 20)
    for begin in range(0, size, len(block)):
        os.write(descriptor, block[: size - begin])
    os.lseek(descriptor, 0, os.SEEK_SET)


def free_bytes(path: Path) -> int:
    """Free bytes on the disk where a folder is or will be."""
    there = next(folder for folder in (path, *path.resolve().parents) if folder.exists())
    return shutil.disk_usage(there).free


def store_bytes(path: Path) -> int:
    """Disk space in bytes of the store in a folder; 0 without a store. Other processes may be writing it."""
    if not is_store(path):
        return 0
    size = 0
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):  # a lock that was released, or a shard that was renamed
                size += -(-Path(folder, name).stat().st_size // BLOCK) * BLOCK
    return size


def flush(path: Path) -> None:
    """Flush a file, or the directory entry of a folder, to disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _release(lock: FileLock) -> None:
    """Release a lock and remove its file. Safe at any time: whoever gets the lock looks for the finished shard first."""
    lock.release()
    Path(lock.lock_file).unlink(missing_ok=True)


def remove_stale_locks(store: Path) -> None:
    """Remove the lock files of complete shards, which processes left that were killed before they could remove them."""
    for shard in finished_shards(store):
        if (file := store / LOCKS / f"{shard:06d}").exists():
            lock = FileLock(file)
            with suppress(Timeout):  # the process that holds it removes it
                lock.acquire(blocking=False)
                _release(lock)


def _remove(path: Path) -> None:
    """Remove a store, renaming it first. Raises StoreError if a process is writing into it."""
    for file in (path / LOCKS).glob("*"):
        lock = FileLock(file)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise StoreError(f"Another process is recording into {path}. Stop it, then start over.") from None
        lock.release()
    path = path.resolve()  # a folder cannot replace a symlink
    gone = Path(tempfile.mkdtemp(prefix=f".removed-{path.name}-", dir=path.parent))
    path.rename(gone)
    shutil.rmtree(gone)
