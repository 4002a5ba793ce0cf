"""The cells of a grid: where each shape lies and in which colour, worked out by hand for cells of 100 units."""

from dataclasses import replace

import numpy as np
import pytest
from drawn_runs import FIRST, SECOND
from export_runs import ARC, MAZE, SUDOKU, made_up, run_of
from inked_shapes import boxes, written

from trm.export.call_view import CallView, call_view
from trm.export.pictures.grid import (
    FLOOR,
    FRAME,
    GROUND,
    LINE,
    MARK,
    ON_THING,
    RIM,
    SMALL,
    THING,
    TOP_LINE,
    GridPainter,
    window,
)
from trm.export.pictures.ink import Ink
from trm.export.pictures.palette import LIGHT
from trm.export.pictures.text import drawing, measure
from trm.export.run import ExportedRun
from trm.tasks.arc import encode


def painted(name: str, view: CallView, *, side: float = 100) -> Ink:
    """The first four rows and columns of a grid."""
    ink = Ink()
    with drawing():
        GridPainter(run_of(name).task, LIGHT, 4, 4, 0, 0, side).paint(ink, view)
    return ink


def changed_at(values: np.ndarray, places: dict[int, object]) -> np.ndarray:
    """The array with other values at some cells."""
    values = values.copy()
    for cell, value in places.items():
        values[cell] = value
    return values


def test_the_lines_of_a_sudoku_are_thin_between_cells_and_thick_around_boxes():
    ink = painted("sudoku", call_view(run_of("sudoku"), FIRST))
    thin = [(0, 99, 400, 1), (0, 299, 400, 1), (99, 0, 1, 400), (299, 0, 1, 400)]
    outline = [(-2, -2, 404, 2), (-2, 400, 404, 2), (-2, 0, 2, 400), (400, 0, 2, 400)]
    assert boxes(ink, LINE, LIGHT.cell_line) == thin
    assert boxes(ink, TOP_LINE, LIGHT.ink) == [*outline, (0, 199, 400, 2), (199, 0, 2, 400)]
    around = [(-4, -4, 408, 2), (-4, 402, 408, 2), (-4, -2, 2, 404), (402, -2, 2, 404)]
    assert boxes(ink, LINE, LIGHT.paper) == around


def test_a_changed_digit_is_bold_on_a_tint_with_the_one_before_in_its_corner():
    run = run_of("sudoku")
    view = call_view(run, SECOND, "change")
    ink = painted("sudoku", view)
    assert boxes(ink, GROUND, LIGHT.mix(LIGHT.accent, 0.22)) == [(100, 0, 100, 100)]
    assert boxes(ink, MARK, LIGHT.accent) == [(100, 0, 24, 24)]
    assert boxes(ink, RIM, LIGHT.paper) == [(100, 0, 32, 32)]
    now, before = (SUDOKU.symbols[run.trace.answers[answer, 1]] for answer in (1, 0))
    assert (150, 70.44, 56) in written(ink, now) and (184, 27.76, 24) in written(ink, before)
    large = [(text["color"], text["bold"]) for text in ink.texts if round(text["size"]) == 56]
    dimmed = [(LIGHT.faint, bool(given)) for given in view.given]
    assert large == [(LIGHT.ink, True) if cell == 1 else look for cell, look in enumerate(dimmed)]
    padded = painted("sudoku", replace(view, secondary=np.where(np.arange(16) == 5, 0, -1)))
    assert (184, 127.76, 24) in written(padded, SUDOKU.symbols[0])


def test_a_wrong_digit_is_underlined_and_a_stable_one_has_a_square():
    run = run_of("sudoku")
    ink = painted("sudoku", call_view(run, FIRST, marks=True))
    widths = [round(measure(SUDOKU.symbols[run.trace.answers[0, cell]], 56), 2) for cell in (1, 15)]
    lines = [(150 - widths[0] / 2, 77.16, widths[0], 5.6), (350 - widths[1] / 2, 377.16, widths[1], 5.6)]
    assert boxes(ink, MARK, LIGHT.wrong) == [pytest.approx(line, abs=0.02) for line in lines]
    assert boxes(ink, MARK, LIGHT.goal)[:2] == [(300, 86, 14, 14), (0, 186, 14, 14)]
    assert boxes(ink, RIM, LIGHT.paper)[:2] == [(300, 82, 18, 18), (0, 182, 18, 18)]


