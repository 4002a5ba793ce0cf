"""Reader of dataset folders in the format of the public TRM and HRM code.

    <data>/{train,test}/dataset.json                     what the arrays hold
    <data>/{train,test}/<set>__inputs.npy, __labels.npy  (examples, cells)
    <data>/{train,test}/<set>__puzzle_identifiers.npy    (puzzles)
    <data>/{train,test}/<set>__puzzle_indices.npy        (puzzles + 1): examples of each puzzle

The arrays are memory-mapped and never unpickled: only what is used is read, and no file can run code.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32, UInt8

from trm.data.puzzle_set import PuzzleSet
from trm.errors import DataError
from trm.tasks.base import Task

LARGEST_DESCRIPTION = 1 << 20
SET_NAME = re.compile(r"[\w-]{1,64}")


def load_official(folder: Path, task: Task, *, limit: int | None = None) -> PuzzleSet:
    """Read `folder/test`, or `folder` itself if it holds `dataset.json`. Labels to ignore become padding.

    Raises `DataError` naming the first file that does not fit.
    """
    split = next((place for place in (folder, folder / "test") if (place / "dataset.json").is_file()), None)
    if split is None:
        raise DataError(_what_is_missing(folder))
    description = _describe(split / "dataset.json", task)
    parts = [_read_set(split, name, description, task) for name in description["sets"]]
    inputs, labels, identifiers = (_join(arrays, limit) for arrays in zip(*parts, strict=True))
    for name, tokens in (("inputs", inputs), ("labels", labels)):
        if tokens.max(initial=0) >= task.vocab_size:
            raise DataError(
                f"{split}: the {name} hold token {tokens.max()}, {task.name} has 0-{task.vocab_size - 1}."
            )
    return PuzzleSet.of(str(folder), task, inputs, labels, puzzle_identifiers=identifiers)


def _what_is_missing(folder: Path) -> str:
    splits = sorted(place.parent.name for place in folder.glob("*/dataset.json"))
    if splits:
        return f"{folder} has no test split. Name one of its splits, such as {folder / splits[0]}."
    return f"{folder} has no dataset.json and no test.csv. Give a dataset folder, or a CSV or text file."


def _describe(path: Path, task: Task) -> dict[str, Any]:
    """The parts of dataset.json that are used, checked against the task."""
    if path.stat().st_size > LARGEST_DESCRIPTION:
        raise DataError(f"{path} has over {LARGEST_DESCRIPTION >> 20} MB. This is no dataset description.")
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not JSON ({error}). Write the dataset again.") from None
    expected = {"seq_len": task.cells, "vocab_size": task.vocab_size}
    for key, value in expected.items():
        found = description.get(key) if isinstance(description, dict) else None
        if found != value:
            raise DataError(f"{path}: {key} is {found}, {task.name} has {value}. Give a {task.name} dataset.")
    sets = description.get("sets")
    if not (
        isinstance(sets, list)
        and sets
        and all(isinstance(name, str) and SET_NAME.fullmatch(name) for name in sets)
    ):
        raise DataError(
            f'{path}: "sets" is {json.dumps(sets)}. It should be a list of names such as ["all"].'
        )
    return description


def _read_set(
    split: Path, name: str, description: dict[str, Any], task: Task
) -> tuple[UInt8[np.ndarray, "count cells"], UInt8[np.ndarray, "count cells"], Int32[np.ndarray, "count"]]:
    inputs = _array(split / f"{name}__inputs.npy")
    labels = _array(split / f"{name}__labels.npy")
    for array, part in ((inputs, "inputs"), (labels, "labels")):
        if array.shape != (len(inputs), task.cells):
            raise DataError(
                f"{split / name}__{part}.npy has shape {array.shape}, not (examples, {task.cells})."
            )
    ignored = description.get("ignore_label_id")
    if ignored not in (None, 0):
        labels = np.where(labels == ignored, 0, labels)
    identifiers = _array(split / f"{name}__puzzle_identifiers.npy")
    indices = _array(split / f"{name}__puzzle_indices.npy")
    sizes = np.diff(indices)
    if indices.shape != (len(identifiers) + 1,) or (sizes < 0).any() or sizes.sum() != len(inputs):
        raise DataError(
            f"{split / name}__puzzle_indices.npy does not divide the {len(inputs)} examples into puzzles."
        )
    return _tokens(inputs, split), _tokens(labels, split), np.repeat(identifiers, sizes).astype(np.int32)


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path} is missing. Copy the whole dataset folder.") from None
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is damaged: {error}. Copy it again.") from None
    if array.dtype.kind not in "iu" or array.ndim == 0:
        raise DataError(f"{path} holds {array.dtype} of shape {array.shape}, not a list of integers.")
    return array


def _tokens(array: np.ndarray, split: Path) -> UInt8[np.ndarray, "count cells"]:
    """As uint8, without a copy where it is already."""
    if array.dtype == np.uint8:
        return array
    if array.min(initial=0) < 0 or array.max(initial=0) > 255:
        raise DataError(
            f"{split}: tokens from {array.min()} to {array.max()}, which are none. Write the dataset again."
        )
    return array.astype(np.uint8)


def _join(arrays: tuple[np.ndarray, ...], limit: int | None) -> np.ndarray:
    joined = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    return joined[:limit]
