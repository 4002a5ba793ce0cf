"""Checkpoints: every public form opens to the same numbers, every damaged or foreign file gets one line that names it."""

import json
import os
import pickle
import zipfile
from argparse import Namespace
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file

from trm.checkpoint import find_weights, load_model, read_checkpoint, save_model
from trm.errors import CheckpointError

CPU = torch.device("cpu")
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


def refusal(path, words: str | None = None) -> str:
    """The one line with which a checkpoint is refused."""
    with pytest.raises(CheckpointError, match=words) as error:
        load_model(str(path), device=CPU)
    message = str(error.value)
    assert "\n" not in message and len(message) < 500
    return message


def same_numbers(tensors, others) -> bool:
    return tensors.keys() == others.keys() and all(
        torch.equal(tensor.float(), others[name].float()) for name, tensor in tensors.items()
    )


# our own form


def test_own_form_round_trip(tmp_path, tiny_config, tiny_model):
    model = tiny_model(seed=3)
    save_model(tmp_path / "mine", model.config, model.state_dict())
    again = load_model(str(tmp_path / "mine"), device=CPU)
    assert again.config == model.config and again.config.assumed == ()
    assert same_numbers(again.state_dict(), model.state_dict())
    assert again.name == "mine" and len(again.fingerprint) == 16 and not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["config.json", "model.safetensors"]
    assert (
        find_weights(str(tmp_path / "mine" / "model.safetensors")) == tmp_path / "mine" / "model.safetensors"
    )


def test_other_weights_have_another_fingerprint(tmp_path, tiny_model):
    for seed in (0, 1):
        model = tiny_model(seed=seed)
        save_model(tmp_path / str(seed), model.config, model.state_dict())
    first, second = (load_model(str(tmp_path / str(seed)), device=CPU) for seed in (0, 1))
    assert first.fingerprint != second.fingerprint


@pytest.fixture
def own(tmp_path, tiny_model):
    """A folder of our form."""
    model = tiny_model()
    save_model(tmp_path / "own", model.config, model.state_dict())
    return tmp_path / "own"


def rewrite(folder, **changes) -> None:
    """Change fields in a folder's config.json; None removes one."""
    values = json.loads((folder / "config.json").read_text()) | changes
    values = {name: value for name, value in values.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(values))


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"hidden_size": 16}, "shape"),
        ({"vocab_size": 11}, "embed_tokens.embedding_weight has shape"),
        ({"layers": 3}, "L_level.layers.2.* is missing"),
        ({"layers": 1}, "L_level.layers.1.* does not belong"),
        ({"positions": "learned"}, "embed_pos.embedding_weight is missing"),
        ({"mixing": "mlp", "mixing_width": 5, "heads": 0}, "mlp_t.* is missing"),
        ({"hidden_size": 1 << 24, "mlp_width": 1 << 24, "vocab_size": 1 << 24}, "shape"),
        ({"hidden_size": 1 << 40}, "hidden_size must be from 0"),
        ({"layers": 1 << 24}, "layers must be at most"),
        ({"N_sup": 1 << 24}, "net calls"),
        ({"sequence_length": 1 << 24}, "positions"),
        ({"n": "six"}, "n must be a whole number"),
        ({"n": None}, "missing 'n'"),
        ({"weights_from": "elsewhere"}, "unknown key"),
    ],
)
def test_a_config_that_does_not_fit_the_weights(own, changes, words):
    rewrite(own, **changes)
    refusal(own, words)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00\xff"])
def test_a_config_that_is_not_json(own, text):
    (own / "config.json").write_text(text, "latin-1")
    refusal(own, "config.json is not JSON")


def test_a_config_of_another_tool_is_not_ours(tmp_path, tiny_model):
    """Then the weights speak for themselves, and what they do not say is assumed."""
    model = tiny_model(hidden_size=32)
    save_model(tmp_path, model.config, model.state_dict())
    rewrite(tmp_path, format=None)
    assert "heads" in read_checkpoint(str(tmp_path)).config.assumed


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 100, 0.5, -1])
def test_own_weights_cut_short(own, keep):
    path = own / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep) if isinstance(keep, float) else keep])
    assert str(path) in refusal(own, "damaged or cut short")


