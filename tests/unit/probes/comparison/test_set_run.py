"""Runs of a model over a set, and puzzles with few blanks for it. Tiny models with random weights."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from comparison_models import HRM, TASK

from probes.answer_code import AnswerCode
from probes.comparison.near_complete import near_complete
from probes.comparison.set_run import run_set
from probes.stats import RunsError
from trm.batch import MemoryLimitError
from trm.coordinates import F_H, F_L
from trm.data import PuzzleSet
from trm.evaluate import predict
from trm.recursion import State, deep_supervision
from trm.tasks import get_task


def by_hand(model, puzzles: PuzzleSet, start: Callable[[State], State] | None = None) -> list:
    """Every call of a run of all puzzles at once: its coordinates and the state after it."""
    calls = []
    tokens, ids = torch.from_numpy(puzzles.inputs.astype(int)), torch.zeros(len(puzzles), dtype=int)
    after_call = lambda at, state: calls.append((at, state)) or state  # noqa: E731
    list(deep_supervision(model, tokens, ids, depth=model.config.depth, after_call=after_call, start=start))
    return calls


@pytest.mark.parametrize(
    "changes", [{}, HRM, {"kind": "trm-multi-z", "latents": 2}], ids=["trm", "hrm", "multi z"]
)
def test_a_run_has_answers_residuals_and_states(tiny_model, puzzles, changes):
    model = tiny_model(**changes)
    shares: list[float] = []
    run = run_set(model, puzzles, store_states=True, progress=lambda share, text: shares.append(share))
    answers = predict(model, puzzles.inputs).answers
    assert np.array_equal(run.answers, answers)
    assert np.array_equal(run.solved, (answers == puzzles.labels).all(-1))
    calls = by_hand(model, puzzles)
    f_H = [(at, state) for at, state in calls if at.kind == F_H]
    depth = model.config.depth
    assert run.y.shape[:2] == (10, depth.N_sup * depth.T)
    for time_point, (at, state) in enumerate(f_H):
        np.testing.assert_allclose(
            run.y[:, time_point], state.y[:, 1:], atol=2e-3
        )  # cells, without the prefix
        np.testing.assert_allclose(run.z[:, time_point], model.latent(state, at)[:, 1:], atol=2e-3)
    before, after = f_H[2][1].y.flatten(1), f_H[3][1].y.flatten(1)
    np.testing.assert_allclose(run.residual_y[3], (after - before).norm(dim=1) / after.norm(dim=1), rtol=1e-4)
    assert run.residual_z.shape == (len([1 for at, _ in calls if at.kind == F_L]), 10)
    ends = [state.z.flatten(1) for at, state in f_H if at.cycle == depth.T]
    np.testing.assert_allclose(
        run.step_residual_z[1], (ends[1] - ends[0]).norm(dim=1) / ends[1].norm(dim=1), rtol=1e-4
    )
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1


def test_a_run_from_the_solution_starts_with_it_in_y_in_the_models_own_code(tiny_model, puzzles):
    model, given = tiny_model(), TASK.givens(puzzles.inputs)
    plain = run_set(model, puzzles, store_states=True)
    code = AnswerCode.of(model, torch.from_numpy(plain.y[:, -1]), given)
    run = run_set(model, puzzles, solution_code=code)
    solutions = torch.from_numpy(puzzles.labels.astype(int))

    def start(state: State) -> State:
        return State(code.write(state.y, solutions, given), state.z)

    y = start(model.initial_state(model.embed(solutions, torch.zeros(len(puzzles), dtype=int)))).y
    first = next(state.y for at, state in by_hand(model, puzzles, start) if at.kind == F_H)
    residual = (first - y).flatten(1).norm(dim=1) / first.flatten(1).norm(dim=1)
    np.testing.assert_allclose(run.residual_y[0], residual, rtol=1e-4)
    decoded = (model.decode(y).argmax(-1) == solutions).float().mean(1)
    np.testing.assert_allclose(run.start_accuracy, decoded)
    assert run.y is None and not np.allclose(run.residual_y[0], plain.residual_y[0], rtol=1e-3)


def test_a_run_that_is_not_possible_says_why(tiny_model, puzzles, monkeypatch):
    with pytest.raises(RunsError, match="exactly one solution"):
        run_set(tiny_model(), PuzzleSet.of("none", TASK, puzzles.inputs, np.zeros_like(puzzles.labels)))
    monkeypatch.setattr("trm.batch.MEMORY", 20_000)
    with pytest.raises(MemoryLimitError, match=r"Use at most \d puzzles"):
        run_set(tiny_model(), puzzles, store_states=True)


@pytest.mark.parametrize("blanks, seed", [(1, 0), (5, 0), (4, 42)])
def test_near_complete_puzzles_have_that_many_blanks_and_one_solution(puzzles, blanks, seed):
    """With seed 42, the first four cells that are drawn of one puzzle leave it two solutions."""
    near = near_complete(TASK, puzzles, blanks, seed=seed)
    assert ((near.inputs != near.labels).sum(1) == blanks).all() and (near.givens == 16 - blanks).all()
    for inputs, labels in zip(near.inputs, near.labels, strict=True):
        (solution,) = TASK.solutions(inputs, limit=2)
        assert np.array_equal(solution, labels)
    assert np.array_equal(near.inputs, near_complete(TASK, puzzles, blanks, seed=seed).inputs)
    assert not np.array_equal(near.inputs, near_complete(TASK, puzzles, blanks, seed=1).inputs)


def test_near_complete_puzzles_are_sudokus_with_few_blanks(puzzles):
    with pytest.raises(RunsError, match="not for maze"):
        near_complete(get_task("maze", 49), puzzles, 1)
    for blanks in (0, 10):
        with pytest.raises(RunsError, match="1 to 9"):
            near_complete(TASK, puzzles, blanks)
    assert (near_complete(TASK, puzzles, 9).givens == 7).all()
