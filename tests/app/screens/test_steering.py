"""Steer by hand: the settings and their text, the section on the Interventions page, its link and its errors."""

import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from app_page import App

from app.screens.interventions.runs import SteeredRun
from app.screens.interventions.steering import KINDS, SPANS, SteeringSettings, as_vector
from probes.interventions.sites import InterventionError
from probes.linear.directions import direction_of
from probes.linear.experiment.files import RECORDED
from probes.linear.files import open_probe
from tests.app.screens.test_interventions_page import Page
from trm.coordinates import Depth

FAST = {"model": "sudoku-trm", "steps": "3", "n": "1", "T": "1"}
EMPTY = "." * 81


@pytest.fixture
def open_page(monkeypatch):
    monkeypatch.setattr("app.server.choice_runs.AT_ONCE", 100.0)
    return lambda **link: Page(FAST | {"experiment": "steer"} | link)


def titles(app: App) -> list[str]:
    found = [payload for payload in app.payloads if "players" in payload]
    return found[0]["titles"] if found else []


def steered(app: App, text: str) -> list[dict]:
    """Both runs, once the right one is that of an intervention."""
    app.until(lambda: app.sides and app.sides[1]["steps"] and text in titles(app)[1], text)
    return app.sides


def problem(app: App) -> str:
    app.until(lambda: app.errors, "the error")
    (message,) = app.errors
    assert "\n" not in message
    return message


# ---- the settings and their text


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize(
    "about",
    [
        {"kind": "probe", "target": "solution", "class_name": "5", "fitted": 4},
        {"kind": "probe", "target": "candidates_left", "fitted": 16},
        {"kind": "puzzle", "puzzle": EMPTY},
        {"kind": "noise", "seed": 3},
        {"kind": "vector", "vector": "head:7"},
    ],
    ids=lambda about: about["kind"],
)
def test_settings_are_the_text_of_one_intervention(about, span):
    settings = SteeringSettings(**about, state="z", cells="r5c5,r1c2", call="2.1.3", span=span, size=-0.25)
    assert SteeringSettings.of(str(settings.intervention())) == settings


def test_every_kind_has_settings():
    assert set(KINDS) == {"probe", "puzzle", "noise", "vector"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zero y after 2.1.1",
        "noise yz after 2.1.1",
        "noise y before 2.1.1",
        "noise y after 2.1.1; noise z after 2.1.1",
        "noise y after 2.*.1",
        "noise y after 2.1.1 size 2.01",
        "noise y after 2.1.1 size -2.01",
        "noise y after 2.1.1 seed -1",
        "noise y after 2.1.1 seed 10000",
        "noise y after 1-2.1.1",
        "patch y after 2.1.1 from 1.1.1",
        "steer y after 2.1.1 along recorded:solution",
        "steer y after 2.1.1 along recorded:solution:four:5",
        "<b>",
    ],
)
def test_other_text_has_no_settings(text):
    assert SteeringSettings.of(text) is None


@pytest.mark.parametrize("size, seed", [(2.0, 9999), (-2.0, 0)])
def test_the_strongest_noise_and_the_last_seed_have_settings(size, seed):
    settings = SteeringSettings("noise", seed=seed, size=size)
    assert SteeringSettings.of(str(settings.intervention())) == settings


def test_a_vector_is_text_of_its_numbers():
    vector = np.random.default_rng(0).normal(size=128).astype(np.float32)
    text = as_vector(vector)
    assert np.array(text.split(","), float) == pytest.approx(vector, rel=0.01) and len(text) < 1300


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SteeringSettings("noise", call="9"), "There is no call"),
        (SteeringSettings("noise", call="2.1"), "names 2 calls"),
        (SteeringSettings("noise", call="x"), "is not a call"),
    ],
)
def test_a_call_that_is_not_one_call_is_refused(settings, message):
    with pytest.raises(InterventionError, match=message):
        settings.check(SimpleNamespace(depth=Depth(n=1, T=1, N_sup=3)), None)


# ---- the page


def test_the_section_opens_with_a_steered_run(open_page):
    app = open_page()
    left, right = steered(app, "along recorded:solution:1:1")
    assert left["steps"] == right["steps"] == 3 and left["answers"] != right["answers"]
    assert app.link["do"].startswith("steer y after 1.1.2 in r")
    assert app["steer_kind"] == "probe" and app["steer_size"] == 1.0
    command = " ".join(code.value for code in app.test.code)
    assert "probes intervene --model sudoku-trm" in command and f"--do '{app.link['do']}'" in command
    assert not app.errors


