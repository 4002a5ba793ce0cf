"""Writes puzzle sets in the official format or as CSV.

Writing is atomic: the data is written to a temporary file or folder, which is then renamed.
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from trm.data.identifiers import BLANK, FILE, identifier_of, read_names, task_name, with_puzzle_ids
from trm.data.puzzle_set import PuzzleSet
from trm.errors import DataError
from trm.files import atomic_file, atomic_folder
from trm.tasks.base import Task

FORMATS = ("official", "csv")
MAX_IDENTIFIERS = 1 << 22
"""Maximum puzzle id for which names are written. The largest public set has about a million puzzle ids."""
COLUMNS = ("source", "q", "a", "rating", "difficulty", "givens")


def write_dataset(
    puzzles: PuzzleSet, out: Path, task: Task, *, format: str = "official", split: str = "test"
) -> Path:
    """Write a set to `out/<split>/` (format "official") or `out/<split>.csv` (format "csv") and return that path.

    `load_puzzles(out, task, split=split)` reads both formats. Raises `DataError` if the target already exists or the
    format is unknown.
    """
    target = new_target(out, format=format, split=split)
    if format == "official":
        write_official(puzzles, out, task, split=split)
    else:
        write_csv(puzzles, target, task)
    return target


def new_target(out: Path, *, format: str, split: str) -> Path:
    """Return the path that `write_dataset` will write. Raises `DataError` if it exists or the format is unknown.

    A caller can thus detect an existing target before a long computation.
    """
    if format not in FORMATS:
        raise DataError(f"Unknown format {format!r}. Choose one of: {', '.join(FORMATS)}.")
    target = out / (split if format == "official" else f"{split}.csv")
    if os.path.exists(target):  # noqa: PTH110 (unlike Path.exists, false for a string that cannot be a path)
        raise DataError(f"{target} already exists. Choose another folder, or remove it.")
    return target


def write_csv(puzzles: PuzzleSet, path: Path, task: Task) -> None:
    """Write a CSV file with one puzzle per row and replace any existing file.

    The column `q` contains the puzzle and `a` its solution, which is empty for a puzzle without a label.
    """
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for row, (puzzle, answer) in enumerate(zip(puzzles.inputs, puzzles.labels, strict=True)):
            rows.writerow(
                (
                    puzzles.name,
                    task.public_text(puzzle),
                    task.public_text(answer) if puzzles.labelled[row] else "",
                    "" if np.isnan(puzzles.rating[row]) else f"{puzzles.rating[row]:g}",
                    puzzles.difficulty[row],
                    puzzles.givens[row],
                )
            )


def write_official(puzzles: PuzzleSet, folder: Path, task: Task, *, split: str = "test") -> None:
    """Write `folder/<split>/` and `folder/identifiers.json` for the public TRM and HRM code.

    Consecutive rows with the same puzzle id become one puzzle with several examples. Each row with the blank id (0)
    becomes a separate puzzle. Consecutive puzzles whose names are versions of the same ARC task become a group. If a
    set has names but no puzzle ids, each name gets a puzzle id. Both splits in a folder use the same puzzle ids, so the
    split with more puzzle ids must be written first.

    Raises `DataError` if the split already exists or its puzzle ids do not fit an existing `identifiers.json`, and
    `OutputError` if the folder cannot be written.
    """
    target = folder / split
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError(f"{target} already exists. Choose another folder, or remove it.")
    puzzles = _assign_ids(puzzles, folder / FILE)
    identifiers = _identifiers(puzzles, folder / FILE)
    starts = _puzzle_starts(puzzles.puzzle_identifiers)
    of_puzzles = puzzles.puzzle_identifiers[starts].astype(np.int32)
    groups = _group_starts([task_name(identifiers[number]) if number else "" for number in of_puzzles])
    arrays = {
        "inputs": puzzles.inputs,
        "labels": puzzles.labels,
        "puzzle_identifiers": of_puzzles,
        "puzzle_indices": np.append(starts, len(puzzles)).astype(np.int32),
        "group_indices": np.append(groups, len(starts)).astype(np.int32),
    }
    description = {
        "pad_id": 0,
        "ignore_label_id": 0,
        "blank_identifier_id": 0,
        "vocab_size": task.vocab_size,
        "seq_len": task.cells,
        "num_puzzle_identifiers": len(identifiers),
        "total_groups": len(groups),
        "mean_puzzle_examples": len(puzzles) / max(1, len(starts)),
        "total_puzzles": len(starts),
        "sets": ["all"],
    }
    with atomic_folder(target) as temporary:
        for name, array in arrays.items():
            np.save(temporary / f"all__{name}.npy", array, allow_pickle=False)
        (temporary / "dataset.json").write_text(json.dumps(description, indent=1), encoding="utf-8")
        if not (folder / FILE).exists():  # written first, so that a set never lacks its names
            with atomic_file(folder / FILE) as path:
                path.write_text(json.dumps(identifiers), encoding="utf-8")


def _assign_ids(puzzles: PuzzleSet, path: Path) -> PuzzleSet:
    """Assign puzzle ids to a set that has only names: from `identifiers.json` if it exists, else 1, 2, and so on."""
    if puzzles.puzzle_identifiers.any() or not any(puzzles.names):
        return puzzles
    if path.is_file():
        return with_puzzle_ids(puzzles, path)
    names = [identifier_of(name) for name in puzzles.names]
    ids = {name: number for number, name in enumerate(dict.fromkeys(filter(None, names)), 1)}
    return replace(puzzles, puzzle_identifiers=np.array([ids.get(name, 0) for name in names], np.int32))


def _identifiers(puzzles: PuzzleSet, path: Path) -> list[str]:
    """Return the list of names, indexed by puzzle id. The name of an unnamed puzzle id is its number.

    Raises `DataError` if the names contradict an existing `identifiers.json`.
    """
    ids, first = np.unique(puzzles.puzzle_identifiers, return_index=True)
    named = {
        number: identifier_of(puzzles.names[row])
        for number, row in zip(ids.tolist(), first.tolist(), strict=True)
        if number and puzzles.names
    }
    highest = int(ids.max(initial=0))
    if highest > MAX_IDENTIFIERS:
        raise DataError(
            f"{puzzles.name} uses puzzle id {highest:,}; names are written for ids up to {MAX_IDENTIFIERS:,}. Renumber its ids."
        )
    if not path.is_file():
        return [BLANK] + [named.get(number) or str(number) for number in range(1, highest + 1)]
    names = read_names(path)
    if highest >= len(names):
        raise DataError(
            f"{path} names {len(names):,} puzzle ids, but this set uses id {highest}. Write the split with the most ids first."
        )
    for number, name in named.items():
        if names[number] != name:
            raise DataError(
                f"{path}: puzzle id {number} is {names[number]!r}, but {name!r} in this set. Choose another folder."
            )
    return names


def _puzzle_starts(identifiers: Int[np.ndarray, "count"]) -> Int[np.ndarray, "puzzles"]:
    """Return the index of the first example in each puzzle."""
    begins = np.ones(len(identifiers), bool)
    begins[1:] = (identifiers[1:] != identifiers[:-1]) | (identifiers[1:] == 0)
    return np.flatnonzero(begins)


def _group_starts(tasks: list[str]) -> list[int]:
    """Return the index of the first puzzle in each group.

    Consecutive puzzles of the same ARC task form a group. A puzzle without a task is a group on its own.
    """
    return [
        number for number, task in enumerate(tasks) if number == 0 or not task or task != tasks[number - 1]
    ]
