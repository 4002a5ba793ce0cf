"""Files of six other code bases, written here in other sizes and options, open as the models that they were made of."""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
import yaml
from checkpoints import refusal, same_numbers

from trm.checkpoint import read_checkpoint
from trm.config import ModelConfig
from trm.inspection.inspect import inspect_model
from trm.models import new_model
from trm.public.formats.document import document

ATTENTION = {"mixing": "attention", "mixing_width": 0, "heads": 2, "positions": "rope"}
MLP = {"mixing": "mlp", "mixing_width": 24, "heads": 0, "positions": "none"}
BARE = {"prefix_length": 0, "puzzle_ids": 0, "puzzle_embedding_size": 0}
TABLE = {"prefix_length": 2, "puzzle_ids": 5, "puzzle_embedding_size": 12}


@dataclass(frozen=True)
class Made:
    """A model with random weights, and these under our names."""

    config: ModelConfig
    tensors: dict[str, torch.Tensor]

    def renamed(self, *changes, prefix="", drop=()):
        found = {}
        for name, tensor in self.tensors.items():
            if name in drop:
                continue
            for ours, theirs in changes:
                if name.startswith(ours):
                    name = theirs + name.removeprefix(ours)
                    break
            found[prefix + name] = tensor
        return found


@pytest.fixture
def made():
    """Makes a model; keywords are fields of its configuration."""

    def make(seed=0, **fields) -> Made:
        usual = {"task": "sudoku", "hidden_size": 8, "layers": 2, "mlp_width": 12, "N_sup": 3, "n": 3, "T": 2}
        config = ModelConfig(**usual | fields)
        generator = torch.Generator().manual_seed(seed)
        state = new_model(config).state_dict()
        return Made(
            config, {name: torch.randn(tensor.shape, generator=generator) for name, tensor in state.items()}
        )

    return make


def assert_same(path, model: Made, **differing) -> None:
    """The file opens as the model, with nothing assumed and nothing unknown but what is said here."""
    checkpoint = read_checkpoint(str(path))
    assert checkpoint.config == replace(model.config, **differing)
    assert same_numbers(checkpoint.tensors, model.tensors)


def arch_of(config: ModelConfig, **more):
    return {
        "H_cycles": config.T, "L_cycles": config.n, "L_layers": config.layers, "H_layers": 0,
        "hidden_size": config.hidden_size, "num_heads": config.heads or 4, "expansion": 4,
        "halt_max_steps": config.N_sup, "halt_exploration_prob": 0.1, "forward_dtype": "bfloat16",
        "loss": {"name": "losses@ACTLossHead"},
    } | more  # fmt: skip


# nano-trm


def nano_file(path, model: Made, *, averaged=None, prefix="", **changes):
    config = model.config
    names = (
        ("L_level.", "lenet."),
        ("embed_tokens.", "input_embedding."),
        ("H_init", "z_H_init"),
        ("L_init", "z_L_init"),
    )
    buffers = ("H_init", "L_init", "puzzle_emb.weights")
    hyper = {
        "hidden_size": config.hidden_size, "num_layers": config.layers, "num_heads": config.heads or 4,
        "H_cycles": config.T, "L_cycles": config.n, "N_supervision": 7, "N_supervision_val": config.N_sup,
        "ffn_expansion": 4, "use_mlp_t": config.mixing == "mlp", "rope_theta": int(config.rope_theta),
        "pos_emb_type": {"rope": "1d", "rope2d": "2d", "none": "null"}[config.positions],
        "puzzle_emb_dim": config.puzzle_embedding_size, "puzzle_emb_len": config.prefix_length,
        "vocab_size": config.vocab_size, "seq_len": config.sequence_length, "num_puzzles": max(1, config.puzzle_ids),
        "max_grid_size": 6, "use_conv_swiglu": False, "use_board_swiglu": False, "use_muon": True,
        "learning_rate": 1e-4, "learning_rate_emb": 1e-4, "weight_decay": 1.0, "warmup_steps": 10, "batch_size": 8,
        "halt_exploration_prob": 0.1, "lr_min_ratio": 1.0, "pad_value": 0, "forward_dtype": None, "output_dir": path.parent,
    } | changes  # fmt: skip
    state = model.renamed(*names, prefix=prefix)
    stored = {"epoch": 3, "global_step": 0, "state_dict": state, "hyper_parameters": hyper, "loops": {}}
    if averaged is not None:
        shadow = averaged.renamed(*names, prefix=prefix, drop=buffers)
        stored["callbacks"] = {"EMACallback": {"decay": 0.999, "shadow": shadow}}
    torch.save(stored, path)
    return path


