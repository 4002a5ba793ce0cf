"""Reads dataset folders in the format of the public TRM and HRM code.

    <data>/identifiers.json                              list of names, indexed by puzzle id
    <data>/{train,test}/dataset.json                     description of the arrays
    <data>/{train,test}/<set>__inputs.npy, __labels.npy  shape (examples, cells)
    <data>/{train,test}/<set>__puzzle_identifiers.npy    shape (puzzles)
    <data>/{train,test}/<set>__puzzle_indices.npy        shape (puzzles + 1): index of the first example in each puzzle
    <data>/{train,test}/<set>__group_indices.npy         shape (groups + 1): index of the first puzzle in each group

A Sudoku or a maze is a puzzle with one example. An ARC task is a puzzle with several examples; the task and its rotated
and recoloured versions form a group. Only the public training code uses groups, so this reader ignores them;
`trm.data.write` writes them.

The arrays are memory-mapped, so that only the requested rows are read. They are never unpickled, so that no file can
run code.

nano-trm writes the same arrays, but its dataset.json has `num_puzzles` and no `sets`. Its Sudoku vocabulary has one
more token before the blank, so all its tokens for cells are higher by 1.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, Int32, UInt8

from trm.config import SHORT
from trm.data.files.json_file import read_json
from trm.data.files.npz import header_of
from trm.data.identifiers import FILE, read_names
from trm.data.puzzle_set import BLOCK, PuzzleSet
from trm.errors import DataError
from trm.files import file_size, placeholder_problem
from trm.tasks.base import Task

LARGEST_DESCRIPTION = 1 << 20
LARGEST_COPY = 2 << 30
"""Maximum size, in bytes, of a token array that is copied to memory because it cannot be used as it is on disk."""
MAX_IDENTIFIERS = 1 << 31
MAX_EMPTY = 1_000_000
"""Maximum number of puzzles that have no examples."""
INPUTS = "__inputs.npy"
NANO_SUDOKU = 12
"""Vocabulary size that nano-trm uses for Sudokus of every grid size."""
SET_NAME = re.compile(r"[\w-]{1,64}")


class _Set(NamedTuple):
    """One set of a split: the stored tokens, the puzzle id of each example, and its index within the puzzle, from 0."""

    inputs: np.ndarray
    labels: np.ndarray
    identifiers: Int32[np.ndarray, "count"]
    numbers: Int[np.ndarray, "count"]


def load_official(folder: Path, task: Task, *, limit: int | None = None, split: str = "test") -> PuzzleSet:
    """Load the first `limit` examples from a split of a dataset folder.

    `folder` is the dataset folder, or a split folder that contains `dataset.json`; `split` is then ignored. Labels
    equal to `ignore_label_id` become padding. An example with a puzzle id is named `<name of the id>, <split> <number>`
    if the dataset has an `identifiers.json`. Raises `DataError`, whose message names the first invalid file.
    """
    place = next((place for place in (folder, folder / split) if (place / "dataset.json").is_file()), None)
    if place is None:
        raise DataError(_what_is_missing(folder, split))
    description = _describe(place / "dataset.json", task)
    shift = 1 if description["vocab_size"] != task.vocab_size else 0
    sets: list[_Set] = []
    for name in description["sets"]:
        remaining = None if limit is None else limit - sum(len(part.inputs) for part in sets)
        sets.append(_read_set(place, name, task, remaining))
    identifiers, numbers = (np.concatenate(column) for column in list(zip(*sets, strict=True))[2:])
    return PuzzleSet.of(
        str(folder),
        task,
        _tokens([part.inputs for part in sets], place, "inputs", task, shift=shift),
        _tokens(
            [part.labels for part in sets],
            place,
            "labels",
            task,
            description.get("ignore_label_id"),
            shift=shift,
        ),
        puzzle_identifiers=identifiers,
        names=_names(place, identifiers, numbers),
    )


def _what_is_missing(folder: Path, split: str) -> str:
    splits = sorted(place.parent.name for place in folder.glob("*/dataset.json"))
    if splits:
        return f"{folder} has no {split} split. Give one of its splits, such as {folder / splits[0]}."
    return f"{folder} has no dataset.json and no {split}.csv. Give a dataset folder, or a CSV or text file."


def _describe(path: Path, task: Task) -> dict[str, Any]:
    """Read dataset.json and check that it fits the task. Raises `DataError` if it does not."""
    description = read_json(path, LARGEST_DESCRIPTION)
    if not isinstance(description, dict):
        description = {}
    vocab_sizes = [task.vocab_size]
    if "sets" not in description:
        if "num_puzzles" in description and task.name == "sudoku":  # nano-trm
            vocab_sizes += [task.vocab_size + 1, NANO_SUDOKU]
        description["sets"] = sorted(
            file.name.removesuffix(INPUTS) for file in path.parent.glob(f"*{INPUTS}")
        )
    for key, expected in (("seq_len", [task.cells]), ("vocab_size", vocab_sizes)):
        value = description.get(key)
        if value not in expected:
            raise DataError(
                f"{path}: {key} is {SHORT.repr(value)}, but {task.name} has {expected[0]}. Give a {task.name} dataset."
            )
    ignored = description.get("ignore_label_id")
    if not (ignored is None or type(ignored) is int):
        raise DataError(
            f"{path}: ignore_label_id is {json.dumps(ignored)[:80]}. It should be a token, such as 0."
        )
    sets = description.get("sets")
    if not (
        isinstance(sets, list)
        and sets
        and all(isinstance(name, str) and SET_NAME.fullmatch(name) for name in sets)
    ):
        raise DataError(
            f'{path}: "sets" is {json.dumps(sets)[:80]}. It should be a list of names such as ["all"].'
        )
    return description


def _read_set(split: Path, name: str, task: Task, limit: int | None) -> _Set:
    inputs = _array(split / f"{name}__inputs.npy")
    labels = _array(split / f"{name}__labels.npy")
    for array, part in ((inputs, "inputs"), (labels, "labels")):
        if array.shape != (len(inputs), task.cells):
            raise DataError(
                f"{split / name}__{part}.npy has shape {array.shape}, not (examples, {task.cells})."
            )
    identifiers = _array(split / f"{name}__puzzle_identifiers.npy")
    indices = _array(split / f"{name}__puzzle_indices.npy")
    if max(identifiers.size, indices.size) > len(inputs) + MAX_EMPTY:
        raise DataError(
            f"{split / name}__puzzle_indices.npy has {indices.size:,} entries for {len(inputs):,} examples. Write the dataset again."
        )
    indices = indices.astype(np.int64)
    sizes = np.diff(indices)
    if (
        identifiers.ndim != 1
        or indices.shape != (len(identifiers) + 1,)
        or indices[0] != 0
        or (sizes < 0).any()
        or sizes.sum() != len(inputs)
    ):
        raise DataError(
            f"{split / name}__puzzle_indices.npy does not divide the {len(inputs)} examples into puzzles."
        )
    if identifiers.min(initial=0) < 0 or identifiers.max(initial=0) >= MAX_IDENTIFIERS:
        raise DataError(
            f"{split / name}__puzzle_identifiers.npy holds ids from {identifiers.min()} to {identifiers.max()}, "
            "which are not valid. Write the dataset again."
        )
    rows = np.arange(len(inputs) if limit is None else min(limit, len(inputs)))
    puzzle = np.searchsorted(indices, rows, side="right") - 1
    return _Set(
        inputs[: len(rows)],
        labels[: len(rows)],
        identifiers[puzzle].astype(np.int32),
        rows - indices[puzzle],
    )


def _array(path: Path) -> np.ndarray:
    try:
        size = file_size(path, DataError)
        with path.open("rb") as file:
            if header_of(file).nbytes > size:
                raise ValueError("the array is incomplete")
        array = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise DataError(f"{path} is missing. Copy the whole dataset folder.") from None
    except (ValueError, OSError, EOFError) as error:
        if what := placeholder_problem(_beginning(path)):
            raise DataError(f"{path} {what}") from None
        reason = str(error).partition("\n")[0].rstrip(".")
        raise DataError(f"{path} is damaged: {reason}. Copy it again.") from None
    if array.dtype.kind not in "iu" or array.ndim == 0:
        raise DataError(f"{path} holds {array.dtype} of shape {array.shape}, not a list of integers.")
    return array


def _beginning(path: Path) -> str:
    """Return the first 512 bytes of a file as text, or "" if the file cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(512).decode("utf-8", "replace")
    except OSError:
        return ""


