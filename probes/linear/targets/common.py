"""Targets that several tasks share: symbols, correctness, difficulty, and the state of the run."""

import numpy as np

from probes.linear.targets.base import Evidence, Level, RawValues, Target, binary, classes, number
from trm.errors import PuzzleError
from trm.tasks.base import PADDING, Difficulty, Task

DIFFICULTIES = tuple(Difficulty)


def all_cells(evidence: Evidence) -> np.ndarray:
    """Return a mask of all cells, shape [N, cells]."""
    return np.ones(evidence.inputs.shape, bool)


def all_puzzles(evidence: Evidence) -> np.ndarray:
    """Return a mask of all puzzles, shape [N]."""
    return np.ones(len(evidence.inputs), bool)


def symbol_targets(task: Task, first: int, word: str) -> list[Target]:
    """Create targets for the symbol of each cell in the solution and in the current answer.

    The first class is the token `first`. `word` is the name of a symbol in this task, such as "digit".
    """

    def solution(evidence: Evidence) -> RawValues:
        is_class = (evidence.labels >= first) & (evidence.labels < task.vocab_size)
        return evidence.labels.astype(int) - first, is_class & ~evidence.givens

    def answer(evidence: Evidence) -> RawValues:
        is_class = (evidence.now >= first) & (evidence.now < task.vocab_size)
        return evidence.now.astype(int) - first, is_class & ~evidence.givens

    names = task.symbol_names[first:]
    return [
        classes(
            "solution",
            f"The {word} in this cell of the solution; givens are left out.",
            names,
            solution,
            "labels",
        ),
        classes(
            "answer_now",
            f"The {word} in this cell of the current answer; givens are left out.",
            names,
            answer,
            "now",
        ),
    ]


def correctness_targets(task: Task) -> list[Target]:
    """Create targets for whether cells are correct and puzzles are solved, in the current and in the final answer.

    If rules cannot check the answers of a task, a puzzle is solved if the answer equals the solution.
    """

    def right(name: str):
        def compute(evidence: Evidence) -> RawValues:
            scored = (evidence.labels != PADDING) & ~evidence.givens
            return getattr(evidence, name) == evidence.labels, scored

        return compute

    def solved(name: str):
        def compute(evidence: Evidence) -> RawValues:
            answers = getattr(evidence, name)
            if task.checkable_by_rules:
                return task.is_solved(evidence.inputs, answers), all_puzzles(evidence)
            scored = evidence.labels != PADDING
            return ((answers == evidence.labels) | ~scored).all(-1), scored.any(-1)

        return compute

    judge = () if task.checkable_by_rules else ("labels",)
    return [
        binary(
            "right_now",
            "The current answer is correct in this non-given cell.",
            right("now"),
            "labels",
            "now",
        ),
        binary(
            "right_at_end",
            "The final answer is correct in this non-given cell.",
            right("end"),
            "labels",
            "end",
        ),
        binary(
            "solved_now",
            "The current answer solves the puzzle.",
            solved("now"),
            "now",
            *judge,
            level=Level.PUZZLE,
        ),
        binary(
            "solved_at_end",
            "The final answer solves the puzzle.",
            solved("end"),
            "end",
            *judge,
            level=Level.PUZZLE,
        ),
    ]


def difficulty(evidence: Evidence) -> RawValues:
    """Rate the difficulty of each puzzle. It is undefined without a unique solution or if the solver gives up."""

    def rated(puzzle: np.ndarray) -> int:
        try:
            level = evidence.task.rate(puzzle).difficulty
        except PuzzleError:
            return -1
        return -1 if level is None else DIFFICULTIES.index(level)

    ratings = np.array([rated(puzzle) for puzzle in evidence.inputs], int)
    return ratings, ratings >= 0


def difficulty_target() -> Target:
    """Create the target for the difficulty rating of the puzzle."""
    return classes(
        "difficulty",
        "The difficulty of the puzzle, as rated by the task's own logic.",
        DIFFICULTIES,
        difficulty,
        level=Level.PUZZLE,
    )


def run_targets() -> list[Target]:
    """Create targets for the state of the run: the supervision step and the halting decision."""

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
