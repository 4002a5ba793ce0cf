"""The views of pictures against what the player shows: written down by hand for runs that are small enough."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from export_runs import ARC, DEPTH, MAZE, SUDOKU, arc_run, maze_run, sudoku_run

from trm.coordinates import F_H, F_L, Coordinates
from trm.errors import UserError
from trm.export.pictures.fonts import BOX, measure, runs
from trm.export.pictures.palette import DARK, LIGHT
from trm.export.pictures.primitives import Cell, Text
from trm.export.pictures.scene import Appearance, Layout
from trm.export.pictures.speech import sentences
from trm.export.run import Run
from trm.export.time_point import LEVELS, MODES, kept_from, last_answered, time_point

FIRST, SECOND, LAST = Coordinates(1, 1, 3, F_H), Coordinates(1, 2, 3, F_H), Coordinates(3, 2, 3, F_H)
BEFORE = Coordinates(1, 1, 1, F_L)
RUNS = {"sudoku": (sudoku_run, SUDOKU), "maze": (maze_run, MAZE), "arc": (arc_run, ARC)}


def run_of(name: str) -> Run:
    make, task = RUNS[name]
    return Run.of(make(), task)


def cell_of(run: Run, at: Coordinates, cell: int, **look) -> Cell:
    scene = Layout.of(run, [at], Appearance(**look)).scene(at)
    place = divmod(cell, run.task.columns)
    return next(part for part in scene.parts if isinstance(part, Cell) and (part.row, part.column) == place)


def one_cell(*answers: int) -> np.ndarray:
    return np.array(answers, np.uint8)[:, None]


@pytest.mark.parametrize(
    "answers, kept",
    [((9, 9, 9), 0), ((2, 9, 9), 1), ((2, 3, 9), 2), ((9, 2, 9), 3), ((9, 9, 2), 3), ((2, 3, 2), 3)],
)
def test_kept_is_right_for_the_first_time_and_never_wrong_again(answers, kept):
    label, free = np.array([9], np.uint8), np.array([False])
    assert kept_from(one_cell(*answers), label, free).tolist() == [kept]
    for nothing in ((None, free), (np.zeros(1, np.uint8), free), (label, ~free)):
        assert kept_from(one_cell(*answers), *nothing).tolist() == [3]


def test_the_latest_call_at_which_a_cell_was_answered_so():
    answers = np.array([[5, 2], [2, 2], [5, 2], [2, 5]], np.uint8)
    assert last_answered(answers, 5).tolist() == [[0, -1], [0, -1], [2, -1], [2, 3]]


def test_marks_stand_on_cells_that_stay_right_where_they_are_asked_for():
    run = run_of("sudoku")
    free = ~run.grade.givens
    assert not time_point(run, FIRST).kept.any() and not time_point(run, BEFORE, marks=True).kept.any()
    wrong = np.isin(np.arange(16), (1, 15))
    assert (time_point(run, FIRST, marks=True).kept == free & ~wrong).all()
    assert (time_point(run, LAST, marks=True).kept == free).all()
    assert not time_point(run, LAST, "z", marks=True).kept.any()


def test_z_is_read_anew_after_every_call_and_breaks_no_rules():
    trace = sudoku_run()
    readings = trace.z_answers.copy()
    readings[4, 7] = 2 + (readings[4, 7] - 1) % 4
    run = Run.of(replace(trace, z_answers=readings), SUDOKU)
    shown = time_point(run, Coordinates(1, 2, 2, F_L), "z")
    assert (shown.tokens == readings[4]).all()
    assert shown.changed.nonzero()[0].tolist() == [7] and not shown.conflict.any()
    assert (shown.wrong == (readings[4] != trace.labels)).all()
    assert not time_point(run, BEFORE, "z").changed.any()


def test_what_each_view_adds():
    run = run_of("sudoku")
    added = {mode: time_point(run, SECOND, mode) for mode in MODES}
    assert [mode for mode in MODES if added[mode].beside is not None] == ["change", "reverse"]
    assert [mode for mode in MODES if added[mode].sure is not None] == ["confidence", "z"]
    assert [mode for mode in MODES if added[mode].probabilities is not None] == ["probabilities"]
    before, now = run.trace.answers[:2]
    assert (added["change"].beside == np.where(before == now, -1, before.astype(int))).all()
    z, y = run.trace.z_reverse[5], run.trace.y_reverse[1]
    assert (added["reverse"].tokens == z).all()
    assert (added["reverse"].beside == np.where(z == y, -1, y.astype(int))).all()
    assert time_point(run, BEFORE, "reverse").beside is None
    highest = run.trace.probabilities[1].max(-1) / 255
    assert np.abs(added["confidence"].sure - highest).max() <= 0.5 / LEVELS
    assert not time_point(run, BEFORE, "confidence").sure.any()


def test_a_run_recorded_without_reverse_embedding_says_so():
    run = run_of("sudoku")
    older = replace(run, trace=replace(run.trace, z_reverse=None, y_reverse=None))
    assert (time_point(older, SECOND, "z").tokens == time_point(run, SECOND, "z").tokens).all()
    with pytest.raises(UserError, match="recorded without the reading by reverse embedding"):
        time_point(older, SECOND, "reverse")


def test_a_dead_end_fades_over_one_supervision_step_of_calls():
    trace, cell = maze_run(), 4
    answers = trace.answers.copy()
    answers[0, cell] = MAZE.looks.index("path")  # through a wall, dropped by the second answer: call 5
    run = Run.of(replace(trace, answers=answers), MAZE)
    left = [float(time_point(run, at).fading[cell]) for at in run.calls()]
    gone = 5 + DEPTH.calls_per_step
    assert left[:6] == [0, 0, 0, 0, 0, 1] and left[gone:] == [0] * len(left[gone:])
    assert all(one > other for one, other in pairwise(left[5 : gone + 1]))
    assert not time_point(run, SECOND, "change").fading.any()
    assert "dropped from the path" in cell_of(run, SECOND, cell).words


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("at", [BEFORE, FIRST, SECOND], ids=str)
def test_every_view_of_every_kind_of_grid_is_drawn(name, mode, at):
    run = run_of(name)
    scene = Layout.of(run, [at], Appearance(mode, True, "dark")).scene(at)
    assert scene.parts[0].fill == DARK.paper != LIGHT.paper
    said = " ".join(part.text for part in scene.parts if isinstance(part, Text))
    assert sentences(run, at, mode).reading in said or len(sentences(run, at, mode).reading) > 80


def test_views_differ_where_they_should():
    run = run_of("sudoku")
    changed = int(time_point(run, SECOND).changed.nonzero()[0][0])
    pictures = {mode: cell_of(run, SECOND, changed, mode=mode).parts for mode in MODES}
    assert len(set(pictures.values())) == len(MODES)
    small = [part.text for part in pictures["change"] if isinstance(part, Text)]
    assert small == [SUDOKU.symbols[run.trace.answers[answer, changed]] for answer in (1, 0)]
    assert all(part.italic for part in pictures["z"] if isinstance(part, Text))
    assert "with probability" in cell_of(run, SECOND, changed, mode="probabilities").words


def test_the_reading_names_its_view_and_warns():
    run = run_of("sudoku")
    assert "never trained for" in sentences(run, LAST, "z").reading
    assert sentences(run, LAST, "reverse").reading.endswith("nothing was trained for. Small: y likewise.")
    assert sentences(run, BEFORE, "reverse").reading.endswith("nothing was trained for.")
    assert sentences(run, LAST, "confidence").reading == "Shade: the highest probability in the cell."
    assert sentences(run, FIRST, "confidence").reading.startswith(
        "y after cycle 1 of 2: a reading the head was not"
    )
    assert sentences(run, FIRST, "confidence").reading.endswith("Shade: the highest probability in the cell.")


@pytest.mark.parametrize("wrong", [{"mode": "dreams"}, {"theme": "blue"}])
def test_an_appearance_that_there_is_not(wrong):
    with pytest.raises(UserError, match="Choose one of"):
        Appearance(**wrong)


# letters


def seen(text: str) -> str:
    return "".join(marks for _, marks in runs(text))


def test_right_to_left_is_drawn_in_the_order_it_is_read():
    assert seen("plain") == "plain"
    assert seen("a שלום b") == "a םולש b"
    assert BOX not in seen("العربية") and len(seen("العربية")) <= 7


def test_what_no_font_has_is_named_or_boxed():
    assert seen("go 🧩") == "go [jigsaw puzzle piece]"
    assert seen("日本") == 2 * BOX
    assert seen("😀") == "😀"
    assert measure("go 🧩", 12) == pytest.approx(measure(seen("go 🧩"), 12))
