"""EqR, AIR, URM and sotaku: each compared with its formulas, written out in another way."""

from dataclasses import replace
from math import sqrt

import pytest
import torch
import torch.nn.functional as F

from trm.config import NEVER, ConfigError
from trm.coordinates import Depth
from trm.inspection.forward import convergence
from trm.layers import Rotary
from trm.models import new_model
from trm.recursion import RecursiveModel, State, deep_supervision
from trm.successors import AIR

PUZZLES = torch.tensor([[1, 2, 3, 4] * 4, [5, 1, 1, 2] * 4])
IDS = torch.zeros(2, dtype=torch.long)


def started(model):
    x = model.embed(PUZZLES, IDS)
    return x, model.initial_state(x)


@pytest.fixture
def eqr(tiny_model):
    return tiny_model(kind="eqr", damping=0.75, y_deviation=1.0, z_deviation=2.0, prefix_length=0)


@pytest.fixture
def air(tiny_model):
    return lambda injection: tiny_model(kind="air", injection=injection)


@pytest.fixture
def urm(tiny_model):
    model = tiny_model(kind="urm", latents=0, n=0, mlp_kernel=2)
    generator = torch.Generator().manual_seed(1)
    for block in model.L_level.layers:
        for parameter in block.mlp.dwconv.parameters():
            parameter.normal_(generator=generator)
    return model


@pytest.fixture
def sotaku(tiny_config):
    """Random weights; 4x4 puzzles in the task's tokens: 0 pad, 1 blank, 2 to 5 digits."""
    config = tiny_config(
        kind="sotaku", latents=0, layers=2, n=1, T=1, prefix_length=0, heads=2, positions="axial", rope_theta=10.0,
        halting_outputs=0,
    )  # fmt: skip
    model, generator = new_model(config), torch.Generator().manual_seed(2)
    for parameter in model.parameters():
        parameter.data.normal_(std=0.5, generator=generator)
    return model.requires_grad_(False)


def test_all_are_recursive_models(eqr, air, urm, sotaku):
    for model in (eqr, air("Lx_H"), urm, sotaku):
        assert isinstance(model, RecursiveModel)
        steps = list(deep_supervision(model, PUZZLES, IDS, depth=model.config.depth))
        assert steps[-1].heads.logits.shape == (2, 16, 6)
        assert not torch.equal(steps[0].heads.logits, steps[-1].heads.logits)


def test_eqr_is_damped(eqr):
    x, (y, z) = started(eqr)
    thought = eqr.f_L(x, State(y, z), 1)
    assert torch.allclose(thought.z, 0.25 * z + 0.75 * eqr.L_level(z + y + x), atol=1e-6)
    answered = eqr.f_H(x, thought)
    assert torch.allclose(answered.y, 0.25 * y + 0.75 * eqr.L_level(y + thought.z), atol=1e-6)
    assert answered.z is thought.z


def test_eqr_starts_from_the_same_random_state_for_every_puzzle_and_run(eqr, tiny_model):
    _, state = started(eqr)
    assert torch.equal(state.y[0], state.y[1]) and not torch.equal(state.y[0, 0], state.y[0, 1])
    assert torch.equal(started(eqr)[1].z, state.z)
    wide = tiny_model(kind="eqr", y_deviation=1.0, z_deviation=2.0, sequence_length=10_000)
    y, z = (part[0] for part in wide.initial_state(torch.zeros(1, 10_001, 8)))
    assert y.std().item() == pytest.approx(1, abs=0.01) and z.std().item() == pytest.approx(2, abs=0.02)
    assert 2.2 < y.abs().max() < 2.274 and abs((y * z).mean()) < 0.03
    assert "H_init" not in eqr.state_dict()


@pytest.mark.parametrize("into_z", [0, 1, 2])
@pytest.mark.parametrize("into_y", [0, 1, 2])
def test_air_adds_x_the_given_number_of_times(air, into_z, into_y):
    times = ("", "x", "2x")
    model = air(f"L{times[into_z]}_H{times[into_y]}")
    x, state = started(model)
    thought = model.f_L(x, state, 1)
    assert torch.allclose(thought.z, model.L_level(state.z + state.y + into_z * x), atol=1e-6)
    answered = model.f_H(x, thought)
    assert torch.allclose(answered.y, model.L_level(state.y + thought.z + into_y * x), atol=1e-6)


