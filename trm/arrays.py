"""NumPy's files of strangers, .npy and .npz: a header is looked at before memory is taken, and nothing is unpickled.

`numpy.load` takes what a header asks for, and 3 GB of zeros pack into 3 MB.
"""

import io
import tokenize
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

MAX_HEADER = 10_000  # bytes
HEADER_ERRORS = (
    ValueError, TypeError, KeyError, EOFError, SyntaxError, RecursionError, MemoryError, OverflowError, tokenize.TokenError,
)  # fmt: skip
"""What NumPy's reader of headers ends with on hostile ones: it evaluates them as literals."""
READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,
}


class Header(NamedTuple):
    """What a file says of its array."""

    shape: tuple[int, ...]
    dtype: np.dtype
    by_columns: bool

    @property
    def count(self) -> int:
        """Numbers in it."""
        return int(np.prod(self.shape, dtype=object)) if self.shape else 1

    @property
    def nbytes(self) -> int:
        return self.count * self.dtype.itemsize


def header_of(stream: io.BufferedIOBase) -> Header:
    """The header of the array that follows in the stream. Raises ValueError for one that is none."""
    try:
        version = np.lib.format.read_magic(stream)
        if version not in READERS:
            raise ValueError(f"its version is {version}")
        shape, by_columns, dtype = READERS[version](stream, max_header_size=MAX_HEADER)
    except HEADER_ERRORS as error:
        raise ValueError(str(error).partition("\n")[0][:120] or type(error).__name__) from None
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    return Header(shape, dtype, by_columns)


def array_of(stream: io.BufferedIOBase, header: Header) -> np.ndarray:
    """The array that follows its header, read-only. Raises ValueError where it is cut short, or holds objects, which could
    run code."""
    if header.dtype.hasobject:
        raise ValueError("it holds objects, not plain numbers")
    content = stream.read(header.nbytes)
    if len(content) < header.nbytes:
        raise ValueError(f"its array of shape {header.shape} is not all there")
    order = "F" if header.by_columns else "C"
    return np.frombuffer(content, header.dtype).reshape(header.shape, order=order)


def read_npz(path: Path, wanted: Callable[[str, Header], bool]) -> dict[str, np.ndarray]:
    """Arrays of an .npz by name: those that `wanted` takes by their headers, or it raises what it finds wrong with one.

    Raises ValueError, zipfile.BadZipFile and the like for a damaged file: use it within `trm.files.reading`.
    """
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as file:
                name, header = entry.filename.removesuffix(".npy"), header_of(file)
                if wanted(name, header):
                    arrays[name] = array_of(file, header)
    return arrays
