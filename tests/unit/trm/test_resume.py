"""Runs in which some calls are not made: a resumed run is bit for bit the uninterrupted one."""

import pytest
import torch

from trm.coordinates import F_H, F_L, Coordinates
from trm.recursion import deep_supervision
from trm.resume import ResumePoint, SkippingModel, resumed_supervision

PUZZLES = torch.tensor([[1, 2, 3, 4] * 4, [5, 1, 1, 2] * 4])
IDS = torch.zeros(2, dtype=torch.long)


@pytest.mark.parametrize("call", [0, 1, 8, 12, 16])
def test_a_run_resumed_after_any_call_equals_an_uninterrupted_one(tiny_model, call):
    model = tiny_model()
    depth, points = model.config.depth, []

    def keep(at, state):
        points.append(ResumePoint(state, at))
        return state

    unbroken = list(deep_supervision(model, PUZZLES, IDS, depth=depth, after_call=keep))
    point, calls = points[call], [each.after for each in points]
    before, after = [], []

    def before_call(at, state):
        before.append(at)
        return state

    def after_call(at, state):
        after.append(at)
        return state

    hooks = {"before_call": before_call, "after_call": after_call}
    resumed = list(resumed_supervision(model, PUZZLES, IDS, point, depth=depth, **hooks))
    assert before == after == calls[call + 1 :]
    for ours, theirs in zip(reversed(resumed), reversed(unbroken), strict=False):
        assert ours.number == theirs.number
        assert torch.equal(ours.state.y, theirs.state.y) and torch.equal(ours.state.z, theirs.state.z)
        assert torch.equal(ours.heads.logits, theirs.heads.logits)


def test_after_the_last_call_of_a_step_the_next_step_comes_first(tiny_model):
    model = tiny_model()
    depth = model.config.depth
    first = next(deep_supervision(model, PUZZLES, IDS, depth=depth))
    point = ResumePoint(first.state, after=Coordinates(1, depth.T, depth.n + 1, F_H))
    assert next(resumed_supervision(model, PUZZLES, IDS, point, depth=depth)).number == 2


def test_a_skipped_call_leaves_the_state_to_the_next_one(tiny_model):
    model = tiny_model(n=2, T=1, N_sup=1)
    made = []
    real = model.f_L
    model.f_L = lambda x, state, call: made.append(call) or real(x, state, call)
    net = SkippingModel(model, lambda at: at == Coordinates(1, 1, 1, F_L))
    (step,) = deep_supervision(net, PUZZLES, IDS, depth=model.config.depth, before_call=net.before_call)
    assert made == [2]
    x = model.embed(PUZZLES, IDS)
    once = model.f_H(x, real(x, model.initial_state(x), 2))
    assert torch.equal(step.state.y, once.y)
