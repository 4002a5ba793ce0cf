"""Generated puzzle sets, as `trm data generate` writes them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from trm.data.puzzle_set import PuzzleSet
from trm.data.write import new_target, write_dataset
from trm.errors import DataError
from trm.tasks.base import Difficulty, PuzzleProgress, Task

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
    progress: PuzzleProgress | None = None,
    **options: Any,
) -> PuzzleSet:
    """Generate a set with `Task.generate_many`; the rating of a puzzle is `search_nodes` of the task's solver."""
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
    progress: PuzzleProgress | None = None,
    **options: Any,
) -> Path:
    """Generate a set and write it to the folder `out`. Returns the split folder or CSV file.

    `format` is official (`out/<split>/`) or csv (`out/<split>.csv`); `load_puzzles(out)` reads either. `options` are
    those of the task's generator (Sudoku: `givens`, a range). Raises `DataError` or `PuzzleError`, if possible before
    the work starts.
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


def givens_range(text: str) -> tuple[int, int]:
    """Parse a range of givens: "24-40", or "30" for exactly 30. Raises `DataError`."""
    fewest, _, most = text.partition("-")
    try:
        return int(fewest), int(most or fewest)
    except ValueError:
        raise DataError(f"{text!r} is not a range of givens. Write it like 24-40.") from None
