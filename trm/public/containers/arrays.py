"""Read weights from an .npz file (a zip of arrays) saved by NumPy or MLX. Pickled arrays are rejected."""

import zipfile
from pathlib import Path

import torch
from torch import Tensor

from trm.data.files.npz import Header, read_npz
from trm.errors import CheckpointError

MAX_UNPACKED = 16  # maximum ratio of unpacked size to file size; weights hardly compress


def is_npz(path: Path) -> bool:
    """Whether a zip file contains only NumPy arrays (.npy)."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the arrays in an .npz file as tensors by name.

    Raises CheckpointError if the file would unpack to too many bytes or contains values other than numbers. A damaged
    file raises ValueError or another exception.
    """
    most = MAX_UNPACKED * path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > most:
        raise CheckpointError(f"{path} would unpack to over {MAX_UNPACKED} times its size and was not read.")

    def plain(name: str, header: Header) -> bool:
        dtype = header.dtype
        if dtype.hasobject or dtype.kind not in "fiub":
            raise CheckpointError(
                f"{path}: {name[:80]!r} contains {'objects' if dtype.hasobject else str(dtype)[:40]}, not plain numbers. "
                "Save plain arrays with numpy.savez."
            )
        if header.nbytes > size:
            raise ValueError("claims more than it contains")
        return True

    return {
        name: torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
        for name, array in read_npz(path, plain).items()
    }
