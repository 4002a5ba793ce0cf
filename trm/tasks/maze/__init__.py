"""Maze."""

from trm.tasks.maze.task import Maze

__all__ = ["Maze"]
