"""Agreement with the public code: on checkpoints that it saved, and with its forward pass written out once more.

Recorded checkpoints are looked for in the folder that RECURSION_LENS_PARITY names, else in `shared/parity` beside the
repository; each holds `step_1000`, `all_config.yaml` and `expected.npz`. Without them the second half of this file
still compares every variant with an independent transcription.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml
from threadpoolctl import threadpool_info
from torch import Tensor

from trm.checkpoint import load_model
from trm.coordinates import F_H, Coordinates
from trm.forward import forward_file, numpy_sums
from trm.models import Model
from trm.recursion import Begun, Heads, State, SupervisionStep, Watch, deep_supervision, only_pass_on

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
        for name in ("trm_attention", "trm_mlp", "trm_single_z", "trm_multi_z", "hrm")
    ],
)


def largest_differences(
    checkpoint: Path, expected: dict[str, np.ndarray], folder: Path
) -> dict[str, np.ndarray]:
    """Run `trm forward` on the expected inputs; largest absolute difference of every output, in each step or call."""
    fed = {name: expected[name] for name in ("inputs", "puzzle_identifiers")}
    np.savez(folder / "in.npz", **fed)
    forward_file(
        load_model(str(checkpoint), device=torch.device("cpu")), folder / "in.npz", folder / "out.npz"
    )
    with np.load(folder / "out.npz") as ours:
        assert sorted(ours) == ["logits", "q_continue_logits", "q_halt_logits", "step1_call_output"]
        for name in ours:
            assert ours[name].shape == expected[name].shape and ours[name].dtype == np.float32
        return {
            name: np.abs(ours[name] - expected[name]).reshape(len(ours[name]), -1).max(1) for name in ours
        }


def sums_as_recorded() -> bool:
    """Whether NumPy's BLAS sums in the order of the recorded outputs. Models with random weights are chaotic: on another
    kernel only their first calls can agree, as a difference in the last bit grows about thirtyfold a supervision step."""
    kernels = {library.get("architecture") for library in threadpool_info()}
    return bool(kernels & {"SkylakeX", "Cooperlake", "SapphireRapids"})


# 81 positions and a prefix of 16 are an odd number; what follows holds for these alone.
ODD_ATTENTION = ("trm_attention", "trm_single_z", "trm_multi_z")


def attends_as_recorded(differences: dict[str, np.ndarray]) -> bool:
    """Whether torch's attention, too, sums in that order: then nothing differs after the first call. MKL sums 97 positions
    in one order on Intel's processors and in another on AMD's."""
    return differences["step1_call_output"][0] == 0


def assert_agreement(differences: dict[str, np.ndarray], *, same: bool) -> None:
    """All steps agree where sums are the same; elsewhere the first one does, its answer and halting included."""
    assert differences["step1_call_output"].max() < (1e-4 if same else 1e-3)
    for name in ("logits", "q_halt_logits", "q_continue_logits"):
        assert differences[name][: None if same else 1].max() < 1e-3, name


@recorded
def test_recorded_outputs(name, tmp_path):
    with np.load(RECORDED / name / "expected.npz") as expected:
        differences = largest_differences(RECORDED / name / "step_1000", dict(expected), tmp_path)
    attends = name not in ODD_ATTENTION or attends_as_recorded(differences)
    assert_agreement(differences, same=sums_as_recorded() and attends)
    if sums_as_recorded() and name == "trm_mlp":  # without attention NumPy takes all the sums
        assert differences["step1_call_output"].max() == differences["logits"].max() == 0


@dataclass(frozen=True)
class Recorded:
    """A checkpoint as it was recorded: the model, its inputs, and what the public code made of them."""

    model: Model
    tokens: Tensor  # (B, L)
    ids: Tensor  # (B,)
    expected: dict[str, Tensor]

    @classmethod
    def of(cls, name: str) -> "Recorded":
        model = load_model(str(RECORDED / name / "step_1000"), device=torch.device("cpu"))
        with np.load(RECORDED / name / "expected.npz") as arrays:
            expected = {
                key: torch.from_numpy(array) for key, array in arrays.items() if array.dtype.kind != "U"
            }
        return cls(model, expected["inputs"].long(), expected["puzzle_identifiers"].long(), expected)

    @property
    def final(self) -> dict[str, Tensor]:
        """The states after the last step, by the public code's names."""
        return {key: state for key, state in self.expected.items() if key.startswith("final_")}

    def steps(self, watch: Watch = only_pass_on) -> Iterator[SupervisionStep]:
        """All supervision steps, with NumPy's sums."""
        with numpy_sums(self.model):
            yield from deep_supervision(
                self.model, self.tokens, self.ids, depth=self.model.config.depth, watch=watch
            )

    def begins_as_recorded(self) -> bool:
        """Whether the first call of f_L writes what was recorded, to the last bit."""
        written: list[Tensor] = []

        def keep(at: Coordinates, state: State) -> State:
            written.append(self.model.latent(state, at))
            return state

        next(self.steps(keep))
        return torch.equal(written[0], self.expected["step1_call_output"][0])

    def after_step_1(self) -> Begun:
        """Supervision step 1 as the recorded calls left it."""
        depth, latents, outputs = (
            self.model.config.depth,
            self.model.config.latents,
            self.expected["step1_call_output"],
        )
        y, thought = outputs[-1], outputs[-1 - depth.n : -1]  # the calls of f_L in the last cycle
        if self.model.config.kind == "trm-multi-z":
            assert depth.n == latents  # each z was written once in the cycle
            z = thought.transpose(0, 1)
        else:
            z = thought[-1] if latents else y
        return Begun(State(y, z), after=Coordinates(1, depth.T, depth.n + 1, F_H))


