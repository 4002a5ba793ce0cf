"""Figures and tables of the Halting page, from small results."""

from types import SimpleNamespace

import numpy as np
import pytest
from colour_vision import contrast
from halting_stand_in import make_runs

from app.screens.halting import figures, run_figures, tables, training, training_run
from app.ui import charts
from probes.halting.report import analyse

NAN = float("nan")


@pytest.mark.parametrize("steps, apart", [(20, 1), (21, 8)])
def test_so_many_steps_have_a_tick_each(steps, apart):
    runs = make_runs(steps=steps, count=8)
    axis = figures.over_steps(runs, analyse(runs).bands, None).layout.xaxis
    assert axis.dtick == apart and axis.range == (0.7, steps + 0.3)


@pytest.fixture
def bins() -> SimpleNamespace:
    """Three bins of unequal width; the second is empty."""
    return SimpleNamespace(
        edges=np.array([0, 0.25, 0.5, 1]),
        counts=np.array([4, 0, 8]),
        confidence=np.array([0.1, NAN, 0.9]),
        share_right=np.array([0.5, NAN, 0.75]),
        share_right_band=np.array([[0.25, NAN, 0.5], [0.625, NAN, 1.0]]),
    )


def test_an_empty_bin_has_no_bar(bins):
    shares, _, counts = figures.reliability(bins, x="", y="").data
    assert list(shares.x) == list(counts.x) == [0.125, 0.75]
    assert shares.width == pytest.approx((0.23, 0.46)) and counts.width == pytest.approx((0.23, 0.46))
    assert list(counts.y) == [4, 8]
    assert list(shares.error_y.array) == [0.125, 0.25] and list(shares.error_y.arrayminus) == [0.25, 0.25]


def test_a_row_of_the_table_is_a_bin(bins):
    table = tables.reliability(bins)
    assert list(table["from"]) == [0, 0.25, 0.5] and list(table["to"]) == [0.25, 0.5, 1]


def rgb(code: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(code[1:]))


@pytest.mark.parametrize("code", ["#8c8cff", "#ff6e6e", "#00ff00", "#0000c8", "#a00000"])
def test_counts_of_puzzles_are_legible_on_their_square(monkeypatch, code):
    monkeypatch.setattr(charts, "sequential", lambda: ["#ffffff", "#000000", code])
    outcomes = SimpleNamespace(right=np.array([1, 1, 1, 1, 2]), halts=np.array([2, 2, 2, 2, 0]))
    squares, counts, _ = figures.timing(outcomes, 2).data
    assert counts.text == ("4", "1") and [list(place) for place in counts.customdata] == [[0, 1], [1, 2]]
    assert squares.z[1][0] == 1 and squares.z[2][1] == 0.5
    for ink, below in zip(counts.textfont.color, (code, "#000000"), strict=True):
        other = ({"#10151b", "#ffffff"} - {ink}).pop()
        assert contrast(rgb(ink), rgb(below)) > contrast(rgb(other), rgb(below))


def test_small_parts_of_decisions_have_no_number():
    names = ("both", "now", "later", "neither")
    parts = {"continues": (0, 1, 0, 0), "halts": (4, 5, 0, 91)}
    decisions = {name: dict(zip(names, counts, strict=True)) for name, counts in parts.items()}
    bars = run_figures.decisions(SimpleNamespace(**decisions)).data
    assert [bar.text for bar in bars] == [("", ""), ("1", "5"), ("", ""), ("", "91")]
    assert [bar.x for bar in bars] == [(0, 0.04), (1, 0.05), (0, 0), (0, 0.91)]


def test_lost_answers_are_drawn_downwards():
    beyond = analyse(make_runs(steps=12, count=200)).beyond
    bars = {bar.name: bar for bar in run_figures.beyond(beyond).data if bar.type == "bar"}
    assert min(bars["lost"].y) < 0 and max(bars["lost"].y) <= 0 and min(bars["gained"].y) >= 0
    table = tables.beyond(beyond)
    assert list(table["step"]) == list(bars["lost"].x) == list(range(1, 13))


def test_a_curve_that_is_undefined_has_no_rows():
    defined, undefined = (
        SimpleNamespace(auc=auc, threshold=[1.0], false_positive_rate=[0.0], true_positive_rate=[0.5])
        for auc in (0.5, None)
    )
    assert tables.roc({"a": defined, "b": undefined})["of"] == ["a"]
    curve = SimpleNamespace(setting=[1.0], mean_steps=[1.0], accuracy=[0.5])
    rules = SimpleNamespace(own=curve, by_q_halt=None, fixed=curve, unchanged=curve)
    assert tables.stopping(rules)["rule"] == ["own threshold", "fixed depth", "answer unchanged"]


def test_the_fewer_cells_are_wrong_the_stronger_is_the_colour(monkeypatch):
    scale = [f"#00000{number}" for number in range(10)]
    monkeypatch.setattr(charts, "sequential", lambda: scale)
    snapshots = [SimpleNamespace(wrong_cells=[5, 4, 3, 2, 1])]
    axis = SimpleNamespace(unit="update", numbers=[1000], wrong_labels=("0", "1", "2", "3", "4"), snapshots=snapshots)  # fmt: skip
    bars = training.wrong_cells(axis).data
    assert [bar.marker.color for bar in bars] == [scale[number] for number in (9, 7, 5, 4, 2)]
    assert [bar.y for bar in bars] == [(5,), (4,), (3,), (2,), (1,)]


@pytest.mark.parametrize("more, mode", [(0, "lines+markers"), (1, "lines")])
def test_a_short_curve_of_training_has_marks(monkeypatch, more, mode):
    monkeypatch.setattr(training_run, "run_snapshots", lambda weights: [])
    monkeypatch.setattr(training_run, "mark_chosen", lambda *parts: None)
    rows = [{"update": 100, "loss": 1.0}] * (training_run.POINTS + more)
    figure = training_run.curve(rows, "loss", None)
    assert figure.data[0].mode == mode and figure.layout.xaxis.range == (0, 102)
