"""Tasks by name and size. A task is imported when it is first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from math import isqrt
from typing import TYPE_CHECKING

from trm.config import SHORT
from trm.errors import PuzzleError, UserError

if TYPE_CHECKING:
    from trm.config import ModelConfig
    from trm.tasks.base import Task

TASKS = ("arc", "maze", "sudoku")
BOXES = {16: (2, 2), 36: (2, 3), 81: (3, 3)}
"""Rows and columns of a Sudoku's boxes, by its number of cells."""


@cache
def get_task(name: str, cells: int | None = None) -> Task:
    """The task of this name whose puzzles have so many cells; in its usual size where no number is given.

    Raises `UserError` naming the tasks there are, `PuzzleError` naming the sizes.
    """
    if name not in TASKS:
        raise UserError(f"There is no task {SHORT.repr(name)}. Choose one of: {', '.join(TASKS)}.")
    task = import_module(f"trm.tasks.{name}")
    if name == "sudoku":
        if cells is not None and cells not in BOXES:
            raise PuzzleError(f"No Sudoku has {cells} cells. There are 4x4, 6x6 and 9x9.")
        return task.Sudoku(*BOXES[cells or 81])
    if name == "maze":
        side = isqrt(cells or 15 * 15)
        if cells is not None and side * side != cells:
            raise PuzzleError(f"Mazes are square: none has {cells} cells.")
        return task.Maze(side)
    if cells not in (None, 900):
        raise PuzzleError(f"ARC grids are drawn on 30x30 = 900 cells, not on {cells}.")
    return task.Arc()


def task_of(config: ModelConfig) -> Task:
    """The task, in the size that the model reads. Raises `UserError` where there is none."""
    return get_task(config.task, config.sequence_length)