def test_a_probable_digit_is_larger_and_nearer_to_the_middle():
    view = call_view(run_of("sudoku"), FIRST, "probabilities")
    p = np.zeros((16, 6))
    p[1] = (0, 0, 0, 0.5, 0.02, 0.019)  # tokens from 2 are the digits from 1
    ink = painted("sudoku", replace(view, probabilities=p))
    here = [text for text in ink.texts if 100 < text["x"] < 200 and text["y"] < 100]
    assert [text["text"] for text in here] == ["2", "3"]
    assert written(ink, "2")[0] == (168.75, 44.57, 36.5) and here[0]["color"] == LIGHT.mix(LIGHT.ink, 0.7)
    assert (here[1]["x"], here[1]["size"]) == pytest.approx((125.01, 17.78), abs=0.01)


def test_an_uncertain_digit_of_z_is_dimmed_and_slanted_unless_it_is_given():
    view = call_view(run_of("sudoku"), FIRST, "z")
    sure = replace(view, confidence=np.full(16, 0.5), wrong=np.zeros(16, bool))
    looks = [(text["color"], text["italic"]) for text in painted("sudoku", sure).texts]
    dimmed = (LIGHT.mix(LIGHT.ink, 0.3 + 0.7 / 2), True)
    assert looks == [(LIGHT.ink, False) if given else dimmed for given in view.given]


@pytest.mark.parametrize(
    "name, layer, most, box",
    [
        ("sudoku", GROUND, 0.45, (0, 0, 100, 100)),
        ("maze", FLOOR, 0.5, (0, 0, 99, 99)),
        ("arc", FLOOR, None, (1.7, 1.7, 96.61, 96.61)),
    ],
)
def test_the_shade_or_the_size_of_a_cell_is_its_confidence(name, layer, most, box):
    run = run_of(name)
    view = call_view(run, FIRST, "confidence")
    assert np.unique(view.confidence) == pytest.approx([14 / 15])
    tone = LIGHT.mix(LIGHT.accent, most * 14 / 15) if most else LIGHT.mix(run.task.looks[view.tokens[0]], 1.0)
    assert boxes(painted(name, view), layer, tone)[0] == box


def test_the_path_of_a_maze_goes_on_to_its_neighbours():
    ink = painted("maze", call_view(run_of("maze"), FIRST))  # Soo. ###o ###o Gooo
    found = boxes(ink, THING, LIGHT.accent)
    assert found[:2] == [(4, 4, 92, 92), (50, 33, 50, 34)]  # the start, and the way to its right
    assert found[2:5] == [(124, 24, 52, 52), (100, 33, 50, 34), (150, 33, 50, 34)]
    at = found.index((324, 124, 52, 52))
    assert found[at + 1] == (333, 150, 34, 50) and found[at + 2] == (324, 224, 52, 52)  # only downwards
    assert boxes(ink, ON_THING, LIGHT.goal) == [(7.57, 307.57, 84.85, 84.85)]
    assert written(ink, "S") == [(50, 71.9, 60)] and written(ink, "G") == [(50, 371.9, 60)]
    assert [text["color"] for text in ink.texts] == [LIGHT.paper, LIGHT.on_goal]
    assert boxes(ink, GROUND, LIGHT.floor_line)[3] == (300, 0, 100, 100)
    assert boxes(ink, FLOOR, LIGHT.paper)[3] == (300, 0, 99, 99)


def test_a_wrong_cell_of_the_path_and_its_bar_are_in_the_colour_of_errors():
    view = call_view(run_of("maze"), FIRST)
    ink = painted("maze", replace(view, wrong=np.isin(np.arange(16), (0, 1))))
    assert boxes(ink, THING, LIGHT.wrong)[0] == (124, 24, 52, 52)
    assert boxes(ink, THING, LIGHT.accent)[0] == (4, 4, 92, 92)  # the start stays what it is
    assert boxes(ink, MARK, LIGHT.wrong) == [(14, 82, 72, 14), (114, 82, 72, 14)]
    assert (10, 78, 80, 22) in boxes(ink, RIM, LIGHT.paper)
    tiny = painted("maze", replace(view, wrong=np.arange(16) == 1), side=10)
    assert boxes(tiny, MARK, LIGHT.wrong) == [(11.4, 7, 7.2, 2)]  # at least two units thick