def assert_heads(heads: Heads, expected: dict[str, Tensor], step: int) -> None:
    for name, found in zip(("logits", "q_halt_logits", "q_continue_logits"), heads, strict=True):
        assert (found - expected[name][step]).abs().max() < 1e-3, name


@recorded
def test_recorded_second_step(name):
    """From the recorded state after the first step: nothing has grown yet, so all sums will do."""
    run = Recorded.of(name)
    with numpy_sums(run.model):
        steps = deep_supervision(
            run.model, run.tokens, run.ids, depth=run.model.config.depth, begun=run.after_step_1()
        )
        second = next(steps)
    assert second.number == 2
    assert_heads(second.heads, run.expected, 1)


@recorded
def test_recorded_last_answer_is_that_of_the_recorded_last_state(name):
    run = Recorded.of(name)
    with numpy_sums(run.model), torch.no_grad():
        heads = run.model.heads(run.final["final_z_H" if "final_z_H" in run.final else "final_z_L"])
    assert_heads(heads, run.expected, -1)


def final_states(run: Recorded, name: str) -> dict[str, Tensor]:
    """y and every z after the last step, by the public code's names."""
    *_, last = run.steps()
    found = {"final_z_H": last.state.y, "final_z_L": last.state.z}
    if name == "trm_multi_z":
        found |= {f"final_z_L{k + 1}": last.state.z[:, k] for k in range(6)}
    return found


@recorded
def test_recorded_final_states_are_all_there(name):
    run = Recorded.of(name)
    found = final_states(run, name)
    assert run.final and {key: found[key].shape for key in run.final} == {
        key: state.shape for key, state in run.final.items()
    }


@recorded
def test_recorded_final_states(name):
    run = Recorded.of(name)
    attends = name not in ODD_ATTENTION or run.begins_as_recorded()
    if not sums_as_recorded() or not attends:
        pytest.skip(
            "the last states of a chaotic model depend on the processor; the second step and the last answer do not"
        )
    found = final_states(run, name)
    for key, state in run.final.items():
        assert (found[key] - state).abs().max() < 1e-3, key


@recorded
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("nest", [(), ("model",), ("ema",)])
def test_recorded_outputs_under_every_prefix(name, prefix, nest, tmp_path):
    """Saved again under other names; two steps tell as much as sixteen here."""
    stored, expected = saved_again(name, tmp_path, steps=2)
    nested = {prefix + key: tensor for key, tensor in stored.items()}
    for key in nest:
        nested = {key: nested}
    torch.save(nested, tmp_path / "step_1000")
    assert_agreement(largest_differences(tmp_path / "step_1000", expected, tmp_path), same=sums_as_recorded())


