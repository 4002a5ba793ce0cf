"""Figures over training on the Halting page: recorded ones at once, others computed."""

import numpy as np
import pytest

from app.server.options import MODEL_DIR
from probes.training_axis.figures import FIGURES
from probes.training_axis.measure import measure_run
from tests.app.sidebar.test_training_axis import add_snapshot
from trm.checkpoint import load_model
from trm.data import load_puzzles
from trm.registry import run_snapshots
from trm.results import save
from trm.tasks import get_task

UPDATES = (10, 20, 30)


@pytest.fixture
def run(tmp_path, monkeypatch, tiny_model):
    """A run of 9x9 Sudoku."""
    for seed, folder in enumerate(("snapshots/030-percent", "snapshots/060-percent", ".")):
        model = tiny_model(seed=seed, vocab_size=11, sequence_length=81)
        add_snapshot(tmp_path / "models" / "run" / folder, model, UPDATES[seed])
    monkeypatch.setenv(MODEL_DIR, str(tmp_path / "models"))
    return tmp_path / "models" / "run"


@pytest.fixture
def axis(run):
    """Figures of the run, in its folder."""
    task = get_task("sudoku")
    puzzles = load_puzzles("sudoku/test", task).take(np.arange(12))
    snapshots = run_snapshots(run / "model.safetensors")
    axis = measure_run(snapshots, lambda each: load_model(str(each.weights)), task, puzzles, name="run")
    save(run / "training_axis.safetensors", axis)
    return axis


def open_page(open_app, **link: str):
    return open_app("halting", **link)


def test_recorded_figures_are_shown_at_once(open_app, axis):
    app = open_page(open_app, model="run")
    assert "3 snapshots on 12 puzzles from sudoku/test" in app.captions
    assert "recursion depth in use at that point" not in app.captions  # all have the same
    for name in (*FIGURES, "wrong_cells"):
        app.set("training_figure", name)
        assert not app.errors and len(app.test.get("plotly_chart")) == 1, name
    (command,) = [code.value for code in app.test.code if "probes training" in code.value]
    assert command == "python -m probes training --model run --data sudoku/test --limit 12"


def test_the_best_snapshot_can_be_chosen(open_app, axis):
    app = open_page(open_app, model="run")
    app.set("training_figure", "blank_cell")
    best = axis.best_by("blank_cell").number
    app.set("snapshot_place", next(place for place, update in enumerate(UPDATES, 1) if update != best))
    assert any(f"update {best}" in text.value for text in app.test.markdown)
    assert not app.test.get_by_key("training_best").disabled
    app.click("training_best")
    assert app.test.get_by_key("training_best").disabled
    assert app["snapshot_place"] == 1 + UPDATES.index(best)


def test_snapshots_that_were_not_measured_are_named(open_app, axis, run, tiny_model):
    add_snapshot(run, tiny_model(vocab_size=11, sequence_length=81), 40)
    assert "Not measured yet: update 40." in open_page(open_app, model="run").captions


def test_figures_are_computed(open_app, run):
    app = open_page(open_app, model="run")
    assert any("No figures over training are recorded" in info.value for info in app.test.info)
    app.set("training-count", 10)
    app.click("training_compute")
    app.until(lambda: "3 snapshots on 10 puzzles" in app.captions, "the figures")


def test_a_single_checkpoint_has_no_such_section(open_app, model_dir):
    app = open_page(open_app, model="runs/hrm")
    assert not app.has("training_compute")


def test_the_bundled_run_is_recorded(open_app):
    app = open_page(open_app, model="sudoku-trm")
    assert "6 snapshots on 100 puzzles from sudoku/test" in app.captions and not app.warnings
