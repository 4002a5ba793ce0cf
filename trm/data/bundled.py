"""Names and paths of the puzzle sets that are bundled with the repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from recursion_lens import ASSETS

if TYPE_CHECKING:
    from trm.tasks.base import Task

PUZZLES = ASSETS / "puzzles"
"""Folder of the bundled sets, with one subfolder per task and one CSV file per set: `sudoku/test.csv` is the set
`sudoku/test`. If the puzzles do not have the task's usual size, the name ends with their size: `maze/test-30x30`."""
SIZE = re.compile(r"-(\d+x\d+)$")


def bundled_sets() -> tuple[str, ...]:
    """Return the names of all bundled sets, such as `sudoku/test`, in alphabetical order."""
    return tuple(sorted(f"{path.parent.name}/{path.stem}" for path in PUZZLES.glob("*/*.csv")))


def sets_for_task(task: Task) -> list[str]:
    """Return the names of the bundled sets for the task's size, or for its usual size if there are none."""
    names = [name for name in bundled_sets() if name.startswith(f"{task.name}/")]
    own = [name for name in names if name.endswith(f"-{task.rows}x{task.columns}")]
    return own or [name for name in names if not SIZE.search(name)]


def bundled_test_set(task: Task) -> str:
    """Return the name of the bundled test set for the task's size. No bundled model was trained on its puzzles."""
    return next(iter(sets_for_task(task)), f"{task.name}/test")
