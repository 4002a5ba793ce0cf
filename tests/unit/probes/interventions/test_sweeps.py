"""Sweeps on tiny models: the numbers are those of runs made one by one, and what is counted is counted right."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import DEPTH, SMALL, answers_of

from probes.interventions.batched import run_rows
from probes.interventions.fork import cache_run
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
from trm.recursion import State

# ---- rows


def test_rows_are_the_runs(model, puzzles, monkeypatch):
    monkeypatch.setattr("probes.interventions.batched.BATCH", 2)
    monkeypatch.setattr("probes.interventions.batched.GROUP", 4)
    plain = run_rows(model, puzzles.inputs, depth=DEPTH, return_y=True)
    alone = [answers_of(model, grid) for grid in puzzles.inputs]
    for row, steps in enumerate(alone):
        assert np.array_equal(plain.answers[:, row], np.stack(steps))
    assert plain.y.shape == (6, 17 * 8)


def test_progress_and_cancel(model, puzzles):
    heard: list[float] = []
    run_rows(model, puzzles.inputs, depth=DEPTH, progress=lambda share, words: heard.append(share))
    assert heard == sorted(heard) and heard[-1] == pytest.approx(1) and len(heard) == 18

    class Stop(Exception):
        pass

    def stop(share: float, words: str) -> None:
        if share > 0.3:
            raise Stop

    with pytest.raises(Stop):
        run_rows(model, puzzles.inputs, depth=DEPTH, progress=stop)


# ---- noise and removal


def test_noise_is_that_of_runs_made_one_by_one(model, puzzles):
    """The solution of each puzzle is taken to be what the model answers without noise, so that size 0 is all right."""
    labels = np.stack([answers_of(model, grid)[-1] for grid in puzzles.inputs])
    known = replace(puzzles, labels=labels)
    run_sweep = noise_sweep(model, SMALL, known, sizes=(0.0, 0.5, 3.0), state="z", seed=5)
    assert run_sweep.solved.share[0] == 1 and run_sweep.puzzles == 6 and run_sweep.dtype == "float32"
    solved = []
    for number, grid in enumerate(puzzles.inputs):
        start = model.initial_state(
            model.embed(torch.from_numpy(grid.astype(np.int64))[None], torch.zeros(1).long())
        )
        z = add_noise(start.z, torch.tensor([3.0]), [(5 * 1_000_003 + number) * 2 + 1])
        solved.append(np.array_equal(answers_of(model, grid, State(start.y, z))[-1], labels[number]))
    assert run_sweep.solved.share[2] == pytest.approx(np.mean(solved))
    assert set(run_sweep.columns()) == {"size", "share", "low", "high", "mean_steps"}


def test_noise_at_a_later_step_begins_with_the_state_there(model, puzzles):
    labels = np.stack([answers_of(model, grid)[-1] for grid in puzzles.inputs])
    run_sweep = noise_sweep(model, SMALL, replace(puzzles, labels=labels), sizes=(0.0,), step=3)
    assert run_sweep.solved.share[0] == 1 and run_sweep.steps[0] == 1


def test_a_puzzle_that_is_right_on_the_way_and_wrong_after_the_last_step_is_not_solved(model, puzzles):
    """Else more noise, which visits more answers, would look like more solved."""
    steps = [answers_of(model, grid) for grid in puzzles.inputs]
    labels = np.stack([answers[0] for answers in steps])
    run_sweep = noise_sweep(model, SMALL, replace(puzzles, labels=labels), sizes=(0.0,))
    stays = np.mean([np.array_equal(answers[0], answers[-1]) for answers in steps])
    assert run_sweep.solved.share[0] == stays < 1 and run_sweep.steps[0] == 1


def test_taking_nothing_away_is_the_unbroken_run(model, puzzles):
    run_sweep = ablation_sweep(model, SMALL, puzzles, step=2)
    alone = np.stack([answers_of(model, grid) for grid in puzzles.inputs])[:, 1:]
    blank = ~SMALL.givens(puzzles.inputs)
    right = ((alone == puzzles.labels[:, None]) & blank[:, None]).sum(-1) / blank.sum(-1)[:, None]
    assert run_sweep.cells["nothing"].share == pytest.approx(right.mean(0))
    assert len(run_sweep.columns()["taken"]) == 8
    recovery = ablation_sweep(model, SMALL, puzzles, step=1, how="initial").recovery
    assert recovery == {"y": 1, "z": 1, "yz": 1}


def test_taking_both_away_begins_the_run_anew_from_nothing(model, puzzles):
    run_sweep = ablation_sweep(model, SMALL, puzzles, step=2)
    nothing = State(*(torch.zeros(1, 17, 8) for _ in State._fields))
    alone = np.stack([answers_of(model, grid, nothing)[:2] for grid in puzzles.inputs])
    blank = ~SMALL.givens(puzzles.inputs)
    right = ((alone == puzzles.labels[:, None]) & blank[:, None]).sum(-1) / blank.sum(-1)[:, None]
    assert run_sweep.cells["yz"].share == pytest.approx(right.mean(0))


@pytest.mark.parametrize("step", [0, 4])
def test_a_step_there_is_not(model, puzzles, step):
    with pytest.raises(InterventionError, match="There is no supervision step"):
        noise_sweep(model, SMALL, puzzles, step=step)


def test_bands_hold_the_share():
    curve = SweepCurve.of(np.array([[1.0, 0], [0, 0], [1, 0], [1, 0]]))
    assert curve.share.tolist() == [0.75, 0] and curve.low[0] < 0.75 < curve.high[0] and curve.high[1] == 0


# ---- several runs of each puzzle


def test_the_first_run_is_the_plain_one_and_the_others_differ(model, puzzles):
    plain = np.stack([answers_of(model, grid)[-1] for grid in puzzles.inputs])
    for source in ("seed", "noise", "symmetry"):
        found = multiple_runs(model, SMALL, puzzles, source=source, runs=3, size=1.0)
        assert np.array_equal(found.answers[:, 0], plain), source
        assert (found.answers[:, 1:] != plain[:, None]).any(), source
    again = multiple_runs(model, SMALL, puzzles, source="seed", runs=3)
    assert np.array_equal(again.answers, multiple_runs(model, SMALL, puzzles, source="seed", runs=3).answers)


def test_symmetries_are_undone_in_the_answers(model, puzzles):
    """A model that answers with its own input answers the puzzle itself, whatever the symmetry."""

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
    """Two puzzles of two cells, three runs: the first is right in run 2, the second only cell by cell."""
    labels = np.array([[2, 3], [2, 3]], np.uint8)
    answers = np.array([[[2, 2], [2, 3], [2, 3]], [[2, 2], [3, 3], [2, 3]]], np.uint8)
    answers[1, 2] = [2, 4]
    answers[1, 1] = [2, 3]
    answers[1, 0] = [3, 3]
    halting = np.array([[1.0, 0, 2], [3, 1, 2]], np.float32)
    moves = np.array([[0, 0, 0.2], [0, 0, 0]], np.float32)
    y = np.array([[[1.0, 0], [1.01, 0], [0, 1]], [[1, 0], [0, 1], [0, 2]]], np.float32)
    return MultipleRuns("seed", 0.0, "float32", labels, answers, halting, moves, y)


def test_selection_by_hand():
    chosen = selection(made_up())
    assert chosen.any_right.share.tolist() == [0, 1, 1]
    assert chosen.mean.share.tolist() == pytest.approx([0, 0.5, 0.5])
    assert chosen.best_halting.share.tolist() == [
        0,
        0,
        0.5,
    ]  # puzzle 1: runs 1, 1, 3; puzzle 2: run 1 each time
    assert chosen.vote.share.tolist() == [0, 0.5, 1]  # of a tie the smaller token
    assert chosen.columns()["runs"] == [1, 2, 3]


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


def test_a_patch_with_the_same_run_does_nothing_and_with_another_what_a_branch_does(model, puzzles):
    from probes.interventions.spec import parse_all

    clean, other = (cache_run(model, SMALL, grid) for grid in puzzles.inputs[:2])
    same = patch_map(clean, clean, 5, steps=[1, 2])
    assert np.abs(same.effect).max() < 1e-4
    found = patch_map(clean, other, 5, state="yz", steps=[1], after=2)
    assert found.effect.shape == (1, 16) and np.abs(found.effect).max() > 1e-3
    text = f"patch yz before 2.1.1 in r1c3 from 1.2.3 of {SMALL.format(puzzles.inputs[1])}"
    logits = {}
    for name, changes in (("plain", ()), ("patched", parse_all(text))):
        *_, trace = clean.fork(changes)
        logits[name] = trace.probabilities[-1][5][found.token] / 255
    odds = {name: np.log(p / (1 - p)) for name, p in logits.items()}
    assert found.effect[0, 2] == pytest.approx(odds["patched"] - odds["plain"], abs=0.15)  # 255ths
    assert len(found.columns()["effect"]) == 16


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"steps": [3]}, "needs a step after it"),
        ({"state": "x"}, "no state"),
        ({"target": 99}, "no cell 100"),
    ],
)
def test_patches_that_mean_nothing(model, puzzles, options, says):
    clean = cache_run(model, SMALL, puzzles.inputs[0])
    with pytest.raises(InterventionError, match=says):
        patch_map(clean, clean, options.pop("target", 0), **options)
