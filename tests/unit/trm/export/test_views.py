"""The views and sentences of pictures, compared with the player's by hand for small runs."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from export_runs import DEPTH, MAZE, RUNS, SUDOKU, maze_run, run_of, sudoku_run

from trm.config import NEVER
from trm.coordinates import F_H, F_L, Coordinates
from trm.errors import UserError
from trm.export.call_view import LEVELS, MODES, call_view, last_answered, stable_from
from trm.export.pictures.sentences import say, sentences, short
from trm.export.run import ExportedRun, call_coordinates
from trm.trace import TraceError

FIRST, SECOND, LAST = Coordinates(1, 1, 3, F_H), Coordinates(1, 2, 3, F_H), Coordinates(3, 2, 3, F_H)
BEFORE = Coordinates(1, 1, 1, F_L)


def one_cell(*answers: int) -> np.ndarray:
    return np.array(answers, np.uint8)[:, None]


@pytest.mark.parametrize(
    "answers, stable",
    [((9, 9, 9), 0), ((2, 9, 9), 1), ((2, 3, 9), 2), ((9, 2, 9), 3), ((9, 9, 2), 3), ((2, 3, 2), 3)],
)
def test_a_stable_cell_is_correct_from_some_call_to_the_end(answers, stable):
    label, free = np.array([9], np.uint8), np.array([False])
    assert stable_from(one_cell(*answers), label, free).tolist() == [stable]
    for nothing in ((None, free), (np.zeros(1, np.uint8), free), (label, ~free)):
        assert stable_from(one_cell(*answers), *nothing).tolist() == [3]


def test_the_latest_call_that_answered_a_token():
    answers = np.array([[5, 2], [2, 2], [5, 2], [2, 5]], np.uint8)
    assert last_answered(answers, 5).tolist() == [[0, -1], [0, -1], [2, -1], [2, 3]]


def test_stable_cells_are_marked_on_request():
    run = run_of("sudoku")
    free = ~run.grade.givens
    assert not call_view(run, FIRST).stable.any() and not call_view(run, BEFORE, marks=True).stable.any()
    wrong = np.isin(np.arange(16), (1, 15))
    assert (call_view(run, FIRST, marks=True).stable == free & ~wrong).all()
    assert (call_view(run, LAST, marks=True).stable == free).all()
    assert not call_view(run, LAST, "z", marks=True).stable.any()


def test_z_is_decoded_after_every_call_and_has_no_conflicts():
    trace = sudoku_run()
    readings = trace.z_answers.copy()
    readings[4, 7] = 2 + (readings[4, 7] - 1) % 4
    run = ExportedRun.of(replace(trace, z_answers=readings), SUDOKU)
    view = call_view(run, Coordinates(1, 2, 2, F_L), "z")
    assert (view.tokens == readings[4]).all()
    assert view.changed.nonzero()[0].tolist() == [7] and not view.conflict.any()
    assert (view.wrong == (readings[4] != trace.labels)).all()
    assert not call_view(run, BEFORE, "z").changed.any()


def test_what_each_view_adds():
    run = run_of("sudoku")
    added = {mode: call_view(run, SECOND, mode) for mode in MODES}
    assert [mode for mode in MODES if added[mode].secondary is not None] == ["change", "reverse"]
    assert [mode for mode in MODES if added[mode].confidence is not None] == ["confidence", "z"]
    assert [mode for mode in MODES if added[mode].probabilities is not None] == ["probabilities"]
    before, now = run.trace.answers[:2]
    assert (added["change"].secondary == np.where(before == now, -1, before.astype(int))).all()
    z, y = run.trace.z_reverse[5], run.trace.y_reverse[1]
    assert (added["reverse"].tokens == z).all()
    assert (added["reverse"].secondary == np.where(z == y, -1, y.astype(int))).all()
    assert call_view(run, BEFORE, "reverse").secondary is None
    assert call_view(run, FIRST, "reverse").secondary is not None
    highest = run.trace.probabilities[1].max(-1) / 255
    assert np.abs(added["confidence"].confidence - highest).max() <= 0.5 / LEVELS
    assert not call_view(run, BEFORE, "confidence").confidence.any()
    assert call_view(run, FIRST, "confidence").confidence.all()


def test_a_run_recorded_without_reverse_embedding_is_an_error_in_that_view():
    run = run_of("sudoku")
    older = replace(run, trace=replace(run.trace, z_reverse=None, y_reverse=None))
    assert (call_view(older, SECOND, "z").tokens == call_view(run, SECOND, "z").tokens).all()
    with pytest.raises(UserError, match="recorded without reverse embedding"):
        call_view(older, SECOND, "reverse")


def test_a_dead_end_fades_over_one_supervision_step_of_calls():
    trace, cell = maze_run(), 4
    answers = trace.answers.copy()
    answers[0, cell] = MAZE.looks.index("path")  # through a wall, dropped by the second answer: call 5
    run = ExportedRun.of(replace(trace, answers=answers), MAZE)
    left = [float(call_view(run, at).fading[cell]) for at in run.calls()]
    gone = 5 + DEPTH.calls_per_step
    assert left[:6] == [0, 0, 0, 0, 0, 1] and left[gone:] == [0] * len(left[gone:])
    assert all(one > other for one, other in pairwise(left[5 : gone + 1]))
    assert not call_view(run, SECOND, "change").fading.any()


def test_captions_name_the_view_and_warn():
    run = run_of("sudoku")
    assert "never trained on z" in sentences(run, LAST, "z").caption
    assert sentences(run, LAST, "reverse").caption.endswith(
        "an untrained readout. Small: y, decoded the same way."
    )
    assert sentences(run, FIRST, "reverse").caption == sentences(run, LAST, "reverse").caption
    assert sentences(run, BEFORE, "reverse").caption.endswith("an untrained readout.")
    assert sentences(run, LAST, "answer").caption == "y decoded with the output head."
    assert sentences(run, LAST, "confidence").caption == "Shade: highest probability in the cell."
    assert sentences(run, FIRST, "confidence").caption.startswith(
        "Intermediate answer, cycle 1 of 2: the head is trained only on the last cycle"
    )
    assert sentences(run, FIRST, "confidence").caption.endswith("Shade: highest probability in the cell.")


# calls and sentences


def test_marks_after_a_call():
    run = run_of("sudoku")
    trace = run.trace
    wrong = trace.answers[0] != trace.labels
    view = call_view(run, FIRST)
    assert (view.tokens == trace.answers[0]).all()
    assert (view.given == (trace.inputs > 1)).all()
    assert (view.wrong == wrong).all() and wrong.sum() == 2
    assert (view.conflict == SUDOKU.conflicts(trace.answers[0])).all() and view.conflict.any()
    assert not view.changed.any()
    view = call_view(run, SECOND)
    assert view.changed.nonzero()[0].tolist() == [1] and view.wrong.nonzero()[0].tolist() == [15]


def test_before_the_first_answer_the_cells_show_the_puzzle():
    run, at = run_of("sudoku"), Coordinates(1, 1, 1, F_L)
    view, texts = call_view(run, at), sentences(run, at, "answer")
    assert (view.tokens == sudoku_run().inputs).all() and not view.wrong.any()
    assert (
        texts.event == "relative change in z: 0.80, no answer yet, halting is decided at the end of the step"
    )
    assert texts.caption == "No answer yet: the cells show only the givens until the first f_H call."


def test_an_f_L_call_does_not_change_the_answer():
    run = run_of("sudoku")
    at = Coordinates(1, 2, 2, F_L)
    view, texts = call_view(run, at), sentences(run, at, "answer")
    assert (view.tokens == run.trace.answers[0]).all() and not view.changed.any() and view.wrong.any()
    assert texts.place == "Supervision step 1 of 3, cycle 2 of 2, f_L 2 of 2"
    assert "y unchanged" in texts.event
    assert texts.caption.startswith("f_L rewrites z; y is unchanged.")
    assert "Intermediate answer, cycle 1 of 2: the head is trained only on the last cycle" in texts.caption


@pytest.mark.parametrize(
    "name, at, event",
    [
        ("sudoku", FIRST, "first answer, 14 of 16 correct, halting is decided at the end of the step"),
        ("sudoku", SECOND, "1 cell changed, 15 of 16 correct, no halt (p\u00a0=\u00a00.10)"),
        ("sudoku", LAST, "0 cells changed, 16 of 16 correct, would halt here (p\u00a0=\u00a00.90)"),
        ("maze", FIRST, "first answer, 7 of 8 open cells correct, halting is decided at the end of the step"),
        ("arc", FIRST, "first answer, 7 of 8 correct, halting is decided at the end of the step"),
    ],
)
def test_event_sentences(name, at, event):
    assert sentences(run_of(name), at, "answer").event == event


@pytest.mark.parametrize(
    "at, event",
    [
        (Coordinates(2, 2, 2, F_L), "halting is decided at the end of the step"),
        (Coordinates(2, 2, 3, F_H), "would halt here (p\u00a0=\u00a00.60)"),
        (Coordinates(3, 1, 3, F_H), "would have halted at step 2"),
        (Coordinates(3, 2, 2, F_L), "would have halted at step 2"),
        (LAST, "would have halted at step 2 (p\u00a0=\u00a00.90)"),
    ],
    ids=str,
)
def test_a_run_goes_on_after_the_step_at_which_it_would_have_halted(at, event):
    trace = replace(sudoku_run(), halt_probability=np.array([0.1, 0.6, 0.9], np.float32))
    assert sentences(ExportedRun.of(trace, SUDOKU), at, "answer").event.endswith(f", {event}")


def test_a_maze_names_the_walls_that_its_answer_overwrites():
    trace = maze_run()
    answers = trace.answers.copy()
    answers[:, 4] = MAZE.looks.index("path")  # through a wall
    run = ExportedRun.of(replace(trace, answers=answers), MAZE)
    score = "8 of 8 open cells correct, 1 fixed cell (walls, start, goal) overwritten"
    assert sentences(run, LAST, "answer").event.startswith(f"0 cells changed, {score}, ")


@pytest.mark.parametrize(
    "number, text",
    [(0.0, "0"), (0.0042, "4e-03"), (0.0099, "1e-02"), (0.01, "0.01"), (0.8, "0.80"), (1.234, "1.23")],
)
def test_a_small_number_has_one_significant_digit(number, text):
    assert short(number) == text


@pytest.mark.parametrize(
    "name, first, last",
    [("sudoku", "6 cells in conflict", "solved"), ("maze", "path broken at 2 cells", "solved"), ("arc", "border broken at 1 cell", "border closed")],
)  # fmt: skip
def test_without_a_solution_only_conflicts_are_reported(name, first, last):
    make, task = RUNS[name]
    run = ExportedRun.of(replace(make(), labels=None), task)
    broken, event = call_view(run, FIRST), sentences(run, FIRST, "answer").event
    assert first in event
    assert f" {int(broken.conflict.sum())} cell" in event
    assert last in sentences(run, LAST, "answer").event
    assert not broken.wrong.any()


def test_a_model_without_a_halting_head_has_no_halting_sentence():
    make, task = RUNS["sudoku"]
    trace = make()
    run = ExportedRun.of(replace(trace, provenance=replace(trace.provenance, halting=NEVER)), task)
    assert sentences(run, SECOND, "answer").event == "1 cell changed, 15 of 16 correct, no halting head"


def test_calls_of_a_film():
    run = run_of("sudoku")
    assert len(run.film_calls("call")) == len(run.calls()) == 18
    assert [run.answer_after(at) for at in run.film_calls("answer")] == list(range(6))
    assert [at.supervision_step for at in run.film_calls("step")] == [1, 2, 3]
    assert {at.kind for at in run.film_calls("step")} == {F_H}
    assert [run.call_number(at) for at in run.calls()] == list(range(18))


def test_a_call_by_step_and_cycle():
    assert call_coordinates(DEPTH, 3) == LAST
    assert call_coordinates(DEPTH, 3, 1, 1) == FIRST
    assert call_coordinates(DEPTH, 2, cycle=1) == Coordinates(2, 1, 3, F_H)
    for wrong, words in (
        ({"step": 0}, "--step 0"),
        ({"step": 4}, "Choose 1 to 3"),
        ({"cycle": 3}, "--cycle 3"),
    ):
        with pytest.raises(UserError, match=words):
            call_coordinates(DEPTH, 3, **wrong)


def test_a_trace_of_another_task_is_rejected():
    trace = sudoku_run()
    foreign = trace.answers.copy()
    foreign[0, 0] = 6
    with pytest.raises(TraceError, match="does not fit"):
        ExportedRun.of(replace(trace, answers=foreign), SUDOKU)
    with pytest.raises(TraceError, match="does not fit"):
        ExportedRun.of(trace, MAZE)


def test_counts_take_the_singular_or_the_plural():
    assert (
        say("cells_changed", count=1) == "1 cell changed"
        and say("cells_changed", count=2) == "2 cells changed"
    )
