"""The runs of a lecture: their facts, the sizes of their model, and the progress of computing them for another model."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from app.screens.lecture.contents import bundled_lecture
from app.screens.lecture.language import read_language
from app.screens.lecture.own_model import LectureRuns
from app.screens.lecture.runs import SceneRun, read_run


@pytest.fixture(scope="module")
def run() -> SceneRun:
    """A run of a model with 128 numbers in each of 81 cells and one position before them."""
    return read_run("sudoku-trm/easy")


def test_the_accuracy_of_a_model_is_a_fact_in_percent(run):
    scored = {"parameters": 5, "accuracy": {"exact": 0.25, "count": 16}}
    facts = replace(run, card=scored).facts
    assert (facts["exact"], facts["score_count"], facts["scored"]) == ("25.0", 16, True)
    assert replace(run, card=scored | {"accuracy": None}).facts["scored"] is False


def test_only_a_model_of_several_latents_has_one_more_axis_in_z(run):
    assert run.sizes["z"] == run.sizes["y"] == [1, 82, 128]
    several = replace(run, config=replace(run.config, kind="trm-multi-z", latents=3))
    assert several.sizes["z"] == [1, 3, 82, 128] and several.sizes["y"] == [1, 82, 128]


def test_the_progress_counts_the_runs_and_their_steps(run, monkeypatch):
    recorded = bundled_lecture().recorded
    keys = tuple(key for key, each in recorded.items() if each.model == "sudoku-trm")[:2]
    half = SimpleNamespace(steps=8, depth=run.trace.depth)
    grown = iter([half, recorded[keys[0]].trace, half, recorded[keys[1]].trace])
    monkeypatch.setattr("trm.record.growing_trace", lambda *parts, labels: [next(grown), next(grown)])
    monkeypatch.setattr("trm.models.parameter_count", lambda model: 5)
    model, shares = SimpleNamespace(fingerprint="f" * 16, config=run.config), []
    runs = LectureRuns(SimpleNamespace(name="mine"), keys, read_language("en"))
    lecture = runs.run(model, lambda share, text: shares.append(share))
    assert shares == [0, 0.25, 0.5, 0.5, 0.75, 1]
    assert "mine" in {each.model for runs in lecture.scene_runs.values() for each in runs}
