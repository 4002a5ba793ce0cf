"""Puzzles that are almost solved: a solution with a few cells taken out.

A person finds the last blank of a Sudoku at a glance. Ren & Liu 2026 (arXiv:2601.10679) report that HRM fails there. A grid can
be wrong in its blank cells or in its givens, so both are counted: a model may fill the blank in and break a given.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from probes.stats import RunsError
from trm.data import PuzzleSet
from trm.tasks.base import Task
from trm.tasks.sudoku.geometry import BLANK

BLANKS = (1, 2, 3, 4, 5)
MOST_BLANKS = 9  # with many more, cells that leave one solution are not found by drawing


def has_near_complete(task: Task) -> bool:
    """Whether the task's solutions are questions with no cell left to fill: not those of mazes or ARC."""
    return task.name == "sudoku"


def near_complete(task: Task, puzzles: PuzzleSet, blanks: int, *, seed: int = 0) -> PuzzleSet:
    """The solutions of a set with `blanks` random cells taken out of each, and never two answers that both fit.

    Cells that leave a second solution are drawn again. Raises RunsError for a task whose solutions are no questions, or
    more than `MOST_BLANKS`.
    """
    if not has_near_complete(task):
        raise RunsError(f"Near-complete puzzles are made of Sudokus only, not of {task.name}.")
    if not 1 <= blanks <= MOST_BLANKS:
        raise RunsError(f"A puzzle with {blanks} blanks is not near-complete. Take 1 to {MOST_BLANKS}.")
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
        if (
            blanks < 4 or len(task.solutions(puzzle, limit=2)) == 1
        ):  # two solutions differ in four cells at least
            return puzzle
