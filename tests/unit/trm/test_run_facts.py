"""Facts of a model and of a run, worked out by hand: a run that corrects two cells and then stays unchanged, and others."""

from dataclasses import replace

import numpy as np
import pytest
from export_runs import DEPTH, MAZE, SUDOKU, made_up, sudoku_run

from trm.coordinates import F_H, F_L, Coordinates
from trm.export.run_facts import model_facts, reading_facts, run_facts


def test_the_sizes_of_a_model_and_of_its_run(tiny_config):
    facts = model_facts(tiny_config(), DEPTH)
    assert (facts["per_cycle"], facts["per_step"], facts["calls"]) == (3, 6, 18)
    assert (facts["P"], facts["cells"], facts["D"], facts["V"]) == (17, 16, 8, 6)
    assert facts["attention"] and facts["shared"] and facts["whole_cycle"]


def test_an_hrm_has_two_nets_and_one_f_L_call_with_a_gradient(tiny_config):
    mlp = {"mixing": "mlp", "mixing_width": 20, "heads": 0, "positions": "none"}
    facts = model_facts(tiny_config(kind="hrm", H_layers=1, **mlp), DEPTH)
    assert (facts["gradient_calls"], facts["layers"], facts["H_layers"]) == (2, 2, 1)
    assert not facts["shared"] and not facts["whole_cycle"] and not facts["attention"]


def test_the_outcome_of_a_run():
    facts = run_facts(sudoku_run(), SUDOKU)
    assert facts.pop("halt_p") == pytest.approx(0.9)
    assert facts == {
        "solved": True,
        "solved_answer": 3,
        "solved_step": 2,
        "solved_cycle": 1,
        "halts": True,
        "halt_step": 3,
        "halts_right": True,
        "halts_wrong": False,
        "counted": 16,
        "right_first": 14,
        "right_last": 16,
        "wrong_last": 0,
        "overwritten_last": 0,
        "has_solution": True,
        "still": True,
        "still_step": 2,
    }


def test_a_run_that_halts_too_early_and_loses_a_given():
    trace = sudoku_run()
    answers = trace.answers.copy()
    answers[4:, 1] = answers[0, 1]
    answers[5, 0] = answers[5, 3]
    halting = np.array([0.8, 0.3, 0.2], np.float32)
    facts = run_facts(replace(trace, answers=answers, halt_probability=halting), SUDOKU)
    assert (facts["halt_step"], facts["halts_right"], facts["halts_wrong"]) == (1, False, True)
    assert facts["halt_p"] == pytest.approx(0.8) and facts["solved_answer"] == 3 and not facts["solved"]
    assert (facts["right_last"], facts["wrong_last"], facts["overwritten_last"]) == (14, 2, 1)
    assert (facts["still"], facts["still_step"]) == (False, 3)


def test_a_run_that_neither_halts_nor_moves_nor_has_a_solution():
    trace = sudoku_run()
    halting = np.array([0.1, 0.2, 0.3], np.float32)
    wrong = np.array([trace.answers[0]] * 6)
    facts = run_facts(replace(trace, answers=wrong, labels=None, halt_probability=halting), SUDOKU)
    for name in ("halt_step", "right_first", "right_last", "wrong_last", "solved_answer", "solved_step", "solved_cycle"):  # fmt: skip
        assert facts[name] is None
    for name in ("solved", "halts", "halts_right", "halts_wrong", "has_solution"):
        assert facts[name] is False
    assert facts["halt_p"] == pytest.approx(0.3) and (facts["still"], facts["still_step"]) == (True, 1)


@pytest.mark.parametrize(
    "at, call, answer",
    [
        (Coordinates(1, 1, 1, F_L), 0, None),
        (Coordinates(1, 1, 3, F_H), 2, 0),
        (Coordinates(1, 2, 2, F_L), 4, 0),
        (Coordinates(2, 1, 1, F_L), 6, 1),
        (Coordinates(3, 2, 2, F_L), 16, 4),
        (Coordinates(3, 2, 3, F_H), 17, 5),
    ],
)
def test_how_much_of_the_solution_is_decoded_after_a_call(at, call, answer):
    """A maze with eight blank cells: after n answers, n of them are right; after n calls, n modulo 9 in z."""
    inputs, solution = MAZE.parse("S...###.###.G..."), MAZE.parse("Sooo###o###oGooo")
    blank = np.flatnonzero(inputs != solution)
    answers, calls = np.tile(inputs, (6, 1)), np.tile(inputs, (18, 1))
    for tokens in (answers, calls):
        for number, row in enumerate(tokens):
            row[blank[: number % 9]] = solution[blank[: number % 9]]
    trace = replace(made_up(MAZE, inputs, solution, answers), z_answers=calls, z_reverse=calls[::-1].copy())
    trace = replace(trace, y_reverse=answers[::-1].copy())
    percent = (0, 12, 25, 38, 50, 62, 75, 88, 100)  # of n blank cells of eight, a half to the even number
    facts = reading_facts(trace, MAZE, at)
    assert facts["z_head"] == percent[call % 9] and facts["z_embedding"] == percent[(17 - call) % 9]
    assert facts["y_head"] == (None if answer is None else percent[answer])
    assert facts["y_embedding"] == (None if answer is None else percent[5 - answer])
    assert facts["readable"] == (answer is not None)
    assert set(reading_facts(replace(trace, labels=None), MAZE, at).values()) == {None, False}
    older = reading_facts(replace(trace, z_reverse=None, y_reverse=None), MAZE, at)
    assert older["z_embedding"] is None and older["z_head"] == facts["z_head"] and not older["readable"]
    solved = replace(sudoku_run(), inputs=sudoku_run().labels)
    assert reading_facts(solved, SUDOKU, at)["z_head"] is None  # no cell is blank


def test_a_run_is_unchanged_in_its_last_step_only_if_no_answer_of_that_step_differs_from_the_one_before():
    trace = sudoku_run()
    first, last = trace.answers[0], trace.answers[-1]
    # f_H call, from 0, with the last change; step 3 begins at 4
    for moves, still in ((3, True), (4, False), (5, False)):
        answers = np.array([first] * moves + [last] * (6 - moves))
        facts = run_facts(replace(trace, answers=answers), SUDOKU)
        assert (facts["still"], facts["still_step"]) == (still, moves // DEPTH.T + 1)
