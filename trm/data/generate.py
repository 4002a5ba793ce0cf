"""Generates puzzle sets; `trm data generate` uses this module."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from trm.data.puzzle_set import PuzzleSet
from trm.data.write import new_target, write_dataset
from trm.errors import DataError
from trm.progress import Progress, no_progress
from trm.tasks.base import Difficulty, Task

LARGEST_SET = 1_000_000


def generate_set(
    name: str,
    task: Task,
    count: int,
    difficulty: Difficulty | str,
    *,
    seed: int,
    workers: int = 1,
    exclude: Collection[bytes] = frozenset(),
    progress: Progress = no_progress,
    **options: Any,
) -> PuzzleSet:
    """Generate a set with `Task.generate_many`. The rating of a puzzle is the `search_nodes` value of `Task.rate`."""
    difficulty = Difficulty(difficulty)
    inputs, labels = task.generate_many(
        count,
        difficulty=difficulty,
        seed=seed,
        workers=workers,
        exclude=exclude,
        progress=progress,
        **options,
    )
    return PuzzleSet.of(
        name,
        task,
        inputs,
        labels,
        difficulty=(str(difficulty),) * count,
        rating=np.array([task.rate(puzzle).search_nodes for puzzle in inputs], float),
    )


def generate_dataset(
    task: Task,
    *,
    count: int,
    difficulty: Difficulty | str,
    seed: int,
    out: Path,
    format: str = "official",
    split: str = "test",
    workers: int = 1,
    progress: Progress = no_progress,
    **options: Any,
) -> Path:
    """Generate a set, write it to the folder `out`, and return the path of the split folder or CSV file.

    `format` is "official" (writes `out/<split>/`) or "csv" (writes `out/<split>.csv`). `load_puzzles(out, task)` reads
    both formats. `options` are passed to the task's generator, such as the range `givens` for Sudoku.

    Raises `DataError` before generation starts if `count`, `seed` or `format` is invalid or the target already exists,
    and `PuzzleError` if the task cannot generate puzzles with these options.
    """
    if not 1 <= count <= LARGEST_SET:
        raise DataError(f"Cannot generate {count:,} puzzles. Give a count from 1 to {LARGEST_SET:,}.")
    if seed < 0:
        raise DataError(f"The seed {seed} is negative. Give 0 or more.")
    new_target(out, format=format, split=split)
    name = f"{task.name}, {difficulty}, seed {seed}"
    puzzles = generate_set(
        name, task, count, difficulty, seed=seed, workers=workers, progress=progress, **options
    )
    return write_dataset(puzzles, out, task, format=format, split=split)


def number_range(text: str) -> tuple[int, int]:
    """Parse "24-40" to (24, 40) and "30" to (30, 30). Raises `DataError` for text in any other form."""
    fewest, _, most = text.partition("-")
    try:
        return int(fewest), int(most or fewest)
    except ValueError:
        raise DataError(f"{text!r} is not a range of numbers. Write it like 24-40.") from None
