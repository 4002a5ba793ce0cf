"""Public checkpoints: every form opens to the same numbers, and values that are read, known or assumed are distinguished."""

import pytest
import torch
from checkpoints import CPU, refusal, same_numbers
from safetensors.torch import save_file

from trm.checkpoint import load_model, read_checkpoint

PREFIXES = [
    "_orig_mod.model.inner.",
    "model.inner.",
    "inner.",
    "",
    "module.",
    "model._orig_mod.inner.",
    "module._orig_mod.model.inner.",
    "_orig_mod.module.model.inner.",
]
NESTS = [(), ("model",), ("state_dict",), ("ema",), ("state_dict", "model")]


# the public form


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_prefix(tmp_path, public_checkpoint, prefix):
    made = public_checkpoint()
    path = made.save(tmp_path, prefix=prefix)
    assert same_numbers(read_checkpoint(str(path)).tensors, made.tensors)


@pytest.mark.parametrize("nest", NESTS)
def test_every_nesting(tmp_path, public_checkpoint, nest):
    made = public_checkpoint()
    path = made.save(tmp_path, nest=nest)
    assert same_numbers(read_checkpoint(str(path)).tensors, made.tensors)


def test_averaged_weights_are_used_if_there_are_both(tmp_path, public_checkpoint):
    plain, averaged = public_checkpoint(seed=1), public_checkpoint(seed=2)
    torch.save({"model": plain.tensors, "ema": averaged.tensors}, tmp_path / "checkpoint")
    assert same_numbers(read_checkpoint(str(tmp_path)).tensors, averaged.tensors)


def test_the_old_torch_form_and_safetensors(tmp_path, public_checkpoint):
    made = public_checkpoint()
    old = made.save(tmp_path / "old", _use_new_zipfile_serialization=False)
    assert same_numbers(read_checkpoint(str(old)).tensors, made.tensors)
    made.save(tmp_path / "new")
    (tmp_path / "new" / "step_1000").unlink()
    save_file(
        {f"model.inner.{name}": tensor for name, tensor in made.tensors.items()},
        tmp_path / "new" / "model.safetensors",
    )
    assert same_numbers(read_checkpoint(str(tmp_path / "new")).tensors, made.tensors)


def test_everything_in_the_yaml_is_read(tmp_path, public_checkpoint):
    made = public_checkpoint(D=24, heads=3, layers=1, cells=25, vocab=12, puzzle_ids=5, puzzle_emb_ndim=40,
                             puzzle_emb_len=4, H_cycles=4, L_cycles=5, halt_max_steps=7)  # fmt: skip
    config = read_checkpoint(str(made.save(tmp_path))).config
    assert config.assumed == ()
    assert (config.n, config.T, config.N_sup, config.heads, config.layers) == (5, 4, 7, 3, 1)
    assert (config.hidden_size, config.vocab_size, config.sequence_length, config.prefix_length) == (
        24,
        12,
        25,
        4,
    )
    assert (config.puzzle_ids, config.puzzle_embedding_size, config.mlp_width) == (5, 40, 24)
    assert (config.mixing, config.positions, config.task) == ("attention", "rope", "arc")


def test_initial_states_in_bfloat16(tmp_path, public_checkpoint):
    made = public_checkpoint()
    assert made.tensors["H_init"].dtype == torch.bfloat16
    model = load_model(str(made.save(tmp_path)), device=CPU)
    assert model.H_init.dtype == model.L_init.dtype == torch.float32
    assert torch.equal(model.H_init, made.tensors["H_init"].float())


