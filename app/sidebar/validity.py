"""Validity of a puzzle, checked without a model: its number of solutions, and givens that contradict each other."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from trm.errors import PuzzleError
from trm.tasks.base import Rating, Task

SOLUTIONS = ("none", "one", "several")
MOST_GUESSES = 5000  # limit for rating a puzzle: at most 150 ms
MOST_RATINGS = 256


@dataclass(frozen=True)
class Verdict:
    """Result of checking a puzzle.

    `solutions` is none, one, several, unknown (the search was abandoned), or "" for a task without rules to check.
    `conflicts` lists the givens that break a rule, as (row, column) from 0.
    """

    solutions: str
    sentence: str
    conflicts: tuple[tuple[int, int], ...]


def verdict(task: Task, puzzle: str) -> Verdict:
    """Check a puzzle given as text, which may be unfinished. Raises PuzzleError if the text is not a puzzle."""
    inputs = task.parse(puzzle, unfinished=True)
    broken = np.argwhere((task.conflicts(inputs) & task.givens(inputs)).reshape(task.rows, task.columns))
    conflicts = tuple((row, column) for row, column in broken.tolist())
    try:
        rating = _rating(task.name, puzzle, task)
    except PuzzleError as error:  # the text was parsed, so the solver gave up
        return Verdict("unknown", f"The number of solutions is unknown. {error}", conflicts)
    return Verdict(SOLUTIONS[rating.solutions] if task.checkable_by_rules else "", rating.sentence, conflicts)


@st.cache_data(max_entries=MOST_RATINGS, show_spinner=False)
def _rating(task_name: str, puzzle: str, _task: Task) -> Rating:
    """Rate the difficulty of a puzzle by the task's own solver. Raises PuzzleError if the solver gives up."""
    return _task.rate(_task.parse(puzzle, unfinished=True), max_guesses=MOST_GUESSES)
