"""States from a store are those that the model computes now, and every analysis of them gives the same numbers."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from stores import SMALL

from probes.comparison.measure import measure
from probes.comparison.set_run import read_set, run_set
from probes.halting.runs import read_runs, run_puzzles
from probes.linear.experiment.results import ExperimentSettings
from probes.linear.experiment.run import fit_experiment, run_experiment
from probes.linear.probe import ProbeSettings
from probes.states import StateSource, TimePointError, answer_call, last_call, time_points_of
from trm.batch import MemoryLimitError
from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.data import PuzzleSet
from trm.errors import StoreError
from trm.recursion import deep_supervision
from trm.store.layout import StoreSettings
from trm.store.record import record_store

REPOSITORY = Path(__file__).resolve().parents[3]
DEPTH = Depth(n=2, T=2, N_sup=2)


@pytest.fixture
def stored(tmp_path, model, puzzles):
    """Records the ten puzzles in float32 with these settings, and opens them as a source."""

    def make(puzzles=puzzles, limit=None, **settings) -> StateSource:
        settings = StoreSettings(**{"dtype": "float32", "batch": 16, "shard": 4, **settings})
        record_store(model, SMALL, puzzles, tmp_path / "store", settings, log=str, force=True)
        return StateSource.open(tmp_path / "store", limit=limit)

    return make


def test_time_points_are_the_requested_ones():
    depth = Depth(n=2, T=2, N_sup=3)
    assert time_points_of(depth, [3, 1]) == (last_call(depth, 1), last_call(depth, 3))
    assert [at.cycle for at in time_points_of(depth, [2], "cycles")] == [1, 2]
    assert len(time_points_of(depth, [1, 2], "all")) == 2 * depth.calls_per_step
    with pytest.raises(TimePointError, match="Choose from 1 to 3"):
        time_points_of(depth, [4])
    with pytest.raises(TimePointError, match="cycles"):
        time_points_of(depth, [1], "some")


def test_the_answer_after_a_call_is_that_of_the_last_f_h_call():
    """In order: f_L calls before the first answer, of the second cycle, and of the second step; an f_H call."""
    first = Coordinates(1, 1, 3, F_H)
    for at, call in (
        (Coordinates(1, 1, 2, F_L), None),
        (Coordinates(1, 2, 1, F_L), first),
        (Coordinates(2, 1, 1, F_L), Coordinates(1, 2, 3, F_H)),
        (Coordinates(3, 1, 2, F_L), Coordinates(2, 2, 3, F_H)),
        (first, first),
    ):
        assert answer_call(Depth(n=2, T=2, N_sup=3), at) == call


def test_computed_states_are_those_of_the_recursion(model, puzzles):
    ends = time_points_of(DEPTH, [1, 2])
    source = StateSource.compute(model, SMALL, puzzles, time_points=ends)
    tokens, ids = (
        torch.from_numpy(array.astype(np.int64)) for array in (puzzles.inputs, puzzles.puzzle_identifiers)
    )
    steps = list(deep_supervision(model, tokens, ids, depth=DEPTH))
    for at, step in zip(ends, steps, strict=True):
        for name in ("y", "z"):
            state = getattr(step.state, name)[:, 1:]
            np.testing.assert_allclose(source.states(name, at), state, rtol=1e-4, atol=1e-5)
        assert (source.answers(at) == step.heads.logits.argmax(-1).numpy()).all()
        number = at.supervision_step - 1
        np.testing.assert_allclose(
            source.halting_logits()[:, number], model.halting_logit(step.heads), atol=1e-5
        )
    assert (source.final_answers() == source.answers(ends[-1])).all()
    assert np.array_equal(source.halts_at(ends[:1])[:, 0], source.halting_logits()[:, 0] > 0)
    assert source.halts_at(ends).shape == (10, 2)


@pytest.mark.parametrize("calls", ["last", "cycles", "all"])
def test_a_store_holds_the_same_states(stored, model, puzzles, calls):
    time_points = time_points_of(DEPTH, [1, 2], calls)
    time_points = [at for at in time_points if (at.supervision_step, at.cycle, at.kind) != (1, 1, F_L)]
    computed = StateSource.compute(model, SMALL, puzzles, time_points=time_points)
    source = stored(calls="all")
    for at in time_points:
        for name in ("y", "z"):
            np.testing.assert_allclose(source.states(name, at), computed.states(name, at), atol=1e-6)
    assert (source.answers_at(time_points) == computed.answers_at(time_points)).all()
    np.testing.assert_allclose(source.halting_logits(), computed.halting_logits(), atol=1e-6)
    assert (source.puzzles.labels == puzzles.labels).all()


def test_before_the_first_answer_y_is_the_initial_one(stored, model, puzzles):
    first = Coordinates(1, 1, 1, F_L)
    source = StateSource.compute(model, SMALL, puzzles, time_points=[first])
    np.testing.assert_allclose(source.states("y", first, np.arange(2)), model.H_init.expand(2, 16, 8))
    assert source.answers(first).shape == (10, 16)
    with pytest.raises(
        StoreError, match=r"does not contain y before the first f_H call \(call 1\.1\.3, f_H\)"
    ):
        stored(calls="all").states("y", first)


def test_a_limit_takes_puzzles_evenly(stored, puzzles):
    source = stored(limit=4)
    assert len(source) == 4 and source.rows[0] == 0 and source.rows[-1] > 6
    assert (source.puzzles.inputs == puzzles.inputs[source.rows]).all()
    at = last_call(DEPTH, 2)
    assert np.array_equal(
        source.states("z", at, np.array([1])), source.store.states("z", int(source.rows[1]), at=at)[0]
    )


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"positions": "mean"}, "does not contain all cells.*--positions cells"),
        ({"states": "z"}, "contains z, not y.*--states y"),
        ({"calls": "2.*.*"}, r"does not contain z after call 1\.2\.3"),
    ],
)
def test_what_to_record_is_named(stored, settings, words):
    with pytest.raises(StoreError, match=words) as error:
        stored(**settings).check(("z", "y"), time_points_of(DEPTH, [1]))
    assert "\n" not in str(error.value)


def test_states_that_do_not_fit_into_memory_may_lie_on_disk(model, puzzles, monkeypatch, tmp_path):
    ends = time_points_of(DEPTH, [1, 2])
    in_memory = StateSource.compute(model, SMALL, puzzles, time_points=ends)
    monkeypatch.setattr("trm.batch.MEMORY", 20_000)
    with pytest.raises(MemoryLimitError, match=r"Use at most \d puzzles"):
        StateSource.compute(model, SMALL, puzzles, time_points=ends)
    on_disk = StateSource.compute(model, SMALL, puzzles, time_points=ends, folder=tmp_path / "states")
    np.testing.assert_allclose(on_disk.states("z", ends[1]), in_memory.states("z", ends[1]), atol=1e-6)


@pytest.mark.heavy
def test_probes_of_a_store_have_the_scores_of_probes_of_the_model(stored, model):
    inputs, labels = SMALL.generate_many(40, givens=(6, 10), seed=3)
    puzzles = PuzzleSet.of("forty", SMALL, inputs, labels)
    settings = ExperimentSettings(
        targets=("solution", "candidates_left", "right_at_end"),
        steps=(1, 2),
        probe=ProbeSettings(C=(0.1, 1.0), alpha=(1.0,), resamples=20),
    )
    computed = run_experiment(model, SMALL, puzzles, settings)
    recorded = fit_experiment(stored(puzzles=puzzles), settings)
    assert recorded.provenance == computed.provenance
    for one, other in zip(recorded.results, computed.results, strict=True):
        assert (one.group.name, one.source) == (other.group.name, other.source)
        for name, score in one.scores.items():
            np.testing.assert_allclose(score.value, other.scores[name].value, atol=1e-6)


@pytest.mark.heavy
def test_large_features_are_mapped_from_a_file_and_give_the_same_probes(stored, model, monkeypatch):
    inputs, labels = SMALL.generate_many(40, givens=(6, 10), seed=3)
    source = stored(puzzles=PuzzleSet.of("forty", SMALL, inputs, labels))
    settings = ExperimentSettings(
        targets=("solution",), steps=(1, 2), probe=ProbeSettings(C=(0.1, 1.0), resamples=20, code_length=True)
    )
    usual = fit_experiment(source, settings)
    monkeypatch.setattr("probes.linear.fitting.scratch.LARGE", 1000)
    mapped = fit_experiment(source, replace(settings))
    for one, other in zip(mapped.results, usual.results, strict=True):
        for probe, same in zip(one.probes, other.probes, strict=True):
            np.testing.assert_allclose(probe.weights, same.weights, atol=1e-4)


def test_halting_of_a_store_is_that_of_the_model(stored, model, puzzles):
    computed = run_puzzles(model, SMALL, puzzles, depth=DEPTH)
    recorded = read_runs(stored())
    for name in ("rows", "blanks", "wrong", "changed", "right"):
        assert np.array_equal(getattr(recorded, name), getattr(computed, name))
    for name in ("q_halt", "halting"):
        np.testing.assert_allclose(getattr(recorded, name), getattr(computed, name), atol=1e-6)
    assert recorded.puzzles == computed.puzzles
    assert replace(recorded.provenance, recorded="", data="") == replace(
        computed.provenance, recorded="", data=""
    )
    with pytest.raises(StoreError, match="--calls 2"):
        read_runs(stored(puzzles=puzzles.take(np.arange(4)), calls="2.*.*"))


@pytest.mark.heavy
@pytest.mark.parametrize("changes", [{}, {"kind": "hrm", "H_layers": 1}], ids=["trm", "hrm"])
def test_a_comparison_of_recorded_runs_has_the_measurements_of_the_model(
    stored, tiny_model, puzzles, tmp_path, changes
):
    model = tiny_model(n=2, T=2, N_sup=2, **changes)
    settings = StoreSettings(calls="all", positions="all", dtype="float32", batch=16, shard=4)
    record_store(model, SMALL, puzzles, tmp_path / "other", settings, log=str)
    source = StateSource.open(tmp_path / "other")
    recorded, computed = read_set(source, model), run_set(model, puzzles, store_states=True)
    for name, values in vars(computed).items():
        np.testing.assert_allclose(getattr(recorded, name), values, atol=2e-3 if name in "yz" else 1e-5)
    one, _ = measure(model, SMALL, puzzles, recorded=source)
    other, _ = measure(model, SMALL, puzzles)
    assert one.solved == other.solved and one.retention == other.retention
    with pytest.raises(StoreError, match="--positions all"):
        read_set(stored(), model)


PROCESSES = """
import os, sys
from pathlib import Path
import numpy as np
from probes.linear.experiment.results import ExperimentSettings
from probes.linear.experiment.run import fit_experiment
from probes.linear.probe import ProbeSettings
from probes.states import StateSource
from torch import distributed
from trm.parallel import Worker

