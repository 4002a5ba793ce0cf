"""Agreement with the public code: on checkpoints that it saved, and with its forward pass written out once more.

Recorded checkpoints are looked for in the folder that RECURSION_LENS_PARITY names, else in `shared/parity` beside the
repository; each holds `step_1000`, `all_config.yaml` and `expected.npz`. Without them the second half of this file
still compares every variant with an independent transcription.
"""

import os
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor

from trm.checkpoint import load_model
from trm.forward import forward_file

RECORDED = Path(
    os.environ.get("RECURSION_LENS_PARITY", Path(__file__).resolve().parents[3] / "shared" / "parity")
)
PREFIXES = ["_orig_mod.model.inner.", "model.inner.", "inner.", "", "module."]

recorded = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                not (RECORDED / name / "expected.npz").is_file(),
                reason=f"no recorded outputs in {RECORDED / name}; set RECURSION_LENS_PARITY to their folder",
            ),
        )
        for name in ("trm_attention", "trm_mlp")
    ],
)


def largest_differences(checkpoint: Path, expected: dict[str, np.ndarray], folder: Path) -> dict[str, float]:
    """Run `trm forward` on the expected inputs; largest absolute difference of every output."""
    fed = {name: expected[name] for name in ("inputs", "puzzle_identifiers")}
    np.savez(folder / "in.npz", **fed)
    forward_file(
        load_model(str(checkpoint), device=torch.device("cpu")), folder / "in.npz", folder / "out.npz"
    )
    with np.load(folder / "out.npz") as ours:
        assert sorted(ours) == ["logits", "q_continue_logits", "q_halt_logits", "step1_call_output"]
        for name in ours:
            assert ours[name].shape == expected[name].shape and ours[name].dtype == np.float32
        return {name: float(np.abs(ours[name] - expected[name]).max()) for name in ours}


def assert_agreement(differences: dict[str, float]) -> None:
    assert differences["step1_call_output"] < 1e-4
    for name in ("logits", "q_halt_logits", "q_continue_logits"):
        assert differences[name] < 1e-3, name


@recorded
def test_recorded_outputs(name, tmp_path):
    with np.load(RECORDED / name / "expected.npz") as expected:
        assert_agreement(largest_differences(RECORDED / name / "step_1000", dict(expected), tmp_path))


@recorded
@pytest.mark.parametrize("prefix", PREFIXES)
def test_recorded_outputs_under_every_prefix(name, prefix, tmp_path):
    """Saved again under other names; two steps tell as much as sixteen here."""
    stored = torch.load(RECORDED / name / "step_1000", weights_only=True)
    plain = {key.removeprefix("_orig_mod.model.inner."): tensor for key, tensor in stored.items()}
    nested = {prefix + key: tensor for key, tensor in plain.items()}
    torch.save({"state_dict": nested} if prefix == "module." else nested, tmp_path / "step_1000")
    config = yaml.safe_load((RECORDED / name / "all_config.yaml").read_text())
    config["arch"]["halt_max_steps"] = 2
    (tmp_path / "all_config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "dataset.json").write_text((RECORDED / name / "dataset.json").read_text())
    with np.load(RECORDED / name / "expected.npz") as arrays:
        expected = dict(arrays)
    for key in ("logits", "q_halt_logits", "q_continue_logits"):
        expected[key] = expected[key][:2]
    assert_agreement(largest_differences(tmp_path / "step_1000", expected, tmp_path))


# The public forward pass once more, from its description, in no more than indexing, matrix products and softmax.


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

    def net(state: Tensor, injection: Tensor) -> Tensor:
        x = state + injection
        for layer in range(arch["L_layers"]):
            name = f"L_level.layers.{layer}."
            if arch["mlp_t"]:
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
        prefix = arch["puzzle_emb_len"] or -(-vectors.shape[1] // D)
        vectors = F.pad(vectors, (0, prefix * D - vectors.shape[1]))
        x = torch.cat((vectors.view(len(inputs), prefix, D), x), 1)
    if arch["pos_encodings"] == "learned":
        x = 0.707106781 * (x + weights["embed_pos.embedding_weight"])
    x = sqrt(D) * x

    y, z = weights["H_init"].expand_as(x), weights["L_init"].expand_as(x)
    logits, q, calls = [], [], []
    for step in range(arch["halt_max_steps"]):
        for _ in range(arch["H_cycles"]):
            for _ in range(arch["L_cycles"]):
                z = net(z, y + x)
                calls += [z] if step == 0 else []
            y = net(y, z)
            calls += [y] if step == 0 else []
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


@pytest.mark.parametrize(
    "sizes",
    [
        {"pos_encodings": "rope"},
        {"pos_encodings": "none"},
        {"pos_encodings": "learned"},
        {"mlp_t": True, "pos_encodings": "none"},
        {"mlp_t": True, "pos_encodings": "learned"},
        {"D": 24, "heads": 3, "layers": 1, "cells": 25, "H_cycles": 3, "L_cycles": 1, "halt_max_steps": 2},
        {"puzzle_ids": 7, "puzzle_emb_ndim": 40, "puzzle_emb_len": 0},
        {"puzzle_ids": 7, "puzzle_emb_ndim": 10, "puzzle_emb_len": 5, "mlp_t": True, "pos_encodings": "none"},
        {"puzzle_emb_ndim": 0, "puzzle_emb_len": 0},
    ],
    ids=lambda sizes: "-".join(f"{key}={value}" for key, value in sizes.items()),
)
def test_transcription(sizes, public_checkpoint, tmp_path):
    made = public_checkpoint(**sizes, seed=5)
    generator = torch.Generator().manual_seed(6)
    inputs = torch.randint(0, 11, (3, made.cells), generator=generator)
    ids = torch.randint(0, sizes.get("puzzle_ids", 1), (3,), generator=generator)
    expected = transcription(made, inputs, ids)
    assert np.abs(np.diff(expected["logits"], axis=0)).max() > 1e-2  # the steps differ, so depth is tested
    assert_agreement(largest_differences(made.save(tmp_path), expected, tmp_path))


@pytest.mark.parametrize("prefix", PREFIXES)
def test_transcription_under_every_prefix(prefix, public_checkpoint, tmp_path):
    made = public_checkpoint(seed=7)
    inputs = torch.arange(32).view(2, 16) % 11
    expected = transcription(made, inputs, torch.zeros(2, dtype=torch.long))
    path = made.save(tmp_path, prefix=prefix, nest=("ema",) if prefix == "module." else ())
    assert_agreement(largest_differences(path, expected, tmp_path))
