"""Trajectories hold the states of a run, averaged over cells or of one cell, recorded directly or read from a store."""

import numpy as np
import pytest
from fake_trajectories import SMALL, fake_trajectories
from limits import check_largest

from probes.latents import trajectories as module
from probes.latents.trajectories import (
    MEAN,
    TrajectoriesError,
    cell_index,
    read_trajectories,
    record_trajectories,
)
from trm.coordinates import F_H, F_L
from trm.data import PuzzleSet
from trm.errors import StoreError
from trm.evaluate import evenly
from trm.store import open_store
from trm.store.layout import StoreSettings
from trm.store.record import record_store


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    inputs, labels = SMALL.generate_many(6, givens=(6, 10), seed=5)
    return PuzzleSet.of("six", SMALL, inputs, labels, difficulty=("easy", "hard") * 3)


@pytest.fixture
def model(tiny_model):
    return tiny_model(n=2, T=2, N_sup=2)


@pytest.fixture
def stored(tmp_path, model, puzzles):
    """Records the puzzles with the given settings; returns the store."""

    def make(**changes):
        settings = StoreSettings(**{"calls": "all", "dtype": "float32", "logits": "top1"} | changes)
        record_store(model, SMALL, puzzles, tmp_path / "store", settings, log=str)
        return open_store(tmp_path / "store")

    return make


def test_trajectories_are_the_states_of_the_run(model, puzzles, stored):
    store = stored(positions="cells")
    trajectories = record_trajectories(model, puzzles, calls="all")
    assert trajectories.position == MEAN and trajectories.cell is None and len(trajectories) == 6
    assert trajectories.calls["z"] == store.coordinates("z") and len(trajectories.calls["z"]) == 12
    assert {at.kind for at in trajectories.calls["y"]} == {F_H}
    for state in ("y", "z"):
        assert trajectories.states[state] == pytest.approx(store.states(state).mean(2), abs=1e-6)
    assert np.array_equal(trajectories.answers, store.answers())
    assert trajectories.difficulty == puzzles.difficulty and trajectories.puzzle_numbers.tolist() == list(
        range(6)
    )
    read = read_trajectories(store)  # averaged on reading
    assert read.states["z"] == pytest.approx(trajectories.states["z"], abs=1e-6)
    assert read.provenance.fingerprint == model.fingerprint and read.difficulty == ("",) * 6


def test_a_limit_takes_puzzles_evenly_and_keeps_their_numbers(model, puzzles):
    trajectories = record_trajectories(model, puzzles, limit=3)
    assert (
        trajectories.puzzle_numbers.tolist() == evenly(6, 3).tolist()
        and len(set(trajectories.puzzle_numbers.tolist())) == 3
    )
    assert np.array_equal(trajectories.inputs, puzzles.inputs[trajectories.puzzle_numbers])


def test_a_limit_takes_puzzles_evenly_from_a_store(stored):
    store = stored()
    some, rows = read_trajectories(store, limit=3), evenly(6, 3)
    assert some.puzzle_numbers.tolist() == rows.tolist() and some.provenance.count == 3
    assert np.array_equal(some.states["z"], read_trajectories(store).states["z"][rows])
    assert np.array_equal(some.answers, store.answers(rows))


def test_trajectories_of_one_cell(model, puzzles, stored):
    store = stored(positions="cells")
    trajectories = record_trajectories(model, puzzles, calls="all", position="r2c3")
    assert trajectories.cell == 6
    assert np.array_equal(read_trajectories(store, position="r2c3").states["z"], store.states("z")[:, :, 6])
    assert trajectories.states["z"] == pytest.approx(store.states("z")[:, :, 6], abs=1e-6)


def test_averaging_in_parts_changes_nothing(stored, monkeypatch):
    store = stored(positions="cells")
    whole = read_trajectories(store).states["y"]
    monkeypatch.setattr(module, "READ_AT_ONCE", 1)  # a puzzle at a time
    assert np.array_equal(read_trajectories(store).states["y"], whole)


@pytest.mark.parametrize("position", ["r9c9", "r0c1", "r1c5", "cells", "r1", "r1c1,r2c2", ""])
def test_a_cell_that_does_not_exist_is_named(model, puzzles, position):
    with pytest.raises(TrajectoriesError, match=r"no position .* grid of 4x4.*r4c4"):
        record_trajectories(model, puzzles, position=position)
    with pytest.raises(TrajectoriesError):
        cell_index(position, SMALL)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"states": "y"}, "y, z and the answers are needed"),
        ({"logits": "none"}, "y, z and the answers are needed"),
        ({"positions": "r1c1"}, "does not contain the position mean"),
    ],
)
def test_a_store_that_lacks_a_recording_says_so(stored, changes, words):
    with pytest.raises(StoreError, match=words):
        read_trajectories(stored(**changes))


def test_trajectories_too_large_are_refused_before_the_run(model, puzzles, stored, monkeypatch):
    store = stored()
    read = 6 * 8 * 4 * (4 + 12)  # six puzzles, eight numbers, y after 4 calls and z after 12
    check_largest(
        monkeypatch, f"{module.__name__}.LARGEST_TRAJECTORIES", read, lambda: read_trajectories(store)
    )
    recorded = 6 * 8 * 4 * 2 * 4  # y and z after the 4 calls of f_H
    check_largest(
        monkeypatch,
        f"{module.__name__}.LARGEST_TRAJECTORIES",
        recorded,
        lambda: record_trajectories(model, puzzles),
    )
    monkeypatch.setattr(module, "LARGEST_TRAJECTORIES", 1000)
    with pytest.raises(TrajectoriesError, match="Use fewer puzzles"):
        read_trajectories(store)
    with pytest.raises(TrajectoriesError, match="Choose fewer puzzles"):
        record_trajectories(model, puzzles)


def test_an_exception_from_progress_stops_the_recording(model, puzzles):
    seen = []

    def progress(share, text):
        seen.append(text)
        raise StopAsyncIteration

    with pytest.raises(StopAsyncIteration):
        record_trajectories(model, puzzles, progress=progress)
    assert seen == ["running tiny on 6 puzzles"]


def test_an_answer_is_current_until_the_next(model, puzzles):
    """n = T = 2: in each cycle two f_L calls, then f_H."""
    trajectories = record_trajectories(model, puzzles, calls="all")
    assert trajectories.answer_indices("z").tolist() == [-1, -1, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert trajectories.answer_indices("y").tolist() == [0, 1, 2, 3]


def test_only_f_l_calls_update_z(model, puzzles):
    trajectories = record_trajectories(model, puzzles, calls="all")
    calls, states = trajectories.state_updates("z")
    assert {at.kind for at in calls} == {F_L} and states.shape == (6, 8, 8)
    assert (np.abs(np.diff(states, axis=1)).max((0, 2)) > 0).all()
    assert trajectories.state_updates("y")[0] == trajectories.calls["y"]
    few = record_trajectories(model, puzzles)  # f_H calls only: z as f_L left it
    assert few.state_updates("z")[0] == few.calls["z"]


def test_solved_follows_the_rules(tiny_config):
    right = np.array([[False, True, True], [False, False, False]])
    states = np.zeros((2, 3, 4))
    trajectories = fake_trajectories(tiny_config(), {"y": states, "z": states}, right=right)
    assert np.array_equal(trajectories.solved, right)
