"""Computed questions of the lecture, from runs whose answers are made up."""

from dataclasses import replace

import numpy as np
import pytest

from app.screens.lecture.quizzes import Quiz, quiz_of
from app.screens.lecture.runs import SceneRun, read_run
from app.screens.lecture.scenes import Scene
from trm.coordinates import Coordinates

SOME_CALL = Coordinates(1, 1, 1, "f_L")


@pytest.fixture(scope="module")
def run() -> SceneRun:
    """A run of 16 steps with T = 3 and n = 6."""
    return read_run("sudoku-trm/easy")


def question(kind: str, run: SceneRun, start: Coordinates = SOME_CALL) -> Quiz | None:
    return quiz_of(Scene(id="a", runs=(run.name,), at="1.1.1", quiz=kind), run, start)


@pytest.mark.parametrize(
    "halts, choices, right",
    [(1, (1, 2, 3, 4, None), 0), (16, (13, 14, 15, 16, None), 3), (None, (6, 7, 8, 9, None), 4)],
)
def test_the_steps_to_choose_from_are_those_near_the_halt(run, halts, choices, right):
    probability = np.zeros(16, np.float32)
    if halts:
        probability[halts - 1 :] = 1
    quiz = question("halt", replace(run, trace=replace(run.trace, halt_probability=probability)))
    assert tuple(choice["step"] for choice in quiz.choices) == choices and quiz.right == right
    assert (quiz.reveal["supervision_step"], quiz.reveal["cycle"], quiz.reveal["call"]) == (halts or 16, 3, 7)


def test_the_cells_to_choose_from_settle_after_the_start_and_only_one_of_them_first(run):
    """The scene starts at the first answer of step 2, which is number 3 from 0; cells are numbered among the blank ones."""
    trace = run.trace
    blank = np.flatnonzero(~run.task.givens(trace.inputs))
    last_changes = {0: 3, 1: 2, 2: 5, 3: 5, 4: 6, 5: 7, 6: 9, 7: 46}
    answers = np.full_like(trace.answers, 1)
    for place, last in last_changes.items():
        answers[last:, blank[place]] = 2
    quiz = question("cell", replace(run, trace=replace(trace, answers=answers)), Coordinates(2, 1, 7, "f_H"))
    places = [divmod(int(blank[place]), 9) for place in (2, 4, 5, 7)]  # of 4, 5, 6 and 7: first, second, last
    assert quiz.choices == tuple({"row": row + 1, "column": column + 1} for row, column in places)
    (row, column), reveal = places[0], quiz.reveal
    assert quiz.right == 0 and reveal["cell"] == [row, column]
    assert (reveal["supervision_step"], reveal["cycle"], reveal["call"]) == (2, 3, 7)
    facts = {"quiz_row": row + 1, "quiz_column": column + 1, "quiz_step": 2, "quiz_cycle": 3}
    assert quiz.facts == facts | {"predicts": True}


@pytest.mark.parametrize(
    "name, right, choices",
    [
        ("sudoku-trm/easy", 48, (6, 24, 48, 62)),  # 2 layers; three cycles of 6 + 1 calls, then three calls
        ("sudoku-hrm/easy", 20, (6, 10, 20, 34)),  # T = 1: one cycle, then three calls
    ],
)
def test_layers_are_counted_up_to_a_call_of_the_second_step(name, right, choices):
    quiz = question("depth", read_run(name))
    assert quiz.choices[quiz.right] == {"count": right}
    assert tuple(choice["count"] for choice in quiz.choices) == choices