def test_each_direction_and_place_changes_the_run_and_the_link(open_page):
    app = open_page(do="steer y after 2.1.2 in r1c1 along recorded:solution:2:5")
    steered(app, "in r1c1 along recorded:solution:2:5")
    app.set("steer_size", -1.5)
    before = steered(app, "size -1.5")[1]["answers"]
    app.set("steer_class_name", "7")
    assert steered(app, "along recorded:solution:2:7 size -1.5")[1]["answers"] != before
    app.set("steer_target", "candidates_left")
    steered(app, "along recorded:candidates_left:2 size -1.5")
    app.set("steer_target", "right_now")
    steered(app, "along recorded:right_now:2:yes size -1.5")
    app.set("steer_kind", "noise")
    app.set("steer_seed", 3)
    steered(app, "noise y after 2.1.2 in r1c1 size -1.5 seed 3")
    app.set("steer_span", "calls")
    app.set("steer_state", "z")
    app.set("steer_cells", "all")
    steered(app, "noise z after 2.1.2+ size -1.5 seed 3")
    app.set("steer_kind", "puzzle")
    app.set("steer_span", "steps")
    app.set("steer_size", 1.0)
    steered(app, "patch z after 2-.1.2 from same of ")
    app.set("steer_kind", "vector")
    assert app["steer_vector"] == "head:t10"  # the token of the digit 9
    app.set("steer_vector", "head:7")
    steered(app, "steer z after 2-.1.2 along head:7")
    assert app.link["do"] == "steer z after 2-.1.2 along head:7" and not app.errors


def test_strength_0_is_the_clean_run(open_page):
    app = open_page(do="steer y after 2.1.2 in r1c1 along recorded:solution:2:5 size 0")
    left, right = steered(app, "size 0")
    assert left["answers"] == right["answers"] and left["probabilities"] == right["probabilities"]


def test_a_strength_between_two_positions_of_the_slider_is_used_as_it_is(open_page):
    app = open_page(do="noise y after 2.1.2 in r1c1 size 0.333")
    steered(app, "size 0.333")
    assert app["steer_size"] == 0.333 and app.link["do"].endswith("size 0.333")


def test_a_copied_link_opens_the_same_in_another_session(open_page):
    app = open_page()
    app.move((2, 1, 1), cell=(3, 4))
    app.click("steer_use")
    app.set("steer_size", 0.55)
    steered(app, "steer y after 2.1.1 in r4c5 along recorded:solution:1:1 size 0.55")
    other = Page(app.link)
    assert steered(other, "size 0.55")[1]["answers"] == app.sides[1]["answers"]
    for name in ("kind", "target", "class_name", "fitted", "state", "cells", "call", "span", "size"):
        assert other[f"steer_{name}"] == app[f"steer_{name}"], name


def test_the_settings_survive_another_page_and_another_experiment(open_page):
    app = open_page(do="noise z after 2.1.2 in r1c1 size 0.3 seed 5")
    steered(app, "size 0.3 seed 5")
    app.set("experiment", "noise")
    app.open("solve")
    app.open("interventions")
    app.set("experiment", "steer")
    steered(app, "noise z after 2.1.2 in r1c1 size 0.3 seed 5")
    assert app["steer_seed"] == 5


def test_more_than_the_controls_can_show_opens_as_custom_interventions(open_page):
    app = open_page(do="zero y after 2.1.1; noise z after 2.1.1")
    assert app["experiment"] == "custom"
    assert app["custom_interventions"] == "zero y after 2.1.1; noise z after 2.1.1"


def test_a_long_run_is_shown_while_it_grows(open_page, monkeypatch):
    gate, advance = threading.Event(), SteeredRun.advance

    def held(self, together, progress):
        while self.result is not None and not gate.wait(0.01):
            progress(0.0, "")
        advance(self, together, progress)

    monkeypatch.setattr(SteeredRun, "advance", held)
    monkeypatch.setattr("app.server.choice_runs.AT_ONCE", 0.1)
    app = open_page(do="noise y after 1.1.2 in r1c2 size 0.7")
    app.until(lambda: app.sides and app.sides[1]["steps"] == 1, "the first step")
    assert app.sides[1]["feed"] and titles(app)[1].startswith("intervention: noise y")
    gate.set()
    app.until(lambda: app.sides[1]["steps"] == 3 and "cells correct; " in titles(app)[1], "the whole run")
    assert not app.sides[1]["feed"] and not app.errors


