"""Facts of a run, worked out by hand for one that corrects two cells and then stays unchanged."""

from dataclasses import replace

import numpy as np
from export_runs import DEPTH, SUDOKU, sudoku_run

from trm.coordinates import F_H, F_L, Coordinates
from trm.export.run_facts import model_facts, reading_facts, run_facts


def test_the_sizes_of_a_model_and_of_its_run(tiny_config):
    facts = model_facts(tiny_config(), DEPTH)
    assert (facts["per_cycle"], facts["per_step"], facts["calls"]) == (3, 6, 18)
    assert (facts["P"], facts["cells"], facts["D"], facts["V"]) == (17, 16, 8, 6)
    assert facts["attention"] and facts["shared"] and facts["whole_cycle"]


def test_the_outcome_of_a_run():
    trace = sudoku_run()
    facts = run_facts(trace, SUDOKU)
    right = [int(((answer == trace.labels) & ~SUDOKU.givens(trace.inputs)).sum()) for answer in trace.answers]
    given = int(SUDOKU.givens(trace.inputs).sum())
    assert facts["solved"] and facts["has_solution"] and facts["wrong_last"] == 0
    assert facts["right_first"] - facts["right_last"] == right[0] - right[-1] < 0
    assert facts["counted"] in (16, 16 - given)
    first = next(number for number, answer in enumerate(trace.answers) if (answer == trace.labels).all())
    assert (facts["solved_answer"], facts["solved_step"]) == (first + 1, first // DEPTH.T + 1)
    assert facts["overwritten_last"] == 0
    assert facts["halts"] and facts["halt_step"] == 3 and facts["halts_right"] and not facts["halts_wrong"]


def test_how_much_of_the_solution_is_decoded_after_a_call():
    trace = sudoku_run()
    last = Coordinates(3, 2, 3, F_H)
    assert reading_facts(trace, SUDOKU, last)["y_head"] == 100
    before_any_answer = reading_facts(trace, SUDOKU, Coordinates(1, 1, 1, F_L))
    assert before_any_answer["y_head"] is None and not before_any_answer["readable"]


def test_a_run_is_unchanged_in_its_last_step_only_if_no_answer_of_that_step_differs_from_the_one_before():
    trace = sudoku_run()
    first, last = trace.answers[0], trace.answers[-1]
    # f_H call, from 0, with the last change; step 3 begins at 4
    for moves, still in ((3, True), (4, False), (5, False)):
        answers = np.array([first] * moves + [last] * (6 - moves))
        facts = run_facts(replace(trace, answers=answers), SUDOKU)
        assert (facts["still"], facts["still_step"]) == (still, moves // DEPTH.T + 1)
