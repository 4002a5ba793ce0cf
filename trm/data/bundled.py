"""The puzzle sets in the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trm.tasks.base import Task

PUZZLES = Path(__file__).resolve().parents[2] / "assets" / "puzzles"
"""One folder per task, one CSV file per set: `sudoku/test` is `sudoku/test.csv`. The name of a set ends with its size if
that is not the task's usual size: `maze/test-30x30`."""
SIZE = re.compile(r"-(\d+x\d+)$")


def bundled_sets() -> tuple[str, ...]:
    """Names of the bundled sets, such as `sudoku/test`."""
    return tuple(sorted(f"{path.parent.name}/{path.stem}" for path in PUZZLES.glob("*/*.csv")))


def sets_for_task(task: Task) -> list[str]:
    """Names of the task's bundled sets with its size, or else those with the task's usual size."""
    names = [name for name in bundled_sets() if name.startswith(f"{task.name}/")]
    own = [name for name in names if name.endswith(f"-{task.rows}x{task.columns}")]
    return own or [name for name in names if not SIZE.search(name)]


def bundled_test_set(task: Task) -> str:
    """Name of the bundled test set for the task's size. No bundled model was trained on it."""
    return next(iter(sets_for_task(task)), f"{task.name}/test")
