"""The Compare page without a browser: two runs at once, the recorded comparison, and measuring other pairs on request."""

import time
from dataclasses import replace

import pytest
from app_page import App

from app.screens.compare import measurement
from app.screens.compare.views import VIEWS
from app.server import shared
from app.ui.analysis import Recorded
from probes.comparison.files import load_comparison, recorded_path
from trm.registry import model_config

PAIR = ("maze-trm", "maze-hrm")


@pytest.fixture
def open_compare(open_app):
    def make(model: str = "sudoku-trm", **link: str) -> App:
        app = open_app("compare", model=model, **link)
        app.until(lambda: app.has("compare_with"), "the model is open")
        return app

    return make


def sides(app: App) -> list[dict]:
    return app.payload["players"]


def charts(app: App) -> int:
    return len(app.test.get("plotly_chart"))


def test_it_opens_with_two_recorded_runs_and_a_recorded_comparison(monkeypatch):
    """A session that starts here gets the best-matched pair of the two kinds."""
    monkeypatch.setattr(shared.models(), "ask", lambda *args, **options: pytest.fail("a model is opened"))
    monkeypatch.setattr(shared.models(), "ready", lambda source: False)
    app = App({}, "compare")
    assert app.payload["names"] == list(PAIR) and app["compare_with"] == PAIR[1]
    assert not any(name in title for name, title in zip(PAIR, app.payload["titles"], strict=True))
    assert [side["kind"] for side in sides(app)] == ["trm", "hrm"]
    assert [side["steps"] for side in sides(app)] == [16, 16] and sides(app)[0]["inputs"] == sides(app)[1][
        "inputs"
    ]
    assert app.link["against"] == PAIR[1]
    about = load_comparison(recorded_path(*PAIR)).models[0].provenance
    assert f"recorded on {about.count} puzzles from {about.data}" in app.captions and not app.warnings
    assert "cannot be attributed to the architecture" in app.captions
    for view in VIEWS:
        app.set("compare-view", view)
        assert not app.errors, view
        assert charts(app) == {"Solved by step": 1, "Similarity (CKA)": 1, "Near-complete puzzles": 0}.get(
            view, 2
        ), view
        if not charts(app):
            assert "exist for Sudoku only" in app.test.info[0].value
            continue
        command = app.test.code[0].value
        name = "similarity" if view == "Similarity (CKA)" else "compare"
        assert command.startswith(
            f"python -m probes {name} --model {PAIR[0]} --compare-with {PAIR[1]} --data {about.data} --limit {about.count}"
        )
    app.set("compare-view", "Similarity (CKA)")
    app.set("cka-rows", (0, "y"))
    app.set("cka-columns", (1, "z"))
    assert charts(app) == 1 and not app.errors


def test_a_z_that_only_repeats_its_input_is_named_above_all_figures(monkeypatch):
    """And there are figures of blank cells and of givens where there are near-complete puzzles."""
    recorded = load_comparison(recorded_path(*PAIR))
    curve = {"1": recorded.models[0].solved}
    near = {"near": curve, "near_blanks": curve, "near_givens": curve, "near_count": 50}
    models = tuple(
        replace(each, by_token={"y": 0.4, "z": share}, **near)
        for each, share in zip(recorded.models, (0.4, 0.9997), strict=True)
    )
    stored = Recorded(replace(recorded, models=models), {})
    monkeypatch.setattr(measurement, "recorded", lambda *sources: stored)
    app = App({}, "compare")
    assert [warning for warning in app.warnings if "of the variance of maze-hrm's z" in warning]
    assert not any("maze-trm's z" in warning for warning in app.warnings)
    app.set("compare-view", "Near-complete puzzles")
    assert charts(app) == 2 and "Solved puzzles with one blank cell" in app.captions
    app.set("compare-view", "Solution retention")
    assert "in the model's own encoding" in app.captions


