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
    axis = figure.layout.xaxis
    assert (axis.tickvals, axis.ticktext) == ((0, 2, 4), ("r1", "r2", "r3")) and figure.layout.height == 248


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


@pytest.mark.parametrize("size, font, gap, apart", [(9, 17, 2, 1), (10, 10, 1, 5)])
def test_a_board_of_many_cells_has_small_symbols_and_few_numbers(size, font, gap, apart):
    figure = figures.board([None] * size**2, [""] * size**2, size, size, cell=-1)
    (heat,) = figure.data
    assert (heat.textfont.size, heat.xgap, heat.ygap) == (font, gap, gap)
    assert figure.layout.xaxis.dtick == figure.layout.yaxis.dtick == apart
    assert not any(shape.type == "rect" for shape in figure.layout.shapes)


@pytest.mark.parametrize("signed, lowest", [(True, -2.0), (False, 0)])
def test_the_colours_of_a_board_are_symmetric_if_they_are_signed(signed, lowest):
    figure = figures.board([-2.0, 1.0], ["1", "2"], 1, 2, cell=0, signed=signed)
    (heat,), (frame,) = figure.data, figure.layout.shapes
    assert (heat.zmin, heat.zmax) == (lowest, 2.0) and (frame.x0, frame.y0) == (0.5, 0.5)


def test_a_unit_whose_removal_increases_the_logit_has_another_colour():
    effects = SimpleNamespace(table={"what": ["row 1", "row 2", "box 1"], "effect": [0.5, 0.0, -0.5]})
    first, second, third = figures.units(effects).data[0].marker.color
    assert first == second != third


def test_all_peers_and_all_others_stand_out_among_the_relations():
    values = [0.5, 0.25, 0.75]
    relations = dict.fromkeys(("peers", "same row", "row / box", "others"), values)
    (bars,) = figures.relations(SimpleNamespace(relations=relations), of="weight").data
    assert bars.x == ("peers", "same row", "others") and bars.marker.opacity == (1.0, 0.6, 1.0)
    first, second, last = bars.marker.color
    assert first == second != last
    assert bars.error_y.array == (0.25,) * 3 and bars.error_y.arrayminus == (0.25,) * 3


@pytest.mark.parametrize("columns, labelled", [(20, True), (21, False)])
def test_the_symbols_are_left_out_where_cells_are_small(columns, labelled):
    (heat,) = figures.board([1.0] * columns, ["5"] * columns, 1, columns, cell=0).data
    assert (heat.text is not None) == (heat.texttemplate is not None) == labelled


@pytest.mark.parametrize("count, shown", [(100, "x" * 100), (101, "x" * 100 + "…")])
def test_long_words_of_a_title_are_cut(count, shown):
    assert shortened(f"set  y {'x' * count}") == f"set y {shown}"
