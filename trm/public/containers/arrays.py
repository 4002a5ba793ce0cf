"""Weights as an `.npz` of NumPy or MLX: a zip of arrays, of which none may be a pickle."""

import zipfile
from pathlib import Path

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from trm.errors import CheckpointError

MOST_UNPACKED = 16  # times the size of the file; weights hardly compress at all
LARGEST_HEADER = 10_000  # bytes that describe an array


def is_npz(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


def read_npz(path: Path) -> dict[str, Tensor]:
    """The arrays by name. Raises CheckpointError; ValueError and the like where the file is damaged."""
    tensors, size = {}, path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED * size:
            raise CheckpointError(
                f"{path} would unpack to over {MOST_UNPACKED} times its size and was refused unread."
            )
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            with archive.open(entry) as file:
                shape, by_columns, dtype = _header(file)
                if dtype.hasobject or dtype.kind not in "fiub":
                    raise CheckpointError(
                        f"{path}: {name[:80]!r} holds {'objects' if dtype.hasobject else str(dtype)[:40]}, not plain numbers. "
                        "Save plain arrays with numpy.savez."
                    )
                count = int(np.prod(shape, dtype=object)) if shape else 1
                if (
                    not all(type(part) is int and part >= 0 for part in shape)
                    or count * dtype.itemsize > entry.file_size
                ):
                    raise ValueError("claims more than it holds")
                content = bytearray(file.read(count * dtype.itemsize))
            array = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="), copy=False)
            tensors[name] = torch.from_numpy(array.reshape(shape, order="F" if by_columns else "C"))
    return tensors


def _header(file) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
    return read(file, max_header_size=LARGEST_HEADER)
