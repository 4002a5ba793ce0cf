"""Sweeps on tiny models: the numbers match single runs, and the counts are correct."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import DEPTH, SMALL, answers_of

from probes.interventions.batched import run_rows, states_before
from probes.interventions.fork import cache_run, last_of
from probes.interventions.hooks import add_noise
from probes.interventions.multi_run import (
    MultipleRuns,
    distinct,
    fixed_points,
    most_frequent,
    multiple_runs,
    selection,
)
from probes.interventions.patching import patch_map
from probes.interventions.sites import InterventionError
from probes.interventions.sweeps import SweepCurve, ablation_sweep, noise_sweep
from probes.states import StateSource
from trm.batch import MemoryLimitError
from trm.errors import StoreError
from trm.recursion import State
from trm.store.layout import StoreSettings
from trm.store.record import record_store

# ---- rows


def test_rows_match_single_runs(model, puzzles):
    clean = run_rows(model, puzzles.inputs, depth=DEPTH, return_y=True)
    single = [answers_of(model, grid) for grid in puzzles.inputs]
    for row, steps in enumerate(single):
        assert np.array_equal(clean.answers[:, row], np.stack(steps))
    runs = [cache_run(model, SMALL, grid) for grid in puzzles.inputs]
    ends = [[run.states[last_of(step, DEPTH)].y.numpy().ravel() for run in runs] for step in (2, 3)]
    assert clean.y == pytest.approx(np.stack(ends[1]), abs=1e-5)
    before, after = map(np.stack, ends)
    moves = np.linalg.norm(after - before, axis=1) / np.linalg.norm(after, axis=1)
    assert clean.moves[-1] == pytest.approx(moves, rel=1e-4)


def test_progress_and_cancel(model, puzzles):
    reports: list[float] = []
    run_rows(model, puzzles.inputs, depth=DEPTH, progress=lambda share, text: reports.append(share))
    assert reports == sorted(reports) and reports[-1] == pytest.approx(1) and len(reports) == 1 + 18

    class Stop(Exception):
        pass

    def stop(share: float, text: str) -> None:
        if share > 0.3:
            raise Stop

    with pytest.raises(Stop):
        run_rows(model, puzzles.inputs, depth=DEPTH, progress=stop)


# ---- noise and ablation


def test_noise_matches_single_runs(model, puzzles):
    """The labels are the model's answers with noise of one size, so exactly this size has accuracy 1."""
    labels = []
    for number, grid in enumerate(puzzles.inputs):
        tokens = torch.from_numpy(grid.astype(np.int64))[None]
        start = model.initial_state(model.embed(tokens, torch.zeros(1).long()))
        z = add_noise(start.z, torch.tensor([3.0]), [(5 * 1_000_003 + number) * 2 + 1])
        labels.append(answers_of(model, grid, State(start.y, z))[-1])
    relabelled = replace(puzzles, labels=np.stack(labels))
    sweep = noise_sweep(model, SMALL, relabelled, sizes=(0.0, 0.5, 3.0), state="z", seed=5)
    assert sweep.solved.share[2] == 1 and (sweep.solved.share[:2] < 1).all()
    assert set(sweep.columns()) == {"size", "share", "low", "high", "mean_steps"}


def test_noise_at_a_later_step_starts_from_the_state_there(model, puzzles):
    labels = np.stack([answers_of(model, grid)[-1] for grid in puzzles.inputs])
    reports: list[tuple[float, str]] = []
    sweep = noise_sweep(
        model, SMALL, replace(puzzles, labels=labels), sizes=(0.0, 1.0), step=3,
        progress=lambda share, text: reports.append((share, text)),
    )  # fmt: skip
    assert sweep.solved.share[0] == 1 and sweep.steps[0] == 1
    before = [share for share, text in reports if "noise" not in text]
    assert max(before) == pytest.approx(0.5)  # two steps without noise, then one with each size
    assert [share for share, _ in reports] == sorted(share for share, _ in reports)
    assert reports[-1][0] == pytest.approx(1)


