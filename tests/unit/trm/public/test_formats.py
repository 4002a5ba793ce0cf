"""Files of other code bases, written here in several sizes and options, open as the models they were made from."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from checkpoints import refusal, same_numbers
from other_formats import (
    AIR,
    ATTENTION,
    BARE,
    EQR,
    MLP,
    NANO,
    SOTAKU,
    TABLE,
    URM,
    Made,
    air_file,
    eqr_stored,
    made,
    nano_file,
    sotaku_state,
    urm_file,
)

from trm.checkpoint import read_checkpoint
from trm.inspection.inspect import inspect_model
from trm.public.formats.document import document


def assert_same(path, model: Made, **differing) -> None:
    """The file opens as the model, with nothing assumed and nothing unknown but what is said here."""
    checkpoint = read_checkpoint(str(path))
    assert checkpoint.config == replace(model.config, **differing)
    assert same_numbers(checkpoint.tensors, model.tensors)


# nano-trm


@pytest.mark.parametrize(
    "fields",
    [
        MLP | BARE | {"vocab_size": 7, "sequence_length": 36, "tokens": "nano-trm"},
        ATTENTION | BARE | {"vocab_size": 9, "sequence_length": 64, "tokens": "nano-trm", "positions": "rope2d"},
        ATTENTION | BARE | {"vocab_size": 12, "sequence_length": 121, "tokens": "nano-trm", "n": 6, "T": 3},
        ATTENTION | TABLE | {"vocab_size": 12, "sequence_length": 81, "tokens": "nano-trm", "rope_theta": 500.0},
        MLP | TABLE | {"vocab_size": 12, "sequence_length": 100, "tokens": "nano-trm", "layers": 1},
        ATTENTION | BARE | {"vocab_size": 6, "sequence_length": 49, "task": "maze", "positions": "none"},
        ATTENTION | TABLE | {"vocab_size": 12, "sequence_length": 900, "task": "arc"},
    ],
    ids=["4x4", "6x6 with 2-D rope", "9x9", "9x9 without canvas, table", "mixed sizes, MLP, table", "maze", "ARC"],
)  # fmt: skip
def test_nano_trm(tmp_path, fields):
    model = made(**NANO | fields)
    path = nano_file(tmp_path / "last.ckpt", model)
    assert_same(path, model)
    sources = read_checkpoint(str(path)).sources
    assert sources["n"] == sources["T"] == sources["N_sup"] == "last.ckpt"


def test_nano_trm_averaged_parameters_replace_the_last_weights(tmp_path):
    fields = NANO | MLP | TABLE | {"vocab_size": 7, "sequence_length": 36, "tokens": "nano-trm"}
    last, average = made(seed=1, **fields), made(seed=2, **fields)
    path = nano_file(tmp_path / "last.ckpt", last, averaged=average)
    buffers = {name: last.tensors[name] for name in ("H_init", "L_init", "puzzle_emb.weights")}
    checkpoint = read_checkpoint(str(path))
    assert same_numbers(checkpoint.tensors, average.tensors | buffers)
    assert checkpoint.sources["weights"] == (
        "averaged (EMA): the copy `callbacks.EMACallback.shadow` in the file, applied over `state_dict`"
    )


def test_nano_trm_settings_must_agree_with_the_tensors(tmp_path):
    fields = NANO | MLP | BARE | {"vocab_size": 7, "sequence_length": 36, "tokens": "nano-trm"}
    model = made(**fields)
    (tmp_path / "config.yaml").write_text("model: {H_cycles: 9}\ncallbacks: {}\n")
    assert_same(nano_file(tmp_path / "last.ckpt", model), model)
    refusal(nano_file(tmp_path / "a.ckpt", model, use_board_swiglu=True), "use_board_swiglu = True")
    refusal(nano_file(tmp_path / "b.ckpt", model, hidden_size=16), "hidden_size = 16, but the tensors say 8")
    conv = dict(torch.load(nano_file(tmp_path / "c.ckpt", model), weights_only=False))
    conv["state_dict"]["lenet.layers.0.mlp.dwconv.weight"] = torch.zeros(12, 1, 3)
    torch.save(conv, tmp_path / "c.ckpt")
    refusal(tmp_path / "c.ckpt", "nano-trm with a convolution in its MLP")


# EqR


class ModelCarry:
    """Stands for a class of EqR's in its files."""


ModelCarry.__module__ = "models.eqr"


