"""The Probes page without a browser: what was recorded is there at once, anything else is fitted by a job."""

import json
import re
import shutil
from hashlib import sha256

import pytest
from app_page import App
from safetensors.numpy import load_file, save_file

from app.screens.probes import source
from app.server import shared
from app.server.jobs import Job
from app.server.pace import Pace
from probes.linear.apply import open_probe
from probes.linear.directions import directions_at, plane_of
from probes.linear.experiment import views
from probes.linear.experiment.files import RECORDED, load_experiment
from trm.registry import models_folder


@pytest.fixture
def open_probes(open_app):
    def make(model: str) -> App:
        app = open_app(model=model)
        app.open("probes")
        assert app["model"] == model  # as on the page before
        return app

    return make


def text(app: App) -> str:
    return " ".join([*(one.value for one in app.test.markdown), app.captions])


def test_the_recorded_result_of_a_model_is_shown_at_once(open_probes):
    app = open_probes(model="sudoku-hrm")
    summary = load_experiment(RECORDED / "sudoku-hrm" / "study.json")
    assert app["probes_target"] == summary["targets"][0]["name"] == "solution"
    assert summary["about"]["fingerprint"][:8] in app.captions
    last = len(summary["moments"]) - 1
    for state in ("z", "y"):
        value = views.value_at(views.result_for(summary, "solution", state), "accuracy", last)
        assert f"{100 * value:.1f} %" in text(app)
    for view in ("All targets", "Cell by cell", "Mistaken for"):
        app.set("probes_view", view)
        assert not app.errors
    app.set("probes_target", "candidates_left")
    assert "no classes" in app.test.info[0].value


@pytest.mark.parametrize(
    "model, target, words",
    [
        (
            "sudoku-trm",
            "right_now",
            r"After step 16, z holds more than any baseline \(\+0\.\d+, .* and y holds more than",
        ),
        ("sudoku-trm", "solution", "z and y hold the answer rather than the solution"),
        ("maze-trm", "right_now", "there is one class in the test part: nothing to tell"),
        ("maze-trm", "dead_end", "it says the same as “on path”: see there"),
    ],
)
def test_the_recorded_sentence_of_a_target_is_said(open_probes, model, target, words):
    app = open_probes(model=model)
    app.set("probes_target", target)
    assert re.search(words, text(app).replace("\\", "")) and not app.errors


def test_another_model_takes_over_with_its_own_targets(open_probes):
    app = open_probes(model="sudoku-hrm")
    app.set("probes_target", "candidates_left")
    app.set("probes_view", "Is it used?")
    app.set("model", "maze-hrm")
    known = load_experiment(RECORDED / "maze-hrm" / "study.json")
    assert app["probes_target"] == known["targets"][0]["name"] == "on_path"
    app.set("model", "sudoku-hrm")
    assert app["probes_target"] == "solution" and app.has("probes_causal_class")


def test_a_recording_of_other_weights_says_so(open_probes, monkeypatch):
    monkeypatch.setattr(shared, "weights_fingerprint", lambda name, stamp: "f" * 16)
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
    app.set("probes-count", 12)
    app.set("probes_code_length", True)
    app.click("probes_fit")
    app.until(lambda: app.has("probes_target"), "the study")
    assert list(app.test.get_by_key("probes_target").options) == ["solution", "candidates"]
    assert "description length, z" in text(app)
    app.set("probes_score", "code")
    experiment = shared.jobs().find(app.test.session_state["probes_request"].key).result[0]
    code = views.code_of(experiment, "solution", "y")
    drawn = json.loads(app.test.get("plotly_chart")[0].proto.spec)["data"]
    assert [trace["name"] for trace in drawn] == ["z", "y", "label entropy"] and len(code.bits) == 2
    assert f"description length, y | {code.bits[-1]:.2f} bits" in text(app)
    assert f"label entropy / description length, y | {code.compression[-1]:.2f}" in text(app)
    app.set("probes_score", "accuracy")
    app.set("probes_view", "In a puzzle")
    app.until(lambda: "read rightly" in text(app), "the reading")
    before = app["probes_puzzle"]
    app.set("probes_puzzle", "12")
    assert app.errors and "read rightly" in text(app)
    app.set("probes_puzzle", before)
    assert not app.errors
    app.set("probes_view", "Is it used?")
    app.set("probes_causal_class", "7")
    app.click("probes_causal_run")
    app.until(lambda: "of the state's norm" in text(app), "what the change did")
    use = shared.jobs().find(app.test.session_state["probes_causal_request"].key).result
    assert (use["class"], use["at"]["supervision_step"], len(use["random"])) == ("7", 1, 4)
    request = app.test.session_state["probes_request"]
    assert request.command.startswith("python -m probes fit --model ") and "--code-length" in request.command
    summary, probes = shared.jobs().find(request.key).result
    assert set(probes) == {
        (name, state) for name in ("solution", *(f"candidate_{n}" for n in range(1, 10))) for state in "zy"
    }
    json.dumps(summary)


