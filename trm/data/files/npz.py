"""Read untrusted .npy and .npz files. Headers are checked before memory is allocated, and nothing is unpickled.

`numpy.load` is unsafe: it allocates the memory that a header declares, and a 3 MB file can contain 3 GB of zeros.
"""

import io
import tokenize
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

MAX_HEADER = 10_000  # maximum size of a header in bytes
HEADER_ERRORS = (
    ValueError, TypeError, KeyError, EOFError, SyntaxError, RecursionError, MemoryError, OverflowError, tokenize.TokenError,
)  # fmt: skip
"""Exceptions that NumPy's header reader raises for malicious headers, which it evaluates as Python literals."""
READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,
}


class Header(NamedTuple):
    """The dtype, shape and memory order that a file declares for its array."""

    shape: tuple[int, ...]
    dtype: np.dtype
    by_columns: bool  # Fortran order

    @property
    def count(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=object)) if self.shape else 1

    @property
    def nbytes(self) -> int:
        return self.count * self.dtype.itemsize


def header_of(stream: io.BufferedIOBase) -> Header:
    """Read the header of the next array in the stream. Raises ValueError if the header is invalid."""
    try:
        version = np.lib.format.read_magic(stream)
        if version not in READERS:
            raise ValueError(f"its format version is {version}")
        shape, by_columns, dtype = READERS[version](stream, max_header_size=MAX_HEADER)
    except HEADER_ERRORS as error:
        raise ValueError(str(error).partition("\n")[0][:120] or type(error).__name__) from None
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    return Header(shape, dtype, by_columns)


def array_of(stream: io.BufferedIOBase, header: Header) -> np.ndarray:
    """Read the array that follows its header in the stream. The array is read-only.

    Raises ValueError if the array is incomplete, or contains Python objects, which could run code when unpickled.
    """
    if header.dtype.hasobject:
        raise ValueError("it contains objects, not plain numbers")
    content = stream.read(header.nbytes)
    if len(content) < header.nbytes:
        raise ValueError(f"its array of shape {header.shape} is incomplete")
    order = "F" if header.by_columns else "C"
    return np.frombuffer(content, header.dtype).reshape(header.shape, order=order)


def read_npz(path: Path, wanted: Callable[[str, Header], bool]) -> dict[str, np.ndarray]:
    """Read the wanted arrays in an .npz file, by name. `wanted(name, header)` selects an array, and may raise.

    A damaged file raises ValueError, zipfile.BadZipFile or other errors: call this function inside `trm.files.reading`.
    """
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as file:
                name, header = entry.filename.removesuffix(".npy"), header_of(file)
                if wanted(name, header):
                    arrays[name] = array_of(file, header)
    return arrays
