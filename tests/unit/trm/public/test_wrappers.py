"""The weights within what training scripts save: which group of tensors is used, and what is reported about it."""

import pathlib
import re
import zipfile
from argparse import Namespace
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from checkpoints import refusal, same_numbers

from trm.checkpoint import read_checkpoint

BUFFERS = ("H_init", "L_init", "puzzle_emb.weights")


@pytest.fixture
def pair(tmp_path, public_checkpoint):
    """A checkpoint, the parameters of its average, and a function that saves whatever is made of them."""
    raw, average = public_checkpoint(seed=1), public_checkpoint(seed=2)
    shadow = {name: tensor for name, tensor in average.tensors.items() if name not in BUFFERS}

    def save(stored, **options):
        path = raw.save(tmp_path)
        torch.save(stored, path, **options)
        return path

    return raw.tensors, shadow, save


def prefixed(prefix, tensors):
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    "wrap, said",
    [
        (lambda raw, ema: {"model": raw, "ema": ema, "optimizer": {}}, "the copy `ema` in the file, applied over `model`"),
        (lambda raw, ema: {"model": raw, "ema": {"mu": 0.999, "shadow": ema}}, "the copy `ema.shadow`"),
        (lambda raw, ema: {"model_state_dict": raw, "ema_state": ema}, "the copy `ema_state`"),
        (lambda raw, ema: {"training_model": raw, "ema_shadow": ema}, "the copy `ema_shadow`"),
        (lambda raw, ema: {"state_dict": raw, "callbacks": {"EMACallback": {"shadow": ema, "decay": 0.99}}},
         "the copy `callbacks.EMACallback.shadow` in the file, applied over `state_dict`"),
        (lambda raw, ema: {"model": prefixed("_orig_mod.model.inner.", raw), "ema": prefixed("module.model.inner.", ema)},
         "the copy `ema`"),
        (lambda raw, ema: {**prefixed("online_model.", raw), **prefixed("ema_model.", ema), "initted": torch.tensor(True),
                           "step": torch.tensor(7)}, "the copy `ema_model`"),
        (lambda raw, ema: {"model": raw, "state_dict_ema": ema}, "the copy `state_dict_ema`"),
        (lambda raw, ema: {"model": raw, "model_averaged": {"state": ema}}, "the copy `model_averaged.state`"),
    ],
)  # fmt: skip
def test_averaged_parameters_replace_the_weights(pair, wrap, said):
    raw, shadow, save = pair
    checkpoint = read_checkpoint(str(save(wrap(raw, shadow))))
    assert same_numbers(checkpoint.tensors, raw | shadow)
    assert said in checkpoint.sources["weights"] and checkpoint.sources["weights"].startswith(
        "averaged (EMA)"
    )


@pytest.mark.parametrize(
    "wrap",
    [
        lambda raw: {"model_state_dict": raw, "optimizer_states": [{}], "rng_state": torch.zeros(8, dtype=torch.uint8)},
        lambda raw: {"training_model": raw, "step": 5},
        lambda raw: {"module": prefixed("model.inner.", raw), "dp_world_size": 8},
        lambda raw: {"model_state": raw, "active_H": 2},
        lambda raw: {"checkpoint": {"state_dict": prefixed("model.model.inner.", raw)}, "epoch": 2},
        lambda raw: {"train_state": {"params": raw}, "step": 3},
        lambda raw: {"net": prefixed("net.", raw), "optim": {"state": {0: {"exp_avg": torch.zeros(3)}}}},
        lambda raw: OrderedDict(prefixed("_forward_module.model.inner.", raw)),
        lambda raw: {name.replace("L_level.", "L_level._orig_mod."): tensor for name, tensor in raw.items()},
        lambda raw: {name.replace("layers.0.", "layers.0._checkpoint_wrapped_module."): tensor for name, tensor in raw.items()},
        lambda raw: prefixed("_fsdp_wrapped_module.model._fsdp_wrapped_module.inner.", raw),
        lambda raw: raw | {"num_updates": torch.tensor(3), "decay": torch.tensor(0.9), "rotary_emb.cos_cached": torch.zeros(4, 4)},
        lambda raw: {"model": raw, "optimizer_state_dict": {"exp_avg": prefixed("model.inner.", raw)}},
        lambda raw: {"fp16": {"weights": {name: tensor.float() for name, tensor in raw.items()}}},
    ],
)  # fmt: skip
def test_weights_are_found_in_whatever_wraps_them(pair, wrap):
    raw, _, save = pair
    checkpoint = read_checkpoint(str(save(wrap(raw))))
    assert same_numbers(checkpoint.tensors, raw) and "not stated" in checkpoint.sources["weights"]


def test_a_counter_of_averaged_models_says_that_they_are_averaged(pair):
    raw, _, save = pair
    stored = prefixed("module.", raw) | {"n_averaged": torch.tensor(100)}
    for wrapped in (
        stored,
        {"swa_model": stored, "model": raw},
        {"averaging_state": {"n_averaged": torch.tensor(3)}, "state_dict": raw},
    ):
        checkpoint = read_checkpoint(str(save(wrapped)))
        assert (
            same_numbers(checkpoint.tensors, raw) and "averaged (EMA): the" in checkpoint.sources["weights"]
        )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_copies_in_other_precision(pair, dtype):
    raw, shadow, save = pair
    checkpoint = read_checkpoint(
        str(save({"model": raw, "ema": {name: t.to(dtype) for name, t in shadow.items()}}))
    )
    assert torch.equal(checkpoint.tensors["lm_head.weight"], shadow["lm_head.weight"].to(dtype).float())


