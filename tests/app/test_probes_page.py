"""The Probes page without a browser: what was recorded is there at once, anything else is fitted by a job."""

import json

import pytest
from app_page import App

from app import probe_source, session
from probes import study_views
from probes.study_files import RECORDED, load_study

PAGE = "screens/probes.py"


@pytest.fixture
def open_probes(open_app):
    def make(model: str) -> App:
        app = open_app(model=model)
        app.test.switch_page(PAGE)
        app.run()
        assert app["model"] == model  # as on the page before
        return app

    return make


def text(app: App) -> str:
    return " ".join([*(one.value for one in app.test.markdown), app.captions])


def test_the_recorded_result_of_a_model_is_shown_at_once(open_probes):
    app = open_probes(model="sudoku-hrm")
    summary = load_study(RECORDED / "sudoku-hrm" / "study.json")
    assert app["probes_target"] == summary["targets"][0]["name"] == "solution"
    assert summary["about"]["fingerprint"][:8] in app.captions
    last = len(summary["moments"]) - 1
    for state in ("z", "y"):
        value = study_views.value_at(study_views.finding_of(summary, "solution", state), "accuracy", last)
        assert f"{100 * value:.1f} %" in text(app)
    for view in ("All targets", "Cell by cell", "Mistaken for"):
        app.set("probes_view", view)
        assert not app.errors
    app.set("probes_target", "candidates_left")
    assert "no classes" in app.test.info[0].value


def test_another_model_takes_over_with_its_own_targets(open_probes):
    app = open_probes(model="sudoku-hrm")
    app.set("probes_target", "candidates_left")
    app.set("probes_view", "Is it used?")
    app.set("model", "maze-hrm")
    known = load_study(RECORDED / "maze-hrm" / "study.json")
    assert app["probes_target"] == known["targets"][0]["name"] == "on_path"
    app.set("model", "sudoku-hrm")
    assert app["probes_target"] == "solution" and app.has("probes_use_class")


def test_a_recording_of_other_weights_says_so(open_probes, monkeypatch):
    monkeypatch.setattr(session, "weights_fingerprint", lambda name, stamp: "f" * 16)
    app = open_probes(model="sudoku-hrm")
    assert any("other weights" in warning for warning in app.warnings)


def test_a_model_without_a_recording_is_fitted_by_a_job_and_reads_a_puzzle(open_probes, model_dir):
    app = open_probes(model="runs/hrm")
    app.until(lambda: app.has("probes_fit"), "the controls")
    assert "Nothing is recorded" in app.test.info[0].value
    app.set("probes_targets", [])
    assert app.test.get_by_key("probes_fit").disabled
    app.set("probes_targets", ["solution", "candidates"])
    app.set("probes_steps", [1, 2])
    app.set("probes-count", 20)
    app.click("probes_fit")
    app.until(lambda: app.has("probes_target"), "the study")
    assert list(app.test.get_by_key("probes_target").options) == ["solution", "candidates"]
    app.set("probes_view", "In a puzzle")
    app.until(lambda: "read rightly" in text(app), "the reading")
    before = app["probes_puzzle"]
    app.set("probes_puzzle", "12")
    assert app.errors and "read rightly" in text(app)
    app.set("probes_puzzle", before)
    assert not app.errors
    app.set("probes_view", "Is it used?")
    app.set("probes_use_class", "7")
    app.click("probes_use")
    app.until(lambda: "of the state's norm" in text(app), "what the change did")
    use = session.jobs().find(app.test.session_state["probes_use_asked"].key).result
    assert (use["class"], use["at"]["supervision_step"], len(use["random"])) == ("7", 1, 4)
    asked = app.test.session_state["probes_asked"]
    assert asked.command.startswith("python -m probes fit --model ")
    summary, probes = session.jobs().find(asked.key).result
    assert set(probes) == {
        (name, state) for name in ("solution", *(f"candidate_{n}" for n in range(1, 10))) for state in "zy"
    }
    json.dumps(summary)


def test_a_cancelled_study_ends_within_a_second(model_dir, open_probes, monkeypatch):
    app = open_probes(model="runs/hrm")
    app.until(lambda: app.has("probes_fit"), "the controls")
    app.set("probes_steps", [1, 2, 3])
    app.set("probes-count", 1000)
    app.click("probes_fit")
    job = session.jobs().find(app.test.session_state["probes_asked"].key)
    app.until(lambda: job.share > 0, "some progress")
    assert not job.done
    job.cancel()
    assert session.jobs().wait(job, 1.0) and job.result is None
    app.run()
    assert "Cancelled" in app.test.info[0].value


def test_differences_on_the_scoreboard_are_those_of_the_scores():
    summary = load_study(RECORDED / "sudoku-hrm" / "study.json")
    boards = {what: study_views.scoreboard(summary, what) for what in study_views.SHOWN}
    for row in range(len(summary["targets"])):
        for moment in range(len(summary["moments"])):
            z, y = (boards[state].values[row][moment] for state in ("z", "y"))
            if z is not None and y is not None:
                assert boards["z above y"].values[row][moment] == pytest.approx(z - y)
    first = summary["targets"][0]
    known = study_views.baselines_at(summary, first["name"], first["score"], 0, of="z").values()
    assert boards["z above best baseline"].values[0][0] == pytest.approx(
        boards["z"].values[0][0] - max(known)
    )
    assert probe_source.spoken("right_at_end") == "right at end"
