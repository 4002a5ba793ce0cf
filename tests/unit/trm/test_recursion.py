"""The one loop over calls: its order, what each call may change, where the gradient reaches, and that hooks take effect."""

import pytest
import torch

from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.recursion import Heads, State, deep_recursion, deep_supervision

PUZZLES = torch.tensor([[1, 2, 3, 4] * 4, [5, 1, 1, 2] * 4])
IDS = torch.zeros(2, dtype=torch.long)


def pseudo_code(model, inputs: torch.Tensor, depth: Depth) -> list[tuple[State, torch.Tensor, torch.Tensor]]:
    """The paper's pseudo-code (arXiv 2510.04871, figure 3), with its net called directly."""
    net, head = model.L_level, model.lm_head
    x = model.embed(inputs, IDS)
    y, z = model.H_init.expand_as(x), model.L_init.expand_as(x)
    steps = []
    for _ in range(depth.N_sup):
        for _ in range(depth.T):
            for _ in range(depth.n):
                z = net(z + (y + x))
            y = net(y + z)
        prefix = model.config.prefix_length
        steps.append((State(y, z), head(y)[:, prefix:], model.q_head(y[:, 0])))
    return steps


@pytest.mark.parametrize(
    "parts", [{}, {"mixing": "mlp", "mixing_width": 20, "heads": 0, "positions": "none"}]
)
def test_deep_supervision_is_the_pseudo_code(tiny_model, parts):
    model = tiny_model(**parts)
    torch.nn.init.normal_(model.q_head.weight)
    depth = model.config.depth
    ours = list(deep_supervision(model, PUZZLES, IDS, depth=depth))
    with torch.no_grad():  # with gradients, sums are added up in another order
        reference = pseudo_code(model, PUZZLES, depth)
    assert [step.number for step in ours] == [1, 2, 3]
    for step, (state, logits, q) in zip(ours, reference, strict=True):
        assert torch.equal(step.state.y, state.y) and torch.equal(step.state.z, state.z)
        assert torch.equal(step.heads.logits, logits)
        assert torch.equal(step.heads.q_halt, q[:, 0]) and torch.equal(step.heads.q_continue, q[:, 1])
    assert not torch.equal(ours[0].state.y, ours[1].state.y)  # the state is carried, not started again


@pytest.mark.parametrize(
    "depth", [Depth(n=2, T=2, N_sup=3), Depth(n=1, T=1, N_sup=1), Depth(n=3, T=1, N_sup=2)]
)
def test_calls_come_in_the_order_of_their_coordinates(tiny_model, depth):
    model, seen = tiny_model(), []

    def note(at, state):
        seen.append(at)
        return state

    list(deep_supervision(model, PUZZLES, IDS, depth=depth, after_call=note))
    assert seen == [at for step in range(1, depth.N_sup + 1) for at in depth.calls(step)]
    assert len(seen) == depth.N_sup * depth.calls_per_step


def test_coordinates_written_out():
    kinds = [(at.cycle, at.call, at.kind) for at in Depth(n=2, T=2, N_sup=1).calls(1)]
    assert kinds == [(1, 1, F_L), (1, 2, F_L), (1, 3, F_H), (2, 1, F_L), (2, 2, F_L), (2, 3, F_H)]
    assert sorted(Depth(n=2, T=2, N_sup=1).calls(1)) == list(Depth(n=2, T=2, N_sup=1).calls(1))


@pytest.mark.parametrize("numbers", [(1, 0, 1), (1, 1, 0), (-1, 2, 2)])
def test_depth_must_be_positive(numbers):
    with pytest.raises(ValueError, match="n must be at least 0, T and N_sup at least 1"):
        Depth(*numbers)
    assert list(Depth(n=0, T=1, N_sup=1).calls(1)) == [Coordinates(1, 1, 1, F_H)]


def test_f_L_updates_only_z_and_f_H_only_y(tiny_model):
    model = tiny_model()
    states = [model.initial_state(model.embed(PUZZLES, IDS))]

    def check(at, state):
        before = states[-1]
        assert torch.equal(state.y, before.y) == (at.kind == F_L)
        assert torch.equal(state.z, before.z) == (at.kind == F_H)
        states.append(state)
        return state

    list(deep_supervision(model, PUZZLES, IDS, depth=model.config.depth, after_call=check))
    assert len(states) == 1 + 18


def test_a_hook_that_returns_the_state_changes_no_bit(tiny_model):
    model = tiny_model()
    depth = model.config.depth
    plain = list(deep_supervision(model, PUZZLES, IDS, depth=depth))
    watched = list(
        deep_supervision(
            model, PUZZLES, IDS, depth=depth, after_call=lambda at, state: State(state.y, state.z)
        )
    )
    for one, other in zip(plain, watched, strict=True):
        assert torch.equal(one.heads.logits, other.heads.logits)
        assert torch.equal(one.heads.q_halt, other.heads.q_halt)