def test_directions_class_balance_and_no_description_length_of_what_was_recorded(open_probes):
    app = open_probes(model="sudoku-hrm")
    shares = views.balance_at(load_experiment(RECORDED / "sudoku-hrm" / "study.json"), "solution", 4)
    assert (
        len(shares) == 9 and f"Class balance in training, step 16: 1 {100 * shares[0]:.1f} %" in app.captions
    )
    app.set("probes_score", "code")
    assert "No description length was request for" in app.test.info[0].value
    app.set("probes_score", "accuracy")
    app.set("probes_view", "Directions")
    probe = open_probe(RECORDED / "sudoku-hrm" / "solution.z.safetensors")
    wanted = plane_of(*directions_at([probe], 4, []))
    assert f"**{100 * wanted.share:.0f} %** of their squared length" in text(app)
    (drawn,) = [
        trace
        for element in app.test.get("plotly_chart")
        for trace in json.loads(element.proto.spec)["data"]
        if trace["mode"] == "text"
    ]
    assert drawn["text"] == list("123456789")
    app.set("probes_time_point", "1")
    assert "step 1," in text(app) and f"**{100 * wanted.share:.0f} %**" not in text(app)
    app.set("probes_target", "candidates")
    assert "**9 directions** in z after step 1" in text(app)
    app.set("probes_target", "right_now")
    assert "**5 directions** in z, one for each step" in text(app)


def opened_key(files: list[tuple[str, bytes, str]]) -> tuple:
    """What the page calls the experiment of these files."""
    return "opened", tuple(sha256(content).hexdigest() for _, content, _ in files)


def test_saved_probes_are_opened_and_read_another_checkpoint(open_probes, model_dir):
    """Probes of sudoku-hrm, read in a model of other weights; then files that fit it not."""
    snapshot = model_dir / "later"
    shutil.copytree(models_folder() / "sudoku-hrm", snapshot)
    weights = load_file(snapshot / "model.safetensors")
    save_file({name: array * 1.01 for name, array in weights.items()}, snapshot / "model.safetensors")
    app = open_probes(model="later")
    app.until(lambda: app.has("probes_fit"), "the controls")
    assert not app.has("probes_view")
    files = [
        (
            f"{target}.{state}.safetensors",
            (RECORDED / "sudoku-hrm" / f"{target}.{state}.safetensors").read_bytes(),
            "",
        )
        for target in ("solution", "right_now")
        for state in "zy"
    ]
    app.set("probes_files", files)
    assert (
        "Opened: 2 targets of sudoku-hrm" in app.captions
        and "applied to later, which has other weights" in app.captions
    )
    assert list(app.test.get_by_key("probes_view").options) == ["In a puzzle", "Is it used?", "Directions"]
    app.until(lambda: "read rightly" in text(app), "the reading")
    (job,) = [
        job for key, job in shared.jobs()._jobs.items() if key[:3:2] == ("probe reading", opened_key(files))
    ]
    reading = job.result["readings"]
    assert {one["state"] for one in reading} == {"z", "y"} and {one["target"] for one in reading} == {
        "solution"
    }
    assert (
        job.result["fingerprint"]
        != load_experiment(RECORDED / "sudoku-hrm" / "study.json")["about"]["fingerprint"]
    )
    app.set("probes_view", "Directions")
    assert "**9 directions**" in text(app)
    app.set("probes_files", [*files[:1], ("mine<b>.safetensors", b"no probe", "")])
    assert "mine<b>.safetensors is no probe of this version" in app.errors[0] and not app.has("probes_view")
    app.set("probes_files", files[:1] * 2)
    assert "is there twice" in app.errors[0]
    app.set("probes_files", [])
    assert not app.errors and app.has("probes_fit")
    app.set("probes_files", files[:1])
    app.set("model", "maze-hrm")
    assert "this model solves maze" in app.errors[0]


