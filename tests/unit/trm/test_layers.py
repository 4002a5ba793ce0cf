"""The parts of the net, compared with their definitions written out in simple operations."""

from functools import partial
from math import cos, exp, sin, sqrt

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from trm.layers import (
    Attention,
    Block,
    Embedding,
    Linear,
    PuzzleEmbedding,
    Rotary,
    SwiGLU,
    add_and_norm,
    attend,
    numpy_product,
    truncated_normal,
)

rope = partial(Rotary, "rope")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def filled(module: torch.nn.Module) -> torch.nn.Module:
    """The module with random weights."""
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module.requires_grad_(False)


def rms_norm(x: torch.Tensor) -> torch.Tensor:
    return add_and_norm(x, torch.zeros_like(x))


def test_rms_norm_of_a_vector_by_hand():
    normed = rms_norm(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))  # root mean square of (3, 4) is sqrt(12.5)
    assert torch.allclose(normed, torch.tensor([[3 / sqrt(12.5), 4 / sqrt(12.5)], [0.0, 0.0]]), atol=1e-5)


def test_rms_norm_sums_squares_in_float32():
    """In bfloat16 a sum of 4096 ones stops at 256; the norm must not."""
    normed = rms_norm(torch.ones(4096, dtype=torch.bfloat16))
    assert normed.dtype == torch.bfloat16
    assert torch.equal(normed, torch.ones_like(normed))


def test_linear_by_hand_and_in_other_dtypes():
    linear = Linear(2, 3, bias=True)
    linear.weight.data = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    linear.bias.data = torch.tensor([10.0, 20.0, 30.0])
    linear.requires_grad_(False)
    assert linear(torch.tensor([1.0, -1.0])).tolist() == [9.0, 19.0, 29.0]
    half = linear(torch.tensor([1.0, -1.0], dtype=torch.bfloat16))
    assert half.dtype == torch.bfloat16 and linear.weight.dtype == torch.float32


@pytest.mark.parametrize("shape", [(7,), (3, 7), (2, 3, 7)])
@pytest.mark.parametrize("bias", [True, False])
def test_numpy_product_is_linear(shape, bias):
    x, weight = torch.randn(shape), torch.randn(5, 7)
    offset = torch.randn(5) if bias else None
    product = numpy_product(x, weight, offset)
    assert product.shape == (*shape[:-1], 5)
    assert torch.allclose(product, F.linear(x, weight, offset), atol=1e-5)


def test_numpy_product_reads_transposed_activations():
    x, weight = torch.randn(2, 7, 3).transpose(1, 2), torch.randn(5, 7)
    assert torch.allclose(numpy_product(x, weight, None), F.linear(x, weight), atol=1e-5)


def test_swiglu_by_hand():
    net = SwiGLU(1, 1)
    net.gate_up_proj.weight.data = torch.tensor([[2.0], [3.0]])  # gate 2x, up 3x
    net.down_proj.weight.data = torch.tensor([[5.0]])
    silu = 2.0 / (1 + exp(-2.0))
    assert net.requires_grad_(False)(torch.tensor([1.0])).item() == pytest.approx(5 * 3 * silu, rel=1e-6)


def test_swiglu_halves_of_the_matrix():
    """The first half gates: with it at zero nothing passes, with the second half at zero neither, but silu is not linear."""
    net = filled(SwiGLU(4, 6))
    x = torch.randn(3, 4)
    gate, up = net.gate_up_proj.weight[:6], net.gate_up_proj.weight[6:]
    expected = (F.silu(x @ gate.T) * (x @ up.T)) @ net.down_proj.weight.T
    assert torch.allclose(net(x), expected, atol=1e-5)


def test_embedding_picks_rows():
    table = Embedding(3, 2)
    table.embedding_weight.data = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    found = table.requires_grad_(False)(torch.tensor([[2, 0]]), torch.bfloat16)
    assert found.dtype == torch.bfloat16 and found.tolist() == [[[4.0, 5.0], [0.0, 1.0]]]


def test_puzzle_embedding_is_a_buffer():
    table = PuzzleEmbedding(3, 2)
    assert not list(table.parameters()) and list(table.state_dict()) == ["weights"]
    table.weights[1] = torch.tensor([7.0, 8.0])
    assert table(torch.tensor([1, 0]), torch.float32).tolist() == [[7.0, 8.0], [0.0, 0.0]]


def test_rotation_by_hand():
    """Head size 4, position 1: pairs (0, 2) and (1, 3) turn by 1 and by theta^(-1/2) radians."""
    cosines, sines = rope(4, 10_000.0).tables(torch.arange(2.0), like=torch.zeros(1))
    turned = rope(4, 10_000.0).rotate(torch.tensor([[[[1.0, 1.0, 0.0, 0.0]] * 2]]), cosines, sines)[0, 0]
    assert turned[0].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert turned[1].tolist() == pytest.approx([cos(1), cos(0.01), sin(1), sin(0.01)], abs=1e-6)


@given(st.integers(1, 6), st.integers(2, 30), st.floats(2.0, 1e6))
def test_rotation_keeps_the_norm(half, length, theta):
    cosines, sines = rope(2 * half, theta).tables(torch.arange(float(length)), like=torch.zeros(1))
    x = torch.randn(1, 2, length, 2 * half, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(rope(4, 10_000.0).rotate(x, cosines, sines).norm(dim=-1), x.norm(dim=-1), rtol=1e-5)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 10))
