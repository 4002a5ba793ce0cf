"""Activation patching: log odds by hand, effects that equal those of a run from the patched state, and what is refused."""

import numpy as np
import pytest
import torch
from small_runs import DEPTH, SMALL

from probes.interventions.fork import cache_run
from probes.interventions.patching import log_odds, patch_map
from probes.interventions.sites import InterventionError
from trm.coordinates import F_H, Coordinates, Depth
from trm.recursion import State, deep_supervision


def test_log_odds_by_hand():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2], [1.0, 8, 1]]))
    for token, odds in enumerate([(1, 1 / 9), (3 / 7, 4), (1 / 4, 1 / 9)]):
        assert log_odds(logits, token).exp().numpy() == pytest.approx(odds)


def odds_from(model, grid: np.ndarray, state: State, steps: int, target: int, token: int) -> float:
    """The log odds after some supervision steps that start from a state."""
    own = model.initial_state
    model.initial_state = lambda x: state
    tokens = torch.from_numpy(grid.astype(np.int64))[None]
    depth = Depth(n=DEPTH.n, T=DEPTH.T, N_sup=steps)
    *_, last = deep_supervision(model, tokens, torch.zeros(1, dtype=torch.long), depth=depth)
    model.initial_state = own
    share = float(last.heads.logits[0, target].double().softmax(0)[token])
    return np.log(share / (1 - share))


@pytest.mark.parametrize("state, after, left", [("z", 1, 1), ("yz", 2, 2), ("y", 9, 2)])
def test_an_effect_is_that_of_the_run_from_the_patched_state(model, puzzles, state, after, left):
    """Patched at the end of step 1 of 3, so at most two steps are left."""
    clean, other = (cache_run(model, SMALL, grid) for grid in puzzles.inputs[:2])
    end = Coordinates(1, 2, 3, F_H)
    found = patch_map(clean, other, 5, state=state, steps=[1], after=after)
    assert found.token == clean.trace.answers[-1][5]
    plain = odds_from(model, clean.inputs, clean.states[end], left, 5, found.token)
    assert found.unpatched == pytest.approx([plain], abs=1e-4)
    for cell in (0, 6, 15):
        patched = {name: getattr(clean.states[end], name).clone() for name in State._fields}
        for name in state:
            patched[name][0, 1 + cell] = getattr(other.states[end], name)[0, 1 + cell]
        odds = odds_from(model, clean.inputs, State(**patched), left, 5, found.token)
        assert found.effect[0, cell] == pytest.approx(odds - plain, abs=1e-4)
    assert np.ptp(found.effect) > 1e-3


def test_each_latent_of_a_model_with_several_is_patched(tiny_model, puzzles):
    model = tiny_model(kind="trm-multi-z", latents=2)
    clean, other = (cache_run(model, SMALL, grid) for grid in puzzles.inputs[:2])
    end = Coordinates(2, 2, 3, F_H)
    found = patch_map(clean, other, 5, steps=[2])
    y, z = clean.states[end]
    patched = z.clone()
    patched[0, :, 4] = other.states[end].z[0, :, 4]
    clean_odds, odds = (
        odds_from(model, clean.inputs, State(y, each), 1, 5, found.token) for each in (z, patched)
    )
    assert found.effect[0, 3] == pytest.approx(odds - clean_odds, abs=1e-4) and odds != clean_odds


def test_all_steps_but_the_last_are_patched_in_turn(model, puzzles):
    clean, other = (cache_run(model, SMALL, grid) for grid in puzzles.inputs[:2])
    reports: list[tuple[float, str]] = []
    found = patch_map(clean, other, 5, progress=lambda share, text: reports.append((share, text)))
    assert found.steps == (1, 2) and found.effect.shape == (2, 16)
    for number, step in enumerate(found.steps):
        shares = [share for share, text in reports if text == f"patching step {step}"]
        assert (shares[0], shares[-1]) == pytest.approx((number / 2, (number + 1) / 2))
        assert shares == sorted(shares)
    columns = found.columns()
    assert columns["step"] == [1] * 16 + [2] * 16 and columns["cell"] == [*range(16)] * 2


def test_the_other_run_has_the_same_calls_and_enough_steps(model, puzzles):
    def run(**depth: int):
        return cache_run(model, SMALL, puzzles.inputs[1], depth=Depth(**{"n": 2, "T": 2, "N_sup": 3} | depth))

    clean = cache_run(model, SMALL, puzzles.inputs[0])
    for wrong in ({"n": 1}, {"T": 1}, {"N_sup": 2}):
        with pytest.raises(InterventionError, match="different depth"):
            patch_map(clean, run(**wrong), 0)
    assert patch_map(clean, run(N_sup=4), 0, steps=[2]).steps == (2,)


@pytest.mark.parametrize("steps", [[], [0, 1], [1, 3]])
def test_steps_that_cannot_be_patched(model, puzzles, steps):
    clean = cache_run(model, SMALL, puzzles.inputs[0])
    with pytest.raises(InterventionError, match=r"steps from 1 to 2\."):
        patch_map(clean, clean, 0, steps=steps)
