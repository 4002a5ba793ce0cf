"""Baseline features for probes: the puzzle's input, and features derived from the input by counting and simple rules.

Probes are fitted on these features in the same way as on states. States are used as baselines too: y is a baseline for
z and z for y, and the states of an untrained network are a baseline for both.
"""

import numpy as np
from jaxtyping import Int, Int16, UInt, UInt8

from probes.linear.fitting.scratch import scratch
from probes.linear.targets import Evidence
from probes.linear.targets.sudoku import singles
from trm.tasks.base import Task
from trm.tasks.maze.geometry import GOAL, START
from trm.tasks.sudoku.geometry import geometry

REACH = 2
"""Radius of a cell's neighbourhood, in cells. A radius of 2 gives 5x5 cells."""
BLOCK = 128  # puzzles derived at a time: the intermediate numbers take ten times the memory of the features


def input_features(
    task: Task, inputs: UInt8[np.ndarray, "puzzle cell"], *, cells: bool = True
) -> UInt[np.ndarray, "puzzle 1 places feature"]:
    """Return one-hot features of the input at and around each cell, shaped like states at a single time point.

    For Sudoku, these are the symbols of the cell and of all cells in its row, column and box. For other tasks, they are
    the symbols in its 5x5 neighbourhood, with padding outside the grid. With `cells=False`, for puzzle-level targets,
    the result has a single place, and its features are the numbers of cells with each symbol.
    """
    if not cells:
        counts = (inputs[..., None] == np.arange(task.vocab_size)).sum(1)
        return counts.astype(np.uint16)[:, None, None]
    around = _around(task)
    outside = np.concatenate([inputs, np.zeros((len(inputs), 1), np.uint8)], 1)
    neighbours = outside[:, around]  # (puzzle, cell, neighbour)
    return (
        (neighbours[..., None] == np.arange(task.vocab_size, dtype=np.uint8))
        .astype(np.uint8)
        .reshape(len(inputs), 1, task.cells, -1)
    )


def derived_features(evidence: Evidence) -> Int16[np.ndarray, "puzzle 1 cell feature"] | None:
    """Return features derived from the input at each cell without search, shaped like states at a single time point.

    For Sudoku, the features describe the cell (its candidates, their number, and the digit that naked and hidden
    singles fill in), its row, column and box (the number of blank cells, and of cells in which each digit is a
    candidate), and the puzzle (the number of blank cells). For mazes, they are the row and column, and the offsets and
    Manhattan distances to start and goal, ignoring walls. Returns None for all other tasks.
    """
    derive = {"sudoku": _derived_of_sudoku, "maze": _derived_of_maze}.get(evidence.task.name)
    if derive is None:
        return None
    puzzles, cells = evidence.inputs.shape
    size = derive(evidence.of_inputs(slice(1))).shape[-1]
    features = scratch((puzzles, 1, cells, size), np.int16)
    for begin in range(0, puzzles, BLOCK):
        rows = slice(begin, begin + BLOCK)
        features[rows, 0] = derive(evidence.of_inputs(rows))
    return features


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
    """Sum values over the row, the column and the box of each cell."""
    sums = values[:, geometry(task.box_rows, task.box_columns).units].sum(2)
    return sums[:, _units_of_cells(task)].reshape(*values.shape[:2], -1)


def _units_of_cells(task: Task) -> Int[np.ndarray, "cell 3"]:
    """Return the unit indices of each cell's row, column and box. Rows are numbered first, then columns, then boxes."""
    units = geometry(task.box_rows, task.box_columns).units
    units_of_cell = np.empty((task.cells, 3), int)
    for kind in range(3):
        own = np.arange(kind * task.rows, (kind + 1) * task.rows)
        units_of_cell[units[own], kind] = own[:, None]
    return units_of_cell


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
    """Return the indices of the cells around each cell, [cell, neighbour]; `task.cells` means outside the grid."""
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
