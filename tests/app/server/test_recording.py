"""Runs in a batch are the runs alone: one call differs by a last bit, and the answers of solved puzzles are equal."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from app.server.recording import Recording
from trm.checkpoint import load_model
from trm.coordinates import Depth
from trm.errors import PuzzleError
from trm.progress import no_progress
from trm.record import record
from trm.tasks import task_of

FIELDS = ("answers", "probabilities", "entropy", "z_answers", "halt_probability", "residual_y", "residual_z")


@pytest.fixture(scope="module", params=["sudoku-trm", "sudoku-hrm"])
def parts(request):
    model = load_model(request.param)
    task = task_of(model.config)
    rng = np.random.default_rng(0)
    return model, task, [task.generate(rng, "easy", givens=(36, 42)).inputs for _ in range(4)]


def recordings(parts, **changes) -> list[Recording]:
    model, task, puzzles = parts
    depth = replace(model.config.depth, **changes)
    return [Recording(model, task, task.format(inputs), depth=depth) for inputs in puzzles]


def advance(*works: Recording, steps: int = 1) -> None:
    for _ in range(steps):
        works[0].advance(list(works), no_progress)


def test_a_run_alone_is_the_recorded_run_bit_for_bit(parts):
    model, task, (inputs, *_) = parts
    depth = replace(model.config.depth, N_sup=3)
    run, *_ = recordings(parts, N_sup=3)
    assert run.result is None
    for step in (1, 2, 3):
        assert not run.is_complete
        advance(run)
        assert run.result.steps == step
    assert run.is_complete
    whole = record(model, task, inputs, depth=depth)
    assert run.result.provenance == whole.provenance and run.result.depth == whole.depth
    for name in (*FIELDS, "labels"):
        np.testing.assert_array_equal(getattr(run.result, name), getattr(whole, name))


def test_one_call_in_a_batch_differs_from_the_call_alone_by_at_most_a_hundred_thousandth(parts):
    model = parts[0]
    alone, batch = recordings(parts, n=1, T=1), recordings(parts, n=1, T=1)
    for run in alone:
        advance(run)
    advance(*batch)
    inputs = torch.from_numpy(np.stack(parts[2]).astype(np.int64))
    with torch.no_grad():
        x = model.embed(inputs, torch.zeros(4, dtype=torch.long))
        together = model.f_L(x, model.initial_state(x), 1).z
        each = [model.f_L(x[row : row + 1], model.initial_state(x[row : row + 1]), 1).z for row in range(4)]
    assert (together - torch.cat(each)).abs().max() <= 1e-5
    for one, other in zip(alone, batch, strict=True):
        assert np.abs(one.result.halt_probability - other.result.halt_probability).max() <= 1e-5
        assert np.abs(one.result.residual_z - other.result.residual_z).max() <= 1e-5


def test_whole_runs_give_equal_answers_where_they_end_solved(parts):
    model, task, puzzles = parts
    depth = replace(model.config.depth, N_sup=6)
    batch = recordings(parts, N_sup=6)
    advance(*batch, steps=6)
    solved = 0
    for inputs, run in zip(puzzles, batch, strict=True):
        whole = record(model, task, inputs, depth=depth)
        if task.is_solved(inputs, whole.answers[-1]):
            solved += 1
            np.testing.assert_array_equal(run.result.answers[-1], whole.answers[-1])
    assert solved


def test_a_run_that_joins_later_or_leaves_earlier_is_the_same_run(parts):
    first, second, third, _ = recordings(parts, N_sup=3)
    advance(first)
    advance(first, second)
    advance(second, third, first)
    assert [run.is_complete for run in (first, second, third)] == [True, False, False]
    advance(third, second)
    advance(third)
    model, task, puzzles = parts
    for run, inputs in zip((first, second, third), puzzles, strict=False):
        whole = record(model, task, inputs, depth=replace(model.config.depth, N_sup=3))
        assert run.is_complete and np.abs(run.result.halt_probability - whole.halt_probability).max() <= 1e-3


def test_a_step_that_was_stopped_is_computed_again_from_its_beginning(parts):
    run, *_ = recordings(parts, N_sup=2)
    advance(run)
    calls = iter(range(3))

    def stop(share: float, words: str) -> None:
        if next(calls, None) is None:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run.advance([run], stop)
    assert not run._recorder.states  # a run that is paused for long holds no states
    advance(run)
    model, task, (inputs, *_) = parts
    whole = record(model, task, inputs, depth=replace(model.config.depth, N_sup=2))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(run.result, name), getattr(whole, name))


def test_a_step_that_failed_once_it_was_decoded_is_recorded_only_once(parts, monkeypatch):
    run, *_ = recordings(parts, N_sup=3)
    advance(run)

    def fail(*_, **__):
        raise MemoryError

    with monkeypatch.context() as full:
        full.setattr("app.server.recording.Trace", fail)
        with pytest.raises(MemoryError):
            advance(run)
    advance(run, steps=2)
    assert run.is_complete and run.result.steps == 3
    model, task, (inputs, *_) = parts
    whole = record(model, task, inputs, depth=replace(model.config.depth, N_sup=3))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(run.result, name), getattr(whole, name))


def test_between_two_steps_a_run_holds_its_state_and_a_copy_of_its_trace_and_not_the_states_of_a_step(parts):
    run, *_ = recordings(parts, N_sup=3)
    config = parts[0].config
    assert run.held == 0
    advance(run)
    states = run.held - run.result.nbytes
    assert states == 2 * config.length * config.hidden_size * 4 < run.nbytes


def test_four_runs_for_each_core_are_computed_together_and_a_step_holds_the_states_of_all_calls(
    tiny_model, monkeypatch
):
    monkeypatch.setattr("trm.parallel.usable_threads", lambda: 3)
    model = tiny_model()
    run = Recording(model, task_of(model.config), "", depth=Depth(n=2, T=3, N_sup=5))
    assert run.most_together == 12
    assert run.nbytes == 9 * 17 * 8 * 4  # calls, positions, channels, and bytes of a float32


def test_runs_of_one_model_n_and_T_are_one_group(parts):
    model, task, _ = parts
    run, *_ = recordings(parts)

    def group(model=model, **changes):
        return Recording(model, task, "", depth=replace(model.config.depth, **changes)).group

    assert group() == group(N_sup=2) == run.group
    assert len({run.group, group(n=1), group(T=2), group(load_model(model.name))}) == 4


def test_what_is_no_puzzle_is_a_mistake_of_this_run_alone(parts):
    model, task, _ = parts
    wrong = Recording(model, task, "1" * 5, depth=Depth(n=1, T=1, N_sup=1))
    with pytest.raises(PuzzleError):
        advance(wrong)
    assert wrong.result is None
