"""Hooks and cached runs: the seed and size of noise, directions, and the limits of what a run keeps."""

import numpy as np
import pytest
import torch
from small_runs import MLP, SMALL

from probes.interventions.fork import CachedRun, cache_run, last_trace
from probes.interventions.hooks import add_noise
from probes.interventions.spec import parse_all
from probes.interventions.steering import direction_of
from trm.coordinates import F_L, Coordinates
from trm.progress import no_progress
from trm.recursion import State

PUZZLE = SMALL.parse("12..34....21..43")


@pytest.fixture
def run(tiny_model) -> CachedRun:
    return cache_run(tiny_model(**MLP), SMALL, PUZZLE)


def test_noise_by_hand():
    """Norms 5 and 10 of two dimensions, so size 2 multiplies the random numbers by 10 / sqrt(2) and 20 / sqrt(2)."""
    state = torch.tensor([[[3.0, 4], [6, 8]]])
    drawn = torch.randn(2, 2, generator=torch.Generator().manual_seed(7))
    expected = state + torch.tensor([[10.0], [20]]) / 2**0.5 * drawn
    assert add_noise(state, torch.tensor([2.0]), [7]).numpy() == pytest.approx(expected.numpy())


def test_noise_has_its_own_seed_in_every_call_and_for_y_and_z(run):
    hooks = run.hooks(parse_all("noise yz after * size 0.5 seed 3"))
    for number, (at, state) in enumerate(run.states.items()):
        changed = hooks.after_call(at, state)
        for offset, name in enumerate(("y", "z")):
            seed = 3_000_009 + 2 * number + offset
            expected = add_noise(getattr(state, name), torch.tensor([0.5]), [seed])
            assert torch.equal(getattr(changed, name), expected)


def test_the_rows_of_a_batch_have_consecutive_seeds(run):
    at = Coordinates(1, 1, 1, F_L)
    batch = State(*(tensor.repeat(3, 1, 1) for tensor in run.states[at]))
    changed = run.hooks(parse_all("noise y after 1.1.1 size 0.5")).after_call(at, batch).y
    assert torch.equal(changed, add_noise(batch.y, torch.full((3,), 0.5), [0, 1, 2]))


def test_directions_are_rows_of_the_output_head_and_of_the_embedding(run):
    for kind, table in (("head", run.model.unembedding()), ("embedding", run.model.token_embedding())):
        assert torch.equal(direction_of(f"{kind}:3", run.model, SMALL, what=""), table[4].float())
    assert direction_of("0.5", run.model, SMALL, what="").tolist() == [0.5] * 8


def test_the_share_of_an_answer_that_is_decoded_correctly(run):
    answer = SMALL.parse("1234341221434321")
    written = run.code.write(
        run.start.y, torch.from_numpy(answer.astype(np.int64))[None], SMALL.givens(PUZZLE)[None]
    )
    right = run.model.decode(written)[0].argmax(-1).numpy() == answer
    assert run.decoded_share(answer) == pytest.approx(right.mean()) and right.mean() != 0.5


def test_a_state_of_the_first_step_is_computed_again_from_the_start(run, monkeypatch):
    monkeypatch.setattr("probes.interventions.fork.MAX_CACHED_BYTES", 0)
    small = cache_run(run.model, SMALL, PUZZLE)
    for at, state in run.states.items():
        found = small.state_after(at)
        assert torch.equal(found.y, state.y) and torch.equal(found.z, state.z)


@pytest.mark.parametrize("smaller, cached", [(0, 18), (1, 3)])
def test_each_latent_of_a_model_with_several_takes_memory(tiny_model, monkeypatch, smaller, cached):
    size = 17 * 8 * 4 * 2 * 18  # 17 positions of 8 numbers for each of 2 latents, after 18 calls
    monkeypatch.setattr("probes.interventions.fork.MAX_CACHED_BYTES", size - smaller)
    assert len(cache_run(tiny_model(kind="trm-multi-z", latents=2), SMALL, PUZZLE).states) == cached


def test_a_clean_run_reports_every_step(run):
    reports: list[tuple[float, str]] = []
    cache_run(run.model, SMALL, PUZZLE, progress=lambda *report: reports.append(report))
    assert [text for _, text in reports] == [f"running the model: step {step} of 3" for step in (1, 2, 3)]
    assert [share for share, _ in reports] == pytest.approx([1 / 3, 2 / 3, 1])
    with pytest.raises(ValueError, match="at least one supervision step"):
        last_trace(iter([]), run.depth, no_progress, "")