def test_a_cancelled_study_ends_within_a_second(model_dir, open_probes, monkeypatch):
    app = open_probes(model="runs/hrm")
    app.until(lambda: app.has("probes_fit"), "the controls")
    app.set("probes_steps", [1, 2, 3])
    app.set("probes-count", 1000)
    app.click("probes_fit")
    job = shared.jobs().find(app.test.session_state["probes_request"].key)
    app.until(lambda: job.share > 0, "some progress")
    assert not job.done
    app.click(f"cancel-{hash(job.key)}")
    assert shared.jobs().wait(job, 1.0) and job.result is None
    app.run()
    assert "Cancelled" in app.test.info[0].value


def test_differences_on_the_scoreboard_are_those_of_the_scores():
    summary = load_experiment(RECORDED / "sudoku-hrm" / "study.json")
    boards = {what: views.scoreboard(summary, what) for what in views.SCOREBOARD_VALUES}
    for row in range(len(summary["targets"])):
        for time_point in range(len(summary["moments"])):
            z, y = (boards[state].values[row][time_point] for state in ("z", "y"))
            if z is not None and y is not None:
                assert boards["z above y"].values[row][time_point] == pytest.approx(z - y)
    first = summary["targets"][0]
    known = views.baselines_at(summary, first["name"], first["score"], 0, of="z").values()
    assert boards["z above best baseline"].values[0][0] == pytest.approx(
        boards["z"].values[0][0] - max(known)
    )
    assert source.target_label("right_at_end") == "right at end"


def test_a_typed_puzzle_is_still_there_after_another_view_and_after_a_reload(open_app, open_probes):
    app = open_probes(model="sudoku-hrm")
    app.set("probes_view", "In a puzzle")
    typed = app["probes_puzzle"].replace("1", ".")
    app.set("probes_puzzle", typed)
    for view in ("Directions", "In a puzzle"):
        app.set("probes_view", view)
    assert app["probes_puzzle"] == app.link["puzzle"] == typed and not app.errors
    again = App(app.link | {"probes_view": "In a puzzle"}, "probes")
    assert again["probes_puzzle"] == typed and not again.errors


def test_where_all_targets_are_shown_none_can_be_chosen(open_app):
    app = App({"model": "sudoku-trm", "probes_view": "All targets"}, "probes")
    assert app.test.get_by_key("probes_target").disabled
    app.set("probes_view", "Cell by cell")
    assert not app.test.get_by_key("probes_target").disabled


@pytest.mark.parametrize(
    "page, settings, button",
    [
        ("probes", "probes_open", "probes_fit"),
        ("halting", "halting_open", "halting_compute"),
        ("interventions", "noise-open", "noise-compute"),
    ],
)
def test_settings_close_when_their_job_is_begun(open_app, monkeypatch, page, settings, button):
    monkeypatch.setattr("app.server.jobs.Jobs.ask", lambda jobs, key, work, asker: Job(key, None, 0, Pace()))
    app = App({"model": "sudoku-trm"}, page)
    app.test.session_state[settings] = True
    app.run()
    assert app.test.session_state[settings] is True
    app.click(button)
    assert app.test.session_state[settings] is False
