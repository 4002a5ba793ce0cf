"""Charts for papers: width, fonts, captions and hostile names in PDF."""

import re
from pathlib import Path
from zlib import decompress

import numpy as np
import pytest
from colour_vision import DEFICIENCIES, contrast, distance
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trm.export.pictures import charts as module
from trm.export.pictures.charts import Chart, Curve, TrajectoryGroup, save_charts
from trm.export.pictures.palette import CURVES
from trm.export.pictures.text import drawing, measure

pytestmark = pytest.mark.heavy

STEPS = (1, 2, 4)


def curves(*names: str) -> Chart:
    made = [Curve(name, STEPS, (0.1, 0.5, 0.9), meaning, (0.0, 0.4, 0.8), (0.2, 0.6, 1.0))
            for name, meaning in zip(names, ("z", "y"), strict=True)]  # fmt: skip
    return Chart("supervision step", "accuracy", curves=tuple(made), limits=(0, 1), level=0.5)


def points(name: str) -> Chart:
    walk = np.random.default_rng(0).normal(size=(5, 7, 2)).cumsum(1)
    return Chart("component 1", "component 2", trajectories=(TrajectoryGroup(name, walk, "solved"),))


def pdf_of(tmp_path, charts, caption: str = "made by us", inches: float = 3.25) -> bytes:
    save_charts(tmp_path / "a.pdf", charts, caption, inches=inches)
    return (tmp_path / "a.pdf").read_bytes()


def size_of(pdf: bytes) -> tuple[float, float]:
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
    return float(box[0]) / 72, float(box[1]) / 72


@pytest.mark.parametrize("inches, rows", [(3.25, 3), (6.75, 2), (10.0, 1)])
def test_charts_stand_side_by_side_where_they_fit(tmp_path, inches, rows):
    width, height = size_of(
        pdf_of(tmp_path, [curves("z", "y"), points("all"), points("some")], inches=inches)
    )
    assert width == pytest.approx(inches) and rows * 2 < height < rows * 2 + 1


def figure_of(monkeypatch, charts, caption: str = "", inches: float = 3.25) -> Figure:
    """The figure of charts, which is not saved."""
    made = []
    monkeypatch.setattr(module, "save_figure", lambda figure, *_: made.append(figure))
    save_charts(Path("a.pdf"), charts, caption, inches=inches)
    return made[0]


def test_a_caption_fills_the_width_of_the_figure_but_for_its_margins(monkeypatch):
    figure = figure_of(monkeypatch, [curves("z", "y")], "i" * 400)
    with drawing():
        box = figure.texts[-1].get_window_extent(FigureCanvasAgg(figure).get_renderer())
    assert 3.25 * 72 - 7 < box.x1 <= 3.25 * 72 - 3


def test_a_title_is_cut_to_the_width_of_its_chart_and_a_label_to_its_height(monkeypatch):
    chart = Chart("short", "i" * 200, "i" * 200, curves=(Curve("z", STEPS, STEPS, "z"),))
    axes = figure_of(monkeypatch, [chart, chart], inches=6.75).axes[0]
    widths = [measure(text, 7.5) for text in (axes.get_title(loc="left"), axes.get_ylabel())]
    letter = measure("i", 7.5)
    for width, most in zip(widths, (0.75 * 3.375 * 72, 0.75 * 2.1 * 72), strict=True):
        assert most - 2 * letter < width <= most
    assert axes.get_xlabel() == "short"


@pytest.mark.parametrize("low, high, bands", [(0, 1, 1), (0, None, 0), (None, 1, 0), (None, None, 0)])
def test_a_band_needs_both_bounds_and_a_level_is_a_line(monkeypatch, low, high, bands):
    values = [None if each is None else (each,) * 3 for each in (low, high)]
    level = 0.5 if bands else None
    chart = Chart("step", "accuracy", curves=(Curve("z", STEPS, STEPS, "z", *values),), level=level)
    axes = figure_of(monkeypatch, [chart]).axes[0]
    assert len(axes.collections) == bands and len(axes.lines) == 1 + bands