def test_a_header_that_claims_terabytes(own):
    path = own / "model.safetensors"
    path.write_bytes((1 << 60).to_bytes(8, "little") + path.read_bytes()[8:])
    refusal(own, "damaged")


def test_numbers_that_are_none(own, tiny_model):
    model = tiny_model()
    tensors = model.state_dict()
    tensors["lm_head.weight"][2, 3] = float("nan")
    save_file(tensors, own / "model.safetensors")
    refusal(own, "lm_head.weight holds")


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


def test_the_averaged_weights_are_taken_where_both_are_there(tmp_path, public_checkpoint):
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


def test_mlp_mixing_tells_its_length(tmp_path, public_checkpoint):
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
        ("hidden_size", 32, "hidden_size = 32, the tensors say 16"),
        ("L_layers", 4, "L_layers = 4, the tensors say 2"),
        ("mlp_t", True, "mlp_t = True, the tensors say False"),
        ("puzzle_emb_ndim", 0, "puzzle_emb_ndim = 0, the tensors say 16"),
        ("num_heads", 3, "does not split into 3 heads"),
        ("num_heads", 16, "even head size"),
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
        ("name", "recursive_reasoning.trm_singlez@TinyRecursiveReasoningModel_ACTV1", "trm_singlez"),
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


def test_a_broken_data_set_description_is_passed_over(tmp_path, public_checkpoint):
    path = public_checkpoint(vocab=6).save(tmp_path)
    (tmp_path / "dataset.json").write_text("[" * 100_000)
    assert "sequence_length" in read_checkpoint(str(path)).config.assumed


@pytest.mark.parametrize(
    "text, words",
    [
        ("arch: !!python/object/apply:os.system ['touch {mark}']", "not plain yaml"),
        ("arch: [1, 2", "not plain yaml"),
        ("[" * 5000, "not plain yaml"),
        ("just a sentence", "no `arch` section"),
        ("arch: 5", "no `arch` section"),
        ("", "no `arch` section"),
        ("# " + "x" * (1 << 20), "larger than 1 MiB"),
    ],
)
def test_a_yaml_that_is_none(tmp_path, public_checkpoint, text, words):
    path, mark = public_checkpoint().save(tmp_path), tmp_path / "mark"
    (tmp_path / "all_config.yaml").write_text(text.replace("{mark}", str(mark)))
    refusal(path, words)
    assert not mark.exists()