@pytest.mark.parametrize(
    ("direction", "message"),
    [
        ("soluble:2:5", "No probe of y was recorded for 'soluble'. Choose one of: answer_now, "),
        ("solution:3:5", "The probe solution was fitted after the steps 1, 2, 4"),
        ("solution:2:12", "has no class '12'"),
    ],
)
def test_a_link_to_a_probe_that_was_not_recorded_says_so(open_page, direction, message):
    app = open_page(do=f"steer y after 2.1.2 in r1c1 along recorded:{direction}")
    assert message in problem(app)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("steer_cells", "r10c1", "There is no cell r10c1: the grid is 9x9."),
        ("steer_cells", "<img>", "is not a position"),
        ("steer_cells", "mean", "A mean over cells cannot be changed"),
        ("steer_call", "9.1.1", "There is no call 9.1.1"),
        ("steer_call", "2", "Name one"),
        ("steer_puzzle", "12..34....21..43", "81"),
        ("steer_vector", "1,2", "128 numbers"),
        ("steer_vector", "probe:/etc/passwd:0:0", "opens no probe files"),
    ],
)
def test_what_is_not_valid_is_one_line_and_the_runs_stay(open_page, key, value, message):
    kind = key.removeprefix("steer_")
    about = {
        "puzzle": f"patch y after 2.1.2 from same of {EMPTY}",
        "vector": "steer y after 2.1.2 along head:7",
    }
    app = open_page(do=about.get(kind, "noise y after 2.1.2 in r1c1"))
    app.both()
    app.set(key, value)
    assert message in problem(app)
    assert app.sides and "Showing the previous experiment" in app.captions


def test_a_model_without_recorded_probes_steers_by_noise_and_says_why_not_by_a_probe(open_page):
    app = open_page(model="sudoku-trm-large")
    steered(app, "noise y after 1.1.2")
    app.set("steer_kind", "probe")
    assert "No probes were recorded for sudoku-trm-large" in problem(app)


def test_another_size_of_puzzle_begins_anew(open_page):
    app = open_page(do="noise y after 2.1.2 in r9c9 size 0.3")
    steered(app, "in r9c9")
    app.set("model", "maze-trm")
    steered(app, "along recorded:on_path:1:yes")
    assert not app.errors


# ---- from the Probes page


class FromProbes(Page):
    """The app, opened at the Probes page."""

    def __init__(self, link: dict[str, str]):
        App.__init__(self, link, "probes")

    def follow(self, key: str) -> None:
        """Press a button that leads to Interventions. AppTest itself stays at its page in further runs."""
        self.click(key)
        self.open("interventions")


def test_steer_along_this_from_the_grid_of_one_puzzle(open_page):
    app = FromProbes({"model": "sudoku-trm", "steps": "4"})
    app.set("probes_view", "On one puzzle")
    app.until(lambda: app.has("probes_steer"), "the button")
    app.set("probes_state", "y")
    app.set("probes_time_point", "4")
    app.set("probes_steer_class", "5")
    app.set("probes_steer_cells", "r2c3")
    app.follow("probes_steer")
    steered(app, "steer y after 4.3.7 in r2c3 along recorded:solution:4:5")
    assert app["steer_class_name"] == "5" and app["steer_cells"] == "r2c3" and app.link["at"] == "4.3.7"


def test_steer_along_this_from_a_causal_test(open_page):
    app = FromProbes({"model": "sudoku-hrm", "steps": "2"})
    app.set("probes_target", "candidates")
    app.set("probes_view", "Causal test")
    app.set("probes_causal_member", "candidate_3")
    assert not app.has("probes_causal_class")  # yes or no
    app.follow("probes_causal_steer")
    steered(app, "steer z after 1.1.7 along recorded:candidate_3:1")
    probe = open_probe(RECORDED / "sudoku-hrm" / "candidate_3.z.safetensors")
    assert app["steer_class_name"] == "yes" and np.array_equal(
        direction_of(probe, 0), direction_of(probe, 0, "yes")
    )


def test_probes_of_other_weights_are_a_vector_in_the_link(open_page, monkeypatch):
    monkeypatch.setattr("app.screens.probes.source.fingerprint", lambda model: "f" * 16)
    app = FromProbes({"model": "sudoku-trm"})
    app.set("probes_view", "Causal test")
    app.follow("probes_causal_steer")
    app.until(lambda: app.sides and app.sides[1]["steps"] and "steer z after" in titles(app)[1], "the run")
    assert app["steer_kind"] == "vector" and app["steer_vector"].count(",") == 127
    assert len(titles(app)[1]) < 300 and len(json.dumps(app.link)) < 2500