NANO = {"kind": "trm", "halting_outputs": 1}


@pytest.mark.parametrize(
    "fields",
    [
        MLP | BARE | {"vocab_size": 7, "sequence_length": 36, "tokens": "nano-trm"},
        ATTENTION | BARE | {"vocab_size": 9, "sequence_length": 64, "tokens": "nano-trm", "positions": "rope2d"},
        ATTENTION | BARE | {"vocab_size": 12, "sequence_length": 121, "tokens": "nano-trm", "n": 6, "T": 3},
        ATTENTION | TABLE | {"vocab_size": 12, "sequence_length": 81, "tokens": "nano-trm", "rope_theta": 500.0},
        MLP | TABLE | {"vocab_size": 12, "sequence_length": 100, "tokens": "nano-trm", "layers": 1},
        ATTENTION | BARE | {"vocab_size": 6, "sequence_length": 49, "task": "maze", "positions": "none"},
    ],
    ids=["4x4", "6x6 with 2-D rope", "9x9", "9x9 without canvas, table", "mixed sizes, MLP, table", "maze"],
)  # fmt: skip
def test_nano_trm(made, tmp_path, fields):
    model = made(**NANO | fields)
    path = nano_file(tmp_path / "last.ckpt", model)
    assert_same(path, model)
    sources = read_checkpoint(str(path)).sources
    assert sources["n"] == sources["T"] == sources["N_sup"] == "last.ckpt"


def test_nano_trm_averaged_parameters_are_laid_over_the_last_weights(made, tmp_path):
    fields = NANO | MLP | TABLE | {"vocab_size": 7, "sequence_length": 36, "tokens": "nano-trm"}
    last, average = made(seed=1, **fields), made(seed=2, **fields)
    path = nano_file(tmp_path / "last.ckpt", last, averaged=average)
    buffers = {name: last.tensors[name] for name in ("H_init", "L_init", "puzzle_emb.weights")}
    checkpoint = read_checkpoint(str(path))
    assert same_numbers(checkpoint.tensors, average.tensors | buffers)
    assert checkpoint.sources["weights"] == (
        "averaged (EMA): the copy `callbacks.EMACallback.shadow` in the file, laid over `state_dict`"
    )


def test_nano_trm_needs_no_setting_to_be_known_twice(made, tmp_path):
    fields = NANO | MLP | BARE | {"vocab_size": 7, "sequence_length": 36, "tokens": "nano-trm"}
    model = made(**fields)
    (tmp_path / "config.yaml").write_text("model: {H_cycles: 9}\ncallbacks: {}\n")
    assert_same(nano_file(tmp_path / "last.ckpt", model), model)
    refusal(nano_file(tmp_path / "a.ckpt", model, use_board_swiglu=True), "use_board_swiglu = True")
    refusal(nano_file(tmp_path / "b.ckpt", model, hidden_size=16), "hidden_size = 16, the tensors say 8")
    conv = dict(torch.load(nano_file(tmp_path / "c.ckpt", model), weights_only=False))
    conv["state_dict"]["lenet.layers.0.mlp.dwconv.weight"] = torch.zeros(12, 1, 3)
    torch.save(conv, tmp_path / "c.ckpt")
    refusal(tmp_path / "c.ckpt", "MLP has a convolution")


# EqR


class ModelCarry:
    """Stands for a class of EqR's in its files."""


ModelCarry.__module__ = "models.eqr"


