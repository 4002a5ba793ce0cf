"""Stores of recorded states in --data-dir are offered beside the bundled sets, and analysed without running the model."""

import numpy as np
import pytest
from stores import SMALL, model_that_halts

from app.screens.compare.measurement import ModelMeasurement
from app.screens.halting.source import HaltingMeasurement
from app.screens.latents.source import TrajectoryRecording
from app.screens.probes.source import ProbeFit
from app.server.models import ModelSource
from app.server.options import DATA_DIR
from app.sidebar import dataset
from app.sidebar.dataset import PuzzleSetChoice
from probes.halting.runs import run_puzzles
from trm.data import PuzzleSet
from trm.errors import StoreError, UserError
from trm.progress import no_progress
from trm.store.layout import StoreSettings
from trm.store.record import record_store
from trm.tasks.sudoku import Sudoku

SOURCE = ModelSource("tiny", "tiny", "file")


@pytest.fixture
def model(tiny_model):
    return model_that_halts(tiny_model)


@pytest.fixture
def data_dir(tmp_path, monkeypatch, model):
    """A folder with a store of a tiny model, an empty folder, a file, and a damaged store."""
    inputs, labels = SMALL.generate_many(40, givens=(6, 10), seed=3)
    puzzles = PuzzleSet.of("forty", SMALL, inputs, labels)
    record_store(
        model,
        SMALL,
        puzzles,
        tmp_path / "traces",
        StoreSettings(calls="all", positions="all", dtype="float32"),
        log=str,
    )
    for name in ("empty", "damaged"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "damaged/manifest.json").write_text("{}")
    monkeypatch.setenv(DATA_DIR, str(tmp_path))
    return tmp_path


def test_the_stores_of_the_task_are_offered(data_dir):
    assert dataset.stores_for(SMALL) == {"traces (recorded states)": data_dir / "traces"}
    assert dataset.stores_for(Sudoku()) == {}


def test_without_a_folder_there_are_none(monkeypatch):
    monkeypatch.delenv(DATA_DIR, raising=False)
    assert dataset.stores_for(SMALL) == {}


def test_halting_is_read_from_the_store(data_dir, model, monkeypatch):
    puzzles = PuzzleSetChoice("traces (recorded states)", 40, data_dir / "traces")
    monkeypatch.setattr("probes.halting.runs.run_puzzles", None)
    result = HaltingMeasurement(SOURCE, puzzles, model.config.depth).run(model, no_progress)
    monkeypatch.undo()
    inputs, labels = SMALL.generate_many(40, givens=(6, 10), seed=3)
    runs = run_puzzles(model, SMALL, PuzzleSet.of("forty", SMALL, inputs, labels), depth=model.config.depth)
    assert np.array_equal(result.runs.right, runs.right) and result.runs.count == 40


def test_probes_are_fitted_to_the_states_of_the_store(data_dir, model):
    puzzles = PuzzleSetChoice("traces (recorded states)", 40, data_dir / "traces")
    fit = ProbeFit(SOURCE, puzzles, ("solution",), ("z",), (1, 2), "none", False)
    experiment = fit.run(model, no_progress)
    assert [one.source for one in experiment.summary.results] == ["z", "derived", "input"]
    assert f"--store {data_dir / 'traces'}" in fit.command and "--data" not in fit.command


def test_trajectories_are_read_from_the_store(data_dir, model, monkeypatch):
    puzzles = PuzzleSetChoice("traces (recorded states)", 10, data_dir / "traces")
    monkeypatch.setattr("probes.latents.trajectories.record_trajectories", None)
    trajectories = TrajectoryRecording(SOURCE, puzzles, "f_H", "mean").run(model, no_progress)
    assert len(trajectories) == 10 and trajectories.provenance.fingerprint == model.fingerprint


def test_a_comparison_takes_a_store_of_each_model(data_dir, model):
    choice = PuzzleSetChoice("traces (recorded states)", 40, data_dir / "traces")
    with pytest.raises(
        UserError, match=r"No store holds these 40 puzzles of forty recorded with other.*trm trace"
    ):
        choice.recorded_with(ModelSource("other", "other", "file"), SMALL)
    assert choice.recorded_with(SOURCE, SMALL) == choice
    measured, _ = ModelMeasurement(SOURCE, choice).run(model, no_progress)
    assert measured.provenance.count == 40


def test_a_bundled_set_is_the_same_for_every_model():
    choice = PuzzleSetChoice("sudoku/test", 40)
    assert choice.recorded_with(SOURCE, Sudoku()) is choice


def test_a_store_of_other_weights_is_refused(data_dir, model):
    model.fingerprint = "1" * 16
    puzzles = PuzzleSetChoice("traces (recorded states)", 40, data_dir / "traces")
    with pytest.raises(StoreError, match="not recorded with the weights of tiny"):
        puzzles.open_store(model)