def test_an_average_without_names_is_not_used(pair):
    raw, shadow, save = pair
    for stored in (
        {"model": raw, "ema": {"decay": 0.9, "shadow_params": [*shadow.values()]}},
        {"model": raw, "shadow_params": [*shadow.values()]},
    ):
        checkpoint = read_checkpoint(str(save(stored)))
        assert same_numbers(checkpoint.tensors, raw)
        assert "has no names and was not used" in checkpoint.notes[0]
        assert "averaged (EMA): the copy" not in checkpoint.sources["weights"]


def test_a_second_copy_is_named(pair):
    raw, shadow, save = pair
    checkpoint = read_checkpoint(str(save({"model": raw, "best_model": raw, "ema": shadow})))
    assert "the file also contains best_model" in checkpoint.notes[0]


@pytest.mark.parametrize(
    "stored, words",
    [
        (
            {"epoch": 3, "history": {"loss": [1.0]}},
            r"not a state dict: there are no named tensors under its keys \(epoch, history\)",
        ),
        ({"optimizer_state_dict": {"state": {0: torch.zeros(3)}}}, r"\(optimizer_state_dict\)"),
        ([1, 2], "not a state dict: it contains"),
        (torch.zeros(3), "a single tensor"),
        ({f"key{number}": number for number in range(30)}, "and 18 more"),
        ({"x\n\x1b": 1}, "x"),
    ],
)
def test_a_file_without_weights_lists_its_content(pair, stored, words):
    refusal(pair[2](stored), words)


def test_an_ema_shadow_alone_is_named(pair):
    _, shadow, save = pair
    for stored in (shadow, {"ema": shadow}, {"shadow": prefixed("model.inner.", shadow)}):
        assert "without its buffers" in refusal(save(stored), "averaged copy")


@pytest.mark.parametrize("name", ["L_level.layers.0.mlp.down_proj._lora_A", "L_level.layers.0.self_attn.qkv_proj.lora_B.default.weight",
                                  "base_model.model.lm_head.lora_A.weight", "lora_down.weight"])  # fmt: skip
def test_lora_factors_are_to_be_merged(pair, name):
    raw, _, save = pair
    assert "Merge them into the weights" in refusal(save(raw | {name: torch.zeros(2, 2)}), "is a LoRA factor")
    refusal(save({"model": raw | {name: torch.zeros(2, 2)}}), "is a LoRA factor")


# ---- other things than tensors, beside them


@dataclass
class Carry:
    steps: torch.Tensor
    halted: bool


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    "beside",
    [
        {"rng": np.random.get_state(), "best": np.float64(0.5)},
        {"generator": np.random.default_rng(3).bit_generator.state, "history": np.arange(10.0)},
        {"output_dir": pathlib.PurePosixPath("/a/b"), "other": pathlib.PureWindowsPath("c:/x")},
        {"carry": Carry(torch.zeros(3), False), "args": Namespace(lr=1e-4)},
        {"scores": {np.int64(3): np.float32(1)}, "set": {1, 2}, "dtype": torch.bfloat16, "size": torch.Size([1])},
    ],
)  # fmt: skip
def test_other_content_beside_the_weights_is_ignored(pair, beside, old, protocol):
    raw, _, save = pair
    path = save({**beside, "model": raw}, _use_new_zipfile_serialization=not old, pickle_protocol=protocol)
    assert same_numbers(read_checkpoint(str(path)).tensors, raw)


@pytest.mark.parametrize("name", ["pathlib\nPosixPath", "pathlib._local\nPosixPath", "pathlib\nWindowsPath"])
def test_paths_as_every_version_of_python_writes_them(pair, name):
    raw, _, save = pair
    stored = {"hyper_parameters": {"output_dir": pathlib.PurePosixPath("/runs/1")}, "state_dict": raw}
    path = save(stored)
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries.items():
            renamed = re.sub(rb"pathlib(\._local)?\nPurePosixPath", name.encode(), content)
            archive.writestr(entry, renamed if entry.endswith("data.pkl") else content)
    assert same_numbers(read_checkpoint(str(path)).tensors, raw)


def test_weights_that_are_numpy_arrays(pair):
    raw, _, save = pair
    arrays = {name: tensor.float().numpy() for name, tensor in raw.items()}
    arrays["lm_head.weight"] = np.asfortranarray(arrays["lm_head.weight"])
    arrays["q_head.bias"] = arrays["q_head.bias"].astype(">f4")
    assert same_numbers(read_checkpoint(str(save({"params": arrays}))).tensors, raw)


def test_a_whole_model_is_named(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    assert "model.state_dict()" in refusal(tmp_path, "whole model .torch.nn.modules.linear.Linear")
    torch.save({"epoch": 1, "model": torch.nn.Linear(2, 2)}, tmp_path / "model.pt")
    refusal(tmp_path, "whole model")


def test_attributes_of_a_state_dict_are_ignored(pair):
    raw, _, save = pair
    stored = OrderedDict(raw)
    stored._metadata = OrderedDict({"": {"version": 1}})
    assert same_numbers(read_checkpoint(str(save({"state_dict": stored}))).tensors, raw)


def test_opening_takes_no_memory_for_what_is_not_used(pair):
    """The tensors are views of the file: those of optimizers are never read."""
    raw, shadow, save = pair
    optimizer = {"state": {number: {"exp_avg": torch.zeros(1 << 18)} for number in range(8)}}
    for old in (False, True):
        path = save(
            {"model": raw, "ema": shadow, "optimizer": optimizer}, _use_new_zipfile_serialization=not old
        )
        tensors = read_checkpoint(str(path)).tensors
        assert path.stat().st_size > 1 << 23
        held = {
            tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
            for tensor in tensors.values()
        }
        assert sum(held.values()) < 1 << 17
