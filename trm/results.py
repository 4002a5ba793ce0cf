"""Save and load results, and write them for other tools.

A result is a frozen dataclass. It is saved, with everything in it, as one safetensors file.

NumPy arrays are stored as tensors, named by their path in the result, such as `scores.accuracy.value`. Everything else
is JSON in the metadata of the file, one entry for each field of the result. Fields that are None are left out.

A result without arrays can also be saved as JSON (`write_json` of `as_json`).

Loading executes no code from the file and imports no torch. A file is accepted only if it has exactly the entries that
were saved, with the types, dtypes and shapes that the dataclass declares. Dimensions with the same name must have
the same size in all arrays of a dataclass.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints, no_type_check

import msgspec
import numpy as np
from jaxtyping import jaxtyped
from safetensors import safe_open
from safetensors.numpy import save_file

from trm.errors import UserError
from trm.files import atomic_file, reading

LARGEST_FILE = 256 << 20  # bytes
INT64 = range(-(1 << 63), 1 << 63)
Result = TypeVar("Result")


def maybe_undefined() -> Any:
    """Return a dataclass field for an array that is NaN or infinite where nothing is defined. Others must be finite."""
    return field(metadata={"maybe_undefined": True})


def save(path: Path, result: Any) -> None:
    """Write a result to a file, atomically.

    Raises OutputError if the file cannot be written, and TypeError or ValueError if a value is neither an array nor
    JSON-compatible.
    """
    arrays: dict[str, np.ndarray] = {}
    values = as_json(result, arrays)
    metadata = {
        name: json.dumps(value, allow_nan=False, separators=(",", ":"))
        for name, value in values.items()
        if name not in arrays
    }
    with atomic_file(path) as temporary:
        save_file(arrays, temporary, metadata=metadata)


def load(
    path: Path,
    kind: type[Result],
    *,
    refusal: type[UserError],
    thing: str,
    remedy: str = "Record it again.",
    most: int = LARGEST_FILE,
) -> Result:
    """Read a result of class `kind`. Raises `refusal`, with `thing` and `remedy` in its message, for any other file.

    Files larger than `most` bytes are rejected before they are opened.
    """
    with reading(path, refusal, thing, remedy, most=most):
        arrays, values = _read_json(path) if path.suffix == ".json" else _read_tensors(path)
        for array in arrays.values():
            if max(array.shape, default=0) > most:  # an empty array can have an axis of any length
                raise ValueError("an axis is too long")
        joined = _joined(values, arrays)
        if arrays:
            raise ValueError("unexpected arrays")
        result = _converted(joined, kind)
        if as_json(result) != values:
            raise ValueError("unexpected or missing entries")
        _check_arrays(result)
        return result


def as_json(value: Any, arrays: dict[str, np.ndarray] | None = None, name: str = "") -> Any:
    """Return a value as JSON-compatible data, with None in place of each array. The arrays are added to `arrays`."""
    if isinstance(value, np.ndarray):
        if arrays is not None:
            arrays[name] = np.ascontiguousarray(value)
        return None
    if is_dataclass(value):
        value = {key: part for key, part in _parts(value) if part is not None}
    if isinstance(value, Mapping):
        return {str(key): as_json(part, arrays, _path(name, key)) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(part, arrays, _path(name, index)) for index, part in enumerate(value)]
    return value


def write_json(path: Path, values: Any, *, indent: int | None = None) -> None:
    """Write JSON-compatible data, atomically: with `indent`, over many lines. Raises OutputError if that fails."""
    text = json.dumps(values, indent=indent, separators=None if indent else (",", ":"))
    with atomic_file(path) as temporary:
        temporary.write_text(text + "\n", "utf-8")


def write_parquet(path: Path, table: Mapping[str, Any], about: Any = None) -> None:
    """Write columns of equal length to a Parquet file, atomically. Raises OutputError if it cannot be written.

    `about` is stored in the table's metadata, as JSON under the key `recursion-lens`.
    """
    import pyarrow
    from pyarrow.parquet import write_table

    columns = pyarrow.table(dict(table))
    if about is not None:
        columns = columns.replace_schema_metadata({"recursion-lens": json.dumps(about)})
    with atomic_file(path) as temporary:
        write_table(columns, temporary, compression="zstd")


def _read_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays of a safetensors file, and all else as `as_json` returns it."""
    with safe_open(path, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        metadata = file.metadata() or {}
    values = {name: None for name in arrays if "." not in name}
    return arrays, values | {name: msgspec.json.decode(text) for name, text in metadata.items()}


def _read_json(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    return {}, msgspec.json.decode(path.read_bytes())


def _joined(value: Any, arrays: dict[str, np.ndarray], name: str = "") -> Any:
    """Inverse of `as_json`. Takes the arrays out of `arrays`. Raises ValueError for integers beyond 64 bits."""
    if value is None:
        return arrays.pop(name, None)
    if isinstance(value, dict):
        return {key: _joined(part, arrays, _path(name, key)) for key, part in value.items()}
    if isinstance(value, list):
        return [_joined(part, arrays, _path(name, index)) for index, part in enumerate(value)]
    if type(value) is int and value not in INT64:
        raise ValueError("an integer has more than 64 bits")
    return value


def _converted(values: Any, kind: type[Result]) -> Result:
    """Convert data to a dataclass. Raises msgspec.ValidationError (a ValueError) if the data have other types."""
    with ExitStack() as context:

        @no_type_check  # a function that is type-checked in tests has a context of its own
        def unchanged(_: type, array: Any) -> Any:
            context.close()  # dimensions of the same name in other dataclasses may have another size
            context.enter_context(jaxtyped("context"))
            return array

        return msgspec.convert(values, kind, dec_hook=unchanged, str_keys=True)


def _check_arrays(value: Any) -> None:
    """Raise ValueError if arrays of a dataclass have inconsistent shapes, or numbers that are not finite."""
    if isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            _check_arrays(part)
    elif isinstance(value, np.ndarray):
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ValueError("numbers are not finite")
    elif is_dataclass(value):
        hints = _hints(type(value))
        with jaxtyped("context"):
            for name, part in _parts(value):
                if isinstance(part, np.ndarray) and not isinstance(part, hints[name]):
                    raise ValueError(f"{name} has shape {part.shape}")
        for each in fields(value):
            if "maybe_undefined" not in each.metadata:
                _check_arrays(getattr(value, each.name))


_hints = cache(get_type_hints)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    return ((each.name, getattr(value, each.name)) for each in fields(value))


def _path(name: str, key: object) -> str:
    return f"{name}.{key}" if name else str(key)