@pytest.mark.parametrize("names, rows", [((), 0), (("a",), 0), (("a", "b"), 1), (("i" * 45, "i" * 44), 2)])
def test_a_legend_has_as_many_columns_as_fit_and_names_at_least_two_curves(monkeypatch, names, rows):
    assert 72 < measure("i" * 45, 7.5) < 100  # two of them fit, but not with their lines
    chart = Chart("step", "accuracy", curves=tuple(Curve(name, STEPS, STEPS, "z") for name in names))
    figure = figure_of(monkeypatch, [chart])
    FigureCanvasAgg(figure).draw()
    places = {round(text.get_window_extent().y0) for legend in figure.legends for text in legend.get_texts()}
    assert len(places) == rows


@pytest.mark.parametrize("words", [3, 60])
def test_the_caption_stands_below_the_charts(tmp_path, monkeypatch, words):
    made = []
    monkeypatch.setattr(module, "save_figure", lambda figure, *_: made.append(figure))
    save_charts(tmp_path / "a.pdf", [curves("z", "y")], "word " * words, inches=3.25)
    (figure,) = made
    lines = figure.texts[-1].get_text().count("\n") + 1
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    caption, chart = (
        part.get_tightbbox(canvas.get_renderer()) for part in (figure.texts[-1], figure.axes[0])
    )
    bottom, top = 0, figure.bbox.height
    assert bottom <= caption.y0 < caption.y1 <= chart.y0 < chart.y1 <= top
    assert caption.y1 == pytest.approx(1.3 * 7 * lines + 2) and caption.x0 == pytest.approx(0.05 * 72, abs=1)
    assert chart.height > 0.9 * (top - caption.y1) - 20  # all the room above the caption, but for the legend


@pytest.mark.parametrize("count, marker", [(3, "."), (4, "")])
def test_the_points_of_a_curve_are_marked_if_they_are_few(tmp_path, monkeypatch, count, marker):
    made = []
    monkeypatch.setattr(module, "save_figure", lambda figure, *_: made.append(figure))
    monkeypatch.setattr(module, "MOST_MARKED", 3)
    chart = Chart("step", "accuracy", curves=(Curve("z", range(count), [0.5] * count, "z"),))
    save_charts(tmp_path / "a.pdf", [chart], "", inches=3.25)
    assert [line.get_marker() for line in made[0].axes[0].lines] == [marker]


def test_text_is_text_in_a_font_that_journals_accept(tmp_path):
    pdf = pdf_of(tmp_path, [curves("z", "y")])
    assert b"/Type3" not in pdf and b"/FontFile2" in pdf
    assert re.search(rb"/Title \(made by us\)", pdf)


@pytest.mark.parametrize(
    "name", ["$x^2$", r"\frac{1}", "a\nb\x00c", "a\udcffb", "_hidden", "x" * 10_000, "שלום " * 500]
)
def test_hostile_names_are_drawn_and_leave_room_for_the_chart(tmp_path, name):
    _, height = size_of(pdf_of(tmp_path, [curves(name, f"{name}2"), points(name)], caption=name))
    assert height < 6.5


def test_the_same_chart_is_the_same_file(tmp_path):
    one, other = (pdf_of(tmp_path, [curves("z", "y"), points("all")]) for _ in range(2))
    assert one == other


def test_bands_and_lines_are_in_the_colours_of_their_meaning(tmp_path):
    pdf = pdf_of(tmp_path, [curves("z", "y")])
    drawn = b"".join(
        decompress(part) for part in re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)[:1]
    )
    for meaning in ("z", "y"):
        red = int(CURVES[meaning][1:3], 16) / 255
        assert f"{red:.6g}"[:6].encode() in drawn, meaning


def test_solved_and_unsolved_differ_for_everyone():
    def rgb(meaning: str) -> tuple[int, int, int]:
        return tuple(int(CURVES[meaning][at : at + 2], 16) for at in (1, 3, 5))

    for deficiency in DEFICIENCIES:
        assert distance(rgb("solved"), rgb("unsolved"), deficiency) > 15
    assert all(contrast(rgb(meaning), (255, 255, 255)) > 3 for meaning in CURVES)