@pytest.mark.parametrize(
    "sizes, prefix",
    [
        ({"puzzle_emb_len": 0, "puzzle_emb_ndim": 16}, 1),
        ({"puzzle_emb_len": 0, "puzzle_emb_ndim": 17}, 2),
        ({"puzzle_emb_len": 5, "puzzle_emb_ndim": 16}, 5),
        ({"puzzle_emb_len": 0, "puzzle_emb_ndim": 0}, 0),
    ],
)
@pytest.mark.parametrize(
    "parts", [{}, {"mlp_t": True, "pos_encodings": "none"}, {"pos_encodings": "learned"}]
)
def test_prefix_length(tmp_path, public_checkpoint, sizes, prefix, parts):
    model = load_model(str(public_checkpoint(**sizes, **parts).save(tmp_path)), device=CPU)
    assert model.config.prefix_length == prefix and model.config.sequence_length == 16
    assert model.embed(torch.ones(1, 16, dtype=torch.long), torch.zeros(1, dtype=torch.long)).shape == (
        1,
        prefix + 16,
        16,
    )


def test_what_is_assumed_without_a_yaml(tmp_path, public_checkpoint):
    """The names are those of the configuration, and the values the public code's defaults for the task."""
    made = public_checkpoint(cells=81, D=32, heads=8, puzzle_emb_ndim=32, puzzle_emb_len=16)
    made.save(tmp_path, with_yaml=False)
    (tmp_path / "dataset.json").unlink()
    config = read_checkpoint(str(tmp_path)).config
    assert set(config.assumed) == {
        "n",
        "T",
        "N_sup",
        "heads",
        "positions",
        "prefix_length",
        "sequence_length",
    }
    assert (config.n, config.T, config.N_sup, config.heads, config.positions) == (6, 3, 16, 8, "rope")
    assert (config.prefix_length, config.sequence_length, config.task) == (16, 81, "sudoku")


def test_mlp_mixing_determines_its_length(tmp_path, public_checkpoint):
    made = public_checkpoint(mlp_t=True, pos_encodings="none", cells=81, puzzle_emb_len=7)
    made.save(tmp_path, with_yaml=False)
    (tmp_path / "dataset.json").unlink()
    config = read_checkpoint(str(tmp_path)).config
    assert set(config.assumed) == {"n", "T", "N_sup"}
    assert (config.prefix_length, config.sequence_length, config.mixing_width) == (7, 81, 32)


def test_maze_weights_are_assumed_shallower(tmp_path, public_checkpoint):
    made = public_checkpoint(vocab=6, heads=2, D=32, puzzle_emb_ndim=32)
    (made.save(tmp_path, with_yaml=False).parent / "dataset.json").unlink()
    config = read_checkpoint(str(tmp_path)).config
    assert (config.task, config.n, config.T, config.sequence_length) == ("maze", 4, 3, 900)


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("hidden_size", 32, "hidden_size = 32, but the tensors say 16"),
        ("L_layers", 4, "L_layers = 4, but the tensors say 2"),
        ("mlp_t", True, "mlp_t = True, but the tensors say False"),
        ("puzzle_emb_ndim", 0, "puzzle_emb_ndim = 0, but the tensors say 16"),
        ("num_heads", 3, "3 heads, which do not divide hidden_size = 16"),
        ("num_heads", 16, "needs a head size that 2 divides"),
        ("num_heads", "8", "num_heads must be of type int"),
        ("L_cycles", 0, "n must be at least 1"),
        ("L_cycles", [6], "L_cycles must be of type int"),
        ("H_cycles", 1 << 20, "net calls"),
        ("halt_max_steps", 2.5, "halt_max_steps must be of type int"),
        ("puzzle_emb_len", 1 << 24, "positions"),
        ("puzzle_emb_len", -1, "prefix_length"),
        ("puzzle_emb_len", "16", "puzzle_emb_len must be of type int"),
        ("pos_encodings", "learned", "embed_pos.embedding_weight is missing"),
        ("pos_encodings", "alibi", "positions must be"),
        ("rope_theta", 0, "rope_theta"),
        (
            "name",
            "recursive_reasoning.trm_singlez@TinyRecursiveReasoningModel_ACTV1",
            "H_init does not belong",
        ),
        ("name", ["x"], "name must be of type str"),
    ],
)
def test_a_yaml_that_contradicts_the_weights(tmp_path, public_checkpoint, key, value, words):
    made = public_checkpoint()
    made.arch[key] = value
    refusal(made.save(tmp_path), words)


