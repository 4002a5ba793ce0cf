"""Look up tasks by name and size. The module of a task is imported on first use."""

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
"""Box shape (rows, columns) of a Sudoku, keyed by the number of cells in the grid."""


@cache
def get_task(name: str, cells: int | None = None) -> Task:
    """Return the task called `name` for puzzles with `cells` cells.

    By default, Sudokus have 9x9 cells, mazes 15x15, and ARC grids 30x30. Raises `UserError` if the name is unknown and
    `PuzzleError` if the size is not supported.
    """
    if name not in TASKS:
        raise UserError(f"Unknown task {SHORT.repr(name)}. Choose one of: {', '.join(TASKS)}.")
    task = import_module(f"trm.tasks.{name}")
    if name == "sudoku":
        if cells is not None and cells not in BOXES:
            raise PuzzleError(f"No Sudoku has {cells} cells. Supported sizes: 4x4, 6x6 and 9x9.")
        return task.Sudoku(*BOXES[cells or 81])
    if name == "maze":
        side = isqrt(cells or 15 * 15)
        if cells is not None and side * side != cells:
            raise PuzzleError(f"Mazes are square, so none has {cells} cells.")
        return task.Maze(side)
    if cells not in (None, 900):
        raise PuzzleError(f"ARC grids have 30x30 = 900 cells, not {cells}.")
    return task.Arc()


def task_of(config: ModelConfig) -> Task:
    """Return the task of a model, at the model's grid size. Raises `UserError` if the task is unknown."""
    return get_task(config.task, config.sequence_length)
