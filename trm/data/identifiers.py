"""Puzzle ids by name, from the `identifiers.json` of a dataset in the format of the public code.

The file is a list. The index of a name is its puzzle id, that is, its row in the model's puzzle embedding. Index 0 is
`<blank>`. An ARC task has its own name, and its rotated and recoloured versions are named
`<task>|||t<turn>|||<colours>`: about a million names in all.
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
"""Separates the name of a task from the transformation of the version."""

LARGEST_FILE = 256 << 20


def read_names(path: Path) -> list[str]:
    """Read the names of all puzzle ids, in order. Raises `DataError`."""
    names = read_json(path, LARGEST_FILE)
    if not (isinstance(names, list) and names and set(map(type, names)) == {str}):
        raise DataError(f"{path} is not a list of puzzle names. Give the {FILE} of a dataset.")
    if names[0] != BLANK:
        raise DataError(f"{path} does not begin with {BLANK}, puzzle id 0. Give the {FILE} of a dataset.")
    return names


def read_identifiers(path: Path) -> dict[str, int]:
    """Read the puzzle ids as a dictionary by name, without the blank id. Raises `DataError`.

    `path` is the file or the dataset folder. A million names take about half a second.
    """
    names = read_names(path / FILE if path.is_dir() else path)
    # Backwards, so that the first of several equal names wins.
    identifiers = dict(zip(reversed(names), range(len(names) - 1, -1, -1), strict=True))
    del identifiers[BLANK]
    return identifiers


def puzzle_id(name: str, identifiers: Mapping[str, int], path: Path) -> int:
    """The puzzle id of a task, or of one of its versions, in `identifiers`, which `read_identifiers(path)` returned.

    Raises `DataError` for an unknown name.
    """
    if name not in identifiers:
        raise DataError(
            f"{reprlib.repr(name)} is not among the {len(identifiers):,} puzzle ids of {path}, and with the blank id "
            f"a model scores 0. Give the {FILE} of the dataset that the model was trained on, or choose one of its tasks."
        )
    return identifiers[name]


def with_puzzle_ids(puzzles: PuzzleSet, path: Path) -> PuzzleSet:
    """Return the set with puzzle ids looked up by name in an `identifiers.json`; `path` is that file or its folder.

    A set without names is returned unchanged. Raises `DataError` if a name has no id.
    """
    identifiers = read_identifiers(path) if any(puzzles.names) else {}
    ids = [puzzle_id(identifier_of(name), identifiers, path) if name else 0 for name in puzzles.names]
    return replace(puzzles, puzzle_identifiers=np.array(ids, np.int32)) if ids else puzzles


def identifier_of(puzzle: str) -> str:
    """The part of a puzzle's name that identifies its puzzle id: `0a1b2c3d` of `0a1b2c3d, test 1`."""
    return puzzle.partition(",")[0]


def task_name(name: str) -> str:
    """The task that a version belongs to: `0a1b2c3d` of `0a1b2c3d|||t3|||0213456789`."""
    return name.partition(VERSION)[0]
