"""Targets of every task: what is right, what is solved, and where the run stands."""

import numpy as np

from probes.linear.targets.base import Evidence, Level, RawValues, Target, binary, classes, number
from trm.errors import PuzzleError
from trm.tasks.base import PADDING, Difficulty, Task

DIFFICULTIES = tuple(Difficulty)


def all_cells(evidence: Evidence) -> np.ndarray:
    """A mask of all cells."""
    return np.ones(evidence.inputs.shape, bool)


def all_puzzles(evidence: Evidence) -> np.ndarray:
    """A mask of all puzzles."""
    return np.ones(len(evidence.inputs), bool)


def symbol_targets(task: Task, first: int, word: str) -> list[Target]:
    """The symbol of the solution and that of the answer, as classes that begin with the token `first`."""

    def solution(evidence: Evidence) -> RawValues:
        known = (evidence.labels >= first) & (evidence.labels < task.vocab_size)
        return evidence.labels.astype(int) - first, known & ~evidence.givens

    def answer(evidence: Evidence) -> RawValues:
        known = (evidence.now >= first) & (evidence.now < task.vocab_size)
        return evidence.now.astype(int) - first, known & ~evidence.givens

    names = task.symbol_names[first:]
    return [
        classes(
            "solution",
            f"The {word} of the solution in this cell, which is not given.",
            names,
            solution,
            "labels",
        ),
        classes(
            "answer_now", f"The {word} answered now in this cell, which is not given.", names, answer, "now"
        ),
    ]


def correctness_targets(task: Task) -> list[Target]:
    """What is right or solved, now and at the end. Without rules that tell, solved means equal to the solution."""

    def right(name: str):
        def find(evidence: Evidence) -> RawValues:
            scored = (evidence.labels != PADDING) & ~evidence.givens
            return getattr(evidence, name) == evidence.labels, scored

        return find

    def solved(name: str):
        def find(evidence: Evidence) -> RawValues:
            answers = getattr(evidence, name)
            if task.judged_by_rules:
                return task.is_solved(evidence.inputs, answers), all_puzzles(evidence)
            scored = evidence.labels != PADDING
            return ((answers == evidence.labels) | ~scored).all(-1), scored.any(-1)

        return find

    judge = () if task.judged_by_rules else ("labels",)
    return [
        binary(
            "right_now",
            "The answer now is right in this cell, which is not given.",
            right("now"),
            "labels",
            "now",
        ),
        binary(
            "right_at_end",
            "The answer at the end is right in this cell, which is not given.",
            right("end"),
            "labels",
            "end",
        ),
        binary(
            "solved_now",
            "The answer now solves the puzzle.",
            solved("now"),
            "now",
            *judge,
            level=Level.PUZZLE,
        ),
        binary(
            "solved_at_end",
            "The answer at the end solves the puzzle.",
            solved("end"),
            "end",
            *judge,
            level=Level.PUZZLE,
        ),
    ]


def difficulty(evidence: Evidence) -> RawValues:
    """The task's own rating; undefined without exactly one solution, and where the search is given up."""

    def rated(puzzle: np.ndarray) -> int:
        try:
            level = evidence.task.rate(puzzle).difficulty
        except PuzzleError:
            return -1
        return -1 if level is None else DIFFICULTIES.index(level)

    found = np.array([rated(puzzle) for puzzle in evidence.inputs], int)
    return found, found >= 0


def difficulty_target() -> Target:
    """How hard the task says that a puzzle is."""
    return classes(
        "difficulty",
        "How hard the task's own logic rates the puzzle.",
        DIFFICULTIES,
        difficulty,
        level=Level.PUZZLE,
    )


def run_targets() -> list[Target]:
    """Where the run stands."""

    def step(evidence: Evidence) -> RawValues:
        return np.full(len(evidence.inputs), evidence.supervision_step), all_puzzles(evidence)

    def halts(evidence: Evidence) -> RawValues:
        return evidence.halts, all_puzzles(evidence)

    return [
        number(
            "supervision_step",
            "The number of the supervision step.",
            step,
            "supervision_step",
            level=Level.PUZZLE,
        ),
        binary(
            "will_halt",
            "The model would halt after this supervision step.",
            halts,
            "halts",
            level=Level.PUZZLE,
        ),
    ]
