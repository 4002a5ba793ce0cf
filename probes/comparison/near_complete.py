"""Near-complete puzzles: solutions with a few cells removed.

A person fills in the last blank of a Sudoku at a glance, but Ren & Liu 2026 (arXiv:2601.10679) report that HRM fails on
such puzzles. Blank cells and givens are counted separately, because a model may fill in the blank correctly and still
change a given.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from probes.stats import RunsError
from trm.data import PuzzleSet
from trm.tasks.base import Task
from trm.tasks.sudoku.geometry import BLANK

BLANKS = (1, 2, 3, 4, 5)
MOST_BLANKS = 9  # with many more blanks at random cells, the solution is rarely unique


def has_near_complete(task: Task) -> bool:
    """Return whether near-complete puzzles exist for the task: true for Sudoku, false for mazes and ARC."""
    return task.name == "sudoku"


def near_complete(task: Task, puzzles: PuzzleSet, blanks: int, *, seed: int = 0) -> PuzzleSet:
    """Return the solutions of a set, each with `blanks` random cells removed so that the solution remains unique.

    Puzzles without exactly one solution are left out. Cells are drawn again until the solution is unique. Raises
    RunsError for a task other than Sudoku, or unless `blanks` is from 1 to `MOST_BLANKS`.
    """
    if not has_near_complete(task):
        raise RunsError(f"Near-complete puzzles exist for Sudoku only, not for {task.name}.")
    if not 1 <= blanks <= MOST_BLANKS:
        raise RunsError(f"A puzzle with {blanks} blanks is not near-complete. Use 1 to {MOST_BLANKS}.")
    puzzles = puzzles.take(np.flatnonzero(puzzles.labelled))
    random = np.random.default_rng([seed, blanks])
    inputs = [_with_blanks(task, solution, blanks, random) for solution in puzzles.labels]
    return replace(
        puzzles,
        name=f"{puzzles.name}, {blanks} blank",
        inputs=np.stack(inputs) if inputs else puzzles.inputs,
        givens=np.full(len(puzzles), task.cells - blanks),
    )


def _with_blanks(
    task: Task, solution: UInt8[np.ndarray, "cells"], blanks: int, random: np.random.Generator
) -> UInt8[np.ndarray, "cells"]:
    while True:
        puzzle = solution.copy()
        puzzle[random.choice(task.cells, blanks, replace=False)] = BLANK
        # Two solutions differ in at least four cells.
        if blanks < 4 or len(task.solutions(puzzle, limit=2)) == 1:
            return puzzle
