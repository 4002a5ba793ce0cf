"""Figures of the Interventions page, from small results."""

from types import SimpleNamespace

import pytest

from app.screens.interventions import figures
from app.screens.interventions.page import shortened


def test_the_heat_map_of_patched_cells_has_a_line_between_the_rows_of_the_grid():
    result = {"effect": [[0.0, 1.0, 2.0, -4.0, 0.0, 0.0], [0.0] * 6], "steps": [1, 2]}
    figure = figures.patching(result, columns=2, cell=3)
    assert [line.x0 for line in figure.layout.shapes if line.type == "line"] == [1.5, 3.5]
    (selected,) = (shape for shape in figure.layout.shapes if shape.type == "rect")
    assert (selected.x0, selected.x1) == (2.5, 3.5)
    (heat,) = figure.data
    assert (heat.zmin, heat.zmax) == (-4.0, 4.0) and list(heat.text[0][2:4]) == ["r2c1", "r2c2"]


def test_a_heat_map_without_effects_has_colours():
    (heat,) = figures.patching({"effect": [[0.0, 0.0]], "steps": [1]}, columns=2, cell=0).data
    assert heat.zmax == pytest.approx(1)


def test_the_clean_run_is_the_first_bar_of_the_experiments():
    plain, silenced = (
        SimpleNamespace(solved=share, low=share - 0.1, high=share + 0.1) for share in (0.5, 0.25)
    )
    figure = figures.experiments(SimpleNamespace(experiments={"without-z": silenced, "plain": plain}))
    (bars,) = figure.data
    assert bars.x == (0.5, 0.25) and bars.y[0] == "Clean run" and bars.text == ("50%", "25%")
    assert bars.error_x.array == pytest.approx((0.1, 0.1))
    assert bars.marker.color[0] != bars.marker.color[1]


def test_a_board_has_lines_between_boxes_and_a_frame_around_its_cell():
    figure = figures.board([None] * 81, [""] * 81, 9, 9, cell=10)
    assert figure.data[0].x == figure.data[0].y == tuple(range(1, 10))
    *lines, frame = figure.layout.shapes
    upright = [(line.x0, line.y0, line.y1) for line in lines if line.x0 == line.x1]
    level = [(line.y0, line.x0, line.x1) for line in lines if line.y0 == line.y1]
    assert upright == level == [(3.5, 0.5, 9.5), (6.5, 0.5, 9.5)]
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 2.5, 1.5, 2.5)


@pytest.mark.parametrize("columns, labelled", [(20, True), (21, False)])
def test_the_symbols_are_left_out_where_cells_are_small(columns, labelled):
    (heat,) = figures.board([1.0] * columns, ["5"] * columns, 1, columns, cell=0).data
    assert (heat.text is not None) == (heat.texttemplate is not None) == labelled


@pytest.mark.parametrize("count, shown", [(100, "x" * 100), (101, "x" * 100 + "…")])
def test_long_words_of_a_title_are_cut(count, shown):
    assert shortened(f"set  y {'x' * count}") == f"set y {shown}"
