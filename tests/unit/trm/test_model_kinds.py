"""The kinds of model: each is the same recursion with another f_L, f_H, halting rule or gradient."""

import pytest
import torch

from trm.config import HALT_ALONE, KINDS, ConfigError
from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.models import CLASSES, parameter_count
from trm.recursion import Heads, RecursiveModel, State, deep_recursion, deep_supervision

PUZZLES = torch.tensor([[1, 2, 3, 4] * 4, [5, 1, 1, 2] * 4])
IDS = torch.zeros(2, dtype=torch.long)
CHANGES = {
    "trm": {},
    "trm-two-nets": {"H_layers": 1},
    "trm-single-z": {"latents": 0},
    "trm-multi-z": {"latents": 2},
    "hrm": {"H_layers": 3},
}
every_kind = pytest.mark.parametrize("kind", CHANGES)


@pytest.fixture
def of_kind(tiny_model):
    """Makes a tiny model of a kind; keywords replace fields of its configuration."""
    return lambda kind, **changes: tiny_model(kind=kind, **CHANGES[kind] | changes)


def started(model):
    x = model.embed(PUZZLES, IDS)
    return x, model.initial_state(x)


def test_every_kind_has_a_class():
    assert KINDS.keys() == CLASSES.keys()


@every_kind
def test_every_kind_runs_through_the_one_recursion(of_kind, kind):
    model = of_kind(kind)
    assert type(model) is CLASSES[kind] and isinstance(model, RecursiveModel)
    steps = list(deep_supervision(model, PUZZLES, IDS, depth=model.config.depth))
    assert len(steps) == 3 and steps[-1].heads.logits.shape == (2, 16, 6)
    assert not torch.equal(steps[0].heads.logits, steps[-1].heads.logits)


@every_kind
@pytest.mark.parametrize(
    "mixing", [{}, {"mixing": "mlp", "mixing_width": 20, "heads": 0, "positions": "none"}]
)
def test_every_kind_with_either_mixing_trains(of_kind, kind, mixing):
    """A gradient reaches every net, the embedding and the head."""
    model = of_kind(kind, **mixing).requires_grad_(True)
    x, state = started(model)
    state = deep_recursion(model, x, state, depth=model.config.depth, gradient_calls=7)
    model.decode(state.y).square().sum().backward()
    nets = [name for name, _ in model.named_children() if name.endswith("_level")]
    assert nets == (["L_level", "H_level"] if KINDS[kind].nets == 2 else ["L_level"])
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == name.startswith("q_head"), name


def test_two_nets_write_y_with_the_second(of_kind):
    for kind in ("trm-two-nets", "hrm"):
        model = of_kind(kind)
        x, state = started(model)
        thought = model.f_L(x, state, 1)
        assert torch.equal(thought.z, model.L_level(state.z + (state.y + x)))
        answered = model.f_H(x, thought)
        assert torch.equal(answered.y, model.H_level(state.y + thought.z))
        assert torch.equal(answered.z, thought.z)


def test_single_z_decodes_the_answer_from_z(of_kind):
    model = of_kind("trm-single-z")
    x, state = started(model)
    assert state.y is state.z and "H_init" not in model.state_dict()
    thought = model.f_L(x, state, 1)
    assert torch.equal(thought.z, model.L_level(state.z + x))
    assert torch.equal(thought.y, state.y)  # the answer of the cycle before stays readable
    answered = model.f_H(x, thought)
    assert answered.y is answered.z
    assert torch.equal(answered.y, model.L_level(thought.z))


def test_multi_z_updates_one_latent_per_call(of_kind):
    model = of_kind("trm-multi-z", latents=3, n=3)
    x, state = started(model)
    assert state.z.shape == (2, 3, 17, 8)
    assert [torch.equal(state.z[0, k, 0], model.get_buffer(f"L{k + 1}_init")) for k in range(3)] == [True] * 3
    after = model.f_L(x, state, 2)
    assert torch.equal(after.z[:, [0, 2]], state.z[:, [0, 2]])
    assert torch.equal(after.z[:, 1], model.L_level(state.z.sum(1) + (state.y + x)))
    assert torch.equal(model.f_H(x, after).y, model.L_level(state.y + after.z.sum(1)))


def test_multi_z_cycles_through_its_latents(of_kind):
    model = of_kind("trm-multi-z", latents=2)
    x, state = started(model)
    assert torch.equal(model.f_L(x, state, 3).z, model.f_L(x, state, 1).z)