def test_a_puzzle_that_is_correct_only_before_the_last_step_is_not_solved(model, puzzles):
    """Otherwise more noise, which visits more answers, would seem to solve more."""
    steps = [answers_of(model, grid) for grid in puzzles.inputs]
    labels = np.stack([answers[0] for answers in steps])
    sweep = noise_sweep(model, SMALL, replace(puzzles, labels=labels), sizes=(0.0,))
    stays = np.mean([np.array_equal(answers[0], answers[-1]) for answers in steps])
    assert sweep.solved.share[0] == stays < 1 and sweep.steps[0] == 1


def test_ablating_nothing_is_the_clean_run(model, puzzles):
    sweep = ablation_sweep(model, SMALL, puzzles, step=2)
    single = np.stack([answers_of(model, grid) for grid in puzzles.inputs])[:, 1:]
    blank = ~SMALL.givens(puzzles.inputs)
    right = ((single == puzzles.labels[:, None]) & blank[:, None]).sum(-1) / blank.sum(-1)[:, None]
    assert sweep.cells["nothing"].share == pytest.approx(right.mean(0))
    assert len(sweep.columns()["ablated"]) == 8
    recovery = ablation_sweep(model, SMALL, puzzles, step=1, how="initial").recovery
    assert recovery == {"y": 1, "z": 1, "yz": 1}


def test_recovery_counts_the_steps_until_the_accuracy_is_within_the_limit(model, puzzles, monkeypatch):
    accuracies = iter(
        [(0.75, 0.75), (0.5, 0.5), (0.25, 0.5), (0.25, 0.25)]
    )  # of the clean runs, y, z and both
    monkeypatch.setattr("probes.interventions.sweeps.RECOVERED", 0.25)
    monkeypatch.setattr(
        "probes.interventions.sweeps.cells_right",
        lambda answers, labels, counted: np.repeat(np.array(next(accuracies))[:, None], 6, 1),
    )
    assert ablation_sweep(model, SMALL, puzzles, step=2).recovery == {"y": 1, "z": 2, "yz": None}


def test_progress_of_an_ablation(model, puzzles):
    """One step of all runs, then two steps of the clean runs and of those with y, z and both ablated: 1 + 4 * 2 steps."""
    seen: dict[str, list[float]] = {}
    ablation_sweep(
        model, SMALL, puzzles, step=2, progress=lambda share, text: seen.setdefault(text, []).append(share)
    )
    spans = {
        "running up to step 2": (0, 1),
        "running the clean runs": (1, 3),
        "running the puzzles with y ablated": (3, 5),
        "running the puzzles with z ablated": (5, 7),
        "running the puzzles with yz ablated": (7, 9),
    }
    assert list(seen) == list(spans)
    for text, (begin, end) in spans.items():
        assert seen[text] == sorted(seen[text])
        assert (seen[text][0], seen[text][-1]) == pytest.approx((begin / 9, end / 9))


@pytest.mark.parametrize("size, allowed", [(2 * 6 * 17 * 8 * 4, True), (2 * 6 * 17 * 8 * 4 - 1, False)])
def test_the_states_before_a_step_have_to_fit_into_memory(model, puzzles, monkeypatch, size, allowed):
    """y and z of six puzzles: 17 positions of 8 numbers of 4 bytes."""
    monkeypatch.setattr("trm.batch.MEMORY", size)
    with nullcontext() if allowed else pytest.raises(MemoryLimitError, match="6 puzzles"):
        assert states_before(model, puzzles.inputs, 2, depth=DEPTH).y.shape == (6, 17, 8)
    assert states_before(model, puzzles.inputs, 1, depth=DEPTH) is None


