"""The puzzle sets that come with the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trm.tasks.base import Task

PUZZLES = Path(__file__).resolve().parents[2] / "assets" / "puzzles"
"""One folder a task, one CSV a set: `sudoku/test` is `sudoku/test.csv`. A set of a size that is not the task's usual one
says so at its end: `maze/test-30x30`."""
SIZE = re.compile(r"-(\d+x\d+)$")


def bundled_sets() -> tuple[str, ...]:
    """Names of the bundled sets: `sudoku/test`, ..."""
    return tuple(sorted(f"{path.parent.name}/{path.stem}" for path in PUZZLES.glob("*/*.csv")))


def sets_for_task(task: Task) -> list[str]:
    """Names of the bundled sets of the task; of its size where there are any, else all, which are then of another one."""
    names = [name for name in bundled_sets() if name.startswith(f"{task.name}/")]
    own = [name for name in names if name.endswith(f"-{task.rows}x{task.columns}")]
    return own or [name for name in names if not SIZE.search(name)]


def bundled_test_set(task: Task) -> str:
    """Name of the bundled set that no bundled model was trained on, for puzzles of the task's size."""
    return next(iter(sets_for_task(task)), f"{task.name}/test")
