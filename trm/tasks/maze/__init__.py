"""The Maze task: find a shortest path from start to goal."""

from trm.tasks.maze.task import Maze

__all__ = ["Maze"]
