"""Reads rows from Parquet files. Only the needed columns are read, one row group at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from trm.data.files.containers import ByteSource
from trm.data.files.spread import evenly_spread
from trm.errors import DataError

ROWS = 1024
LARGEST_GROUP = 1 << 30
"""Maximum decompressed size of a row group in bytes, as stated in the file's metadata."""
LARGEST_SCHEMA = 10_000
"""Maximum number of columns in a file."""
Wanted = Callable[[list[str]], list[str]]


def rows_of(
    source: ByteSource, wanted: Wanted, *, spread: int | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (row number, row), where row numbers start at 1 and a row is a dictionary from column name to value.

    `wanted` receives the names of all columns and returns those to read. If `spread` is given, only `spread` evenly
    spaced rows are read, and row groups without such rows are skipped. Raises `DataError` for a damaged file.
    """
    import pyarrow
    from pyarrow import parquet

    with source.open() as stream:
        try:
            file = parquet.ParquetFile(
                pyarrow.PythonFile(stream, "r")
                if source.size is not None
                else pyarrow.BufferReader(stream.read()),
                thrift_string_size_limit=1 << 24,
                thrift_container_size_limit=1 << 20,
            )
            _check(file, source)
            names = wanted(file.schema_arrow.names)
            total = file.metadata.num_rows
            rows = None if spread is None else set(evenly_spread(total, spread).tolist())
            first = 0
            for group in range(file.metadata.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                if rows is None or any(first <= row < first + count for row in rows):
                    yield from _rows_of_group(file, group, names, first, rows)
                first += count
        except (pyarrow.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
            reason = str(error).partition("\n")[0][:120].rstrip(". ")
            raise DataError(f"{source.name} is a damaged Parquet file: {reason}. Copy it again.") from None


def _rows_of_group(
    file: Any, group: int, names: list[str], first: int, rows: set[int] | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    number = first
    for batch in file.iter_batches(batch_size=ROWS, row_groups=[group], columns=names, use_threads=False):
        if rows is None or any(number <= row < number + len(batch) for row in rows):
            for at, row in enumerate(batch.to_pylist(), number):
                if rows is None or at in rows:
                    yield at + 1, row
        number += len(batch)


def _check(file: Any, source: ByteSource) -> None:
    """Check the sizes in the metadata before memory is allocated. Raises `DataError` if a size exceeds its limit."""
    metadata = file.metadata
    if metadata.num_columns > LARGEST_SCHEMA:
        raise DataError(f"{source.name} has {metadata.num_columns:,} columns. Give a table of puzzles.")
    for number in range(metadata.num_row_groups):
        if metadata.row_group(number).total_byte_size > LARGEST_GROUP:
            raise DataError(
                f"{source.name} has a row group of over {LARGEST_GROUP >> 30} GB. Write smaller row groups."
            )
