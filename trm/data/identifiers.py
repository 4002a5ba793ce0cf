"""Looks up puzzle ids by name in the `identifiers.json` of a dataset in the format of the public TRM and HRM code.

The file contains a list of names. The index of a name is its puzzle id: the row in the model's puzzle embedding. Index
0 is `<blank>`. Rotated and recoloured versions of an ARC task are named `<task>|||t<turn>|||<colours>`. A public ARC
dataset has about a million names.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from trm.data.files.json_file import read_json
from trm.data.puzzle_set import PuzzleSet
from trm.errors import DataError

FILE = "identifiers.json"
BLANK = "<blank>"
VERSION = "|||"
"""Separator between the name of a task and the transformation that produced the version."""

LARGEST_FILE = 256 << 20


def read_names(path: Path) -> list[str]:
    """Read the list of names, indexed by puzzle id. Raises `DataError` if the file is not such a list."""
    names = read_json(path, LARGEST_FILE)
    if not (isinstance(names, list) and names and set(map(type, names)) == {str}):
        raise DataError(f"{path} is not a list of puzzle names. Give the {FILE} of a dataset.")
    if names[0] != BLANK:
        raise DataError(f"{path} does not begin with {BLANK}, puzzle id 0. Give the {FILE} of a dataset.")
    return names


def read_identifiers(path: Path) -> dict[str, int]:
    """Read the puzzle ids as a dictionary from name to puzzle id, without the blank id.

    `path` is the `identifiers.json` or the dataset folder that contains it. Reading a million names takes about half a
    second. Raises `DataError` if the file is not valid.
    """
    names = read_names(path / FILE if path.is_dir() else path)
    # Backwards, so that the first of several equal names wins.
    identifiers = dict(zip(reversed(names), range(len(names) - 1, -1, -1), strict=True))
    del identifiers[BLANK]
    return identifiers


def puzzle_id(name: str, identifiers: Mapping[str, int], path: Path) -> int:
    """Return the puzzle id of an ARC task or of a version of a task.

    `identifiers` is the result of `read_identifiers(path)`. Raises `DataError` if it does not contain `name`.
    """
    if name not in identifiers:
        raise DataError(
            f"{reprlib.repr(name)} is not among the {len(identifiers):,} puzzle ids of {path}, and with the blank id "
            f"a model scores 0. Give the {FILE} of the dataset that the model was trained on, or choose one of its tasks."
        )
    return identifiers[name]


def with_puzzle_ids(puzzles: PuzzleSet, path: Path) -> PuzzleSet:
    """Return a copy of the set with the puzzle id of each named puzzle; unnamed puzzles get the blank id.

    `path` is an `identifiers.json` or the folder that contains it. A set without names is returned unchanged. Raises
    `DataError` if the file does not contain a name.
    """
    identifiers = read_identifiers(path) if any(puzzles.names) else {}
    ids = [puzzle_id(identifier_of(name), identifiers, path) if name else 0 for name in puzzles.names]
    return replace(puzzles, puzzle_identifiers=np.array(ids, np.int32)) if ids else puzzles


def identifier_of(puzzle: str) -> str:
    """Return the part of a puzzle's name that determines its puzzle id: `0a1b2c3d` for `0a1b2c3d, test 1`."""
    return puzzle.partition(",")[0]


def task_name(name: str) -> str:
    """Return the name of the task from the name of a version: `0a1b2c3d` for `0a1b2c3d|||t3|||0213456789`."""
    return name.partition(VERSION)[0]
