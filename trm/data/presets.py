"""Presets: a few puzzles of each task worth showing, each with a sentence on why."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from trm.data.bundled import PUZZLES
from trm.errors import DataError, PuzzleError
from trm.tasks.base import Task


@dataclass(frozen=True)
class PuzzlePreset:
    """A puzzle as text, for the task's `parse`, and what is interesting about it."""

    key: str
    title: str
    sentence: str
    puzzle: str


def load_presets(task_name: str) -> tuple[PuzzlePreset, ...]:
    """The task's presets, in the order to show them. Raises `DataError` for a task without any."""
    path = PUZZLES / task_name / "presets.json"
    known = sorted(found.parent.name for found in PUZZLES.glob("*/presets.json"))
    if task_name not in known:
        raise DataError(f"There are no presets for {task_name!r}. There are some for: {', '.join(known)}.")
    return tuple(PuzzlePreset(**preset) for preset in json.loads(path.read_text(encoding="utf-8")))


def parsed_presets(task: Task) -> list[tuple[PuzzlePreset, UInt8[np.ndarray, "cells"]]]:
    """The presets of the task that are of its size, with their tokens. Raises `DataError` for a task without any."""
    found = []
    for preset in load_presets(task.name):
        try:
            found.append((preset, task.parse(preset.puzzle)))
        except PuzzleError:  # of another size
            continue
    return found
