"""Files of other code bases, written as these write them: models with random weights under their names."""

from dataclasses import dataclass

import torch
import yaml

from trm.config import ModelConfig
from trm.models import new_model

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


def made(seed: int = 0, **fields) -> Made:
    """A model; keywords are fields of its configuration."""
    usual = {"task": "sudoku", "hidden_size": 8, "layers": 2, "mlp_width": 12, "N_sup": 3, "n": 3, "T": 2}
    config = ModelConfig(**usual | fields)
    generator = torch.Generator().manual_seed(seed)
    state = new_model(config).state_dict()
    return Made(
        config, {name: torch.randn(tensor.shape, generator=generator) for name, tensor in state.items()}
    )


def arch_of(config: ModelConfig, **more):
    return {
        "H_cycles": config.T, "L_cycles": config.n, "L_layers": config.layers, "H_layers": 0,
        "hidden_size": config.hidden_size, "num_heads": config.heads or 4, "expansion": 4,
        "halt_max_steps": config.N_sup, "halt_exploration_prob": 0.1, "forward_dtype": "bfloat16",
        "loss": {"name": "losses@ACTLossHead"},
    } | more  # fmt: skip


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