@pytest.mark.parametrize("injection", AIR.OF_F_L)
def test_other_air_injections_change_only_f_L(air, injection):
    model = air(injection)
    x, state = started(model)
    z_and_y = state.z + state.y
    G = model.g_input.weight if injection.startswith("gx_") else torch.eye(8)
    read = {
        "minus_x": z_and_y - x,
        "had_prod": state.z + z_and_y * x,
        "gx_linear": z_and_y + x @ G.T,
        "gx_non_linear": z_and_y + (x @ G.T).tanh(),
    }[injection]
    assert torch.allclose(model.f_L(x, state, 1).z, model.L_level(read), atol=1e-6)
    assert torch.equal(model.f_H(x, state).y, model.L_level(state.y + state.z))


def test_an_unknown_air_injection_lists_the_supported_ones(tiny_config):
    for unknown in ("L2x_H2x_input_token_addition", "", "L3x_H"):
        with pytest.raises(ConfigError, match="choose L, Lx or L2x with _H, _Hx or _H2x, or minus_x"):
            new_model(tiny_config(kind="air", injection=unknown))


def test_urm_has_one_state_that_reads_x_in_every_call(urm):
    x, state = started(urm)
    assert state.y is state.z
    answered = urm.f_H(x, state)
    assert answered.y is answered.z and torch.equal(answered.y, urm.L_level(state.y + x))
    thought = urm.f_L(x, state, 1)
    assert torch.equal(thought.z, answered.z) and thought.y is state.y


def test_urm_mixes_each_position_with_the_one_before(urm):
    mlp, x = urm.L_level.layers[0].mlp, torch.randn(1, 17, 8)
    gate, up = (x @ mlp.gate_up_proj.weight.T).chunk(2, -1)
    u = F.silu(gate) * up
    w, b = mlp.dwconv.weight[:, 0], mlp.dwconv.bias
    mixed = [w[:, 0] * (u[:, p - 1] if p else 0) + w[:, 1] * u[:, p] + b for p in range(17)]
    expected = F.silu(torch.stack(mixed, 1)) @ mlp.down_proj.weight.T
    assert torch.allclose(mlp(x), expected, atol=1e-6)


