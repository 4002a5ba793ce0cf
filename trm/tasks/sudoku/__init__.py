"""The Sudoku task."""

from trm.tasks.sudoku.task import Sudoku

__all__ = ["Sudoku"]
