"""Chart colours: those of one figure are distinguishable, also for the colour-blind, and visible on the page."""

import tomllib
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import pytest
from colour_vision import DEFICIENCIES, contrast, distance

from app.ui import charts
from trm.export.pictures.palette import CURVES

SETTINGS = tomllib.loads((Path(charts.__file__).parents[1] / ".streamlit/config.toml").read_text("utf-8"))
PAPER = {"light": "#fcfcfa", "dark": "#10151b"}
TOGETHER = ("solved", "unsolved", "trm", "hrm")  # on the joint map of Latents
APART = 15.0  # as the curves of the player, which also differ by their dashes


def rgb(colour: str) -> tuple[int, int, int]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


@pytest.mark.parametrize(("theme", "colours"), [("light", CURVES), ("dark", charts.DARK)])
def test_model_colours_differ_from_solved_and_unsolved(theme, colours):
    for one, other in combinations(TOGETHER, 2):
        for deficiency in DEFICIENCIES:
            apart = distance(rgb(colours[one]), rgb(colours[other]), deficiency)
            assert apart >= APART, (one, other, deficiency, round(apart, 1))
    for name in TOGETHER:
        assert contrast(rgb(colours[name]), rgb(PAPER[theme])) >= 3, name


def test_two_models_of_one_kind_have_different_colours():
    assert (
        charts.model_meanings("trm", "hrm") == charts.model_meanings("trm-single-z", "trm") == ("trm", "hrm")
    )
    assert (
        charts.model_meanings("hrm", "trm-multi-z") == ("hrm", "trm")
        and len(set(charts.model_meanings("hrm", "hrm"))) == 2
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nine_digits_have_nine_colours(monkeypatch, theme):
    monkeypatch.setattr(charts, "is_dark", lambda: theme == "dark")
    monkeypatch.setattr(charts, "_option", lambda name: SETTINGS["theme"][theme][name])
    found = [rgb(colour) for colour in charts.categories()]
    assert len(found) == 12
    for one, other in combinations(found, 2):
        assert distance(one, other, "none") >= 10, (one, other)
    for colour in found[8:]:
        assert contrast(colour, rgb(PAPER[theme])) >= 3, colour


def test_the_camera_button_of_a_chart_saves_svg(monkeypatch):
    shown = []
    monkeypatch.setattr(charts, "is_dark", lambda: False)
    monkeypatch.setattr(charts.text_size, "scale", lambda: 1)
    monkeypatch.setattr(charts.st, "plotly_chart", lambda figure, **options: shown.append(options))
    charts.show(charts.new(x="step", y="share"), key="halting-curve", config={"scrollZoom": True})
    config = shown[0]["config"]
    assert (
        config["toImageButtonOptions"] == {"format": "svg", "filename": "halting-curve"}
        and config["scrollZoom"]
    )


@pytest.mark.parametrize("scale", [1, 2])
def test_labels_of_ticks_are_smaller_than_those_of_axes_and_all_grow_with_the_text(monkeypatch, scale):
    shown = []
    monkeypatch.setattr(charts, "is_dark", lambda: False)
    monkeypatch.setattr(charts.text_size, "scale", lambda: scale)
    monkeypatch.setattr(charts.st, "plotly_chart", lambda figure, **options: shown.append(figure.layout))
    charts.show(charts.new(x="step", y="share"), key="curve")
    assert [axis.title.font.size for axis in (shown[0].xaxis, shown[0].yaxis)] == [15 * scale] * 2
    assert [axis.tickfont.size for axis in (shown[0].xaxis, shown[0].yaxis)] == [14 * scale] * 2


def test_a_colour_bar_ends_before_the_tools_and_colours_keep_their_parts_when_translucent():
    assert 0 < charts.colour_bar("logit")["xpad"] < charts.TOOLS
    assert charts.translucent("#0a64ff", 0.5) == "rgba(10,100,255,0.5)"


@pytest.mark.parametrize("theme", ["light", "dark", None])
def test_a_page_is_dark_in_the_dark_theme_alone(monkeypatch, theme):
    page = SimpleNamespace(context=SimpleNamespace(theme=SimpleNamespace(type=theme)))
    monkeypatch.setattr(charts, "st", page)
    assert charts.is_dark() == (theme == "dark")