def test_ablating_both_restarts_the_run_from_zero(model, puzzles):
    sweep = ablation_sweep(model, SMALL, puzzles, step=2)
    nothing = State(*(torch.zeros(1, 17, 8) for _ in State._fields))
    single = np.stack([answers_of(model, grid, nothing)[:2] for grid in puzzles.inputs])
    blank = ~SMALL.givens(puzzles.inputs)
    right = ((single == puzzles.labels[:, None]) & blank[:, None]).sum(-1) / blank.sum(-1)[:, None]
    assert sweep.cells["yz"].share == pytest.approx(right.mean(0))


@pytest.fixture
def stored(tmp_path, model, puzzles):
    """Records the clean runs with these settings, and opens them as a source."""

    def make(**settings) -> StateSource:
        settings = StoreSettings(**{"calls": "last", "positions": "all", "dtype": "float32", **settings})
        record_store(model, SMALL, puzzles, tmp_path, settings, depth=DEPTH, log=str, force=True)
        return StateSource.open(tmp_path)

    return make


@pytest.mark.parametrize("step", [1, 3])
def test_noise_on_recorded_runs_gives_the_numbers_of_the_model(model, puzzles, stored, step):
    options = {"sizes": (0.0, 0.7, 3.0), "step": step, "depth": DEPTH}
    source = stored()
    recorded = noise_sweep(model, SMALL, source.puzzles, recorded=source, **options)
    assert recorded.columns() == noise_sweep(model, SMALL, puzzles, **options).columns()


@pytest.mark.parametrize("how", ["zero", "initial"])
def test_ablation_of_recorded_runs_gives_the_numbers_of_the_model(model, puzzles, stored, how):
    options = {"step": 2, "how": how, "depth": DEPTH}
    source = stored()
    recorded = ablation_sweep(model, SMALL, source.puzzles, recorded=source, **options)
    computed = ablation_sweep(model, SMALL, puzzles, **options)
    assert recorded.columns() == computed.columns() and recorded.recovery == computed.recovery
    coarse = stored(dtype="float16")
    rounded = ablation_sweep(model, SMALL, coarse.puzzles, recorded=coarse, **options)
    for name, curve in computed.cells.items():
        assert (curve.low <= rounded.cells[name].share).all() and (
            rounded.cells[name].share <= curve.high
        ).all()


def test_recorded_runs_need_all_positions(model, stored):
    source = stored(positions="cells")
    with pytest.raises(StoreError, match=r"not contain all positions.*--positions all"):
        noise_sweep(model, SMALL, source.puzzles, step=3, recorded=source)


@pytest.mark.parametrize("step", [0, 4])
def test_a_step_that_does_not_exist(model, puzzles, step):
    with pytest.raises(InterventionError, match="There is no supervision step"):
        noise_sweep(model, SMALL, puzzles, step=step)


def test_bands_hold_the_share():
    curve = SweepCurve.of(np.array([[1.0, 0], [0, 0], [1, 0], [1, 0]]))
    assert curve.share.tolist() == [0.75, 0] and curve.low[0] < 0.75 < curve.high[0] and curve.high[1] == 0


# ---- multiple runs per puzzle


def test_the_first_run_is_the_clean_one_and_the_others_differ(model, puzzles):
    clean = np.stack([answers_of(model, grid)[-1] for grid in puzzles.inputs])
    for source in ("seed", "noise", "symmetry"):
        found = multiple_runs(model, SMALL, puzzles, source=source, runs=3, size=1.0)
        assert np.array_equal(found.answers[:, 0], clean), source
        assert (found.answers[:, 1:] != clean[:, None]).any(), source
        assert (found.y is None) == (source != "seed")
    again = multiple_runs(model, SMALL, puzzles, source="seed", runs=3)
    assert np.array_equal(again.answers, multiple_runs(model, SMALL, puzzles, source="seed", runs=3).answers)


