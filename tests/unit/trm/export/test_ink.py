"""The primitives of a picture: their corners, worked out by hand, and the sizes of lines and letters on paper."""

import numpy as np
import pytest
from inked_shapes import boxes
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from trm.export.pictures.ink import Ink
from trm.export.pictures.text import drawing

BLACK = "#000000"


def test_a_box_turns_clockwise_from_its_top_left_corner():
    ink = Ink()
    ink.box(0, BLACK, 1, 2, 10, 20)
    assert ink.polygons[0, BLACK] == [[(1, 2), (11, 2), (11, 22), (1, 22)]]


def test_rectangles_lie_around_their_middle_and_corners_in_the_top_left():
    ink = Ink()
    ink.rectangle(0, BLACK, (10, 20), 4)
    ink.rectangle(0, BLACK, (10, 20), 4, 6)
    ink.disc(0, BLACK, 10, 20, 4)
    assert boxes(ink, 0, BLACK) == [(8, 18, 4, 4), (8, 17, 4, 6), (6, 16, 8, 8)]
    ink.corner(1, BLACK, 1, 2, 5)
    assert ink.polygons[1, BLACK] == [[(1, 2), (6, 2), (1, 7)]]


def test_a_frame_has_four_lines_outside_its_rectangle():
    ink = Ink()
    ink.frame(0, BLACK, (10, 20, 30, 40), 2)
    assert boxes(ink, 0, BLACK) == [(8, 18, 34, 2), (8, 60, 34, 2), (8, 20, 2, 40), (40, 20, 2, 40)]


def test_a_ring_has_a_hole_that_turns_the_other_way():
    ink = Ink()
    ink.ring(0, BLACK, (10, 20), 4, 2)
    assert boxes(ink, 0, BLACK) == [(5, 15, 10, 10), (7, 17, 6, 6)]
    outer, inner = ink.polygons[0, BLACK]
    assert outer[9] == pytest.approx((10, 25)) and inner[9] == pytest.approx((10, 17))


def test_stripes_run_from_the_top_or_right_to_the_left_or_bottom_side_of_a_cell():
    ink = Ink()
    ink.hatch(0, BLACK, (100, 200, 10), 0.2, stripes=1)
    first, second = map(np.array, ink.polygons[0, BLACK])
    assert first == pytest.approx(np.array([(104, 200), (106, 200), (100, 206), (100, 204)]))
    assert second == pytest.approx(np.array([(110, 204), (110, 206), (106, 210), (104, 210)]))
    ink.hatch(1, BLACK, (0, 0, 12), 0.1, stripes=3)
    starts = np.array([stripe[0] for stripe in ink.polygons[1, BLACK]])
    assert starts == pytest.approx(np.array([(1.4, 0), (5.4, 0), (9.4, 0), (12, 1.4), (12, 5.4), (12, 9.4)]))


def test_lines_and_letters_are_as_small_as_the_unit_of_a_picture():
    ink = Ink()
    ink.line([(0, 0), (1, 1)], BLACK, 4)
    ink.text(0, 0, "a", 12, BLACK)
    with drawing():
        line, text = ink.artists(IdentityTransform(), 0.5)
        assert isinstance(text, Text) and (line.get_linewidth(), text.get_fontsize()) == (2, 6)


@pytest.mark.parametrize("anchor", ["left", "center", "right"])
def test_the_outline_of_a_text_stands_on_its_baseline_at_its_anchor(anchor):
    ink = Ink()
    ink.text(50, 30, "HH", 10, BLACK, anchor=anchor)
    with drawing():
        (shape,) = ink.artists(IdentityTransform(), 1, outlined=True)
    box = shape.get_path().get_extents()
    assert box.y1 == pytest.approx(30) and box.height == pytest.approx(7.3, abs=0.1)  # capitals, upwards
    assert 13 < box.width < 16
    if anchor == "center":
        assert (box.x0 + box.x1) / 2 == pytest.approx(50)
    elif anchor == "right":
        assert box.x1 == pytest.approx(50)
    else:
        assert 50 <= box.x0 < 52  # the side bearing of the letter
