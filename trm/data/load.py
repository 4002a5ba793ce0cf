"""Loads a puzzle set by name or path. The content of the files determines the reader."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from trm.config import SHORT
from trm.data.arc import load_arc
from trm.data.bundled import PUZZLES, bundled_sets
from trm.data.files.containers import ByteSource
from trm.data.files.entry import PuzzleEntry
from trm.data.files.readers import read
from trm.data.identifiers import with_puzzle_ids
from trm.data.official import load_official
from trm.data.puzzle_set import PuzzleSet
from trm.errors import DataError, PuzzleError
from trm.progress import Progress, no_progress
from trm.tasks.base import Difficulty, Task

MAX_PUZZLES = 1_000_000
MAX_NOTES = 3
"""Maximum number of notes about skipped parts of one file."""


def load_puzzles(
    spec: str | Path,
    task: Task,
    *,
    limit: int | None = None,
    spread: int | None = None,
    progress: Progress = no_progress,
    identifiers: Path | None = None,
    split: str = "test",
) -> PuzzleSet:
    """Load a puzzle set, or its first `limit` puzzles.

    `spec` is one of the following, tried in this order:
    1. the name of a bundled set (to open a folder with the same name, write `./sudoku/test`)
    2. a dataset folder in the official format, or one of its splits
    3. a folder that contains `<split>.csv`
    4. for ARC, a JSON file of tasks or a folder of such files
    5. any other file in a format listed in `trm.data.files.kinds`

    For items 1, 3 and 5, the task's solver computes any missing answer. `progress` is called with the number of puzzles
    read so far. If `spread` is given, only about `spread` evenly spaced puzzles of a large file are
    read. `identifiers` is the `identifiers.json` of the dataset that the model was trained on; it determines the puzzle
    ids of sets with puzzle names (ARC sets) and does not affect other sets.

    Raises `DataError`, whose message names the file and the faulty line.
    """
    if limit is not None and limit < 1:
        raise DataError(f"A limit of {limit} leaves no puzzles. Give 1 or more.")
    if spec in bundled_sets():
        owner = str(spec).partition("/")[0]
        if owner != task.name:
            raise DataError(
                f"The set {spec} contains {owner} puzzles, not {task.name} puzzles. Choose a set of this task."
            )
        source = ByteSource.of_path(PUZZLES / f"{spec}.csv")
        return _puzzle_set(read(source, task), source.name, str(spec), task, limit, progress)
    path = Path(spec)
    if not os.path.exists(path):  # noqa: PTH110 (unlike Path.exists, false for a string that cannot be a path)
        raise DataError(
            f"There is no puzzle set {SHORT.repr(str(spec))}. Bundled sets: {', '.join(bundled_sets())}. "
            "You can also give a CSV file, a text file with one puzzle per line, or a dataset folder."
        )
    if path.is_dir() and not _is_official(path, split) and (path / f"{split}.csv").is_file():
        path = path / f"{split}.csv"
    if task.name == "arc" and _is_arc(path):
        return load_arc(path, task, limit=limit, progress=progress, identifiers=identifiers, split=split)
    if path.is_dir():
        puzzles = load_official(path, task, limit=limit, split=split)
        return puzzles if identifiers is None else with_puzzle_ids(puzzles, identifiers)
    entries = read(ByteSource.of_path(path), task, prefer=split, spread=spread if (spread or 0) > 0 else None)
    return _puzzle_set(entries, str(path), path.name, task, limit, progress)


def _is_official(folder: Path, split: str) -> bool:
    return any((folder / part / "dataset.json").is_file() for part in ("", split))


def _is_arc(path: Path) -> bool:
    """Return whether a path is a JSON file, or a folder without `dataset.json` in it or its subfolders."""
    if path.is_dir():
        return not (path / "dataset.json").is_file() and not any(path.glob("*/dataset.json"))
    return ".json" in path.name.lower()


@dataclass
class _Rows:
    """The columns of a set while it is being read."""

    places: list[str] = field(default_factory=list)
    inputs: list[UInt8[np.ndarray, "cells"]] = field(default_factory=list)
    labels: list[UInt8[np.ndarray, "cells"]] = field(default_factory=list)
    rating: list[float] = field(default_factory=list)
    difficulty: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, entry: PuzzleEntry, task: Task) -> None:
        """Parse and append an entry. Raises `DataError`, whose message names the file and the place in it."""
        inputs = entry.read_whole(task)
        # The texts are not stripped, because a space is an open cell in a maze.
        self.labels.append(entry.read_answer(task) if entry.answer.strip() else _solution(inputs, task))
        where = f"{entry.file}, {entry.place}"
        try:
            self.difficulty.append(Difficulty(entry.difficulty) if entry.difficulty else "")
            self.rating.append(float(entry.rating or "nan"))
        except PuzzleError as error:
            raise DataError(f"{where}: {error}") from None
        except ValueError:
            raise DataError(
                f"{where}: the rating {entry.rating!r} is not a number. Correct it or leave it empty."
            ) from None
        self.places.append(entry.place)
        self.inputs.append(inputs)
        if entry.note:
            self.notes.append(entry.note)


def _puzzle_set(
    entries: Iterable[PuzzleEntry],
    file: str,
    name: str,
    task: Task,
    limit: int | None,
    progress: Progress,
) -> PuzzleSet:
    """Combine entries into a puzzle set.

    Raises `DataError` if an answer breaks a rule or changes a given. Whether it is the only solution is not checked.
    """
    rows = _Rows()
    for entry in entries:
        rows.add(entry, task)
        count = len(rows.places)
        progress(0.0, f"{count:,} puzzles read")
        if limit is None and count > MAX_PUZZLES:
            raise DataError(f"{file} has over {MAX_PUZZLES:,} puzzles. Set a limit.")
        if count == limit:
            break
    inputs, labels = np.stack(rows.inputs), np.stack(rows.labels)
    wrong = labels.any(-1) & ~task.is_solved(inputs, labels)
    if task.checkable_by_rules and wrong.any():
        place = rows.places[int(wrong.argmax())]
        raise DataError(
            f"{file}, {place}: the answer breaks a rule or changes a given. Correct it or leave it empty."
        )
    return PuzzleSet.of(
        name,
        task,
        inputs,
        labels,
        difficulty=tuple(map(str, rows.difficulty)),
        rating=np.array(rows.rating),
        notes=tuple(rows.notes[:MAX_NOTES]),
    )


def _solution(inputs: UInt8[np.ndarray, "cells"], task: Task) -> UInt8[np.ndarray, "cells"]:
    """Return the unique solution, or all padding if the puzzle has no solution or more than one."""
    solutions = task.solutions(inputs, limit=2)
    return solutions[0] if len(solutions) == 1 else np.zeros_like(inputs)
