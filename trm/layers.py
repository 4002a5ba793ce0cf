"""The building blocks of the nets: embeddings, position mixing, SwiGLU, and the post-norm and pre-norm blocks.

Parameters stay in float32 and are cast to the dtype of the activations where they are used, so the same weights run in
float32 on a CPU and in bfloat16 on a GPU. Modules and parameters are named as in the public TRM and HRM code, so that
its checkpoints load key by key. Weights are initially zero; `initialise` draws random weights for training.

Without gradients, layers write into the results of their own matrix products instead of new memory. In a batch of a
small model, new memory takes up to half of the time of a SwiGLU.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import sqrt
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

RMS_EPSILON = 1e-5


def add_and_norm(
    x: Float[Tensor, "*axes"], change: Float[Tensor, "*axes"], axis: int = -1
) -> Float[Tensor, "*axes"]:
    """Divide the vectors of x + change along an axis by their root mean square. Without gradients, overwrites `change`.

    There is no learned weight; squares are summed in float32.
    """
    overwrites = not torch.is_grad_enabled()
    total = change.add_(x) if overwrites and change.is_contiguous() else x + change
    scale = torch.rsqrt(total.float().square().mean(axis, keepdim=True) + RMS_EPSILON).to(x.dtype)
    return total.mul_(scale) if overwrites else total * scale


def gated(gate: Tensor, up: Tensor) -> Tensor:
    """Compute silu(gate) * up. Without gradients, overwrites `gate`."""
    return F.silu(gate) * up if torch.is_grad_enabled() else F.silu(gate, inplace=True).mul_(up)


def numpy_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Compute x W^T (+ b) with NumPy's BLAS (OpenBLAS), for float32 on a CPU without gradients.

    NumPy sums in a different order than torch. The order rarely matters, but a model with random weights can be
    chaotic: a difference in the last bit grows about thirtyfold in every supervision step. In NumPy's order, even such
    a model reproduces the recorded outputs of the public code (with MLP mixing: bit by bit), so `trm forward` uses this
    function.
    """
    product = torch.from_numpy(x.numpy().reshape(-1, x.shape[-1]) @ weight.numpy().T).view(*x.shape[:-1], -1)
    return product if bias is None else product + bias


