"""What a probe of the states has to beat: a constant guess, a probe of the puzzle as it was typed, and a probe of what
counting and simple rules make of it.

A probe is fitted on the features here in the same way as on states. Any other state is a baseline too: y when z is probed,
or the states of a model with random weights.
"""

import numpy as np
from jaxtyping import Float32, Int, UInt, UInt8

from probes.linear.targets import Evidence
from probes.linear.targets.sudoku import singles
from trm.tasks.base import Task
from trm.tasks.maze.geometry import GOAL, START
from trm.tasks.sudoku.geometry import geometry

REACH = 2
"""Cells in each direction that a neighbourhood shows: 5x5."""


def input_features(
    task: Task, inputs: UInt8[np.ndarray, "puzzle cell"], *, cells: bool = True
) -> UInt[np.ndarray, "puzzle 1 places feature"]:
    """Zeros and ones that say what the input shows at and around each cell, in the place of states, at a single time point.

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


def derived_features(evidence: Evidence) -> Float32[np.ndarray, "puzzle 1 cell feature"] | None:
    """What can be worked out of the input at each cell without a search, in the place of states, at a single time point. None
    for tasks of which nothing is known to count.

    Sudoku: candidates, how many there are, in how many cells of its row, column and box each digit can be, how many cells
    there and in the puzzle are blank, and the digit that naked and hidden singles fill in, where they do. Maze: row and
    column, offsets and distances to start and goal, as if there were no walls.
    """
    if evidence.task.name == "sudoku":
        found = _derived_of_sudoku(evidence)
    elif evidence.task.name == "maze":
        found = _derived_of_maze(evidence)
    else:
        return None
    return found.astype(np.float32)[:, None]


def _derived_of_sudoku(evidence: Evidence) -> Int[np.ndarray, "puzzle cell feature"]:
    task, digits = evidence.task, np.arange(evidence.task.rows)
    bits = np.maximum(evidence.facts["candidates"], 0)[..., None] >> digits & 1
    left = evidence.facts["candidates_left"][..., None] == np.arange(-1, task.rows + 1)
    blank = (~evidence.givens)[..., None]
    in_units = _sum_in_units(task, np.concatenate([bits, blank], -1))
    blanks = np.broadcast_to(blank.sum(1, keepdims=True), blank.shape)
    filled = np.stack([singles(task, puzzle)[1] for puzzle in evidence.inputs])[..., None] == digits + 1
    return np.concatenate([bits, left, in_units, blanks, filled], -1)


def _sum_in_units(
    task: Task, values: Int[np.ndarray, "puzzle cell value"]
) -> Int[np.ndarray, "puzzle cell three_values"]:
    """Sums over the row, the column and the box of each cell."""
    sums = values[:, geometry(task.box_rows, task.box_columns).units].sum(2)
    return sums[:, _units_of_cells(task)].reshape(*values.shape[:2], -1)


def _units_of_cells(task: Task) -> Int[np.ndarray, "cell 3"]:
    """The row, the column and the box of each cell, as indices of units: rows, then columns, then boxes."""
    units = geometry(task.box_rows, task.box_columns).units
    found = np.empty((task.cells, 3), int)
    for kind in range(3):
        own = np.arange(kind * task.rows, (kind + 1) * task.rows)
        found[units[own], kind] = own[:, None]
    return found


def _derived_of_maze(evidence: Evidence) -> Int[np.ndarray, "puzzle cell feature"]:
    side = evidence.task.side
    place = np.stack(np.divmod(np.arange(side * side), side), -1)  # (cell, 2)
    one_hot = (place[..., None] == np.arange(side)).reshape(side * side, -1)
    offsets = [
        place - place[(evidence.inputs == token).argmax(1)][:, None] for token in (START, GOAL)
    ]  # (puzzle, cell, 2)
    distances = [np.abs(offset).sum(-1, keepdims=True) for offset in offsets]
    everywhere = np.broadcast_to(one_hot, (len(evidence.inputs), *one_hot.shape))
    return np.concatenate([everywhere, *offsets, *distances], -1)


def _around(task: Task) -> np.ndarray:
    """Cells that are shown at each cell, in the same order everywhere; the number after the last cell is the outside."""
    row, column = np.divmod(np.arange(task.cells), task.columns)
    if task.name == "sudoku":
        units = geometry(task.box_rows, task.box_columns).units
        own = units[_units_of_cells(task)].reshape(task.cells, -1)
        return np.concatenate([np.arange(task.cells)[:, None], own], axis=1)
    steps = np.arange(-REACH, REACH + 1)
    rows = row[:, None, None] + steps[:, None]
    columns = column[:, None, None] + steps
    inside = (rows >= 0) & (rows < task.rows) & (columns >= 0) & (columns < task.columns)
    return np.where(inside, rows * task.columns + columns, task.cells).reshape(task.cells, -1)
