"""The views of pictures, compared with the player's by hand for small runs."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from export_runs import ARC, DEPTH, MAZE, SUDOKU, arc_run, maze_run, sudoku_run

from trm.coordinates import F_H, F_L, Coordinates
from trm.errors import UserError
from trm.export.call_view import LEVELS, MODES, call_view, last_answered, stable_from
from trm.export.pictures.cells.cell import MARK_NAMES
from trm.export.pictures.fonts import BOX, measure, runs
from trm.export.pictures.palette import DARK, LIGHT
from trm.export.pictures.picture import Appearance, PictureLayout
from trm.export.pictures.primitives import Cell, Text
from trm.export.pictures.sentences import sentences
from trm.export.pictures.skin import COLOURS as COLOURS_SKIN
from trm.export.pictures.skin import MAZE as MAZE_SKIN
from trm.export.pictures.skin import TEXT as TEXT_SKIN
from trm.export.run import ExportedRun
from trm.player.bundle import english_texts

FIRST, SECOND, LAST = Coordinates(1, 1, 3, F_H), Coordinates(1, 2, 3, F_H), Coordinates(3, 2, 3, F_H)
BEFORE = Coordinates(1, 1, 1, F_L)
RUNS = {"sudoku": (sudoku_run, SUDOKU), "maze": (maze_run, MAZE), "arc": (arc_run, ARC)}


def run_of(name: str) -> ExportedRun:
    make, task = RUNS[name]
    return ExportedRun.of(make(), task)


def cell_of(run: ExportedRun, at: Coordinates, cell: int, **look) -> Cell:
    picture = PictureLayout.of(run, [at], Appearance(**look)).picture(at)
    place = divmod(cell, run.task.columns)
    return next(
        shape for shape in picture.shapes if isinstance(shape, Cell) and (shape.row, shape.column) == place
    )


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
    highest = run.trace.probabilities[1].max(-1) / 255
    assert np.abs(added["confidence"].confidence - highest).max() <= 0.5 / LEVELS
    assert not call_view(run, BEFORE, "confidence").confidence.any()


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
    assert "dropped from the path" in cell_of(run, SECOND, cell).description


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("at", [BEFORE, FIRST, SECOND], ids=str)
def test_every_view_of_every_kind_of_grid_is_drawn(name, mode, at):
    run = run_of(name)
    picture = PictureLayout.of(run, [at], Appearance(mode, True, "dark")).picture(at)
    assert picture.shapes[0].fill == DARK.paper != LIGHT.paper
    text = " ".join(shape.text for shape in picture.shapes if isinstance(shape, Text))
    assert sentences(run, at, mode).caption in text or len(sentences(run, at, mode).caption) > 80


def test_views_differ_where_they_should():
    run = run_of("sudoku")
    changed = int(call_view(run, SECOND).changed.nonzero()[0][0])
    pictures = {mode: cell_of(run, SECOND, changed, mode=mode).shapes for mode in MODES}
    assert len(set(pictures.values())) == len(MODES)
    small = [shape.text for shape in pictures["change"] if isinstance(shape, Text)]
    assert small == [SUDOKU.symbols[run.trace.answers[answer, changed]] for answer in (1, 0)]
    assert all(shape.italic for shape in pictures["z"] if isinstance(shape, Text))
    assert "with probability" in cell_of(run, SECOND, changed, mode="probabilities").description


def test_captions_name_the_view_and_warn():
    run = run_of("sudoku")
    assert "never trained on z" in sentences(run, LAST, "z").caption
    assert sentences(run, LAST, "reverse").caption.endswith(
        "an untrained readout. Small: y, decoded the same way."
    )
    assert sentences(run, BEFORE, "reverse").caption.endswith("an untrained readout.")
    assert sentences(run, LAST, "confidence").caption == "Shade: highest probability in the cell."
    assert sentences(run, FIRST, "confidence").caption.startswith(
        "Intermediate answer, cycle 1 of 2: the head is trained only on the last cycle"
    )
    assert sentences(run, FIRST, "confidence").caption.endswith("Shade: highest probability in the cell.")


@pytest.mark.parametrize("wrong", [{"mode": "dreams"}, {"theme": "blue"}])
def test_an_unknown_appearance(wrong):
    with pytest.raises(UserError, match="Choose one of"):
        Appearance(**wrong)


# letters


def seen(text: str) -> str:
    return "".join(marks for _, marks in runs(text))


def test_right_to_left_text_is_drawn_in_visual_order():
    assert seen("plain") == "plain"
    assert seen("a שלום b") == "a םולש b"
    assert BOX not in seen("العربية") and len(seen("العربية")) <= 7


def test_characters_missing_in_both_fonts_are_replaced():
    assert seen("go 🧩") == "go [jigsaw puzzle piece]"
    assert seen("日本") == 2 * BOX
    assert seen("😀") == "😀"
    assert measure("go 🧩", 12) == pytest.approx(measure(seen("go 🧩"), 12))


def test_captions_and_labels_equal_those_of_the_player():
    texts = english_texts()
    for skin, captions in (
        (TEXT_SKIN, ("y_caption", "symbol_size", "shade_caption", "large_small")),
        (MAZE_SKIN, ("y_caption", "dot_size", "shade_caption", "bright_small")),
        (COLOURS_SKIN, ("y_caption", "inner_square", "square_size", "bright_small")),
    ):
        assert list(skin.captions.values()) == [texts[name] for name in captions]
    labels = ("mark_conflict", "path_broken", "border_broken")
    assert [skin.conflict for skin in (TEXT_SKIN, MAZE_SKIN, COLOURS_SKIN)] == [
        texts[name] for name in labels
    ]
    nothing = ("no_rule_broken", "no_path", "border_closed")
    assert [skin.no_conflicts for skin in (TEXT_SKIN, MAZE_SKIN, COLOURS_SKIN)] == [
        texts[name] for name in nothing
    ]
    assert {name: texts[f"mark_{name}"] for name in MARK_NAMES} == MARK_NAMES
    run = run_of("sudoku")
    assert sentences(run, LAST, "z").caption == texts["z_caption"]
    assert sentences(run, BEFORE, "reverse").caption == texts["reverse_caption"]
    assert sentences(run, LAST, "reverse").caption == f"{texts['reverse_caption']} {texts['small_y']}"
    assert sentences(run, BEFORE, "answer").caption == texts["only_givens"]
    assert sentences(run, FIRST, "answer").caption == texts["y_inside"].format(cycle=1, T=2)
    assert sentences(run, LAST, "answer").event.endswith(texts["halts_here"].format(p="0.90"))
    assert sentences(run, SECOND, "answer").event.endswith(texts["halts_not"].format(p="0.10"))
    assert sentences(run, FIRST, "answer").event.endswith(texts["halts_later"])
