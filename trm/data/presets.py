"""Presets: a few puzzles of each task worth showing, each with a sentence on why."""

from __future__ import annotations

import json
from dataclasses import dataclass

from trm.data.bundled import PUZZLES
from trm.errors import DataError


@dataclass(frozen=True)
class Preset:
    """A puzzle as text, for the task's `parse`, and what is interesting about it."""

    key: str
    title: str
    sentence: str
    puzzle: str


def load_presets(task_name: str) -> tuple[Preset, ...]:
    """The task's presets, in the order to show them. Raises `DataError` for a task without any."""
    path = PUZZLES / task_name / "presets.json"
    known = sorted(found.parent.name for found in PUZZLES.glob("*/presets.json"))
    if task_name not in known:
        raise DataError(f"There are no presets for {task_name!r}. There are some for: {', '.join(known)}.")
    return tuple(Preset(**preset) for preset in json.loads(path.read_text(encoding="utf-8")))
