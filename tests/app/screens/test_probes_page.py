"""The Probes page without a browser: a recorded experiment appears at once, a new one is fitted by a job."""

import json
import re
import shutil
from hashlib import sha256
from types import SimpleNamespace

import pytest
from app_page import App
from safetensors.numpy import load_file, save_file

from app.screens.probes import uploads
from app.screens.probes.controls import target_label
from app.screens.probes.source import ProbePrediction
from app.server import shared
from app.state import links
from app.ui import downloads
from probes.linear.directions import directions_at, plane_of
from probes.linear.experiment import views
from probes.linear.experiment.files import RECORDED, load_experiment, recorded_path
from probes.linear.files import open_probe
from trm.registry import models_folder


@pytest.fixture
def open_probes(open_app):
    def make(model: str) -> App:
        app = open_app("probes", model=model)
        assert app["model"] == model
        return app

    return make


def text(app: App) -> str:
    return " ".join([*(one.value for one in app.test.markdown), app.captions])


def test_the_recorded_result_of_a_model_is_shown_at_once(open_probes, monkeypatch):
    offered = {}
    monkeypatch.setattr(downloads, "offer", lambda name, **files: offered.update({name: files}))
    app = open_probes(model="sudoku-hrm")
    assert set(offered["probes-solution"]["table"]["target"]) == {"solution"}
    summary = load_experiment(recorded_path("sudoku-hrm"))
    assert app["probes_target"] == summary.targets[0].name == "solution"
    assert summary.provenance.fingerprint[:8] in app.captions
    last = len(summary.time_points) - 1
    for state in ("z", "y"):
        value = views.value_at(summary.result("solution", state), "accuracy", last)
        assert f"{100 * value:.1f}%" in text(app)
    for view in ("All targets", "By cell", "Confusion matrix"):
        app.set("probes_view", view)
        assert not app.errors
    app.set("probes_target", "candidates_left")
    assert "Only targets with classes" in app.test.info[0].value


@pytest.mark.parametrize(
    "model, target, words",
    [
        (
            "sudoku-trm",
            "right_now",
            r"After step 16, z encodes more than every baseline \(\+0\.\d+ AUROC, .* and y encodes more than",
        ),
        ("sudoku-trm", "solution", "z and y encode the answer rather than the solution"),
        ("maze-trm", "right_now", "the test puzzles contain only one class, so there is nothing to test"),
        ("maze-trm", "dead_end", "the labels are the same as those of “on path”; see that target"),
    ],
)
def test_the_recorded_verdict_of_a_target_is_shown(open_probes, model, target, words):
    app = open_probes(model=model)
    app.set("probes_target", target)
    assert re.search(words, text(app).replace("\\", "")) and not app.errors


def test_another_model_brings_its_own_targets(open_probes):
    app = open_probes(model="sudoku-hrm")
    app.set("probes_target", "candidates_left")
    app.set("probes_view", "Causal test")
    app.set("model", "maze-hrm")
    recorded = load_experiment(recorded_path("maze-hrm"))
    assert app["probes_target"] == recorded.targets[0].name == "on_path"
    app.set("model", "sudoku-hrm")
    assert app["probes_target"] == "solution" and app.has("probes_causal_class")


def test_a_recording_of_other_weights_shows_a_warning(open_probes, monkeypatch):
    monkeypatch.setattr(shared, "weights_fingerprint", lambda name, stamp: "f" * 16)
    app = open_probes(model="sudoku-hrm")
    assert any("different weights" in warning for warning in app.warnings)


