"""The Interventions page: preset experiments, custom interventions, the link, errors, and sweeps."""

import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from app_page import App, shown

from app.screens.interventions.controls import EXAMPLES, InterventionRequest
from app.screens.interventions.runs import InterventionExperiment
from probes.interventions.attribution.attention import attention_of
from probes.interventions.attribution.mixing import mixing
from probes.interventions.fork import cache_run
from probes.interventions.presets import EXPERIMENTS
from probes.interventions.recorded import SweepResult
from probes.interventions.spec import OPERATIONS, parse_all
from tests.app.screens.test_solve_page import PRESETS
from trm.checkpoint import load_model
from trm.coordinates import F_H, Coordinates, Depth
from trm.provenance import Provenance
from trm.tasks import get_task, task_of

FAST = {"model": "sudoku-trm", "steps": "3", "n": "1", "T": "1"}
"""The bundled model at a depth at which a run receives a few milliseconds."""


class Page(App):
    """The app, opened at the page."""

    def __init__(self, link: dict[str, str]):
        super().__init__(link, "interventions")

    @property
    def sides(self) -> list[dict]:
        found = [payload for payload in self.payloads if "players" in payload]
        return found[0]["players"] if found else []

    def both(self) -> list[dict]:
        self.until(lambda: self.sides, "both runs")
        return self.sides

    @property
    def text(self) -> str:
        return " ".join(element.value for element in [*self.test.markdown, *self.test.caption])


@pytest.fixture
def open_page(monkeypatch):
    monkeypatch.setattr("app.server.choice_runs.SHORT_WAIT", 100.0)
    return lambda **link: Page(FAST | link)


def test_every_experiment_is_one_click(open_page):
    app = open_page()
    labels = set()
    for key in EXPERIMENTS:
        app.set("experiment", key)
        left, right = app.both()
        assert app.link["experiment"] == key
        app.until(
            lambda title=EXPERIMENTS[key].title: app.components and title in json.dumps(app.payloads),
            "the run",
        )
        assert not app.errors, key
        labels.add(app.sides[1]["label"])
        assert left["steps"] == right["steps"] == 3
        assert "arXiv" in app.text or "published" in app.text
    assert len(labels) == len(EXPERIMENTS)  # each names its intervention


def test_a_link_names_the_experiment_and_its_step(open_page):
    app = open_page(experiment="noise", begin="3")
    assert app["experiment"] == "noise" and app["experiment_step"] == 3
    assert "noise yz before 3.1.1" in app.both()[1]["label"]
    app.set("experiment_step", 2)
    app.until(lambda: app.sides and "noise yz before 2.1.1" in app.sides[1]["label"], "the other step")
    assert app.link["begin"] == "2"


def test_custom_interventions_are_run_and_are_in_the_link(open_page):
    text = "zero z after 2.1.1; noise y before 3.1.1 in r1c1 size 2 seed 5"
    app = open_page(experiment="custom", do=text)
    assert app["custom_interventions"] == text
    assert app.both()[1]["label"].endswith(f"interventions: {text}")
    assert app.link["do"] == text
    app.move((3, 1, 2), cell=(3, 4))
    app.set("operation", "swap")
    app.click("add_change")
    assert app["custom_interventions"].splitlines()[-1] == "swap after 3.1.2 in r4c5"
    app.until(lambda: app.sides and "swap after 3.1.2 in r4c5" in app.sides[1]["label"], "the added one")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("remove y", "no operation 'remove'"),
        (" ", "There is no intervention yet"),
        ("zero y after 9.1.1", "There is no call 9.1.1"),
        ("steer y after 1 along probe:/etc/passwd:0:0", "opens no files"),
        ("answer before 2.1.1 is 12", "81"),
    ],
)
def test_errors_are_one_line(open_page, text, message):
    app = open_page(experiment="custom")
    app.both()
    app.set("custom_interventions", text)
    app.until(lambda: app.errors, "the error")
    assert any(message in error for error in app.errors)
    assert app.sides and "Showing the previous experiment" in app.captions
    app.set("custom_interventions", "zero y after 2.1.2")
    app.until(lambda: app.sides, "the run")
    assert not app.errors


def test_an_invalid_link_opens_the_page(open_page):
    app = open_page(experiment="<img>", begin="-7", do="x" * 9000)
    assert app["experiment"] == "without-y" and app.both()


