"""Files by `torch.save`: a zip of a pickle and of numbers, or, in the old form, pickles and then numbers.

The numbers are mapped, not read: a table of two gigabytes costs only the rows that are used. See `pickled` for why
nothing in them runs.
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

MAX_PICKLE = 1 << 26  # bytes; some runs keep the states of their random generators and data in it
OLD_MAGIC = 0x1950A86A20F9469CFC6C
LOCAL_HEADER = struct.Struct(
    "<4s22xHH"
)  # of a zip's entry: signature, lengths of its name and of what follows


def read_zip(path: Path) -> Any:
    """What a torch file of today holds. Raises CheckpointError; ValueError and the like where it is damaged."""
    with path.open("rb") as raw, zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in reversed(archive.infolist())}
        pickled = next((name for name in reversed(entries) if PurePosixPath(name).name == "data.pkl"), None)
        _refuse_other_zips(path, entries, pickled)
        root = PurePosixPath(pickled or "").parent
        if entries[pickled].file_size > MAX_PICKLE:
            raise CheckpointError(
                f"{path} describes its tensors in {entries[pickled].file_size >> 20} MiB, which no checkpoint does."
            )
        order = str(root / "byteorder")
        if order in entries and entries[order].file_size < 16 and archive.read(order).strip() == b"big":
            raise CheckpointError(f"{path} was written on a big-endian machine. Save it again on another.")
        mapped = torch.UntypedStorage.from_file(str(path), False, path.stat().st_size)

        def find(key: str) -> torch.UntypedStorage:
            entry = entries[str(root / "data" / key)]
            begin = _begin_of(raw, entry.header_offset)
            if begin + entry.file_size > mapped.nbytes():
                raise ValueError("cut short")
            return mapped[begin : begin + entry.file_size]

        for name, entry in entries.items():  # nothing in a file with a harmful one is believed
            if name.endswith(".pkl") and name != pickled and entry.file_size <= MAX_PICKLE:
                with archive.open(name) as file:
                    read_pickle(file, lambda _: StorageView(None, torch.uint8))
        with archive.open(pickled) as file:
            return read_pickle(file, _storages(find))


def _begin_of(file: BufferedReader, header: int) -> int:
    """Where an entry's bytes begin, behind its name and padding."""
    file.seek(header)
    signature, name, extra = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    if signature != b"PK\x03\x04":
        raise ValueError("no entry of a zip")
    return header + LOCAL_HEADER.size + name + extra


def _storages(find: Callable[[str], torch.UntypedStorage]) -> Callable[[Any], StorageView]:
    """What resolves a persistent id ("storage", class, key, device, numbers); each storage is looked for once."""
    found: dict[str, torch.UntypedStorage] = {}

    def storage(identifier: Any) -> StorageView:
        _, kind, key, _, count, view = (*identifier[:5], *identifier[5:6], None)[:6]
        dtype = DTYPES.get(kind.name.rpartition(".")[2]) if isinstance(kind, InertName) else None
        if dtype is None or view is not None:
            raise ValueError("numbers of an unknown kind")
        if key not in found:
            found[key] = find(key)
        if count * dtype.itemsize > found[key].nbytes():
            raise ValueError("claims more than there is")
        return StorageView(found[key], dtype)

    return storage


def _refuse_other_zips(path: Path, entries: dict[str, zipfile.ZipInfo], pickled: str | None) -> None:
    """Say what a zip is that is no state dict, or that could unpack to any size. Raises CheckpointError."""
    names = [PurePosixPath(name) for name in entries]
    if any("code" in name.parts[:2] or name.name == "constants.pkl" for name in names):
        raise CheckpointError(
            f"{path} is a TorchScript program (torch.jit.save), not weights. Where you trust it, save its state dict: "
            "torch.save(torch.jit.load(file).state_dict(), 'model.pt')."
        )
    if any(name.name in ("serialized_exported_program.json", "archive_format") for name in names):
        raise CheckpointError(
            f"{path} is a program of torch.export, not weights. Where you trust it, save its state dict: "
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
                f"{path} holds compressed entries, which torch never writes, and was refused unread. "
                "Unpack it, or save the state dict again with torch.save."
            )


def read_old(path: Path) -> Any:
    """What a file of torch's old form holds: magic number, version, system, objects, names of storages, numbers."""
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as file:
        if read_pickle(file, _none) != OLD_MAGIC:
            raise CheckpointError(
                f"{path} is a Python pickle that torch.save did not write, and was refused unread. Where you trust it, "
                "load it and save its state dict with torch.save."
            )
        read_pickle(file, _none), read_pickle(file, _none)
        begin, widths = file.tell(), {}

        def note(identifier: Any) -> StorageView:
            widths[identifier[2]] = DTYPES[identifier[1].name.rpartition(".")[2]].itemsize
            return StorageView(None, torch.uint8)

        read_pickle(file, note)
        keys, mapped = read_pickle(file, _none), torch.UntypedStorage.from_file(str(path), False, len(file))
        found = {key: _old_storage(file, mapped, widths[key]) for key in keys}
        file.seek(begin)
        return read_pickle(file, _storages(found.__getitem__))


def _old_storage(file: mmap.mmap, mapped: torch.UntypedStorage, width: int) -> torch.UntypedStorage:
    """The next storage of an old file: how many numbers, then these, of `width` bytes each."""
    length = struct.unpack("<q", file.read(8))[0] * width
    begin = file.tell()
    if not 0 <= length <= len(file) - begin:
        raise ValueError("cut short")
    file.seek(begin + length)
    return mapped[begin : begin + length]


def _none(_: Any) -> StorageView:
    raise ValueError("numbers where there are none")
