"""Read files written by `torch.save`: a zip of a pickle and storages, or, in the old format, pickles followed by storages.

Storages are memory-mapped, so only the parts that are used are loaded, such as single rows of a two-gigabyte table.
The module `pickled` explains why no code in these files runs.
"""

import mmap
import struct
import zipfile
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Any

import torch

from trm.errors import CheckpointError
from trm.public.containers.builders import DTYPES
from trm.public.containers.inert import InertName, StorageView
from trm.public.containers.pickled import read_pickle

MAX_PICKLE = 1 << 26  # bytes; some training runs also pickle data and random states
OLD_MAGIC = 0x1950A86A20F9469CFC6C
LOCAL_HEADER = struct.Struct(
    "<4s22xHH"
)  # header of a zip entry: signature, length of the name, and length of the extra field


def read_zip(path: Path) -> Any:
    """Read the content of a file in torch's zip format.

    Raises CheckpointError for an unsupported file. A damaged file raises ValueError or another exception.
    """
    with path.open("rb") as raw, zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in reversed(archive.infolist())}
        pickled = next((name for name in reversed(entries) if PurePosixPath(name).name == "data.pkl"), None)
        _refuse_other_zips(path, entries, pickled)
        root = PurePosixPath(pickled or "").parent
        if entries[pickled].file_size > MAX_PICKLE:
            raise CheckpointError(
                f"{path} has a pickle of {entries[pickled].file_size >> 20} MiB, too large for a checkpoint."
            )
        order = str(root / "byteorder")
        if order in entries and entries[order].file_size < 16 and archive.read(order).strip() == b"big":
            raise CheckpointError(
                f"{path} was written on a big-endian machine. Save it again on a little-endian one."
            )
        mapped = torch.UntypedStorage.from_file(str(path), False, path.stat().st_size)

        def find(key: str) -> torch.UntypedStorage:
            entry = entries[str(root / "data" / key)]
            begin = _begin_of(raw, entry.header_offset)
            if begin + entry.file_size > mapped.nbytes():
                raise ValueError("cut short")
            return mapped[begin : begin + entry.file_size]

        for name, entry in entries.items():  # reject the whole file if any other pickle in it is harmful
            if name.endswith(".pkl") and name != pickled and entry.file_size <= MAX_PICKLE:
                with archive.open(name) as file:
                    read_pickle(file, lambda _: StorageView(None, torch.uint8))
        with archive.open(pickled) as file:
            return read_pickle(file, _storages(find))


def _begin_of(file: BufferedReader, header: int) -> int:
    """Offset in bytes of the data of a zip entry. `header` is the offset of the entry's header."""
    file.seek(header)
    signature, name, extra = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    if signature != b"PK\x03\x04":
        raise ValueError("not a zip entry")
    return header + LOCAL_HEADER.size + name + extra


def _storages(find: Callable[[str], torch.UntypedStorage]) -> Callable[[Any], StorageView]:
    """Return a function that finds the storage for a persistent id: ("storage", class, key, device, count)."""
    storages: dict[str, torch.UntypedStorage] = {}

    def storage(identifier: Any) -> StorageView:
        _, kind, key, _, count, view = (*identifier, None)[:6]
        dtype = DTYPES.get(kind.name.rpartition(".")[2]) if isinstance(kind, InertName) else None
        if dtype is None or view is not None:
            raise ValueError("storage of an unknown dtype")
        if key not in storages:
            storages[key] = find(key)
        if count * dtype.itemsize > storages[key].nbytes():
            raise ValueError("claims more than it contains")
        return StorageView(storages[key], dtype)

    return storage


def _refuse_other_zips(path: Path, entries: dict[str, zipfile.ZipInfo], pickled: str | None) -> None:
    """Raise CheckpointError for a zip file that is not a state dict or has compressed entries."""
    names = [PurePosixPath(name) for name in entries]
    if any("code" in name.parts[:2] or name.name == "constants.pkl" for name in names):
        raise CheckpointError(
            f"{path} is a TorchScript program (torch.jit.save), not weights. If you trust it, save its state dict: "
            "torch.save(torch.jit.load(file).state_dict(), 'model.pt')."
        )
    if any(name.name in ("serialized_exported_program.json", "archive_format") for name in names):
        raise CheckpointError(
            f"{path} is a torch.export program, not weights. If you trust it, save its state dict: "
            "torch.save(torch.export.load(file).state_dict, 'model.pt')."
        )
    if pickled is None:
        listed = ", ".join(str(name)[:60] for name in reversed(names[-3:]))
        raise CheckpointError(
            f"{path} is a zip archive of other files ({listed or 'empty'}), not weights. Unpack it and name the file in it."
        )
    size = path.stat().st_size
    for entry in entries.values():
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > size or entry.flag_bits & 1:
            raise CheckpointError(
                f"{path} contains compressed entries, which torch never writes, and was not read. "
                "Unpack it, or save the state dict again with torch.save."
            )


def read_old(path: Path) -> Any:
    """Read the content of a file in torch's old format: magic number, version, system, objects, storage names, storages.

    Raises CheckpointError for a pickle that torch did not write. A damaged file raises ValueError or another exception.
    """
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as file:
        if read_pickle(file, _none) != OLD_MAGIC:
            raise CheckpointError(
                f"{path} is a Python pickle that torch.save did not write, and it was not read. If you trust it, "
                "load it and save its state dict with torch.save."
            )
        read_pickle(file, _none), read_pickle(file, _none)
        begin, widths = file.tell(), {}

        def note(identifier: Any) -> StorageView:
            widths[identifier[2]] = DTYPES[identifier[1].name.rpartition(".")[2]].itemsize
            return StorageView(None, torch.uint8)

        read_pickle(file, note)
        keys, mapped = read_pickle(file, _none), torch.UntypedStorage.from_file(str(path), False, len(file))
        storages = {key: _old_storage(file, mapped, widths[key]) for key in keys}
        file.seek(begin)
        return read_pickle(file, _storages(storages.__getitem__))


def _old_storage(file: mmap.mmap, mapped: torch.UntypedStorage, width: int) -> torch.UntypedStorage:
    """Read the next storage of an old file: the number of elements, then the elements with `width` bytes each."""
    length = struct.unpack("<q", file.read(8))[0] * width
    begin = file.tell()
    if not 0 <= length <= len(file) - begin:
        raise ValueError("cut short")
    file.seek(begin + length)
    return mapped[begin : begin + length]


def _none(_: Any) -> StorageView:
    raise ValueError("unexpected storage")