settings = ExperimentSettings(
    targets=("solution", "candidates_left"), steps=(1, 2), probe=ProbeSettings(C=(0.1,), alpha=(1.0,), resamples=20)
)
folder, stores, FileStore = Path(sys.argv[1]), [], distributed.FileStore

def kept(*arguments):  # a store that is never deleted does not remove its file
    stores.append(FileStore(*arguments))
    return stores[-1]

distributed.FileStore = kept

def fit(rank, size):
    os.environ |= {"SLURM_PROCID": str(rank), "SLURM_NTASKS": str(size), "SLURM_JOB_ID": "7"}
    worker = Worker.of_this_process()
    assert (worker.rank, worker.size) == (rank, size)
    experiment = fit_experiment(StateSource.open(folder / "store"), settings, worker=worker, folder=folder)
    assert (experiment is None) == (rank > 0)
    if experiment:
        weights = [probe.weights.ravel() for result in experiment.results for probe in result.probes]
        np.save(folder / f"{size}.npy", np.concatenate(weights))

for size in (1, 2):
    processes = []
    for rank in range(size):  # each is a fork that need not import everything again
        processes.append(os.fork())
        if not processes[-1]:
            fit(rank, size)
            os._exit(0)
    assert [os.waitpid(process, 0)[1] for process in processes] == [0] * size
"""


@pytest.mark.heavy
def test_two_processes_fit_the_probes_of_one(stored, tmp_path):
    inputs, labels = SMALL.generate_many(40, givens=(6, 10), seed=3)
    stored(puzzles=PuzzleSet.of("forty", SMALL, inputs, labels))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", PROCESSES, str(tmp_path)]
    subprocess.run(command, env=environment, check=True, timeout=200)
    assert np.array_equal(np.load(tmp_path / "1.npy"), np.load(tmp_path / "2.npy"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.npy", "2.npy", "store"]
