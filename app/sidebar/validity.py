"""What is said of a puzzle before any model sees it: how many solutions it has, and which givens contradict each other."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from trm.errors import PuzzleError
from trm.tasks.base import Rating, Task

SOLUTIONS = ("none", "one", "several")
MOST_GUESSES = 5000  # of the rating of a puzzle: 150 ms, which a person waits for
MOST_RATINGS = 256


@dataclass(frozen=True)
class Verdict:
    """`solutions` is none, one, several, unknown (the search was given up), or "" where nothing here can judge.

    `conflicts` are the givens that break a rule, as (row, column) from 0.
    """

    solutions: str
    sentence: str
    conflicts: tuple[tuple[int, int], ...]


def verdict(task: Task, puzzle: str) -> Verdict:
    """The verdict on a puzzle as text, finished or not. Raises PuzzleError where the text is no puzzle."""
    inputs = task.parse(puzzle, unfinished=True)
    broken = np.argwhere((task.conflicts(inputs) & task.givens(inputs)).reshape(task.rows, task.columns))
    conflicts = tuple((row, column) for row, column in broken.tolist())
    try:
        rating = _rating(task.name, puzzle, task)
    except PuzzleError as error:  # the text was read, so it is the search that was given up
        return Verdict("unknown", f"How many solutions it has is not known. {error}", conflicts)
    return Verdict(SOLUTIONS[rating.solutions] if task.judged_by_rules else "", rating.sentence, conflicts)


@st.cache_data(max_entries=MOST_RATINGS, show_spinner=False)
def _rating(task_name: str, puzzle: str, _task: Task) -> Rating:
    """How hard a puzzle is, by the task's own solver. Raises PuzzleError where that gives up."""
    return _task.rate(_task.parse(puzzle, unfinished=True), most_guesses=MOST_GUESSES)
