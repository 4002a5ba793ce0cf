"""What is said of a puzzle before any model sees it: how many solutions it has, and which givens contradict each other."""

from dataclasses import dataclass

import numpy as np

from app.state import session
from trm.errors import PuzzleError
from trm.tasks.base import Task

SOLUTIONS = ("none", "one", "several")


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
        rating = session.rating(task, puzzle)
    except PuzzleError as error:  # the text was read, so it is the search that was given up
        return Verdict("unknown", f"How many solutions it has is not known. {error}", conflicts)
    return Verdict(SOLUTIONS[rating.solutions] if task.judged_by_rules else "", rating.sentence, conflicts)
