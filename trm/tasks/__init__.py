"""Tasks by name. A task is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from trm.errors import UserError

if TYPE_CHECKING:
    from trm.tasks.base import Task

TASKS = {"sudoku": ("trm.tasks.sudoku", "Sudoku")}
"""Module and class of each task."""


def get_task(name: str) -> Task:
    """The task of this name, in its usual size. Raises `UserError` naming the known ones."""
    if name not in TASKS:
        raise UserError(f"There is no task {name!r}. Choose one of: {', '.join(sorted(TASKS))}.")
    module, task = TASKS[name]
    return getattr(import_module(module), task)()