@pytest.mark.parametrize(
    "fields",
    [
        MLP | {"vocab_size": 8, "sequence_length": 36},
        MLP | {"vocab_size": 11, "sequence_length": 81, "n": 6, "T": 3, "layers": 1, "damping": 1.0},
        ATTENTION | {"vocab_size": 11, "sequence_length": 81, "positions": "axial"},
    ],
    ids=["6x6", "9x9", "9x9 with 2-D rope"],
)
def test_eqr(tmp_path, fields):
    last, average = made(seed=1, **EQR | fields), made(seed=2, **EQR | fields)
    torch.save(eqr_stored(last, average), tmp_path / "step_3_abc.pth")
    assumed = () if fields["mixing"] == "mlp" else ("sequence_length",)
    assert_same(tmp_path / "step_3_abc.pth", average, assumed=assumed)
    values = inspect_model(str(tmp_path / "step_3_abc.pth"), self_check=False)["values"]
    assert {value["name"] for value in values} >= {"damping", "noise", "y_deviation", "z_deviation"}


def test_eqr_training_states_give_the_cells_and_nothing_in_them_is_run(tmp_path, monkeypatch):
    model = made(**EQR | ATTENTION | {"vocab_size": 6, "sequence_length": 49, "task": "maze"})
    inner, carry = ModelCarry(), ModelCarry()
    inner.z_H = inner.z_L = torch.zeros(2, 49, 8)
    carry.inner_carry, carry.steps = inner, torch.zeros(2, dtype=torch.int32)
    import sys
    import types

    module = types.ModuleType("models.eqr")
    module.ModelCarry = ModelCarry
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "models", types.ModuleType("models"))
        patched.setitem(sys.modules, "models.eqr", module)
        rng = {"python": random.Random(0).getstate(), "torch": torch.get_rng_state()}
        torch.save(eqr_stored(model, model) | {"carry": carry, "rng": rng}, tmp_path / "step_3_abc.pth")
    assert_same(tmp_path / "step_3_abc.pth", model)


def test_eqr_settings_one_folder_up(tmp_path):
    model = made(**EQR | MLP | {"vocab_size": 8, "sequence_length": 36})
    stored = eqr_stored(model)
    (tmp_path / "checkpoints").mkdir()
    torch.save({"model": stored["model"]}, tmp_path / "checkpoints" / "step_3_abc.pth")
    (tmp_path / "all_config.yaml").write_text(yaml.safe_dump(stored["config"]))
    assert_same(tmp_path / "checkpoints" / "step_3_abc.pth", model)


def test_eqr_defaults_are_assumed(tmp_path):
    model = made(**EQR | MLP | {"vocab_size": 8, "sequence_length": 36})
    stored = eqr_stored(model)
    for name in ("lambda_", "H_init_std", "L_init_std", "noise_scale"):
        del stored["config"]["arch"][name]
    torch.save(stored, tmp_path / "step_3_abc.pth")
    config = read_checkpoint(str(tmp_path / "step_3_abc.pth")).config
    assert (config.damping, config.y_deviation, config.z_deviation) == (0.95, 1.0, 1.0)
    assert set(config.assumed) == {"damping", "y_deviation", "z_deviation", "noise"}


def test_eqr_board_that_is_not_square_is_not_understood(tmp_path):
    model = made(**EQR | ATTENTION | {"vocab_size": 11, "sequence_length": 81, "positions": "axial"})
    torch.save(eqr_stored(model, board_height=3, board_width=27), tmp_path / "step_3_abc.pth")
    refusal(tmp_path / "step_3_abc.pth", "board_height = 3, board_width = 27")
    torch.save(eqr_stored(model, board_height=9, board_width=9), tmp_path / "step_3_abc.pth")
    assert_same(tmp_path / "step_3_abc.pth", model, assumed=("sequence_length",))


# AIR


@pytest.mark.parametrize(
    "injection", ["Lx_H", "L_Hx", "L2x_Hx", "L_H2x", "minus_x", "had_prod", "gx_linear", "gx_non_linear"]
)
def test_air(tmp_path, injection):
    model = made(**AIR | {"injection": injection})
    assert_same(
        air_file(tmp_path / "run", model, no_ACT_continue=True), model
    )  # its code does not look at it


def test_air_with_learned_positions_and_a_wide_table(tmp_path):
    changes = {"positions": "learned", "puzzle_embedding_size": 20, "prefix_length": 3, "injection": "Lx_Hx"}
    model = made(**AIR | changes)
    assert_same(air_file(tmp_path / "run", model), model)


def test_air_without_its_yaml_assumes_its_injection(tmp_path):
    model = made(**AIR | {"injection": "Lx_H", "hidden_size": 16})
    (air_file(tmp_path / "run", model) / "all_config.yaml").unlink()
    config = read_checkpoint(str(tmp_path / "run")).config
    assert config.injection == "Lx_H" and {"injection", "n", "T"} <= set(config.assumed)


