"""Opens user files, plain or compressed, on disk or uploaded, and limits the number of bytes that are read.

A compressed file is never unpacked to disk. It is read as a stream that raises an error after `most` decompressed
bytes, even if the file declares a smaller size. Unsupported formats are recognised by their first bytes, and the error
message names the format.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from trm.errors import DataError
from trm.files import file_size, placeholder_problem

MOST = 2 << 30
"""Maximum decompressed size of a file on disk, in bytes."""
MAX_MEMBERS = 10_000
NEVER_DATA = (
    ".md",
    ".txt.license",
    ".pdf",
    ".png",
    ".jpg",
    ".jpeg",
    ".svg",
    ".html",
    ".py",
    ".ipynb",
    ".yaml",
    ".yml",
    ".toml",
)
PACKED = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": partial(
        lzma.open, format=lzma.FORMAT_XZ
    ),  # in the legacy format, 18 zeros are a valid stream
}
PARQUET, NPY, ZIP = b"PAR1", b"\x93NUMPY", b"PK\x03\x04"
FOREIGN = {
    b"7z\xbc\xaf": ("a 7z archive", "Unpack it"),
    b"Rar!": ("a RAR archive", "Unpack it"),
    b"\x28\xb5\x2f\xfd": ("compressed with Zstandard", "Unpack it"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "Save the sheet as CSV"),
    b"%PDF": ("a PDF", "Give the puzzles as text"),
    b"\x89PNG": ("an image", "Type the puzzle, or copy its text"),
    b"\xff\xd8\xff": ("an image", "Type the puzzle, or copy its text"),
    b"GIF8": ("an image", "Type the puzzle, or copy its text"),
    b"SQLite format 3": ("an SQLite database", "Export the table as CSV"),
    b"\x89HDF": ("an HDF5 file", "Write its arrays with numpy.save, or as CSV"),
    b"ARROW1": ("an Arrow file", "Write it as Parquet or CSV"),
    b"\x80\x02": ("a pickle, which could run code", "Write the puzzles as CSV or with numpy.save"),
    b"\x80\x03": ("a pickle, which could run code", "Write the puzzles as CSV or with numpy.save"),
    b"\x80\x04\x95": ("a pickle, which could run code", "Write the puzzles as CSV or with numpy.save"),
    b"\x80\x05\x95": ("a pickle, which could run code", "Write the puzzles as CSV or with numpy.save"),
}  # fmt: skip
"""First bytes of each unsupported format, with the name of the format and advice for the user."""
LFS = b"version https://git-lfs"


@dataclass(frozen=True)
class ByteSource:
    """A file that can be opened repeatedly.

    `name` identifies the file in messages, and `most` is the maximum number of decompressed bytes. `size` is the size
    of an uncompressed file in bytes, or None for a compressed file.
    """

    name: str
    opener: Callable[[], io.BufferedIOBase]
    most: int = MOST
    size: int | None = None

    @classmethod
    def of_path(cls, path: Path, *, most: int = MOST) -> ByteSource:
        """Create a source from a file on disk. Raises `DataError` if the file cannot be read."""
        try:
            size = file_size(path, DataError)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from None
        return cls(str(path), lambda: path.open("rb"), most, size)

    @classmethod
    def of_bytes(cls, content: bytes, name: str, *, most: int = MOST) -> ByteSource:
        """Create a source from the content of a file in memory."""
        return cls(name, lambda: io.BytesIO(content), most, len(content))

    @contextmanager
    def open(self) -> Iterator[io.BufferedIOBase]:
        """Open the file as a stream. Reading raises `DataError` if the file is damaged or larger than `most` bytes."""
        try:
            with self.opener() as stream:
                yield io.BufferedReader(_Bounded(stream, self), 1 << 16)
        except (
            EOFError,
            zlib.error,
            lzma.LZMAError,
            zipfile.BadZipFile,
            gzip.BadGzipFile,
            ValueError,
            struct.error,
        ) as error:
            raise DataError(f"{self.name} is damaged or truncated ({error}). Copy it again.") from None
        except RuntimeError as error:  # zipfile raises RuntimeError for a zip with a password
            raise DataError(
                f"{self.name} cannot be unpacked ({error}). Unpack it yourself and give its content."
            ) from None
        except OSError as error:
            raise DataError(f"{self.name} cannot be read: {error.strerror or error}.") from None

    def head(self, count: int = 16) -> bytes:
        """Return the first `count` bytes. Raises `DataError` if the file cannot be read."""
        with self.open() as stream:
            return stream.read(count)

    def content(self) -> bytes:
        """Return the whole content. Raises `DataError` if it has more than `most` bytes or cannot be read."""
        with self.open() as stream:
            return stream.read()


class _Bounded(io.RawIOBase):
    """A stream that raises `DataError` when more than `source.most` bytes are read."""

    def __init__(self, stream: io.BufferedIOBase, source: ByteSource):
        self.stream, self.source, self.count = stream, source, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self.stream.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()

    def readinto(self, buffer) -> int:
        part = self.stream.read(len(buffer))
        self.count += len(part)
        if self.count > self.source.most:
            most = self.source.most
            raise DataError(
                f"{self.source.name} has over {f'{most >> 30} GB' if most >> 30 else f'{most >> 20} MB'}. Give a part of it."
            )
        buffer[: len(part)] = part
        return len(part)


def unpacked(source: ByteSource, *, prefer: str = "") -> ByteSource:
    """Return a source for the decompressed content of a file. An uncompressed file is returned unchanged.

    In a zip with several files, the file named `prefer` (without its suffix) is used, or else the only file that may
    contain data. Raises `DataError` for an unsupported format, or if no single file in a zip can be chosen.
    """
    for _ in range(3):  # compressed files may be nested in a zip
        head = source.head()
        if (kind := next((kind for kind in PACKED if head.startswith(kind)), None)) is not None:
            source = _stream_of(source, PACKED[kind])
        elif head.startswith(ZIP) and not is_arrays(source):
            source = _member_of(source, prefer)
        else:
            break
    head = source.head(32)
    for first, (what, instead) in FOREIGN.items():
        if head.startswith(first):
            raise DataError(f"{source.name} is {what}. {instead}.")
    if head.startswith(LFS):
        raise DataError(f"{source.name} {placeholder_problem(source.head(512).decode('utf-8', 'replace'))}")
    return source


def _stream_of(source: ByteSource, opener: Callable) -> ByteSource:
    return replace(source, opener=lambda: opener(source.opener()), size=None)


def _member_of(source: ByteSource, prefer: str) -> ByteSource:
    """Return a source for the data file in a zip. Raises `DataError` unless exactly one file can be chosen."""
    names = members(source)
    if any(name.startswith("xl/") for name in names):
        raise DataError(f"{source.name} is an Excel workbook. Save the sheet as CSV.")
    if "content.xml" in names:
        raise DataError(f"{source.name} is a LibreOffice document. Save the sheet as CSV.")
    data = [name for name in names if _may_hold_data(name)]
    preferred = [name for name in data if prefer and PurePosixPath(name).name.partition(".")[0] == prefer]
    chosen = preferred if len(preferred) == 1 else data
    if len(chosen) != 1:
        if not chosen:
            raise DataError(f"{source.name} contains no puzzle file. Unzip it and give one file.")
        listed = ", ".join(chosen[:3]) + (", ..." if len(chosen) > 3 else "")
        raise DataError(
            f"{source.name} contains {len(chosen)} files: {listed}. Unzip it and give one of them."
        )
    return replace(
        source,
        name=f"{source.name}, {chosen[0]}",
        opener=lambda: zipfile.ZipFile(source.opener()).open(chosen[0]),
        size=None,
    )


def members(source: ByteSource) -> list[str]:
    """Return the names of the files in a zip. Raises `DataError` if there are too many files."""
    with (
        source.open() as stream,
        zipfile.ZipFile(io.BytesIO(stream.read()) if source.size is None else stream) as archive,
    ):
        names = [name for name in archive.namelist() if name and not name.endswith("/")]
    if len(names) > MAX_MEMBERS:
        raise DataError(f"{source.name} contains over {MAX_MEMBERS:,} files. Unzip it and give one of them.")
    return names


def is_arrays(source: ByteSource) -> bool:
    """Return whether the file is an .npz file (a zip that contains only .npy files)."""
    if not source.head().startswith(ZIP):
        return False
    names = members(source)
    return bool(names) and all(name.endswith(".npy") for name in names)


def _may_hold_data(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__")) for part in path.parts)
    words = path.stem.lower() in (
        "readme",
        "license",
        "licence",
        "metadata",
        "dataset-metadata",
        "croissant",
        "identifiers",
    )
    return not hidden and not words and not name.lower().endswith(NEVER_DATA)
