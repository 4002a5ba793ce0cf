"""The forward pass as the public code of TRM and HRM computes it, in plain PyTorch: the reference for the time of ours.

A batch at a time, with torch's fused attention and without further optimisations. Parameters have the names of the
public code, so that our weights fit.
"""

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm.config import ModelConfig


def rms_norm(x: Tensor) -> Tensor:
    return x * torch.rsqrt(x.float().square().mean(-1, keepdim=True) + 1e-5)


def rotary_tables(config: ModelConfig) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary positions, (P, head_dim)."""
    head_dim = config.hidden_size // config.heads
    frequency = 1 / config.rope_theta ** (torch.arange(0, head_dim, 2).float() / head_dim)
    angles = torch.outer(torch.arange(config.length).float(), frequency)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate x (B, P, H, head_dim) by its positions."""
    first, second = x.chunk(2, dim=-1)
    return x * cos[:, None] + torch.cat((-second, first), dim=-1) * sin[:, None]


class PublicSwiGLU(nn.Module):
    def __init__(self, dim: int, width: int):
        super().__init__()
        self.gate_up_proj = nn.Linear(dim, 2 * width, bias=False)
        self.down_proj = nn.Linear(width, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)


class PublicAttention(nn.Module):
    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv_proj = nn.Linear(dim, 3 * dim, bias=False)
        self.o_proj = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor] | None) -> Tensor:
        batch, length, dim = x.shape
        qkv = self.qkv_proj(x).view(batch, length, 3 * self.heads, dim // self.heads)
        query, key, value = qkv.chunk(3, dim=2)
        if rotary is not None:
            query, key = rotated(query, *rotary), rotated(key, *rotary)
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, dim))


class PublicBlock(nn.Module):
    def __init__(self, config: ModelConfig):
        super().__init__()
        if config.mixing == "mlp":
            self.mlp_t = PublicSwiGLU(config.length, config.mixing_width)
        else:
            self.self_attn = PublicAttention(config.hidden_size, config.heads)
        self.mlp = PublicSwiGLU(config.hidden_size, config.mlp_width)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor] | None) -> Tensor:
        if hasattr(self, "mlp_t"):
            x = x.transpose(1, 2)
            x = rms_norm(x + self.mlp_t(x)).transpose(1, 2)
        else:
            x = rms_norm(x + self.self_attn(x, rotary))
        return rms_norm(x + self.mlp(x))


class PublicLevel(nn.Module):
    """A net: its input is added to the state."""

    def __init__(self, config: ModelConfig, layers: int):
        super().__init__()
        self.layers = nn.ModuleList(PublicBlock(config) for _ in range(layers))

    def forward(self, state: Tensor, added: Tensor, rotary: tuple[Tensor, Tensor] | None) -> Tensor:
        x = state + added
        for layer in self.layers:
            x = layer(x, rotary)
        return x


class PublicModel(nn.Module):
    """TRM or HRM, or TRM's ablations with a single z or several."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config, D = config, config.hidden_size
        self.embed_tokens = nn.Embedding(config.vocab_size, D)
        self.L_level = PublicLevel(config, config.layers)
        if config.H_layers:
            self.H_level = PublicLevel(config, config.H_layers)
        self.lm_head = nn.Linear(D, config.vocab_size, bias=False)
        self.q_head = nn.Linear(D, config.halting_outputs)
        self.rotary = rotary_tables(config) if config.positions == "rope" else None

    @classmethod
    def of(cls, model: nn.Module) -> "PublicModel":
        """Return the transcription of one of our models, with its weights."""
        public = cls(model.config)
        tensors = {
            name.replace("embedding_weight", "weight"): value for name, value in model.state_dict().items()
        }
        public.load_state_dict({name: tensors[name] for name in public.state_dict()})
        public.table = tensors.get("puzzle_emb.weights")
        starts = model.initial_state_names()
        public.starts = [tensors[name] for name in starts]
        return public.requires_grad_(False)

    def embed(self, inputs: Tensor, puzzle_ids: Tensor) -> Tensor:
        """x, the embedded input, (B, P, D)."""
        D, prefix = self.config.hidden_size, self.config.prefix_length
        x = self.embed_tokens(inputs)
        if self.table is not None:
            vectors = F.pad(self.table[puzzle_ids], (0, prefix * D - self.table.shape[1]))
            x = torch.cat((vectors.view(-1, prefix, D), x), dim=1)
        elif prefix:
            x = F.pad(x, (0, 0, prefix, 0))
        return sqrt(D) * x

    def initial_states(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The initial y, and all z."""
        y, *z = (start.expand_as(x) for start in self.starts)
        return y, z or [y]

    def f_L(self, x: Tensor, y: Tensor, z: list[Tensor], call: int) -> list[Tensor]:
        """Update one z. `call` is from 0."""
        k = call % len(z)
        added = x if self.config.kind == "trm-single-z" else y + x
        for other in z[:k] + z[k + 1 :]:
            added = added + other
        return [*z[:k], self.L_level(z[k], added, self.rotary), *z[k + 1 :]]

    def f_H(self, y: Tensor, z: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Update y, or the single state."""
        if self.config.kind == "trm-single-z":
            y = self.L_level(z[0], torch.zeros_like(y), self.rotary)
            return y, [y]
        level = self.H_level if self.config.H_layers else self.L_level
        return level(y, sum(z[1:], start=z[0]), self.rotary), z

    def supervision_step(
        self, x: Tensor, y: Tensor, z: list[Tensor]
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Run T cycles. Returns y, z, and what each call wrote."""
        calls = []
        for _ in range(self.config.T):
            for call in range(self.config.n):
                z = self.f_L(x, y, z, call)
                calls.append(z[call % len(z)])
            y, z = self.f_H(y, z)
            calls.append(y)
        return y, z, calls

    def heads(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of all cells, (B, L, V), and the halting logits, (B, 2)."""
        return self.lm_head(y)[:, self.config.prefix_length :], self.q_head(y[:, 0])
