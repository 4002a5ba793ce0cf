"""What a probe of the states has to beat: the majority, and a probe of the puzzle as it was typed.

A probe is fitted on the features here in the same way as on states. Any other state is a baseline too: y when z is probed,
or the states of a model with random weights.
"""

import numpy as np
from jaxtyping import UInt, UInt8

from trm.tasks.base import Task

REACH = 2
"""Cells in each direction that a neighbourhood shows: 5x5."""


def input_features(
    task: Task, inputs: UInt8[np.ndarray, "puzzle cell"], *, cells: bool = True
) -> UInt[np.ndarray, "puzzle 1 places feature"]:
    """Zeros and ones that say what the input shows at and around each cell, in the place of states, at a single moment.

    Sudoku: one-hot symbols of the cell and of all cells of its row, column and box. Other tasks: of its 5x5
    neighbourhood, where what lies outside is padding. Without `cells`, for targets of puzzles: one place, the number of
    each symbol.
    """
    if not cells:
        counts = (inputs[..., None] == np.arange(task.vocab_size)).sum(1)
        return counts.astype(np.uint16)[:, None, None]
    around = _around(task)
    outside = np.concatenate([inputs, np.zeros((len(inputs), 1), np.uint8)], 1)
    shown = outside[:, around]  # (puzzle, cell, neighbour)
    return (
        (shown[..., None] == np.arange(task.vocab_size, dtype=np.uint8))
        .astype(np.uint8)
        .reshape(len(inputs), 1, task.cells, -1)
    )


def _around(task: Task) -> np.ndarray:
    """Cells that are shown at each cell, in the same order everywhere; the number after the last cell is the outside."""
    row, column = np.divmod(np.arange(task.cells), task.columns)
    if task.name == "sudoku":
        from trm.tasks.sudoku.geometry import geometry

        units = geometry(task.box_rows, task.box_columns).units  # rows, then columns, then boxes
        box = np.empty(task.cells, int)
        box[units[2 * task.rows :]] = np.arange(task.rows)[:, None]
        own = np.arange(task.cells)[:, None]
        return np.concatenate(
            [own, units[row], units[task.rows + column], units[2 * task.rows + box]], axis=1
        )
    steps = np.arange(-REACH, REACH + 1)
    rows = row[:, None, None] + steps[:, None]
    columns = column[:, None, None] + steps
    inside = (rows >= 0) & (rows < task.rows) & (columns >= 0) & (columns < task.columns)
    return np.where(inside, rows * task.columns + columns, task.cells).reshape(task.cells, -1)