def test_probes_of_a_model_without_a_recording_are_fitted_by_a_job_and_applied_to_a_puzzle(
    open_probes, model_dir
):
    app = open_probes(model="runs/hrm")
    app.until(lambda: app.has("probes_fit"), "the controls")
    assert "Nothing has been recorded for runs/hrm" in app.test.info[0].value
    app.set("probes_targets", [])
    assert app.test.get_by_key("probes_fit").disabled
    app.set("probes_targets", ["solution", "candidates"])
    app.set("probes_steps", [1, 2])
    app.set("probes-count", 12)
    app.set("probes_code_length", True)
    app.click("probes_fit")
    app.until(lambda: app.has("probes_target"), "the experiment")
    assert list(app.test.get_by_key("probes_target").options) == ["solution", "candidates"]
    assert "description length, z" in text(app)
    app.set("probes_score", "code")
    experiment = result(app, "probes").summary
    code = views.code_of(experiment, "solution", "y")
    drawn = json.loads(app.test.get("plotly_chart")[0].proto.spec)["data"]
    assert [trace["name"] for trace in drawn] == ["z", "y", "label entropy"] and len(code.bits) == 2
    assert f"description length, y | {code.bits[-1]:.2f} bits" in text(app)
    assert f"label entropy / description length, y | {code.compression[-1]:.2f}" in text(app)
    app.set("probes_score", "accuracy")
    app.set("probes_view", "On one puzzle")
    app.until(lambda: "decoded correctly" in text(app), "the predictions")
    assert "Bold symbols are givens" in app.captions
    before = app["probes_puzzle"]
    app.set("probes_puzzle", "12")
    assert app.errors and "decoded correctly" in text(app)
    app.set("probes_puzzle", before)
    assert not app.errors
    app.set("probes_view", "Causal test")
    assert not app.has("probes_causal_member")  # the target has one probe
    assert list(app.test.get_by_key("probes_causal_time_point").options) == ["1"]  # not after the last step
    app.set("probes_causal_class", "7")
    app.click("probes_causal_run")
    app.until(lambda: "of its norm" in text(app), "the result of the causal test")
    use = result(app, "probes_causal")
    assert (use.class_name, use.at.supervision_step, len(use.random)) == ("7", 1, 4)
    fitted = result(app, "probes")
    assert fitted.command.startswith("python -m probes fit --model ") and "--code-length" in fitted.command
    for state in "zy":
        members = ["solution", *(f"candidate_{n}" for n in range(1, 10))]
        assert [probe.target for probe in fitted.probes(members, state)] == members


def test_a_recorded_experiment_has_directions_and_class_balance_but_no_description_length(open_probes):
    app = open_probes(model="sudoku-hrm")
    shares = views.balance_at(load_experiment(recorded_path("sudoku-hrm")), "solution", 4)
    assert (
        len(shares) == 9
        and f"Class proportions in the training puzzles at step 16: 1 ({100 * shares[0]:.1f}%)"
        in app.captions
    )
    app.set("probes_score", "code")
    assert "No description length was computed" in app.test.info[0].value
    app.set("probes_score", "accuracy")
    app.set("probes_view", "Probe directions")
    probe = open_probe(RECORDED / "sudoku-hrm" / "solution.z.safetensors")
    wanted = plane_of(*directions_at([probe], 4, []))
    assert f"of their squared length, **{100 * wanted.share:.0f}%**." in text(app)
    (drawn,) = [
        trace
        for element in app.test.get("plotly_chart")
        for trace in json.loads(element.proto.spec)["data"]
        if trace["mode"] == "text"
    ]
    assert drawn["text"] == list("123456789")
    app.set("probes_time_point", "1")
    earlier = plane_of(*directions_at([probe], 0, []))
    assert "after step 1:" in text(app) and f"**{100 * earlier.share:.0f}%**." in text(app)
    app.set("probes_target", "candidates")
    assert "**9 probe directions** in z after step 1" in text(app)
    app.set("probes_target", "right_now")
    assert "**5 probe directions** in z, one for each step" in text(app)
    assert not app.has("probes_time_point")


def result(app: App, panel: str):
    """Result of the analysis that was requested on the page."""
    _, analysis = app.test.session_state[f"{panel}_request"]
    return shared.jobs().find(analysis.key).result


def opened_key(files: list[tuple[str, bytes, str]]) -> tuple:
    """What the page calls the experiment of these files."""
    return "opened", tuple(sha256(content).hexdigest() for _, content, _ in files)