def test_learned_positions_against_the_yaml(tmp_path, public_checkpoint):
    made = public_checkpoint(pos_encodings="learned")
    made.arch["pos_encodings"] = "rope"
    refusal(made.save(tmp_path), "learned positions")


def test_a_data_set_of_another_size_than_the_weights(tmp_path, public_checkpoint):
    made = public_checkpoint(mlp_t=True, pos_encodings="none", cells=16)
    path = made.save(tmp_path)
    (tmp_path / "dataset.json").write_text('{"seq_len": 81}')
    refusal(path, "seq_len = 81")


def test_a_broken_data_set_description_is_ignored(tmp_path, public_checkpoint):
    path = public_checkpoint(vocab=6).save(tmp_path)
    (tmp_path / "dataset.json").write_text("[" * 100_000)
    assert "sequence_length" in read_checkpoint(str(path)).config.assumed


def spoilt(tensors, **changes):
    """The tensors with some replaced; None removes one."""
    changed = tensors | {name.replace("__", "."): tensor for name, tensor in changes.items()}
    return {name: tensor for name, tensor in changed.items() if tensor is not None}


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"lm_head__weight": None}, "lm_head.weight is missing"),
        ({"embed_tokens__embedding_weight": None}, "embed_tokens.embedding_weight is missing"),
        ({"L_level__layers__1__mlp__down_proj__weight": None}, "layers.1.mlp.down_proj.weight is missing"),
        ({"H_init": None}, "H_init is missing"),
        ({"extra__weight": torch.zeros(3)}, "extra.weight does not belong"),
        ({"lm_head__weight": torch.zeros(11, 17)}, r"lm_head.weight has shape \(11, 17\)"),
        ({"embed_tokens__embedding_weight": torch.zeros(11)}, "1 dimensions instead of 2"),
        ({"embed_tokens__embedding_weight": torch.zeros(11, 0)}, "embedding_weight is empty"),
        ({"H_level__layers__0__mlp__down_proj__weight": torch.zeros(2, 2)}, "H_level.layers.0.*is missing"),
        ({"L_level__layers__999999999__mlp__down_proj__weight": torch.zeros(2, 2)}, "999999999|layers"),
        ({"lm_head__weight": torch.zeros(1).expand(1 << 20, 1 << 20)}, "more numbers than the file contains"),
        ({"H_init": torch.zeros(1, dtype=torch.bfloat16).expand(1 << 40)}, "more numbers than the file contains"),
        ({"lm_head__weight": torch.zeros(11, 16).to_sparse()}, "not a plain tensor"),
        ({"lm_head__weight": torch.zeros(11, 16, device="meta")}, "not a plain tensor"),
        ({"lm_head__weight": torch.zeros(11, 16, dtype=torch.complex64)}, "not a plain tensor"),
        ({"lm_head__weight": torch.full((11, 16), float("inf"))}, "lm_head.weight contains"),
    ],
)  # fmt: skip
def test_the_first_tensor_that_does_not_fit_is_named(tmp_path, public_checkpoint, changes, words):
    made = public_checkpoint()
    path = made.save(tmp_path)
    torch.save(spoilt(made.tensors, **changes), path)
    if "layers__999999999" in str(changes):
        (tmp_path / "all_config.yaml").unlink()
    refusal(path, words)


def test_one_tensor_under_two_prefixes(tmp_path, public_checkpoint):
    made = public_checkpoint()
    path = made.save(tmp_path)
    torch.save(made.tensors | {"model.inner.H_init": made.tensors["H_init"]}, path)
    refusal(path, "have the same name H_init")
