"""Puzzle presets: a few instructive puzzles per task, each with a sentence that says why it is interesting."""

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
    """A bundled example puzzle, as text for `Task.parse`, with a title and a sentence that describes the puzzle."""

    key: str
    title: str
    sentence: str
    puzzle: str


def load_presets(task_name: str) -> tuple[PuzzlePreset, ...]:
    """Load the presets of a task, in display order. Raises `DataError` for a task without presets."""
    path = PUZZLES / task_name / "presets.json"
    tasks = sorted(file.parent.name for file in PUZZLES.glob("*/presets.json"))
    if task_name not in tasks:
        raise DataError(f"There are no presets for {task_name!r}. Tasks with presets: {', '.join(tasks)}.")
    return tuple(PuzzlePreset(**preset) for preset in json.loads(path.read_text(encoding="utf-8")))


def parsed_presets(task: Task) -> list[tuple[PuzzlePreset, UInt8[np.ndarray, "cells"]]]:
    """Return (preset, tokens) for each preset of the task's size. Raises `DataError` for a task without presets."""
    presets = []
    for preset in load_presets(task.name):
        try:
            presets.append((preset, task.parse(preset.puzzle)))
        except PuzzleError:  # of a different size
            continue
    return presets