def test_unsupported_air_variants_are_refused_in_a_sentence(tmp_path):
    model = made(**AIR | {"injection": "Lx_H"})
    refusal(
        air_file(tmp_path / "run", model, name="air.air_1net_L9x_H@AIR"),
        "unknown AIR injection 'L9x_H'; choose",
    )
    for name, shape in (("input_token_L", (8,)), ("input_token_H", (1, 1, 8))):
        tokens = Made(model.config, model.tensors | {name: torch.zeros(shape)})
        folder = air_file(tmp_path / name, tokens, name="air.air_1net_L2x_H2x_input_token_prepend@AIR")
        refusal(folder, "AIR with extra input tokens")


# URM


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n": 0},
        {"n": 7, "T": 1, "layers": 3, "rope_theta": 50.0},
        {"puzzle_embedding_size": 20, "prefix_length": 3},
    ],
)
def test_urm(tmp_path, changes):
    model = made(**URM | changes)
    half = {name: tensor.bfloat16() if "dwconv" in name else tensor for name, tensor in model.tensors.items()}
    assert_same(urm_file(tmp_path / "run", model), Made(model.config, half))
    sources = read_checkpoint(str(tmp_path / "run")).sources
    assert sources["weights"].startswith("averaged (EMA): all_config.yaml")
    assert sources["positions"] == "all_config.yaml"
    urm_file(tmp_path / "run", model, pos_encodings=None)
    assert read_checkpoint(str(tmp_path / "run")).sources["positions"] == "public code"


# sotaku


@pytest.mark.parametrize("layers, hidden_size", [(2, 64), (4, 96), (3, 128), (1, 32)])
def test_sotaku(tmp_path, layers, hidden_size):
    sizes = {"layers": layers, "n": layers - 1, "hidden_size": hidden_size, "heads": hidden_size // 32}
    model = made(**SOTAKU | sizes)
    torch.save(sotaku_state(model), tmp_path / "model_baseline.pt")
    opened = read_checkpoint(str(tmp_path / "model_baseline.pt"))
    assert same_numbers(opened.tensors, model.tensors)
    assert replace(opened.config, assumed=()) == replace(model.config, assumed=())
    assert set(opened.config.assumed) == {"N_sup", "heads", "positions"}


def test_sotaku_while_training_and_with_other_heads(tmp_path):
    model = made(**SOTAKU | {"hidden_size": 64, "heads": 4, "n": 1})
    stored = {
        "step": 5000, "model_state_dict": sotaku_state(model), "optimizer_state_dict": {},
        "config": {"experiment": "x", "d_model": 64, "d_ff": 12, "n_layers": 2, "lr": 1e-3},
    }  # fmt: skip
    torch.save(stored, tmp_path / "x_checkpoint_step5000.pt")
    opened = read_checkpoint(str(tmp_path / "x_checkpoint_step5000.pt"), force={"heads": 4, "N_sup": 40})
    assert same_numbers(opened.tensors, model.tensors)
    assert (opened.config.heads, opened.config.N_sup, opened.config.n) == (4, 40, 1)


def test_sotaku_of_an_experiment_with_other_parts_is_refused(tmp_path):
    model = made(**SOTAKU | {"hidden_size": 32, "heads": 1, "n": 1})
    torch.save(sotaku_state(model) | {"q_head.weight": torch.zeros(1, 32)}, tmp_path / "model.pt")
    assert "q_head.weight does not belong to a sotaku checkpoint" in refusal(tmp_path / "model.pt")


# All of them


def test_the_list_of_supported_checkpoints_is_up_to_date():
    assert (Path(__file__).parents[4] / "docs" / "checkpoints.md").read_text("utf-8") == document()


@pytest.mark.parametrize("format", ["nano", "eqr", "air", "urm", "sotaku"])
def test_a_damaged_file_or_one_tensor_too_few_is_named_in_one_line(tmp_path, format):
    sizes = {"vocab_size": 7, "sequence_length": 36}
    path = tmp_path / "model.pt"
    if format == "nano":
        nano_file(path, made(**NANO | MLP | BARE | sizes))
    elif format == "eqr":
        torch.save(eqr_stored(made(**EQR | MLP | sizes | {"vocab_size": 8})), path)
    elif format == "air":
        path = air_file(tmp_path, made(**AIR | {"injection": "Lx_H"})) / "step_30"
    elif format == "urm":
        path = urm_file(tmp_path, made(**URM)) / "step_9.pt"
    else:
        torch.save(sotaku_state(made(**SOTAKU | {"hidden_size": 32, "heads": 1, "n": 1})), path)
    whole = path.read_bytes()
    for part in (0.1, 0.5, 0.99):
        path.write_bytes(whole[: int(part * len(whole))])
        refusal(path, "damaged or cut short")
    path.write_bytes(whole)
    stored = torch.load(path, weights_only=False)
    states = [stored.get(key) for key in ("state_dict", "model", "model_state_dict")]
    state = next((state for state in states if state), stored)
    for name in [name for name in state if name.endswith(("down_proj.weight", "linear1.weight"))][-1:]:
        del state[name]
    torch.save(stored, path)
    refusal(path, "is missing")