class Linear(nn.Module):
    """Linear layer: x W^T (+ b), with W cast to the dtype of x. Set `product` to use another matrix product."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False):
        super().__init__()
        self.product = F.linear
        self.weight = nn.Parameter(torch.zeros(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return self.product(x, self.weight.to(x.dtype), bias)

    def initialise(self, generator: torch.Generator) -> None:
        truncated_normal(self.weight, 1 / sqrt(self.weight.shape[1]), generator)


class Embedding(nn.Module):
    """A table of vectors, one per token (or position)."""

    def __init__(self, count: int, dim: int):
        super().__init__()
        self.embedding_weight = nn.Parameter(torch.zeros(count, dim))

    def forward(self, index: Int[Tensor, "*batch"], dtype: torch.dtype) -> Float[Tensor, "*batch dim"]:
        return F.embedding(index, self.embedding_weight.to(dtype))

    def initialise(self, generator: torch.Generator) -> None:
        truncated_normal(self.embedding_weight, 1 / sqrt(self.embedding_weight.shape[1]), generator)


class PuzzleEmbedding(nn.Module):
    """One vector per puzzle id. The table is a buffer, as in the public code, where a separate optimizer trains it.

    A table for ARC has a million rows. It stays on the CPU as it was opened (possibly memory-mapped, in the dtype of
    the file). Only the rows that a batch needs are read, converted, and moved to the device.
    """

    def __init__(self, count: int, dim: int):
        super().__init__()
        self.register_buffer("weights", torch.zeros(count, dim))

    def forward(self, puzzle_ids: Int[Tensor, "batch"], dtype: torch.dtype) -> Float[Tensor, "batch dim"]:
        rows = self.weights[puzzle_ids.to(self.weights.device)]
        return rows.to(device=puzzle_ids.device, dtype=dtype)

    def _apply(self, fn, recurse: bool = True) -> "PuzzleEmbedding":
        """Leave the table unchanged when the model is moved or converted."""
        return self


class SwiGLU(nn.Module):
    """Gated MLP: down(silu(gate) * up), where one matrix computes gate and up (Shazeer 2020)."""

    def __init__(self, dim: int, width: int):
        super().__init__()
        self.gate_up_proj = Linear(dim, 2 * width)
        self.down_proj = Linear(width, dim)

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        return self.down_proj(gated(*self.gate_up_proj(x).chunk(2, dim=-1)))

    def mix_positions(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch position dim"]:
        """Compute the SwiGLU over positions: of the transpose of x, transposed.

        In float32 on a CPU, the weights multiply from the left instead, which saves the transposes.
        """
        is_left = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_grad_enabled()
        if not is_left or self.gate_up_proj.product is not F.linear:
            return self(x.transpose(1, 2)).transpose(1, 2)
        gate_up, down = (layer.weight.expand(len(x), -1, -1) for layer in (self.gate_up_proj, self.down_proj))
        return torch.bmm(down, gated(*torch.bmm(gate_up, x).chunk(2, dim=1)))


class ConvSwiGLU(SwiGLU):
    """A SwiGLU with a causal convolution over positions and a second silu before the down projection (URM)."""

    def __init__(self, dim: int, width: int, kernel: int):
        super().__init__(dim, width)
        self.dwconv = nn.Conv1d(width, width, kernel, groups=width)
        nn.init.zeros_(self.dwconv.weight)
        nn.init.zeros_(self.dwconv.bias)

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        inner = gated(*self.gate_up_proj(x).chunk(2, dim=-1)).transpose(-1, -2)  # (B, W, P)
        weight, bias = (part.to(x.dtype) for part in (self.dwconv.weight, self.dwconv.bias))
        mixed = F.conv1d(F.pad(inner, (weight.shape[-1] - 1, 0)), weight, bias, groups=len(weight))
        return self.down_proj(F.silu(mixed).transpose(-1, -2))


@dataclass(frozen=True)
class Rotary:
    """Rotary position embedding: the angles by which queries and keys are rotated (Su et al. 2021).

    `positions` is one of three types. "rope": positions are numbered in sequence, starting with the prefix. "rope2d"
    (nano-trm): half of the pairs rotate by a cell's row and half by its column, both with the first half of the
    frequencies; the prefix rotates as in "rope". "axial" (EqR, sotaku): row and column each get RoPE over half of the
    head. `groups` is the number of parts into which a head is split. Within each part, elements of the first half pair
    with elements of the second half, so neighbouring elements pair if `groups` is head_dim / 2.
    """

    positions: Literal["rope", "rope2d", "axial"]
    head_dim: int
    theta: float
    groups: int = 1
    prefix: int = 0
    columns: int = 1  # number of columns in the grid or canvas
    order: tuple[int, ...] = ()  # index of each position in the grid or canvas; (): in sequence

    def angles(self, rotary_positions: Float[Tensor, "length"]) -> Float[Tensor, "length pairs"]:
        """Angle of each pair in radians at the given positions. Position 0 is the model's first prefix position."""
        band = 4 if self.positions == "axial" else 2
        # 1 / theta^(i / dim), not theta^(-i / dim): they differ in the last bit, and some models amplify that.
        step = torch.arange(0, self.head_dim, band, dtype=torch.float32, device=rotary_positions.device)
        frequency = 1 / self.theta ** (step / self.head_dim)
        if self.positions == "rope":
            return torch.outer(rotary_positions, frequency)
        cell, quarter = rotary_positions - self.prefix, frequency[: self.head_dim // 4]
        axes = (cell.div(self.columns, rounding_mode="floor"), cell.remainder(self.columns))
        rotated = torch.cat([torch.outer(axis, quarter) for axis in axes], dim=-1)
        if self.positions == "rope2d":
            rotated = torch.where(cell[:, None] < 0, torch.outer(rotary_positions, frequency), rotated)
        return rotated

    def places(self, length: int) -> Float[Tensor, "length"]:
        """Place of each of `length` positions in the grid or canvas."""
        return torch.tensor(self.order, dtype=torch.float32) if self.order else torch.arange(length).float()

    def tables(self, rotary_positions: Float[Tensor, "length"], like: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines for each element of a head, each of shape (P, head_dim)."""
        pairs = self.angles(rotary_positions.to(like.device)).unflatten(-1, (self.groups, -1))
        angle = torch.cat((pairs, pairs), dim=-1).flatten(-2)
        return angle.cos().to(like.dtype), angle.sin().to(like.dtype)

    def rotate(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Rotate each pair of elements of x (B, H, P, head_dim) by the angle of its position.

        Without gradients, overwrites x.
        """
        first, second = x.unflatten(-1, (self.groups, -1)).chunk(2, dim=-1)
        turned = torch.cat((-second, first), dim=-1).flatten(-2)
        return x * cos + turned * sin if torch.is_grad_enabled() else x.mul_(cos).add_(turned.mul_(sin))


@lru_cache(maxsize=8)
def usual_tables(
    rotary: Rotary, length: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Cosines and sines at the positions of a whole grid, computed once and shared by all layers."""
    with torch.inference_mode(False):  # training may use tables that were first computed for inference
        return rotary.tables(rotary.places(length), like=torch.empty(0, dtype=dtype, device=device))


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Compute softmax(q k^T / sqrt(head_dim)) v. Query, key and value have shape (B, H, P, head_dim).

    On a CPU, torch's fused kernel multiplies in float32, so for bfloat16 the products are explicit. They reduce the
    training time of a small model on 15x15 mazes to two thirds (measured on a Zen 5 core, 2 to 4 heads).
    """
    if query.device.type == "cpu" and query.dtype == torch.bfloat16:
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        return scores.softmax(-1) @ value
    return F.scaled_dot_product_attention(query, key, value)


class Attention(nn.Module):
    """Multi-head attention between all positions (no mask).

    If `rotary_positions` is set, it replaces the positions that `rotary` defines.
    """

    def __init__(self, dim: int, heads: int, rotary: Rotary | None, bias: bool = False):
        super().__init__()
        self.heads, self.rotary = heads, rotary
        self.rotary_positions: Tensor | None = None
        self.qkv_proj = Linear(dim, 3 * dim, bias)
        self.o_proj = Linear(dim, dim, bias)

    def forward(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch position dim"]:
        mixed = attend(*self.query_key_value(x))
        return self.o_proj(mixed.transpose(1, 2).reshape(x.shape))

    def weights(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch head to from"]:
        """Attention weights, softmax(q k^T / sqrt(head_dim)), in float32. They sum to 1 over the keys (last axis)."""
        query, key, _ = self.query_key_value(x)
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        return scores.float().softmax(-1)

    def query_key_value(self, x: Float[Tensor, "batch position dim"]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of all heads, each (B, H, P, head_dim), after the rotary embedding."""
        batch, length, dim = x.shape
        qkv = self.qkv_proj(x).view(batch, length, 3, self.heads, dim // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, P, head_dim)
        return *self.rotated(query, key), value

    def rotated(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """Queries and keys, each (B, H, P, head_dim), rotated by their positions."""
        if self.rotary is None:
            return query, key
        if self.rotary_positions is None:
            cos, sin = usual_tables(self.rotary, query.shape[-2], query.dtype, query.device)
        else:
            cos, sin = self.rotary.tables(self.rotary_positions, like=query)
        return self.rotary.rotate(query, cos, sin), self.rotary.rotate(key, cos, sin)


def rotary_of(config) -> Rotary | None:
    """Return the rotary embedding of a model's attention, or None if the model does not use rotary embeddings."""
    if config.positions not in ("rope", "rope2d", "axial"):
        return None
    head_dim = config.hidden_size // config.heads
    return Rotary(
        config.positions,
        head_dim,
        config.rope_theta,
        groups=2 if config.positions == "axial" else 1,
        prefix=config.own_prefix,
        columns=config.canvas or config.grid[1],
        order=config.order,
    )


class Block(nn.Module):
    """Post-norm block: x <- rms(x + mix(x)), then x <- rms(x + swiglu(x)).

    Positions are mixed by attention or, as in MLP-Mixer (Tolstikhin et al. 2021), by a SwiGLU over positions. The first
    norm is over channels after attention, and over positions after the SwiGLU.
    """

    def __init__(self, config):
        super().__init__()
        if config.mixing == "attention":
            self.self_attn = Attention(config.hidden_size, config.heads, rotary_of(config))
        else:
            self.mlp_t = SwiGLU(config.length, config.mixing_width)
        if config.mlp_kernel:
            self.mlp = ConvSwiGLU(config.hidden_size, config.mlp_width, config.mlp_kernel)
        else:
            self.mlp = SwiGLU(config.hidden_size, config.mlp_width)

    def attention_input(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch position dim"]:
        """The input of the block's attention."""
        return x

    def mix(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch position dim"]:
        if hasattr(self, "self_attn"):
            return add_and_norm(x, self.self_attn(x))
        return add_and_norm(x, self.mlp_t.mix_positions(x), axis=1)

    def forward(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch position dim"]:
        x = self.mix(x)
        return add_and_norm(x, self.mlp(x))


def normed(norm: nn.LayerNorm, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
    """Apply a layer norm in the dtype of its weights."""
    return norm(x.to(norm.weight.dtype)).to(x.dtype)


class PreNormBlock(nn.Module):
    """Pre-norm block with biases: x <- x + attention(norm(x)), then x <- x + W_2 relu(W_1 norm(x))."""

    def __init__(self, config):
        super().__init__()
        D = config.hidden_size
        rotary = replace(rotary_of(config), groups=D // config.heads // 2)  # neighbours pair up
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.self_attn = Attention(D, config.heads, rotary, bias=True)
        self.linear1 = Linear(D, config.mlp_width, bias=True)
        self.linear2 = Linear(config.mlp_width, D, bias=True)

    def attention_input(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch position dim"]:
        """The input of the block's attention."""
        return normed(self.norm1, x)

    def forward(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch position dim"]:
        x = x + self.self_attn(self.attention_input(x))
        return x + self.linear2(F.relu(self.linear1(normed(self.norm2, x))))


class Net(nn.Module):
    """A tiny net: a stack of blocks. Its input is the sum of the states that a call reads."""

    def __init__(self, config, layers: int, block: type[nn.Module] = Block):
        super().__init__()
        self.layers = nn.ModuleList(block(config) for _ in range(layers))

    def forward(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch position dim"]:
        for block in self.layers:
            x = block(x)
        return x


def truncated_normal(tensor: Tensor, deviation: float, generator: torch.Generator) -> None:
    """Fill a tensor with samples from a normal distribution that is truncated at two sigma.

    The samples are then rescaled to the standard deviation `deviation`.
    """
    shrinkage = 0.87962566  # standard deviation of a unit normal truncated at +-2
    with torch.no_grad():
        nn.init.trunc_normal_(tensor, std=1.0, a=-2.0, b=2.0, generator=generator)
        tensor.mul_(deviation / shrinkage)
