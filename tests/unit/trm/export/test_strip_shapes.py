"""The strips of a run: where each bar, curve and number lies, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from export_runs import ARC, MAZE, arc_run, made_up, run_of
from inked_shapes import boxes, written

from trm.coordinates import F_H, Coordinates
from trm.export.pictures.ink import Ink
from trm.export.pictures.palette import LIGHT
from trm.export.pictures.strips import Strip, StripPainter, strips_of
from trm.export.pictures.text import drawing, measure
from trm.export.run import ExportedRun

HALTING = Strip("halting", np.array([0, 6, 12]), np.array([0.25, 0.5, 0.75]), ["0.2", "0.5", "0.75"], 6, 0.5)
ENTROPY = Strip("entropy of y", np.array([2, 8, 14]), np.array([1, 0.5, 0]), ["1", "2", "3"])
DULL = LIGHT.mix(LIGHT.accent, 0.45)


@pytest.fixture
def painter():
    """Two strips of 18 calls that are 10 units wide each."""
    with drawing():
        names, values = measure("entropy of y", 12), measure("0.75", 12)
        return StripPainter(
            run_of("sudoku"), LIGHT, [HALTING, ENTROPY], 7, 100, 10 + names + 180 + 10 + values
        )


def test_bars_and_curves_lie_in_strips_between_names_and_values(painter):
    ink = Ink()
    with drawing():
        painter.paint(ink)
        start = round(17 + measure("entropy of y", 12), 2)
    assert boxes(ink, 0, LIGHT.surface) == [(start, 100, 180, 20), (start, 125, 180, 20)]
    assert boxes(ink, 2, LIGHT.soft) == [(start, 110, 180, 0.7)]  # halting needs more than a half
    assert boxes(ink, 1, DULL) == [(start, 115, 59.2, 5), (pytest.approx(start + 60), 110, 59.2, 10)]
    assert boxes(ink, 1, LIGHT.accent) == [(pytest.approx(start + 120), 105, 59.2, 15)]
    ((points, _, _),) = ink.lines
    places = [(start + 25, 125), (start + 85, 135), (start + 145, 145)]
    assert points == [pytest.approx(place, abs=0.02) for place in places]
    assert written(ink, "halting") == [(7, 115, 12)] and written(ink, "entropy of y") == [(7, 140, 12)]
    assert written(ink, "step") == [(7, 159.4, 12)] and painter.height == pytest.approx(65.6)
    for number in (1, 2, 3):
        assert written(ink, str(number)) == [
            (pytest.approx(start + 60 * number - 30, abs=0.02), 159.4, pytest.approx(10.8))
        ]


def test_a_call_is_marked_through_all_strips_with_their_values_at_the_right(painter):
    ink = Ink()
    with drawing():
        painter.mark(ink, Coordinates(1, 2, 3, F_H))  # call 5, from 0
        start = 17 + measure("entropy of y", 12)
    right = round(7 + painter.width, 2)
    assert boxes(ink, 0, LIGHT.ink) == [(pytest.approx(start + 54.25, abs=0.02), 97, 1.5, 51)]
    assert written(ink, "0.2") == [(right, 115, 12)] and written(ink, "1") == [(right, 140, 12)]
    assert ENTROPY.at(1) == "–" and [ENTROPY.at(call) for call in (2, 7, 8, 14)] == ["1", "1", "2", "3"]  # noqa: RUF001


def test_strips_of_a_run_with_one_open_cell_and_with_one_conflict():
    inputs, solution = MAZE.parse("S.G#" + "#" * 12), MAZE.parse("SoG#" + "#" * 12)
    answers = np.stack([inputs, inputs, *[solution] * 4])
    run = ExportedRun.of(made_up(MAZE, inputs, solution, answers), MAZE)
    score, changed = strips_of(run)[1:3]
    assert score.texts == ["0/1", "0/1", *["1/1"] * 4] and score.levels.tolist() == [0, 0, 1, 1, 1, 1]
    assert changed.levels.tolist() == [0, 0, 1, 0, 0, 0]
    torn = strips_of(ExportedRun.of(replace(arc_run(), labels=None), ARC))[1]
    assert torn.levels.tolist() == [1, 0, 0, 0, 0, 0] and torn.texts[:2] == ["1", "0"]


def test_curves_of_a_run_are_fractions_of_their_maximum_and_residuals_logarithms():
    run = run_of("sudoku")
    y = np.array([0.1, 1e-3, 1e-4, 0.01, 0.01, 0.01], np.float32)
    trace = replace(run.trace, residual_y=y, residual_z=np.full(18, 1e-2, np.float32))
    entropy, of_y, of_z = strips_of(replace(run, trace=trace))[3:]
    assert entropy.levels == pytest.approx(run.trace.entropy / 1.5)
    assert of_y.levels == pytest.approx([1, 0, 0, 0.5, 0.5, 0.5], abs=1e-6)
    assert of_y.since.tolist() == [2, 5, 8, 11, 14, 17]
    assert of_z.levels == pytest.approx([0.5] * 12) and of_z.since.tolist()[:5] == [0, 1, 3, 4, 6]