def test_the_second_model_and_its_depth_follow_the_first(open_compare):
    app = open_compare(model="sudoku-hrm")
    assert any(
        "Apart from the model type, sudoku-trm and sudoku-hrm differ in seven ways" in warning
        for warning in app.warnings
    )
    app.set("supervision_steps", 3)
    assert app["compare_with"] == "sudoku-trm" and app.payload["names"] == ["sudoku-hrm", "sudoku-trm"]
    app.until(lambda: all(side["steps"] == 3 for side in sides(app)), "runs of three steps")
    own = model_config("sudoku-trm")
    assert (sides(app)[1]["n"], sides(app)[1]["T"]) == (own.n, own.T)
    app.set("model", "maze-trm")
    app.until(lambda: all("task" in side for side in sides(app)), "runs of both")
    assert app["compare_with"] == "maze-hrm" and [side["task"] for side in sides(app)] == ["maze", "maze"]
    app.set("compare_with", "maze-trm")
    assert "have not been measured yet" in app.test.info[0].value
    assert app.payload["names"] == ["maze-trm, left", "maze-trm, right"]


def test_the_link_names_the_second_model(open_compare, model_dir):
    app = open_compare(against="runs/hrm")
    app.until(lambda: app.payloads and all(side["steps"] for side in sides(app)), "both runs")
    assert app.payload["names"] == ["sudoku-trm", "runs/hrm"] and app.link["against"] == "runs/hrm"
    assert open_compare(against="../../etc")["compare_with"] == "sudoku-hrm"
    app.set("compare_with", "runs/sudoku-4")
    app.until(lambda: app.errors, "the error")
    assert "runs/sudoku-4 solves 4x4 sudoku, but sudoku-trm solves 9x9 sudoku" in app.errors[0]


def test_an_ablation_is_compared_with_the_model_it_changes(open_compare):
    app = open_compare(against="ablations/single-z")
    app.until(lambda: app.payloads and all(side["steps"] for side in sides(app)), "both runs")
    assert app.payload["names"] == ["sudoku-trm", "ablations/single-z"] and not app.errors
    assert [side["kind"] for side in sides(app)] == ["trm", "trm-single-z"]


def test_a_comparison_of_other_weights_says_so(monkeypatch):
    monkeypatch.setattr(shared, "weights_fingerprint", lambda name, stamp: "f" * 16)
    app = App({}, "compare")
    assert any("different weights of maze-trm and maze-hrm" in warning for warning in app.warnings)
    assert charts(app) == 1


def test_two_models_are_measured_on_request_and_can_be_cancelled(open_compare, model_dir, monkeypatch):
    app = open_compare(model="runs/hrm")
    app.set("compare_with", "runs/hrm")
    app.until(lambda: app.payloads and all(side["steps"] for side in sides(app)), "both runs")
    assert charts(app) == 0 and "have not been measured yet" in app.test.info[0].value
    app.set("compare-count", 10)
    measured, gate = [], []

    def waiting_measure(model, task, puzzles, *, progress):
        while not gate:
            progress(0.1, "waiting for the test")
            time.sleep(0.01)
        measured.append(len(puzzles))
        return whole_measure(model, task, puzzles, near_limit=2, progress=progress)

    from probes.comparison.measure import measure as whole_measure

    monkeypatch.setattr("probes.comparison.measure.measure", waiting_measure)
    app.click("compare-measure")
    job = next(
        job
        for job in shared.jobs()._jobs.values()
        if job.key[0] is measurement.ModelMeasurement and not job.done
    )
    app.click(f"cancel-{hash(job.key)}")
    app.until(lambda: any("Cancelled" in info.value for info in app.test.info), "the cancellation")
    assert charts(app) == 0 and not measured
    gate.append(True)
    app.click("compare-measure")
    app.until(lambda: charts(app), "the result")
    assert set(measured) == {10} and not app.errors
    app.set("compare-view", "Near-complete puzzles")
    assert charts(app) == 2 and "gives 2 puzzles for each number" in app.captions