@recorded
def test_recorded_outputs_of_a_bfloat16_start(name, tmp_path):
    """Real files hold the initial states in bfloat16. The rounded start is another one, but must be read as it is."""
    stored, expected = saved_again(name, tmp_path, steps=1)
    rounded = {key: tensor.bfloat16() if key.endswith("_init") else tensor for key, tensor in stored.items()}
    torch.save(rounded, tmp_path / "step_1000")
    model = load_model(str(tmp_path / "step_1000"), device=torch.device("cpu"))
    for key, tensor in rounded.items():
        assert torch.equal(model.state_dict()[key], tensor.float()), key
    difference = largest_differences(tmp_path / "step_1000", expected, tmp_path)["step1_call_output"].max()
    start = max((stored[key] - rounded[key].float()).abs().max() for key in stored if key.endswith("_init"))
    assert difference < (1e-4 if start == 0 else 1.0)


def saved_again(name: str, folder: Path, *, steps: int) -> tuple[dict[str, Tensor], dict[str, np.ndarray]]:
    """Tensors of a recorded checkpoint under plain names, its yaml written for fewer steps, and what to expect of these."""
    stored = torch.load(RECORDED / name / "step_1000", weights_only=True)
    config = yaml.safe_load((RECORDED / name / "all_config.yaml").read_text())
    config["arch"]["halt_max_steps"] = steps
    (folder / "all_config.yaml").write_text(yaml.safe_dump(config))
    (folder / "dataset.json").write_text((RECORDED / name / "dataset.json").read_text())
    with np.load(RECORDED / name / "expected.npz") as arrays:
        expected = dict(arrays)
    for key in ("logits", "q_halt_logits", "q_continue_logits"):
        expected[key] = expected[key][:steps]
    return {key.removeprefix("_orig_mod.model.inner."): tensor for key, tensor in stored.items()}, expected


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
        {"kind": "hrm", "H_layers": 3, "layers": 1},
        {"kind": "hrm", "mlp_t": True, "pos_encodings": "none"},
        {"kind": "hrm", "pos_encodings": "learned", "L_cycles": 8, "puzzle_ids": 7},
        {"kind": "hrm", "puzzle_emb_ndim": 0},
        {"kind": "trm-two-nets", "H_layers": 2, "H_cycles": 3, "L_cycles": 4},
        {"kind": "trm-two-nets", "mlp_t": True, "pos_encodings": "none"},
        {"kind": "trm-single-z", "H_cycles": 3, "L_cycles": 4, "vocab": 6, "cells": 100, "D": 96, "heads": 4},
        {"kind": "trm-single-z", "mlp_t": True, "pos_encodings": "none"},
        {"kind": "trm-multi-z", "latents": 3, "L_cycles": 3},
        {
            "kind": "trm-multi-z",
            "latents": 2,
            "pos_encodings": "learned",
            "puzzle_emb_ndim": 0,
            "puzzle_emb_len": 0,
        },
        {"vocab": 6, "cells": 100, "D": 128, "heads": 8, "H_cycles": 3, "L_cycles": 4, "puzzle_ids": 7},
    ],
    ids=lambda sizes: "-".join(f"{key}={value}" for key, value in sizes.items()),
)
def test_transcription(sizes, public_checkpoint, tmp_path):
    made = public_checkpoint(**sizes, seed=5)
    generator = torch.Generator().manual_seed(6)
    inputs = torch.randint(0, sizes.get("vocab", 11), (3, made.cells), generator=generator)
    ids = torch.randint(0, sizes.get("puzzle_ids", 1), (3,), generator=generator)
    expected = transcription(made, inputs, ids)
    assert np.abs(np.diff(expected["logits"], axis=0)).max() > 1e-2  # the steps differ, so depth is tested
    assert_agreement(largest_differences(made.save(tmp_path), expected, tmp_path), same=sums_as_recorded())


@pytest.mark.parametrize("prefix", PREFIXES)
def test_transcription_under_every_prefix(prefix, public_checkpoint, tmp_path):
    made = public_checkpoint(seed=7)
    inputs = torch.arange(32).view(2, 16) % 11
    expected = transcription(made, inputs, torch.zeros(2, dtype=torch.long))
    path = made.save(tmp_path, prefix=prefix, nest=("ema",) if prefix == "module." else ())
    assert_agreement(largest_differences(path, expected, tmp_path), same=sums_as_recorded())