def layer_by_hand(block, h, heads, side, theta):
    """A pre-norm layer with 2-D rope of neighbouring channels as complex numbers, one puzzle."""
    norm = lambda part, v: part.weight * (v - v.mean(-1, keepdim=True)) / (v.var(-1, False, keepdim=True) + 1e-5).sqrt() + part.bias  # fmt: skip # noqa: E731
    D = h.shape[-1]
    q, k, v = (
        norm(block.norm1, h) @ block.self_attn.qkv_proj.weight.T + block.self_attn.qkv_proj.bias
    ).chunk(3, -1)
    size = D // heads
    frequency = torch.tensor([theta ** (-4 * i / size) for i in range(size // 4)])
    row, column = torch.arange(side).repeat_interleave(side), torch.arange(side).repeat(side)
    angle = torch.cat((row[:, None] * frequency, column[:, None] * frequency), -1)
    turn = torch.polar(torch.ones_like(angle), angle)
    mixed = []
    for head in range(heads):
        part = slice(head * size, head * size + size)
        rotated = [
            torch.view_as_real(
                torch.view_as_complex(one[:, part].unflatten(-1, (-1, 2)).contiguous()) * turn
            ).flatten(-2)
            for one in (q, k)
        ]
        mixed.append((rotated[0] @ rotated[1].T / sqrt(size)).softmax(-1) @ v[:, part])
    h = h + torch.cat(mixed, -1) @ block.self_attn.o_proj.weight.T + block.self_attn.o_proj.bias
    inner = (norm(block.norm2, h) @ block.linear1.weight.T + block.linear1.bias).relu()
    return h + inner @ block.linear2.weight.T + block.linear2.bias


def test_sotaku_feeds_its_answer_back(sotaku):
    tokens = PUZZLES[0]
    h = F.one_hot(tokens, 6).float() @ sotaku.initial_encoder.weight.T + sotaku.initial_encoder.bias
    answer = torch.zeros(16, 4)
    expected = []
    for _ in range(3):
        h = h + answer @ sotaku.pred_proj.weight.T + sotaku.pred_proj.bias
        for layer in (sotaku.layer1, sotaku.layer2):
            h = layer_by_hand(layer.layers[0], h, heads=2, side=4, theta=10.0)
        logits = h @ sotaku.output_head.weight.T + sotaku.output_head.bias
        answer = logits.softmax(-1)
        expected.append(logits)
    steps = list(deep_supervision(sotaku, tokens[None], IDS[:1], depth=Depth(n=1, T=1, N_sup=3)))
    for step, logits in zip(steps, expected, strict=True):
        assert torch.allclose(step.heads.logits[0, :, 2:], logits, atol=1e-4)


def test_sotaku_answers_only_digits_and_never_halts(sotaku):
    assert sotaku.config.halting == NEVER
    x, state = started(sotaku)
    heads = sotaku.heads(sotaku.f_H(x, sotaku.f_L(x, state, 1)).y)
    assert (heads.logits[..., :2] == -torch.inf).all() and heads.logits[..., 2:].isfinite().all()
    assert sotaku.halt_probability(heads).tolist() == [0, 0]
    assert torch.equal(sotaku.unembedding()[2:], sotaku.output_head.weight)
    assert torch.allclose(sotaku.token_embedding()[PUZZLES], x)


def test_one_halting_logit_is_enough(tiny_model, tiny_config):
    model = tiny_model(halting_outputs=1)
    heads = model.heads(model.initial_state(model.embed(PUZZLES, IDS)).y)
    assert heads.q_halt.tolist() == [-5, -5] and heads.q_continue.tolist() == [0, 0]
    for changes in ({"kind": "hrm", "H_layers": 1}, {"halting": "q_halt > q_continue"}):
        with pytest.raises(ConfigError, match="halting_outputs must be 0, 1 or 2"):
            tiny_config(halting_outputs=1, **changes)
    with pytest.raises(ConfigError, match="never if there is no halting head"):
        tiny_config(halting_outputs=0)


@pytest.mark.parametrize("kind, least", [("urm", 0), ("sotaku", 0), ("trm-single-z", 1)])
def test_only_models_of_one_state_that_answer_in_every_call_have_no_f_L(tiny_config, kind, least):
    of_kind = {"kind": kind, "latents": 0} | ({"halting_outputs": 0, "layers": 1} if kind == "sotaku" else {})
    assert tiny_config(n=least, **of_kind).n == least
    with pytest.raises(ConfigError, match="n must be"):
        tiny_config(n=least - 1, **of_kind)


def test_every_layer_of_sotaku_is_a_call(tiny_config):
    config = tiny_config(kind="sotaku", latents=0, halting_outputs=0, layers=3, n=2, T=1)
    for n in (1, 3):
        with pytest.raises(ConfigError, match=f"its layers minus one, 2, not {n}"):
            config.with_depth(n=n)


def test_axes_rotate_with_row_and_column():
    """Scores depend on the differences of row and column alone, of "rope2d" and "axial" alike."""
    torch.manual_seed(0)
    q, k = torch.randn(2, 8)
    for positions, groups in (("rope2d", 1), ("axial", 2), ("axial", 4)):
        rotary = Rotary(positions, 8, 100.0, groups=groups, columns=5)

        def score(one, other, rotary=rotary):
            cos, sin = rotary.tables(torch.tensor([one, other]).float(), like=q)
            return (rotary.rotate(q, cos, sin)[0] * rotary.rotate(k, cos, sin)[1]).sum()

        assert torch.isclose(score(0, 7), score(6, 13))  # one row down, two columns to the right
        assert not torch.isclose(score(0, 7), score(0, 8)) and not torch.isclose(score(0, 7), score(0, 2))


def test_a_prefix_rotates_as_in_one_dimension():
    rotary = Rotary("rope2d", 8, 100.0, prefix=2, columns=3)
    plain = replace(rotary, positions="rope")
    places = torch.arange(6).float()
    assert torch.equal(rotary.angles(places)[:2], plain.angles(places)[:2])
    assert torch.equal(rotary.angles(places)[2], torch.zeros(4))  # row 0, column 0


def test_convergence_measures_how_much_answers_still_change():
    logits = torch.zeros(5, 2, 1, 2)
    logits[:, 1, 0] = torch.tensor([[0.0, 0], [9, 9], [12, 13], [12, 13], [12, 15]])
    assert convergence(logits).tolist() == pytest.approx([0, (5 + 0 + 2) / 3])
    assert convergence(logits[:1]).tolist() == [0, 0]