def eqr_stored(model: Made, averaged: Made | None = None, **arch):
    config = model.config
    names = {"rope": "rope", "axial": "rope2d", "none": "rope"}
    arch = arch_of(
        config, name="eqr@EqRModel", short_name="EqR", pos_encodings=names[config.positions], board_height=None,
        board_width=None, mlp_t=config.mixing == "mlp", lambda_=config.damping, noise_scale=config.noise,
        H_init_std=config.y_deviation, L_init_std=config.z_deviation,
    ) | arch  # fmt: skip
    rename = {"prefix": "_orig_mod.model.inner."}
    stored = {"step": 3, "model": model.renamed(**rename), "config": {"arch": arch, "seed": 1, "ema": True}}
    if averaged:
        stored["ema"] = {"mu": 0.999, "shadow": averaged.renamed(**rename)}
    return stored


EQR = BARE | {"kind": "eqr", "damping": 0.9, "noise": 0.02, "y_deviation": 0.5, "z_deviation": 2.0}


@pytest.mark.parametrize(
    "fields",
    [
        MLP | {"vocab_size": 8, "sequence_length": 36},
        MLP | {"vocab_size": 11, "sequence_length": 81, "n": 6, "T": 3, "layers": 1, "damping": 1.0},
        ATTENTION | {"vocab_size": 11, "sequence_length": 81, "positions": "axial"},
    ],
    ids=["6x6", "9x9", "9x9 with 2-D rope"],
)
def test_eqr(made, tmp_path, fields):
    last, average = made(seed=1, **EQR | fields), made(seed=2, **EQR | fields)
    torch.save(eqr_stored(last, average), tmp_path / "step_3_abc.pth")
    assumed = () if fields["mixing"] == "mlp" else ("sequence_length",)
    assert_same(tmp_path / "step_3_abc.pth", average, assumed=assumed)
    values = inspect_model(str(tmp_path / "step_3_abc.pth"), self_check=False)["values"]
    assert {value["name"] for value in values} >= {"damping", "noise", "y_deviation", "z_deviation"}


def test_eqr_live_states_tell_the_cells_and_nothing_in_them_is_run(made, tmp_path, monkeypatch):
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


def test_eqr_settings_a_folder_up(made, tmp_path):
    model = made(**EQR | MLP | {"vocab_size": 8, "sequence_length": 36})
    stored = eqr_stored(model)
    (tmp_path / "checkpoints").mkdir()
    torch.save({"model": stored["model"]}, tmp_path / "checkpoints" / "step_3_abc.pth")
    (tmp_path / "all_config.yaml").write_text(yaml.safe_dump(stored["config"]))
    assert_same(tmp_path / "checkpoints" / "step_3_abc.pth", model)


def test_eqr_without_its_numbers_has_them_assumed(made, tmp_path):
    model = made(**EQR | MLP | {"vocab_size": 8, "sequence_length": 36})
    stored = eqr_stored(model)
    for name in ("lambda_", "H_init_std", "L_init_std", "noise_scale"):
        del stored["config"]["arch"][name]
    torch.save(stored, tmp_path / "step_3_abc.pth")
    config = read_checkpoint(str(tmp_path / "step_3_abc.pth")).config
    assert (config.damping, config.y_deviation, config.z_deviation) == (0.95, 1.0, 1.0)
    assert set(config.assumed) == {"damping", "y_deviation", "z_deviation", "noise"}


def test_eqr_board_that_is_no_square_is_not_understood(made, tmp_path):
    model = made(**EQR | ATTENTION | {"vocab_size": 11, "sequence_length": 81, "positions": "axial"})
    torch.save(eqr_stored(model, board_height=3, board_width=27), tmp_path / "step_3_abc.pth")
    refusal(tmp_path / "step_3_abc.pth", "board_height = 3, board_width = 27")
    torch.save(eqr_stored(model, board_height=9, board_width=9), tmp_path / "step_3_abc.pth")
    assert_same(tmp_path / "step_3_abc.pth", model, assumed=("sequence_length",))


# AIR


def air_file(folder, model: Made, **changes):
    folder.mkdir(exist_ok=True)
    config = model.config
    arch = arch_of(
        config, name=f"air.air_1net_{config.injection}@AIR", pos_encodings=config.positions,
        puzzle_emb_ndim=config.puzzle_embedding_size, H_layers=config.layers,
    ) | changes  # fmt: skip
    torch.save(model.renamed(("L_level.", "f_level."), prefix="_orig_mod.model.inner."), folder / "step_30")
    (folder / "all_config.yaml").write_text(
        yaml.safe_dump({"arch": arch, "data_path": "data/sudoku", "seed": 3})
    )
    (folder / "dataset.json").write_text(
        f'{{"seq_len": {config.sequence_length}, "vocab_size": {config.vocab_size}, "num_puzzle_identifiers": {config.puzzle_ids}}}'
    )
    return folder