def test_without_a_unique_solution_the_page_says_what_the_experiment_needs(open_page):
    contradiction = next(preset for preset in PRESETS if preset.key == "contradiction")
    app = open_page(experiment="right-answer", puzzle=contradiction.puzzle)
    app.until(lambda: app.errors, "the error")
    assert "exactly one solution" in app.errors[-1]


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name in EXAMPLES])
def test_the_added_text_can_be_parsed(operation):
    line = EXAMPLES[operation].format(state="z", when="after", site="2.1.3", step="2", cells=" in r1c1")
    (found,) = parse_all(line)
    assert found.operation == operation


def test_each_operation_can_be_added():
    assert set(OPERATIONS) - set(EXAMPLES) == {"answer"}


def test_the_equivalent_command(open_page):
    app = open_page()
    app.both()
    commands = " ".join(code.value for code in app.test.code)
    assert "probes intervene --model sudoku-trm" in commands and "--experiment without-y --step 2" in commands
    assert InterventionRequest("custom", 1, "zero y after 1").title == "Intervention"


def test_a_sweep_is_computed_on_demand(open_page, monkeypatch):
    made = []

    def run_sweep(what, model, task, puzzles, settings, progress, *, command, recorded):
        made.append((what, len(puzzles), settings))
        table = {
            "size": [0.0, 1.0],
            "share": [1.0, 0.5],
            "low": [1.0, 0.4],
            "high": [1.0, 0.6],
            "mean_steps": [1, 2],
        }
        return SweepResult(Provenance.of(model, command=command), what, {"state": "yz", "step": 1}, table)

    monkeypatch.setattr("probes.interventions.sweep_results.run_sweep", run_sweep)
    app = open_page()
    app.both()
    app.set("noise-sizes", "0,1")
    app.click("noise-compute")
    app.until(lambda: made and app.test.get("plotly_chart"), "the figure")
    assert made[0][:2] == ("noise", 100) and made[0][2].sizes == "0,1"
    app.set("noise-sizes", "0,x")
    assert any("Sizes must be comma-separated numbers" in error for error in app.errors)


@pytest.mark.parametrize("link", [{}, {"at": "2.1.2", "cell": "3,4"}], ids=["default", "from the link"])
def test_the_first_selected_cell_is_explained(open_page, link):
    app = open_page(**link)
    _, changed = app.both()
    row, column = (3, 4) if link else divmod(changed["most_changed_cell"], 9)
    assert next(sent for sent in app.payloads if "players" in sent)["start"]["cell"] == [row, column]
    name, step = f"r{row + 1}c{column + 1}", 2 if link else 1
    app.set("interventions_figure", "attribution")
    app.until(lambda: app.test.get("plotly_chart"), "the heat over the grid")
    assert f"in {name}** after step {step}" in app.text
    app.set("interventions_figure", "patching")
    assert f"Selected: {name}." in app.captions
    app.set("interventions_figure", "mixing")
    app.until(lambda: len(boards(app)) == 2, "both grids")
    assert f"--cell {name}" in " ".join(code.value for code in app.test.code)


def test_without_a_selected_cell_nothing_is_explained(open_page):
    app = open_page()
    app.both()
    app.move((1, 1, 2))
    for figure in ("attribution", "patching", "mixing"):
        app.set("interventions_figure", figure)
        assert "Select a cell in the player." in [info.value for info in app.test.info]
        assert not app.test.get("plotly_chart")


def test_attribution_and_patching_follow_the_selected_cell(open_page):
    app = open_page()
    app.both()
    app.move((2, 1, 2), cell=(3, 4))
    app.set("interventions_figure", "attribution")
    app.until(lambda: app.test.get("plotly_chart"), "the heat over the grid")
    assert "**Logit of " in app.text and "in r4c5** after step 2" in app.text
    app.set("attribution_method", "units")
    app.until(
        lambda: "after step 2. The logit is" in app.text and len(app.test.get("plotly_chart")) == 1,
        "rows, columns, boxes",
    )
    app.set("interventions_figure", "patching")
    slider = app.test.get_by_key("patching_steps")
    assert (slider.min, slider.max, slider.value) == (1, 2, 2)  # not after the last step
    app.set("patching_steps", 1)
    app.click("patching_compute")
    app.until(lambda: "in r4c5**, with z patched" in app.text, "the heat map")
    assert "--cell r4c5 --state z --steps 1-1" in " ".join(code.value for code in app.test.code)
    app.move((2, 1, 1), cell=(0, 1))
    app.run()
    assert "Selected now: r1c2. Press Compute to update." in app.captions
    assert not app.errors


