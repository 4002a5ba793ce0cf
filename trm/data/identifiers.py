"""Puzzle ids by name: `identifiers.json` of a dataset in the format of the public code.

The file is a list: the name at index i is puzzle id i, a row of the model's puzzle embedding. Index 0 is `<blank>`.
ARC: a task by its own name, each of its turned and recoloured versions as `<task>|||t<turn>|||<colours>`; about a
million of them.
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
"""Between the name of a task and what makes this version of it."""

LARGEST_FILE = 256 << 20


def read_names(path: Path) -> list[str]:
    """The name of every puzzle id, in order. Raises `DataError`."""
    names = read_json(path, LARGEST_FILE)
    if not (isinstance(names, list) and names and set(map(type, names)) == {str}):
        raise DataError(f"{path} is no list of puzzle names. Give the {FILE} of a dataset.")
    if names[0] != BLANK:
        raise DataError(f"{path} does not begin with {BLANK}, puzzle id 0. Give the {FILE} of a dataset.")
    return names


def read_identifiers(path: Path) -> dict[str, int]:
    """Puzzle id of every name in the file, the blank one left out. Raises `DataError`.

    `path` may be the dataset folder. A million names take about half a second.
    """
    names = read_names(path / FILE if path.is_dir() else path)
    # Backwards, so that the first of two equal names counts.
    identifiers = dict(zip(reversed(names), range(len(names) - 1, -1, -1), strict=True))
    del identifiers[BLANK]
    return identifiers


def puzzle_id(name: str, identifiers: Mapping[str, int], path: Path) -> int:
    """The puzzle id of a task (or of one of its versions), from what `read_identifiers(path)` gave.

    Raises `DataError` for an unknown one: there is nothing to put in its place.
    """
    if name not in identifiers:
        raise DataError(
            f"{reprlib.repr(name)} is not among the {len(identifiers):,} puzzle ids of {path}: with the blank id "
            f"a model scores 0. Give the {FILE} of the dataset that the model was trained on, or one of its tasks."
        )
    return identifiers[name]


def with_puzzle_ids(puzzles: PuzzleSet, path: Path) -> PuzzleSet:
    """The set with the puzzle ids that its names have in an `identifiers.json`, or in the folder of one.

    Raises `DataError` for a name without one. A set without names stays as it is.
    """
    known = read_identifiers(path) if any(puzzles.names) else {}
    ids = [puzzle_id(identifier_of(name), known, path) if name else 0 for name in puzzles.names]
    return replace(puzzles, puzzle_identifiers=np.array(ids, np.int32)) if ids else puzzles


def identifier_of(puzzle: str) -> str:
    """The name of the puzzle id in the name of a puzzle: `0a1b2c3d` of `0a1b2c3d, test 1`."""
    return puzzle.partition(",")[0]


def task_name(name: str) -> str:
    """The task of a version: `0a1b2c3d` of `0a1b2c3d|||t3|||0213456789`."""
    return name.partition(VERSION)[0]
