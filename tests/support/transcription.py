"""The public forward pass once more, from its description, in no more than indexing, matrix products and softmax."""

import re
from math import sqrt

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def rms(x: Tensor) -> Tensor:
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5)


def swiglu(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    gate_up = x @ weights[name + "gate_up_proj.weight"].T
    half = gate_up.shape[-1] // 2
    gate, up = gate_up[..., :half], gate_up[..., half:]
    return (gate / (1 + torch.exp(-gate)) * up) @ weights[name + "down_proj.weight"].T


def attend(x: Tensor, weights: dict[str, Tensor], name: str, heads: int, rope: bool) -> Tensor:
    """Rows of qkv_proj: queries of all heads, then keys, then values; one batch entry and head at a time."""
    D = x.shape[-1]
    size = D // heads
    qkv = x @ weights[name + "qkv_proj.weight"].T
    out = torch.zeros_like(x)
    for head in range(heads):
        q, k, v = (qkv[..., part * D + head * size : part * D + (head + 1) * size] for part in range(3))
        if rope:
            q, k = turned(q), turned(k)
        out[..., head * size : (head + 1) * size] = F.softmax(q @ k.transpose(-1, -2) / sqrt(size), -1) @ v
    return out @ weights[name + "o_proj.weight"].T


def turned(x: Tensor) -> Tensor:
    """Rotary positions as complex numbers: component i and component i + size / 2 make one."""
    half = x.shape[-1] // 2
    numbers = torch.complex(x[..., :half], x[..., half:])
    angles = torch.arange(x.shape[-2])[:, None] * 10_000.0 ** (-torch.arange(half) / half)
    numbers = numbers * torch.polar(torch.ones_like(angles), angles)
    return torch.cat((numbers.real, numbers.imag), -1)


def transcription(made, inputs: Tensor, ids: Tensor) -> dict[str, np.ndarray]:
    """Outputs of the public forward pass for a checkpoint made by the fixture `public_checkpoint`."""
    weights = {name: tensor.float() for name, tensor in made.tensors.items()}
    arch, D = made.arch, made.arch["hidden_size"]

    def net(x: Tensor, level: str = "L_level") -> Tensor:
        layers = len({name.split(".")[2] for name in weights if name.startswith(level)})
        for layer in range(layers):
            name = f"{level}.layers.{layer}."
            if arch.get("mlp_t"):
                x = x.transpose(1, 2)
                x = rms(x + swiglu(x, weights, name + "mlp_t.")).transpose(1, 2)
            else:
                rope = arch["pos_encodings"] == "rope"
                x = rms(x + attend(x, weights, name + "self_attn.", arch["num_heads"], rope))
            x = rms(x + swiglu(x, weights, name + "mlp."))
        return x

    x = weights["embed_tokens.embedding_weight"][inputs]
    prefix = 0
    if arch["puzzle_emb_ndim"]:
        vectors = weights["puzzle_emb.weights"][ids]
        prefix = arch.get("puzzle_emb_len") or -(-vectors.shape[1] // D)
        vectors = F.pad(vectors, (0, prefix * D - vectors.shape[1]))
        x = torch.cat((vectors.view(len(inputs), prefix, D), x), 1)
    if arch["pos_encodings"] == "learned":
        x = 0.707106781 * (x + weights["embed_pos.embedding_weight"])
    x = sqrt(D) * x

    kind = next(word for word in ("singlez", "hier6", "hrm", "trm") if word in arch["name"])
    names = sorted(name for name in weights if re.fullmatch(r"L\d*_init", name))
    y, z = (
        weights.get("H_init", weights[names[0]]).expand_as(x),
        [weights[name].expand_as(x) for name in names],
    )
    logits, q, calls = [], [], []
    for _ in range(arch["halt_max_steps"]):
        made_calls = []
        for _ in range(arch["H_cycles"]):
            for call in range(arch["L_cycles"]):
                z[call % len(z)] = net(x + sum(z)) if kind == "singlez" else net(sum(z) + (y + x))
                made_calls.append(z[call % len(z)])
            if kind == "singlez":
                y = z[0] = net(z[0])
            else:
                y = net(
                    y + sum(z), "H_level" if "H_level.layers.0.mlp.down_proj.weight" in weights else "L_level"
                )
            made_calls.append(y)
        calls = calls or made_calls
        logits.append((y @ weights["lm_head.weight"].T)[:, prefix:])
        q.append(y[:, 0] @ weights["q_head.weight"].T + weights["q_head.bias"])
    q = torch.stack(q)
    outputs = {
        "inputs": inputs,
        "puzzle_identifiers": ids,
        "logits": torch.stack(logits),
        "q_halt_logits": q[..., 0],
        "q_continue_logits": q[..., 1],
        "step1_call_output": torch.stack(calls),
    }
    return {name: tensor.numpy() for name, tensor in outputs.items()}