def test_a_yaml_that_unfolds_to_billions(tmp_path, public_checkpoint):
    path = public_checkpoint().save(tmp_path)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    (tmp_path / "all_config.yaml").write_text("\n".join([*lines, "arch: {name: *a11}"]))
    refusal(path, "name must be of type str")


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
        ({"H_level__layers__0__mlp__down_proj__weight": torch.zeros(2, 2)}, "H_level"),
        ({"L_level__layers__999999999__mlp__down_proj__weight": torch.zeros(2, 2)}, "999999999|layers"),
        ({"lm_head__weight": torch.zeros(1).expand(1 << 20, 1 << 20)}, "more numbers than the file holds"),
        ({"H_init": torch.zeros(1, dtype=torch.bfloat16).expand(1 << 40)}, "more numbers than the file holds"),
        ({"lm_head__weight": torch.zeros(11, 16).to_sparse()}, "plain numbers"),
        ({"lm_head__weight": torch.zeros(11, 16, device="meta")}, "plain numbers"),
        ({"lm_head__weight": torch.zeros(11, 16, dtype=torch.complex64)}, "plain numbers"),
        ({"lm_head__weight": torch.full((11, 16), float("inf"))}, "lm_head.weight holds"),
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
    refusal(path, "both called H_init")


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.3, 0.9, 0.999])
def test_torch_files_cut_short(tmp_path, public_checkpoint, keep, old):
    path = public_checkpoint().save(tmp_path, _use_new_zipfile_serialization=not old)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    message = refusal(path, "cut short")
    assert "code" not in message


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x80\x02.", b"PK\x03\x04", os.urandom(4096), b"version https://git-lfs"]
)
@pytest.mark.parametrize("name", ["step_5", "model.safetensors", "pytorch_model.bin"])
def test_files_that_are_something_else(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    refusal(tmp_path, "damaged|not a state dict")


@pytest.mark.parametrize("old", [False, True])
def test_flipped_bytes_never_end_in_anything_but_a_refusal(tmp_path, public_checkpoint, old):
    """Either the file still opens (numbers changed) or it is refused; no other exception escapes."""
    path = public_checkpoint().save(tmp_path, _use_new_zipfile_serialization=not old)
    whole = path.read_bytes()
    generator = torch.Generator().manual_seed(0)
    refusals = 0
    for _ in range(60):
        at, value = (
            torch.randint(0, 2000, (1,), generator=generator),
            torch.randint(0, 256, (1,), generator=generator),
        )
        path.write_bytes(whole[: int(at)] + bytes([int(value)]) + whole[int(at) + 1 :])
        try:
            load_model(str(path), device=CPU)
        except CheckpointError:
            refusals += 1
    assert refusals > 20


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_objects_in_a_checkpoint_are_refused(tmp_path, public_checkpoint):
    torch.save({"model": public_checkpoint().tensors, "args": Namespace(lr=1e-4)}, tmp_path / "step_1")
    refusal(tmp_path, "more than tensors")


@pytest.mark.parametrize("old", [False, True])
def test_code_in_a_checkpoint_is_not_run(tmp_path, public_checkpoint, old):
    mark = tmp_path / "mark"
    torch.save(
        public_checkpoint().tensors | {"x": Evil(f"touch {mark}")}, tmp_path / "step_1",
        _use_new_zipfile_serialization=not old,
    )  # fmt: skip
    refusal(tmp_path, "more than tensors")
    assert not mark.exists()


def test_a_bare_pickle_with_code_is_not_run(tmp_path):
    mark = tmp_path / "mark"
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(f"touch {mark}")))
    refusal(tmp_path, "more than tensors|damaged")
    assert not mark.exists()


def test_source_files_beside_a_checkpoint_are_not_run(tmp_path, public_checkpoint):
    path, mark = public_checkpoint().save(tmp_path), tmp_path / "mark"
    for name in ("trm.py", "losses.py", "conftest.py", "torch.py"):
        (tmp_path / name).write_text(f"open({str(mark)!r}, 'w')")
    load_model(str(path), device=CPU)
    assert not mark.exists()


def test_compressed_entries_are_refused(tmp_path, public_checkpoint):
    """torch never writes them, and one could unpack to any size."""
    path = public_checkpoint().save(tmp_path)
    with zipfile.ZipFile(path) as archive:
        entries = OrderedDict((entry.filename, archive.read(entry)) for entry in archive.infolist())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    refusal(path, "compressed entries")


def test_a_state_dict_of_other_things(tmp_path):
    torch.save({"model": [1, 2, 3]}, tmp_path / "step_1")
    refusal(tmp_path, "not a state dict")
    torch.save({"epoch": 3}, tmp_path / "step_1")
    refusal(tmp_path, "not a state dict")
    torch.save(torch.zeros(3), tmp_path / "step_1")
    refusal(tmp_path, "not a state dict")


# finding the file


def test_the_latest_step_is_taken(tmp_path, public_checkpoint):
    for step in (9, 1000, 200):
        public_checkpoint(seed=step).save(tmp_path, name=f"step_{step}")
    (tmp_path / "step_9999_all_preds.0").write_bytes(b"predictions")
    assert find_weights(str(tmp_path)) == tmp_path / "step_1000"


@pytest.mark.parametrize(
    "name",
    [
        "checkpoint",
        "example_checkpoint",
        "pytorch_model.bin",
        "model.pt",
        "step_32550_sudoku_epoch50k",
        "step_7_ema",
    ],
)
def test_names_that_people_use(tmp_path, public_checkpoint, name):
    public_checkpoint().save(tmp_path / "a folder", name=name)
    assert find_weights(str(tmp_path / "a folder")).name == name


def test_nothing_to_open(tmp_path):
    assert "holds no model" in refusal(tmp_path)
    assert "There is no model" in refusal(tmp_path / "nowhere")
    assert "There is no model" in refusal("no-such-name")
    assert "There is no model" in refusal("x" * 300)
    assert "There is no model" in refusal("nul\x00byte")
