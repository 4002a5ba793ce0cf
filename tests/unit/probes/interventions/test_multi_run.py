"""Multiple runs per puzzle: the states in which each run starts, and what is counted over the runs."""

import numpy as np
import pytest
import torch
from small_runs import SMALL

from probes.interventions import multi_run
from probes.interventions.hooks import add_noise
from probes.interventions.multi_run import FixedPoints, MultipleRuns, distinct, drawn_states, fixed_points
from probes.interventions.sites import InterventionError
from trm.recursion import State


@pytest.fixture
def started(model, puzzles, monkeypatch):
    """The states in which three runs of each puzzle start, and those without any change."""

    def states(source: str, **options) -> tuple[State, State]:
        seen: dict = {}

        def run_rows(model, inputs, *, start, **rest):
            seen["start"] = start
            raise InterruptedError

        monkeypatch.setattr(multi_run, "run_rows", run_rows)
        with pytest.raises(InterruptedError):
            multi_run.multiple_runs(model, SMALL, puzzles, source=source, runs=3, **options)
        generator = torch.Generator().manual_seed(0)
        initial = State(*(torch.randn(18, 17, 8, generator=generator) for _ in State._fields))
        return seen["start"](np.arange(18), initial), initial

    return states


def test_noise_differs_in_every_run_and_for_y_and_z(started):
    start, initial = started("noise", seed=5, size=0.7)
    for row in range(18):
        size = torch.tensor([0.7 if row % 3 else 0.0])
        for offset, name in enumerate(("y", "z")):
            old = getattr(initial, name)[row : row + 1]
            expected = add_noise(old, size, [10_000_030 + 2 * row + offset])
            assert torch.equal(getattr(start, name)[row], expected[0])


def test_drawn_states_differ_in_every_run_and_are_the_same_for_every_puzzle(started):
    start, initial = started("seed", seed=5)
    for offset, name in enumerate(("y", "z")):
        found, old = getattr(start, name), getattr(initial, name)
        drawn = drawn_states(old[:2], [10_000_032 + offset, 10_000_034 + offset])
        for row in range(18):
            assert torch.equal(found[row], drawn[row % 3 - 1] if row % 3 else old[row])


def test_runs_on_symmetric_puzzles_start_without_a_change(started):
    start, initial = started("symmetry")
    assert start is initial


def test_a_drawn_state_is_one_vector_for_each_latent_and_the_same_at_every_position():
    drawn = drawn_states(torch.zeros(2, 3, 5, 400), [1, 2])
    assert drawn.shape == (2, 3, 5, 400)
    assert torch.equal(drawn, drawn[:, :, :1].expand_as(drawn))
    vectors = drawn[:, :, 0].reshape(6, 400)
    assert len({tuple(vector.tolist()) for vector in vectors}) == 6
    assert vectors.std(1).numpy() == pytest.approx(np.ones(6), abs=0.15)
    assert torch.equal(drawn[1:], drawn_states(torch.zeros(1, 3, 5, 400), [2]))


@pytest.mark.parametrize("options", [{"source": "luck"}, {"runs": 0}, {"runs": 257}])
def test_runs_that_are_refused(model, puzzles, options):
    with pytest.raises(InterventionError, match=r"'luck'|1 to 256"):
        multi_run.multiple_runs(model, SMALL, puzzles, **options)


def test_puzzles_that_all_none_or_some_of_the_runs_solve():
    right = np.array([0, 0.25, 0.75, 0.5, 1, 1, 1, 0])
    found = FixedPoints(4, np.full(8, 0.5), np.arange(8), np.arange(8) + 1, right)
    assert found.summary() == {
        "puzzles": 8, "runs": 4, "mean_settled": 0.5, "mean_answers": 3.5, "mean_points": 4.5,
        "always_right": 0.375, "never_right": 0.25, "sometimes_right": 0.375,
    }  # fmt: skip


@pytest.mark.parametrize("distance, count", [(1.0, 1), (1.001, 2)])
def test_states_a_tenth_of_their_norm_apart_are_one_fixed_point(distance, count):
    assert distinct(np.array([[10 - distance, 0], [10, 0]])) == count


def test_a_run_that_moves_by_the_limit_has_not_converged():
    moves = np.array([[0.0499, multi_run.SETTLED]])
    results = MultipleRuns(
        np.array([[2]], np.uint8), np.array([[[2], [3]]], np.uint8), np.zeros((1, 2)), moves, np.eye(2)[None]
    )
    found = fixed_points(results)
    assert found.settled.tolist() == [0.5] and found.points.tolist() == [1]
