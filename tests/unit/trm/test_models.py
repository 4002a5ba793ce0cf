"""The model around the net: what goes into x, where the heads read, and how training starts."""

from math import sqrt

import pytest
import torch

from trm.models import TRM, new_model, parameter_count
from trm.recursion import Heads, RecursiveModel

PUZZLES = torch.tensor([[1, 2, 3, 4] * 4, [5, 1, 1, 2] * 4])


def test_x_is_the_scaled_prefix_and_tokens(tiny_model):
    """A puzzle vector of 12 numbers fills prefix positions 0 and half of 1; position 2 is zero."""
    model = tiny_model(prefix_length=3, puzzle_ids=4, puzzle_embedding_size=12)
    model.puzzle_emb.weights.normal_(generator=torch.Generator().manual_seed(1))
    ids = torch.tensor([3, 1])
    x = model.embed(PUZZLES, ids)
    assert x.shape == (2, 19, 8)
    for row in range(2):
        vector = model.puzzle_emb.weights[ids[row]]
        assert torch.allclose(x[row, :3].flatten(), sqrt(8) * torch.cat((vector, torch.zeros(12))))
        for cell in range(16):
            token = model.embed_tokens.embedding_weight[PUZZLES[row, cell]]
            assert torch.allclose(x[row, 3 + cell], sqrt(8) * token)


def test_learned_positions_are_added_and_scaled(tiny_model):
    model = tiny_model(positions="learned", prefix_length=2)
    x = model.embed(PUZZLES, torch.zeros(2, dtype=torch.long))
    tokens = torch.cat((torch.zeros(2, 2, 8), model.embed_tokens.embedding_weight[PUZZLES]), 1)
    assert torch.allclose(x, sqrt(8) * sqrt(0.5) * (tokens + model.embed_pos.embedding_weight), atol=1e-6)


def test_no_prefix(tiny_model):
    model = tiny_model(prefix_length=0)
    x = model.embed(PUZZLES, torch.zeros(2, dtype=torch.long))
    assert x.shape == (2, 16, 8)
    assert model.decode(x).shape == (2, 16, 6)


def test_both_states_start_from_their_vector_at_every_position(tiny_model):
    model = tiny_model()
    y, z = model.initial_state(model.embed(PUZZLES, torch.zeros(2, dtype=torch.long)))
    assert torch.equal(y, model.H_init.expand(2, 17, 8)) and torch.equal(z, model.L_init.expand(2, 17, 8))
    assert not torch.equal(y, z)


def test_smaller_grids_keep_their_positions_in_the_full_grid(tiny_model):
    """In the corner of 4x4 the row below is 4 positions on, also for a grid of 2x2; after own-size grids nothing remains."""
    model = tiny_model(mixing="attention", mixing_width=0, heads=2, positions="rope", prefix_length=1)
    attention = model.L_level.layers[0].self_attn
    model.set_grid_side(2)
    assert attention.rotary_positions.tolist() == [0, 1, 2, 5, 6]
    x = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(0))
    corner = attention(x)
    model.set_grid_side(4)
    assert attention.rotary_positions is None
    assert not torch.allclose(corner, attention(x), atol=1e-4)  # now read as one row


def test_heads_read_the_cells_and_position_zero(tiny_model):
    model = tiny_model(prefix_length=2)
    torch.nn.init.normal_(model.q_head.weight)
    y = torch.randn(2, 18, 8)
    heads = model.heads(y)
    assert torch.allclose(heads.logits, y[:, 2:] @ model.lm_head.weight.T, atol=1e-5)
    q = y[:, 0] @ model.q_head.weight.T + model.q_head.bias
    assert torch.allclose(heads.q_halt, q[:, 0], atol=1e-5)
    assert torch.allclose(heads.q_continue, q[:, 1], atol=1e-5)


def test_reverse_embedding_recovers_the_input_tokens(tiny_model):
    """Tokens whose embeddings are at right angles; the prefix is no cell, and the output head plays no part."""
    model = tiny_model(prefix_length=3)
    model.embed_tokens.embedding_weight.copy_(torch.eye(6, 8)[[5, 4, 3, 2, 1, 0]])
    model.lm_head.weight.zero_()
    products = model.reverse_embed(model.embed(PUZZLES, torch.zeros(2, dtype=torch.long)))
    assert products.shape == (2, 16, 6) and products.dtype == torch.float32
    assert torch.equal(products.argmax(-1), PUZZLES)
    assert torch.allclose(products.amax(-1), torch.tensor(sqrt(8)))


def test_halting_probability_ignores_the_continue_logit(tiny_model):
    heads = Heads(torch.zeros(3, 1, 1), torch.tensor([0.0, 2.0, -2.0]), torch.tensor([9.0, -9.0, 0.0]))
    probability = tiny_model().halt_probability(heads)
    assert probability.tolist() == pytest.approx([0.5, 0.880797, 0.119203], abs=1e-5)


def test_activations_have_the_compute_dtype_and_heads_float32(tiny_model):
    model = tiny_model()
    model.compute_dtype = torch.bfloat16
    x = model.embed(PUZZLES, torch.zeros(2, dtype=torch.long))
    state = model.f_L(x, model.initial_state(x), 1)
    assert x.dtype == state.y.dtype == state.z.dtype == torch.bfloat16
    assert model.heads(state.y).logits.dtype == model.heads(state.y).q_halt.dtype == torch.float32
    assert model.lm_head.weight.dtype == torch.float32


def test_initialise_depends_on_the_seed_alone(tiny_config):
    first, again, other = TRM(tiny_config()), TRM(tiny_config()), TRM(tiny_config())
    first.initialise(3)
    torch.manual_seed(99)
    again.initialise(3)
    other.initialise(4)
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert not torch.equal(first.H_init, other.H_init)
    assert not torch.equal(
        first.L_level.layers[0].mlp.down_proj.weight, other.L_level.layers[0].mlp.down_proj.weight
    )


def test_a_fresh_model_does_not_halt(tiny_model):
    model = tiny_model()
    heads = model.heads(torch.randn(4, 17, 8))
    assert model.halt_probability(heads).max() < 0.01


def test_parameter_count_by_hand(tiny_model):
    """V=6, D=8, two blocks: qkv 3*8*8, o 8*8, gate_up 2*12*8, down 8*12; token and output tables, q head, initial states."""
    block = 3 * 64 + 64 + 2 * 96 + 96
    assert parameter_count(tiny_model()) == 2 * block + 2 * 6 * 8 + 2 * 8 + 2 + 2 * 8


@pytest.mark.parametrize(
    "sizes, parameters",
    [
        ({"mixing": "attention", "mixing_width": 0, "heads": 8, "positions": "rope"}, 6_828_034),
        ({"mixing": "mlp", "mixing_width": 512, "heads": 0, "positions": "none"}, 5_028_866),
    ],
)
def test_full_size_is_the_published_size(tiny_config, sizes, parameters):
    """The public models: 512 wide, 16 prefix positions. The puzzle table and the initial states are buffers, not counted."""
    config = tiny_config(
        vocab_size=11, sequence_length=81, hidden_size=512, mlp_width=1536, prefix_length=16,
        puzzle_ids=1, puzzle_embedding_size=512, **sizes,
    )  # fmt: skip
    with torch.device("meta"):
        model = new_model(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


def test_it_is_a_recursive_model(tiny_model):
    assert isinstance(tiny_model(), RecursiveModel)
    assert tiny_model().gradient_calls(6) == 7