def test_a_hook_can_replace_y(tiny_model):
    """Replacing y after the last call of step 2 changes what step 2 reads and what step 3 starts from."""
    model = tiny_model()
    depth = model.config.depth
    other = torch.randn(2, 17, 8, generator=torch.Generator().manual_seed(1))

    def replace(at, state):
        last = (at.supervision_step, at.cycle, at.kind) == (2, 2, F_H)
        return State(other, state.z) if last else state

    plain = list(deep_supervision(model, PUZZLES, IDS, depth=depth))
    changed = list(deep_supervision(model, PUZZLES, IDS, depth=depth, after_call=replace))
    assert torch.equal(changed[0].heads.logits, plain[0].heads.logits)
    assert torch.equal(changed[1].state.y, other)
    assert torch.equal(changed[1].heads.logits, model.decode(other))
    x = model.embed(PUZZLES, IDS)
    third = deep_recursion(model, x, State(other, plain[1].state.z), depth=depth)
    assert torch.equal(changed[2].state.y, third.y)


def test_a_hook_can_replace_z_within_a_recursion(tiny_model):
    model = tiny_model(T=1)
    x = model.embed(PUZZLES, IDS)
    start = model.initial_state(x)

    def zero_first_z(at, state):
        return State(state.y, torch.zeros_like(state.z)) if at.call == 1 else state

    state = deep_recursion(model, x, start, depth=model.config.depth, after_call=zero_first_z)
    z = model.L_level(start.y + x)  # the second f_L call, from z = 0
    assert torch.allclose(state.z, z, atol=1e-6)
    assert torch.allclose(state.y, model.L_level(start.y + z), atol=1e-6)


def test_closing_the_iterator_stops_the_work(tiny_model):
    model, calls = tiny_model(), []

    def note(at, state):
        calls.append(at)
        return state

    steps = deep_supervision(model, PUZZLES, IDS, depth=model.config.depth, after_call=note)
    assert next(steps).number == 1
    steps.close()
    assert len(calls) == model.config.depth.calls_per_step
    assert list(steps) == []


def test_supervision_keeps_no_gradient(tiny_model):
    model = tiny_model().requires_grad_(True)
    for step in deep_supervision(model, PUZZLES, IDS, depth=model.config.depth):
        assert not step.heads.logits.requires_grad and not step.state.z.requires_grad


def gradients(model, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


@pytest.mark.parametrize("n, T", [(2, 2), (1, 3), (3, 1)])
def test_gradient_reaches_only_the_last_latent_recursion(tiny_model, n, T):
    """Against the same calls written out, with all but the last latent recursion under no_grad."""
    model = tiny_model(n=n, T=T).requires_grad_(True)
    depth, net = model.config.depth, model.L_level

    x = model.embed(PUZZLES, IDS)
    state = deep_recursion(model, x, model.initial_state(x), depth=depth, gradient_calls=n + 1)
    ours = gradients(model, model.decode(state.y).square().sum())

    x = model.embed(PUZZLES, IDS)
    y, z = model.initial_state(x)
    for cycle in range(T):
        with torch.set_grad_enabled(cycle == T - 1):
            for _ in range(n):
                z = net(z + (y + x))
            y = net(y + z)
    expected = gradients(model, model.decode(y).square().sum())

    assert ours.keys() == expected.keys()
    assert "embed_tokens.embedding_weight" in ours  # x is learned too
    for name, gradient in expected.items():
        assert torch.equal(ours[name], gradient), name


class CountingModel:
    """f_L and f_H multiply by one weight, so the power of the weight in the result counts calls with a gradient."""

    def __init__(self):
        self.weight = torch.ones((), requires_grad=True)

    def embed(self, inputs, puzzle_ids):
        return inputs.float()

    def initial_state(self, x):
        return State(torch.ones(1, 1, 1), torch.ones(1, 1, 1))

    def f_L(self, x, state, call):
        return State(state.y, state.z * self.weight)

    def f_H(self, x, state):
        return State(state.z * self.weight, state.z)

    def heads(self, y):
        return Heads(y, y[:, 0, 0], y[:, 0, 0])


@pytest.mark.parametrize("calls_with_gradient, counted", [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5)])
def test_gradient_calls_are_the_last_ones_of_the_step(calls_with_gradient, counted):
    """n=2, T=2: f_L f_L f_H f_L f_L f_H. The first f_H feeds nothing here, so it is not counted."""
    model = CountingModel()
    x = torch.ones(1, 1, 1)
    state = deep_recursion(
        model, x, model.initial_state(x), depth=Depth(n=2, T=2, N_sup=1), gradient_calls=calls_with_gradient
    )
    state.y.sum().backward()
    assert model.weight.grad.item() == counted  # d(w^k)/dw at w = 1


def test_by_default_no_call_has_a_gradient():
    model = CountingModel()
    x = torch.ones(1, 1, 1)
    with torch.enable_grad():
        state = deep_recursion(model, x, model.initial_state(x), depth=Depth(n=2, T=2, N_sup=1))
    assert not state.y.requires_grad


def test_a_hook_before_a_call_changes_what_it_reads(tiny_model):
    model = tiny_model(n=1, T=1)
    x = model.embed(PUZZLES, IDS)

    def zero_z_for_f_H(at, state):
        return State(state.y, torch.zeros_like(state.z)) if at.kind == F_H else state

    start = model.initial_state(x)
    state = deep_recursion(model, x, start, depth=model.config.depth, before_call=zero_z_for_f_H)
    assert torch.equal(state.y, model.L_level(start.y + 0 * start.z))