AIR = ATTENTION | {"kind": "air", "prefix_length": 1, "puzzle_ids": 3, "puzzle_embedding_size": 8, "vocab_size": 8, "sequence_length": 36}  # fmt: skip


@pytest.mark.parametrize(
    "injection", ["Lx_H", "L_Hx", "L2x_Hx", "L_H2x", "minus_x", "had_prod", "gx_linear", "gx_non_linear"]
)
def test_air(made, tmp_path, injection):
    model = made(**AIR | {"injection": injection})
    assert_same(air_file(tmp_path / "run", model), model)


def test_air_with_learned_positions_and_a_wide_table(made, tmp_path):
    changes = {"positions": "learned", "puzzle_embedding_size": 20, "prefix_length": 3, "injection": "Lx_Hx"}
    model = made(**AIR | changes)
    assert_same(air_file(tmp_path / "run", model), model)


def test_air_without_its_yaml_has_its_injection_assumed(made, tmp_path):
    model = made(**AIR | {"injection": "Lx_H", "hidden_size": 16})
    (air_file(tmp_path / "run", model) / "all_config.yaml").unlink()
    config = read_checkpoint(str(tmp_path / "run")).config
    assert config.injection == "Lx_H" and {"injection", "n", "T"} <= set(config.assumed)


def test_air_variants_that_cannot_be_shown_are_refused_in_a_sentence(made, tmp_path):
    model = made(**AIR | {"injection": "Lx_H"})
    refusal(
        air_file(tmp_path / "run", model, name="air.air_1net_L9x_H@AIR"), "'L9x_H' is not known. Known are"
    )
    for name, shape in (("input_token_L", (8,)), ("input_token_H", (1, 1, 8))):
        tokens = Made(model.config, model.tensors | {name: torch.zeros(shape)})
        folder = air_file(tmp_path / name, tokens, name="air.air_1net_L2x_H2x_input_token_prepend@AIR")
        refusal(folder, "AIR with tokens of its own")


# URM


def urm_file(folder, model: Made, **changes):
    folder.mkdir(exist_ok=True)
    config = model.config
    names = (("L_level.layers.", "layers."), ("L_init", "init_hidden"))
    state = model.renamed(*names, prefix="_orig_mod.model.inner.")
    half = {name: tensor.bfloat16() if "dwconv" in name else tensor for name, tensor in state.items()}
    torch.save(
        {"step": 9, "model_state_dict": half, "optimizer_states": [], "rng_state": torch.get_rng_state()},
        folder / "step_9.pt",
    )
    arch = {
        "name": "urm.urm@URM", "loops": config.N_sup, "H_cycles": config.T, "L_cycles": config.n + 1,
        "num_layers": config.layers, "hidden_size": config.hidden_size, "num_heads": config.heads, "expansion": 4,
        "puzzle_emb_ndim": config.puzzle_embedding_size, "rope_theta": config.rope_theta, "forward_dtype": "float32",
        "pos_encodings": "rope", "profile": True, "ema": True, "eval_interval": 1000, "checkpoint_path": "/somewhere",
    } | changes  # fmt: skip
    deltas = "  loop_deltas: &id001 !!python/object:omegaconf.listconfig.ListConfig\n    _content:\n    - !!python/object:omegaconf.nodes.AnyNode\n      _parent: *id001\n      _val: 8\n"
    text = yaml.safe_dump({"arch": arch, "ema": True, "data_path": "data/sudoku"})
    (folder / "all_config.yaml").write_text(text.replace("arch:\n", f"arch:\n{deltas}"))
    (folder / "dataset.json").write_text(f'{{"seq_len": {config.sequence_length}}}')
    return folder