def test_rotated_products_depend_on_the_distance_alone(first, second, shift):
    cosines, sines = rope(8, 10_000.0).tables(torch.arange(31.0), like=torch.zeros(1))
    query, key = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))

    def product(at: int, other: int) -> torch.Tensor:
        turned = rope(4, 10_000.0).rotate(query.expand(1, 1, 31, 8), cosines, sines)[0, 0, at]
        return turned @ rope(4, 10_000.0).rotate(key.expand(1, 1, 31, 8), cosines, sines)[0, 0, other]

    assert torch.allclose(product(first, second), product(first + shift, second + shift), atol=1e-4)


@pytest.mark.parametrize("theta", [None, 10_000.0])
def test_attention_is_a_softmax_over_all_positions(theta):
    dim, heads, length = 12, 3, 5
    attention = filled(Attention(dim, heads, theta and rope(dim // heads, theta)))
    x = torch.randn(2, length, dim)
    size = dim // heads
    query, key, value = (x @ attention.qkv_proj.weight.T).split(dim, dim=-1)
    mixed = torch.zeros_like(x)
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        q, k = query[..., part], key[..., part]
        if theta:
            tables = rope(size, theta).tables(torch.arange(float(length)), like=x)
            q, k = rope(4, 10_000.0).rotate(q, *tables), rope(4, 10_000.0).rotate(k, *tables)
        weights = (q @ k.transpose(1, 2) / sqrt(size)).softmax(-1)
        mixed[..., part] = weights @ value[..., part]
    assert torch.allclose(attention(x), mixed @ attention.o_proj.weight.T, atol=1e-5)


def test_attention_without_positions_does_not_see_order():
    attention = filled(Attention(8, 2, None))
    x, order = torch.randn(1, 6, 8), torch.tensor([3, 1, 5, 0, 2, 4])
    assert torch.allclose(attention(x)[:, order], attention(x[:, order]), atol=1e-5)
    with_rope = filled(Attention(8, 2, rope(4, 10_000.0)))
    assert not torch.allclose(with_rope(x)[:, order], with_rope(x[:, order]), atol=1e-3)


def test_attention_block_norms_channels_twice(tiny_config):
    block = filled(Block(tiny_config()))
    x = torch.randn(2, 17, 8)
    middle = rms_norm(x + block.self_attn(x))
    out = block(x)
    assert torch.allclose(out, rms_norm(middle + block.mlp(middle)), atol=1e-5)
    assert torch.allclose(out.square().mean(-1), torch.ones(2, 17), atol=1e-3)


def test_mlp_block_norms_positions_first(tiny_config):
    """After mixing, every channel has root mean square one over the positions (not every position over its channels)."""
    block = filled(Block(tiny_config(mixing="mlp", mixing_width=20, heads=0, positions="none")))
    x = torch.randn(2, 17, 8)
    mixed = block.mix(x)
    assert torch.allclose(mixed.square().mean(1), torch.ones(2, 8), atol=1e-3)
    assert not torch.allclose(mixed.square().mean(-1), torch.ones(2, 17), atol=1e-2)
    channel = x[0, :, 3]
    assert torch.allclose(mixed[0, :, 3], rms_norm(channel + block.mlp_t(channel)), atol=1e-5)
    assert torch.allclose(block(x), rms_norm(mixed + block.mlp(mixed)), atol=1e-5)


@pytest.mark.parametrize(
    "mixing", [{"mixing": "mlp", "mixing_width": 20, "heads": 0, "positions": "none"}, {}]
)
@pytest.mark.parametrize("product", [F.linear, numpy_product])
def test_a_block_without_gradients_computes_the_same_and_leaves_its_input(mixing, product, tiny_config):
    block, x = filled(Block(tiny_config(**mixing))), torch.randn(3, 17, 8)
    before, expected = x.clone(), block(x)
    for module in block.modules():
        if isinstance(module, Linear):
            module.product = product
    with torch.no_grad():
        assert torch.allclose(block(x), expected, atol=1e-6)
    assert torch.equal(x, before)


@pytest.mark.parametrize("layer", [Linear(400, 300), Embedding(300, 400)])
def test_weights_are_drawn_so_that_products_with_400_channels_keep_their_size(layer):
    layer.initialise(torch.Generator().manual_seed(0))
    (weight,) = layer.parameters()
    assert weight.std().item() == pytest.approx(1 / 20, rel=0.02)


def test_truncated_normal_has_the_requested_deviation():
    drawn = torch.zeros(200_000)
    truncated_normal(drawn, 0.3, torch.Generator().manual_seed(0))
    assert drawn.std().item() == pytest.approx(0.3, rel=0.01)
    assert drawn.mean().item() == pytest.approx(0.0, abs=0.005)
    assert drawn.abs().max() <= 2 * 0.3 / 0.8796  # cut at two deviations of the uncut normal


def test_attention_in_bfloat16_is_that_of_the_fused_kernel():
    """On a CPU the products are written out; they agree to the rounding of bfloat16."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, 7, 8, generator=generator) for _ in range(3))
    exact = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    found = attend(*(part.bfloat16() for part in (query, key, value)))
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), exact, atol=0.03)
    assert torch.equal(attend(query, key, value), exact)