def test_symmetries_are_undone_in_the_answers(model, puzzles):
    """A model that echoes its input answers with the puzzle itself under every symmetry."""

    class Echo(type(model)):
        def decode(self, state):
            return self._cells

        def embed(self, inputs, puzzle_ids, puzzle_vectors=None):
            self._cells = torch.nn.functional.one_hot(inputs, self.config.vocab_size).float()
            return super().embed(inputs, puzzle_ids, puzzle_vectors)

    model.__class__ = Echo
    found = multiple_runs(model, SMALL, puzzles, source="symmetry", runs=4)
    assert np.array_equal(found.answers, np.repeat(puzzles.inputs[:, None], 4, 1))


def made_up() -> MultipleRuns:
    """Two puzzles of two cells, three runs: the first is correct in run 2, the second only by a vote per cell."""
    labels = np.array([[2, 3], [2, 3]], np.uint8)
    answers = np.array([[[2, 2], [2, 3], [2, 3]], [[2, 2], [3, 3], [2, 3]]], np.uint8)
    answers[1, 2] = [2, 4]
    answers[1, 1] = [2, 3]
    answers[1, 0] = [3, 3]
    halting = np.array([[1.0, 0, 2], [3, 1, 2]], np.float32)
    moves = np.array([[0, 0, 0.2], [0, 0, 0]], np.float32)
    y = np.array([[[1.0, 0], [1.01, 0], [0, 1]], [[1, 0], [0, 1], [0, 2]]], np.float32)
    return MultipleRuns(labels, answers, halting, moves, y)


def test_selection_by_hand():
    result = selection(made_up())
    assert result.any_right.share.tolist() == [0, 1, 1]
    assert result.mean.share.tolist() == pytest.approx([0, 0.5, 0.5])
    assert result.best_halting.share.tolist() == [
        0,
        0,
        0.5,
    ]  # puzzle 1: runs 1, 1, 3; puzzle 2: run 1 each time
    assert result.vote.share.tolist() == [0, 0.5, 1]  # ties go to the smaller token
    assert result.columns()["runs"] == [1, 2, 3]


def test_fixed_points_by_hand():
    ends = fixed_points(made_up())
    assert ends.settled.tolist() == pytest.approx([2 / 3, 1])
    assert ends.answers.tolist() == [2, 3] and ends.points.tolist() == [1, 3]
    assert ends.right.tolist() == pytest.approx([2 / 3, 1 / 3])
    assert ends.summary()["sometimes_right"] == 1
    assert distinct(np.zeros((0, 2))) == 0


def test_most_frequent():
    assert most_frequent(np.array([[[1, 5], [1, 4], [2, 4]]], np.uint8)).tolist() == [[1, 4]]


# ---- patching


def test_a_patch_from_the_same_run_has_no_effect_and_from_another_that_of_a_forked_run(model, puzzles):
    from probes.interventions.spec import parse_all

    clean, other = (cache_run(model, SMALL, grid) for grid in puzzles.inputs[:2])
    same = patch_map(clean, clean, 5, steps=[1, 2])
    assert np.abs(same.effect).max() < 1e-4
    found = patch_map(clean, other, 5, state="yz", steps=[1], after=2)
    assert found.effect.shape == (1, 16) and np.abs(found.effect).max() > 1e-3
    text = f"patch yz before 2.1.1 in r1c3 from 1.2.3 of {SMALL.format(puzzles.inputs[1])}"
    logits = {}
    for name, changes in (("clean", ()), ("patched", parse_all(text))):
        *_, trace = clean.fork(changes)
        logits[name] = trace.probabilities[-1][5][found.token] / 255
    odds = {name: np.log(p / (1 - p)) for name, p in logits.items()}
    assert found.effect[0, 2] == pytest.approx(odds["patched"] - odds["clean"], abs=0.15)  # 255ths
    assert len(found.columns()["effect"]) == 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": [3]}, "needs a step after it"),
        ({"state": "x"}, "no state"),
        ({"target": 99}, "no cell 100"),
    ],
)
def test_invalid_patches(model, puzzles, options, message):
    clean = cache_run(model, SMALL, puzzles.inputs[0])
    with pytest.raises(InterventionError, match=message):
        patch_map(clean, clean, options.pop("target", 0), **options)