URM = ATTENTION | {"kind": "urm", "latents": 0, "mlp_kernel": 2, "vocab_size": 8, "sequence_length": 36, "prefix_length": 1, "puzzle_ids": 1, "puzzle_embedding_size": 8}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n": 0},
        {"n": 7, "T": 1, "layers": 3, "rope_theta": 50.0},
        {"puzzle_embedding_size": 20, "prefix_length": 3},
    ],
)
def test_urm(made, tmp_path, changes):
    model = made(**URM | changes)
    half = {name: tensor.bfloat16() if "dwconv" in name else tensor for name, tensor in model.tensors.items()}
    assert_same(urm_file(tmp_path / "run", model), Made(model.config, half))
    assert (
        read_checkpoint(str(tmp_path / "run"))
        .sources["weights"]
        .startswith("averaged (EMA): all_config.yaml")
    )


# sotaku


def sotaku_state(model: Made):
    state = {}
    for name, tensor in model.tensors.items():
        if not name.startswith("layer"):
            state[name] = tensor
            continue
        net, _, _, part = name.split(".", 3)
        layer = f"layers.{int(net.removeprefix('layer')) - 1}."
        if part.startswith("self_attn.qkv_proj."):
            for letter, third in zip("qkv", tensor.chunk(3), strict=True):
                state[f"{layer}{letter}_proj.{part.rsplit('.')[-1]}"] = third
        else:
            state[layer + part.replace("self_attn.o_proj", "out_proj")] = tensor
    return state


SOTAKU = BARE | {
    "kind": "sotaku", "latents": 0, "vocab_size": 10, "sequence_length": 81, "T": 1, "N_sup": 16, "tokens": "digits",
    "mixing": "attention", "mixing_width": 0, "positions": "axial", "rope_theta": 10.0, "halting_outputs": 0,
    "assumed": ("N_sup", "heads", "positions"),
}  # fmt: skip


@pytest.mark.parametrize("layers, hidden_size", [(2, 64), (4, 96), (3, 128), (1, 32)])
def test_sotaku(made, tmp_path, layers, hidden_size):
    sizes = {"layers": layers, "n": layers - 1, "hidden_size": hidden_size, "heads": hidden_size // 32}
    model = made(**SOTAKU | sizes)
    torch.save(sotaku_state(model), tmp_path / "model_baseline.pt")
    opened = read_checkpoint(str(tmp_path / "model_baseline.pt"))
    assert same_numbers(opened.tensors, model.tensors)
    assert replace(opened.config, assumed=()) == replace(model.config, assumed=())
    assert set(opened.config.assumed) == {"N_sup", "heads", "positions"}


def test_sotaku_while_training_and_with_other_heads(made, tmp_path):
    model = made(**SOTAKU | {"hidden_size": 64, "heads": 4, "n": 1})
    stored = {
        "step": 5000, "model_state_dict": sotaku_state(model), "optimizer_state_dict": {},
        "config": {"experiment": "x", "d_model": 64, "d_ff": 12, "n_layers": 2, "lr": 1e-3},
    }  # fmt: skip
    torch.save(stored, tmp_path / "x_checkpoint_step5000.pt")
    opened = read_checkpoint(str(tmp_path / "x_checkpoint_step5000.pt"), force={"heads": 4, "N_sup": 40})
    assert same_numbers(opened.tensors, model.tensors)
    assert (opened.config.heads, opened.config.N_sup, opened.config.n) == (4, 40, 1)


def test_sotaku_of_an_experiment_with_other_parts_is_refused(made, tmp_path):
    model = made(**SOTAKU | {"hidden_size": 32, "heads": 1, "n": 1})
    torch.save(sotaku_state(model) | {"q_head.weight": torch.zeros(1, 32)}, tmp_path / "model.pt")
    assert "q_head.weight does not belong to a sotaku checkpoint" in refusal(tmp_path / "model.pt")


# All of them


def test_the_list_of_what_opens_is_of_today():
    assert (Path(__file__).parents[4] / "docs" / "checkpoints.md").read_text("utf-8") == document()


@pytest.mark.parametrize("format", ["nano", "eqr", "air", "urm", "sotaku"])
def test_a_damaged_file_or_one_tensor_too_few_is_named_in_one_line(made, tmp_path, format):
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