@pytest.mark.parametrize(
    "side, rings",
    [
        (100, [(324, 24, 52, 52), (336, 36, 28, 28)]),
        (10, [(32.4, 2.4, 5.2, 5.2), (33.6, 3.6, 2.8, 2.8)]),
        (5, [(16, 1, 3, 3), (17, 2, 1, 1)]),
    ],
)
def test_a_dropped_cell_of_the_path_is_a_ring_that_fades(side, rings):
    view = call_view(run_of("maze"), FIRST)
    ink = painted("maze", replace(view, fading=changed_at(view.fading, {3: 0.6})), side=side)
    assert boxes(ink, THING, LIGHT.mix(LIGHT.accent, 0.6)) == rings


def test_the_area_of_a_disc_is_the_probability_of_the_path():
    view = call_view(run_of("maze"), FIRST, "probabilities")
    p = np.zeros((16, MAZE.vocab_size))
    p[3, MAZE.looks.index("path")] = 0.25
    assert (327, 27, 46, 46) in boxes(painted("maze", replace(view, probabilities=p)), THING, LIGHT.accent)


@pytest.mark.parametrize(
    "name, second, frame, fill",
    [
        ("maze", MAZE.looks.index("wall"), LIGHT.soft, LIGHT.wall),
        ("maze", 0, LIGHT.soft, LIGHT.paper),
        ("arc", 2, LIGHT.paper, ARC.looks[2]),
        ("arc", 0, LIGHT.paper, LIGHT.floor_line),
    ],
)
def test_another_token_is_a_small_square_in_the_lower_right_corner(name, second, frame, fill):
    view = call_view(run_of(name), FIRST)
    ink = painted(name, replace(view, secondary=np.where(np.arange(len(view.tokens)) == 3, second, -1)))
    assert boxes(ink, SMALL, fill) == [(363, 63, 36, 36)] and (362, 62, 38, 38) in boxes(ink, FRAME, frame)


def test_the_marks_of_a_colour_lie_in_three_corners():
    view, cells = call_view(run_of("arc"), FIRST), np.arange(900)
    ink = painted("arc", replace(view, changed=cells == 1, stable=cells == 1, wrong=cells == 1))
    assert boxes(ink, MARK, LIGHT.accent) == [(100, 0, 33, 33)]
    assert boxes(ink, MARK, LIGHT.goal) == [(100, 74, 26, 26)]
    assert boxes(ink, RIM, LIGHT.paper) == [(100, 0, 41, 41), (110, 78, 80, 22), (100, 70, 30, 30)]


def test_a_colour_has_the_second_most_probable_one_inside_and_an_empty_cell_a_dot():
    view = call_view(run_of("arc"), FIRST, "probabilities")
    p = np.zeros((900, ARC.vocab_size))
    p[0, [view.tokens[0], 7, 8]] = 0.6, 0.26, 0.14  # 0.26 is about 4 of 15
    ink = painted("arc", replace(view, probabilities=p))
    assert (24.18, 24.18, 51.64, 51.64) in boxes(ink, ON_THING, ARC.looks[7])
    assert boxes(ink, FLOOR, LIGHT.mix(ARC.looks[view.tokens[0]], 1.0))[0] == (0.5, 0.5, 99, 99)
    assert boxes(ink, GROUND, LIGHT.grid_line)[0] == (0, 0, 100, 100)
    assert (343, 243, 14, 14) in boxes(ink, FLOOR, LIGHT.floor_line)


@pytest.mark.parametrize("solution, size", [([[1] * 6] * 5, (6, 7)), (None, (2, 4))])
def test_a_window_has_room_for_the_solution_and_a_border(solution, size):
    labels = solution and encode(solution)
    run = made_up(ARC, encode([[1, 2, 3]]), labels, np.stack([encode([[1]])] * 6))
    assert window(ExportedRun.of(run, ARC)) == size