def test_saved_probes_are_applied_to_another_checkpoint(open_probes, model_dir):
    """Probes of sudoku-hrm on a model with other weights; then files that do not fit."""
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
        "Opened probes of 2 targets, fitted on sudoku-hrm" in app.captions
        and "applied to later, which has different weights" in app.captions
    )
    assert list(app.test.get_by_key("probes_view").options) == [
        "On one puzzle",
        "Causal test",
        "Probe directions",
    ]
    app.until(lambda: "decoded correctly" in text(app), "the predictions")
    (job,) = [
        job
        for key, job in shared.jobs()._jobs.items()
        if key[0] is ProbePrediction and key[2].key == opened_key(files)
    ]
    reading = job.result["readings"]
    assert {one["state"] for one in reading} == {"z", "y"} and {one["target"] for one in reading} == {
        "solution"
    }
    assert job.result["fingerprint"] != load_experiment(recorded_path("sudoku-hrm")).provenance.fingerprint
    app.set("probes_view", "Probe directions")
    assert "**9 probe directions**" in text(app)
    app.set("probes_files", [*files[:1], ("mine<b>.safetensors", b"no probe", "")])
    assert "mine<b>.safetensors is not a probe of this version" in app.errors[0] and not app.has(
        "probes_view"
    )
    app.set("probes_files", files[:1] * 2)
    assert "was given twice" in app.errors[0]
    app.set("probes_files", [])
    assert not app.errors and app.has("probes_fit")
    app.set("probes_files", files[:1])
    app.set("model", "maze-hrm")
    assert "this model solves maze" in app.errors[0]


def test_differences_on_the_scoreboard_equal_those_of_the_scores():
    summary = load_experiment(recorded_path("sudoku-hrm"))
    boards = {what: views.scoreboard(summary, what) for what in views.SCOREBOARD_VALUES}
    for row in range(len(summary.targets)):
        for time_point in range(len(summary.time_points)):
            z, y = (boards[state].values[row][time_point] for state in ("z", "y"))
            if z is not None and y is not None:
                assert boards["z minus y"].values[row][time_point] == pytest.approx(z - y)
    first = summary.targets[0]
    baselines = views.baselines_at(summary, first.name, first.score, 0, of="z").values()
    assert boards["z minus best baseline"].values[0][0] == pytest.approx(
        boards["z"].values[0][0] - max(baselines)
    )
    assert target_label("right_at_end") == "right at end"


def test_a_typed_puzzle_survives_a_change_of_tab_and_a_reload(open_app, open_probes):
    app = open_probes(model="sudoku-hrm")
    app.set("probes_view", "On one puzzle")
    typed = app["probes_puzzle"].replace("1", ".")
    app.set("probes_puzzle", typed)
    for view in ("Probe directions", "On one puzzle"):
        app.set("probes_view", view)
    assert app["probes_puzzle"] == app.link["puzzle"] == typed and not app.errors
    again = App(app.link | {"probes_view": "On one puzzle"}, "probes")
    assert again["probes_puzzle"] == typed and not again.errors


def test_the_target_selector_is_disabled_where_all_targets_are_shown(open_app):
    app = App({"model": "sudoku-trm", "probes_view": "All targets"}, "probes")
    assert app.test.get_by_key("probes_target").disabled
    app.set("probes_view", "By cell")
    assert not app.test.get_by_key("probes_target").disabled


def test_the_step_that_is_decoded_opens_in_solve(open_probes, monkeypatch):
    opened = []
    monkeypatch.setattr(links, "follow", opened.append)
    app = open_probes(model="sudoku-hrm")
    app.set("probes_view", "On one puzzle")
    app.until(lambda: app.has("probes_solve"), "the decoded step")
    app.click("probes_solve")
    last = load_experiment(recorded_path("sudoku-hrm")).time_points[-1]
    assert opened[0]["model"] == "sudoku-hrm" and opened[0]["puzzle"] == app["probes_puzzle"]
    assert opened[0]["at"] == f"{last.supervision_step}.{last.cycle}.{last.call}"


@pytest.mark.parametrize("most, words", [(2, "1.safetensors"), (1, "2 files are too many. Open at most 1.")])
def test_so_many_files_may_be_uploaded(monkeypatch, most, words):
    messages = []
    files = [SimpleNamespace(name=f"{number}.safetensors", getvalue=lambda: b"junk") for number in (1, 2)]
    monkeypatch.setattr(uploads, "MOST", most)
    monkeypatch.setattr(uploads.st, "session_state", {uploads.KEY: files})
    monkeypatch.setattr(uploads.status, "problem", messages.append)
    assert uploads.from_files(None) is None
    assert len(messages) == 1 and words in messages[0]