def test_the_latent_of_a_call_is_the_one_it_updated(of_kind):
    z = torch.arange(2 * 2 * 17 * 8).view(2, 2, 17, 8).float()
    state = State(z[:, 0], z)
    model = of_kind("trm-multi-z", latents=2)
    calls = [(1, F_L), (2, F_L), (3, F_H)]
    found = [model.latent(state, Coordinates(1, 1, call, kind)) for call, kind in calls]
    assert [torch.equal(latent, z[:, k]) for latent, k in zip(found, (0, 1, 1), strict=True)] == [True] * 3
    single = State(z[:, 0], z[:, 1])
    assert of_kind("trm").latent(single, Coordinates(1, 1, 3, F_H)) is single.z


@every_kind
def test_halting_rule(of_kind, kind):
    """q_halt 1 against q_continue 2: TRM halts, HRM does not; -1 against -2: the other way round."""
    model = of_kind(kind)
    heads = Heads(torch.zeros(2, 1, 1), torch.tensor([1.0, -1.0]), torch.tensor([2.0, -2.0]))
    assert (model.halting_logit(heads) > 0).tolist() == ([False, True] if kind == "hrm" else [True, False])
    assert ((model.halt_probability(heads) > 0.5) == (model.halting_logit(heads) > 0)).all()


def test_an_hrm_may_halt_by_q_halt_alone(of_kind):
    heads = Heads(torch.zeros(2, 1, 1), torch.tensor([1.0, -1.0]), torch.tensor([2.0, -2.0]))
    assert of_kind("hrm", halting=HALT_ALONE).halting_logit(heads).tolist() == [1, -1]


def test_hrm_learns_from_its_last_two_calls_only(of_kind):
    """The same calls written out, all but the last f_L and the last f_H under no_grad."""
    model = of_kind("hrm").requires_grad_(True)

    def gradients(y) -> list[torch.Tensor]:
        model.zero_grad()
        model.decode(y).square().sum().backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    x, state = started(model)
    ours = gradients(
        deep_recursion(
            model, x, state, depth=Depth(n=2, T=2, N_sup=1), gradient_calls=model.gradient_calls(2)
        ).y
    )
    x, (y, z) = started(model)
    with torch.no_grad():
        z = model.L_level(z + (y + x))
        z = model.L_level(z + (y + x))
        y = model.H_level(y + z)
        z = model.L_level(z + (y + x))
    z = model.L_level(z + (y + x))
    expected = gradients(model.H_level(y + z))
    assert len(ours) == len(expected)
    assert all(torch.equal(one, other) for one, other in zip(ours, expected, strict=True))


def test_full_size_hrm_has_the_published_number_of_parameters(tiny_config):
    from trm.models import new_model

    config = tiny_config(
        kind="hrm", hidden_size=512, vocab_size=11, sequence_length=81, layers=4, H_layers=4, mlp_width=1536,
        heads=8, puzzle_ids=1, puzzle_embedding_size=512,
    )  # fmt: skip
    with torch.device("meta"):
        model = new_model(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == 27_275_266
    assert parameter_count(model) == 27_275_266 + 512 + 2 * 512  # puzzle table and initial states


def test_the_puzzle_table_stays_behind_and_gives_rows(of_kind):
    """Converting a model does not touch the table, so a memory-mapped one is not read as a whole."""
    model = of_kind("trm", puzzle_ids=5, puzzle_embedding_size=8)
    table = torch.randn(5, 8).bfloat16()
    model.puzzle_emb.weights = table
    assert model.double().puzzle_emb.weights is table
    rows = model.puzzle_emb(torch.tensor([3, 0]), torch.float32)
    assert torch.equal(rows, table[[3, 0]].float())


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"kind": "rnn"}, "unknown kind of model 'rnn'; choose one of trm, trm-two-nets"),
        ({"kind": "hrm"}, "H_layers of a model of kind hrm must be at least 1, not 0"),
        ({"kind": "trm", "H_layers": 2}, "H_layers of a model of kind trm must be 0, not 2"),
        ({"kind": "hrm", "H_layers": 300}, "at most 256"),
        ({"kind": "trm-multi-z", "latents": 0}, "cannot have 0 latents"),
        ({"kind": "trm-multi-z", "latents": 1000}, "cannot have 1000 latents"),
        ({"kind": "trm-single-z", "latents": 1}, "cannot have 1 latents"),
        ({"kind": "trm", "latents": 2}, "cannot have 2 latents"),
    ],
)
def test_configurations_that_no_kind_allows(tiny_config, changes, words):
    with pytest.raises(ConfigError, match=words):
        tiny_config(**changes)
