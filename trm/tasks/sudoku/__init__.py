"""Sudoku."""

from trm.tasks.sudoku.task import Sudoku

__all__ = ["Sudoku"]