def boards(app) -> list[list[list[float]]]:
    """Values of the heat maps on the page, row by row."""
    specs = [json.loads(element.proto.spec) for element in app.test.get("plotly_chart")]
    return [trace["z"] for spec in specs for trace in spec["data"] if trace["type"] == "heatmap"]


def test_mixing_weights_of_the_selected_cell_are_two_grids(open_page):
    app = open_page()
    app.both()
    app.move((1, 1, 1), cell=(3, 4))
    app.set("interventions_figure", "mixing")
    app.until(lambda: len(boards(app)) == 2, "both grids")
    model = load_model("sudoku-trm")
    for layer in ("1", "2"):
        app.set("mixing_layer-2", layer)
        app.until(lambda layer=layer: f"layer {layer}**. The mean over peers is" in app.text, "the layer")
        assert "**Mixing weights of layer" in app.text
        strength = mixing(model, get_task("sudoku"), layer).strength
        into, out_of = (np.array(board).ravel() for board in boards(app))
        assert into == pytest.approx(strength[31], abs=1e-5)
        assert out_of == pytest.approx(strength[:, 31], abs=1e-5)
    assert len(app.test.get("plotly_chart")) == 3  # and the bars
    assert "--method mixing --cell r4c5 --layer 2" in " ".join(code.value for code in app.test.code)
    assert not app.errors


def test_attention_of_the_players_call_is_two_grids(open_page):
    app = open_page(model="maze-hrm", steps="2", n="1", T="1")
    app.both()
    app.move((2, 1, 2), cell=(2, 3))
    app.set("interventions_figure", "mixing")
    app.set("mixing_head", "3")
    app.until(
        lambda: "call 2.1.2, layer 1, head 3**" in shown(app.text) and len(boards(app)) == 2, "both grids"
    )
    model, task = load_model("maze-hrm"), task_of(load_model("maze-hrm").config)
    run = cache_run(model, task, task.parse(app.link["puzzle"]), depth=Depth(n=1, T=1, N_sup=2))
    weights = attention_of(run, Coordinates(2, 1, 2, F_H)).weights[0, 2, 1:, 1:]
    receives, sends = (np.array(board).ravel() for board in boards(app))
    assert receives == pytest.approx(weights[33], abs=1e-4) and sends == pytest.approx(
        weights[:, 33], abs=1e-4
    )
    assert "is on the prefix" in app.text and "The mean over neighbours is" in app.text
    assert "--call 2.1.2 --head 3" in " ".join(code.value for code in app.test.code)
    assert not app.errors


# ---- while runs are computed


@pytest.fixture
def held(monkeypatch):
    """Holds every job of a run pair until it is released."""
    gate, started = threading.Event(), []

    def slow(experiment, model, progress):
        started.append(experiment.request)
        while not gate.wait(0.01):
            progress(0.5, "the intervened run")
        return run(experiment, model, progress)

    run = InterventionExperiment.run
    monkeypatch.setattr(InterventionExperiment, "run", slow)
    yield SimpleNamespace(started=started, release=gate.set, hold=gate.clear)
    gate.set()


def test_recorded_runs_stay_until_the_computed_ones_are_ready(open_page, held):
    app = Page({"model": "sudoku-trm"})
    app.until(lambda: held.started, "the model is loaded and its job started")
    for _ in range(3):
        app.run()
        assert all("recorded on" in side["label"] for side in app.sides) and len(app.sides) == 2
    held.release()
    app.until(lambda: all("computed live" in side["label"] for side in app.sides), "the computed runs")


def test_the_previous_runs_stay_while_another_experiment_is_computed(open_page, held):
    held.release()
    app = open_page(experiment="custom", do="zero y after 2.1.2 in r7c9")
    before = app.both()
    held.hold()
    app.set("custom_interventions", "zero y after 2.1.2 in r6c9")
    assert app.sides == before and "Showing the previous experiment" in app.captions
    held.release()
    app.until(lambda: app.sides and app.sides != before, "the new runs")
    assert "Showing the previous experiment" not in app.captions