def _tokens(
    arrays: list[np.ndarray],
    split: Path,
    part: str,
    task: Task,
    ignored: int | None = None,
    *,
    shift: int = 0,
) -> UInt8[np.ndarray, "count cells"]:
    """Concatenate the tokens of all sets, replace `ignored` with padding, and subtract `shift` from all other tokens.

    A single uint8 array that needs no change stays memory-mapped; otherwise, the tokens are copied.
    """
    if len(arrays) == 1 and arrays[0].dtype == np.uint8 and not ignored and not shift:
        for begin in range(0, len(arrays[0]), BLOCK):
            _check(arrays[0][begin : begin + BLOCK], split, part, task)
        return arrays[0]
    count = sum(map(len, arrays))
    if count * task.cells > LARGEST_COPY:
        raise DataError(
            f"{split}: the {part} of {count:,} examples would take over {LARGEST_COPY >> 30} GB. Set a limit."
        )
    tokens = np.zeros((count, task.cells), np.uint8)
    begin = 0
    for array in arrays:
        for at in range(0, len(array), BLOCK):
            block = array[at : at + BLOCK]
            if ignored:
                block = np.where(block == ignored, 0, block)
            if shift:
                block = np.where(block == 0, 0, block.astype(np.int64) - shift)
            _check(block, split, part, task)
            tokens[begin : begin + len(block)] = block
            begin += len(block)
    return tokens


def _check(tokens: np.ndarray, split: Path, part: str, task: Task) -> None:
    if tokens.min(initial=0) < 0 or tokens.max(initial=0) > 255:
        raise DataError(
            f"{split}: tokens range from {tokens.min()} to {tokens.max()}, which is not valid. Write the dataset again."
        )
    if tokens.max(initial=0) >= task.vocab_size:
        raise DataError(
            f"{split}: the {part} contain token {tokens.max()}, but {task.name} has tokens 0-{task.vocab_size - 1}."
        )


def _names(
    split: Path, identifiers: Int32[np.ndarray, "count"], numbers: Int[np.ndarray, "count"]
) -> tuple[str, ...]:
    """Return the name of each example ("" without a puzzle id), or () if the dataset does not name its puzzle ids."""
    path = split.parent / FILE
    if not identifiers.any() or not path.is_file():
        return ()
    names = read_names(path)
    return tuple(
        f"{names[identifier]}, {split.name} {number + 1}" if 0 < identifier < len(names) else ""
        for identifier, number in zip(identifiers.tolist(), numbers.tolist(), strict=True)
    )
