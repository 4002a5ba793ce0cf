"""Presets: a few puzzles of each task worth showing, each with a sentence on why."""

from __future__ import annotations

import json
from dataclasses import dataclass

from trm.data.bundled import PUZZLES
from trm.errors import DataError
from trm.tasks import get_task


@dataclass(frozen=True)
class Preset:
    """A puzzle as text, for the task's `parse`, and what is interesting about it."""

    key: str
    title: str
    sentence: str
    puzzle: str


def load_presets(task_name: str, cells: int | None = None) -> tuple[Preset, ...]:
    """The task's presets, in the order to show them. Raises `DataError` for a task without any.

    `cells`: those of puzzles of so many cells, none where there are none; else those of the task's usual size.
    """
    path = PUZZLES / task_name / "presets.json"
    known = sorted(found.parent.name for found in PUZZLES.glob("*/presets.json"))
    if task_name not in known:
        raise DataError(f"There are no presets for {task_name!r}. There are some for: {', '.join(known)}.")
    if cells is not None and cells != get_task(task_name).cells:
        path = path.with_name(f"presets-{cells}.json")
        if not path.is_file():
            return ()
    return tuple(Preset(**preset) for preset in json.loads(path.read_text(encoding="utf-8")))
