"""Kinds of model, tasks and forced values: what determines them, their recorded source, and what is refused."""

import json

import pytest
import torch
import yaml
from checkpoints import CPU, refusal, same_numbers

from trm.checkpoint import load_model, read_checkpoint, save_model
from trm.models import CLASSES

KINDS = ("trm", "trm-two-nets", "trm-single-z", "trm-multi-z", "hrm")
every_kind = pytest.mark.parametrize("kind", KINDS)


def without_descriptions(made, folder, **options):
    """Save the weights alone."""
    path = made.save(folder, with_yaml=False, **options)
    (folder / "dataset.json").unlink(missing_ok=True)
    return path


@every_kind
@pytest.mark.parametrize(
    "parts", [{}, {"mlp_t": True, "pos_encodings": "none"}, {"pos_encodings": "learned"}],
    ids=["attention", "mlp", "learned"],
)  # fmt: skip
def test_every_kind_opens_and_runs(tmp_path, public_checkpoint, kind, parts):
    made = public_checkpoint(kind=kind, H_layers=3, latents=4, **parts)
    model = load_model(str(made.save(tmp_path)), device=CPU)
    config = model.config
    assert type(model) is CLASSES[kind] and config.kind == kind and config.assumed == ()
    assert config.H_layers == (3 if kind in ("hrm", "trm-two-nets") else 0)
    assert config.latents == {"trm-single-z": 0, "trm-multi-z": 4}.get(kind, 1)
    assert config.prefix_length == (1 if kind == "hrm" else 3)
    assert same_numbers(model.state_dict(), made.tensors)
    x = model.embed(torch.ones(1, 16, dtype=torch.long), torch.zeros(1, dtype=torch.long))
    assert model.heads(model.f_H(x, model.f_L(x, model.initial_state(x), 1)).y).logits.shape == (1, 16, 11)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "trm-two-nets"])
def test_tensors_alone_tell_the_kind(tmp_path, public_checkpoint, kind):
    made = public_checkpoint(
        kind=kind, latents=3, D=32, heads=8, puzzle_emb_ndim=32, puzzle_emb_len=16, cells=81
    )
    checkpoint = read_checkpoint(str(without_descriptions(made, tmp_path)))
    assert checkpoint.config.kind == kind and checkpoint.sources["kind"] == "tensors"
    config = checkpoint.config
    assert (config.n, config.T) == {"hrm": (2, 2), "trm-multi-z": (3, 3)}.get(kind, (6, 3))
    assert config.prefix_length == (1 if kind == "hrm" else 16)


@pytest.mark.parametrize("name", ["recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1",
                                  "hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1"])  # fmt: skip
@pytest.mark.parametrize(
    "run", [{"data_path": "data/sudoku-extreme-1k-aug-1000"}, {"data_paths": ["data/sudoku"]}]
)
def test_both_code_bases_of_hrm(tmp_path, public_checkpoint, name, run):
    made = public_checkpoint(kind="hrm", puzzle_emb_ndim=40)
    made.arch["name"] = name
    made.run.update(run)
    config = read_checkpoint(str(made.save(tmp_path))).config
    assert (config.kind, config.prefix_length, config.puzzle_embedding_size) == ("hrm", 3, 40)


@pytest.mark.parametrize(
    "kind, named, words",
    [
        ("trm", "hrm.hrm_act_v1@X", "H_level.layers.0.* is missing"),
        ("trm", "recursive_reasoning.trm_hier6@X", "L1_init is missing"),
        ("trm", "recursive_reasoning.trm_singlez@X", "H_init does not belong"),
        ("trm-single-z", "recursive_reasoning.trm@X", "H_init is missing"),
        ("trm-multi-z", "recursive_reasoning.trm@X", "L_init is missing"),
        ("hrm", "recursive_reasoning.trm_singlez@X", "does not belong to the model that is described, of kind trm-single-z"),
        ("trm", "recursive_reasoning.transformers_baseline@X", "transformers_baseline.*, which is not supported .supported: trm, "),
        ("trm", "os.system@rm", "which is not supported"),
    ],
)  # fmt: skip
def test_a_name_of_another_kind(tmp_path, public_checkpoint, kind, named, words):
    made = public_checkpoint(kind=kind)
    made.arch["name"] = named
    refusal(made.save(tmp_path), words)


def test_a_trm_with_two_nets_may_say_that_f_H_has_no_layers(tmp_path, public_checkpoint):
    """As the public yaml of every TRM does; an HRM's has to be right."""
    made = public_checkpoint(kind="trm-two-nets", H_layers=3)
    made.arch["H_layers"] = 0
    config = read_checkpoint(str(made.save(tmp_path / "trm"))).config
    assert (config.kind, config.H_layers) == ("trm-two-nets", 3)
    made = public_checkpoint(kind="hrm", H_layers=3)
    made.arch["H_layers"] = 2
    refusal(made.save(tmp_path / "hrm"), "H_layers = 2, but the tensors say 3")


def test_a_gap_among_latents_and_layers(tmp_path, public_checkpoint):
    made = public_checkpoint(kind="trm-multi-z", latents=3)
    del made.tensors["L2_init"]
    refusal(made.save(tmp_path / "latents"), "L2_init is missing")
    made = public_checkpoint(kind="hrm", H_layers=3)
    for name in [name for name in made.tensors if "H_level.layers.1." in name]:
        del made.tensors[name]
    refusal(made.save(tmp_path / "layers"), r"H_level\.layers\.1\..* is missing")


def test_half_precision_weights(tmp_path, public_checkpoint):
    for dtype in (torch.bfloat16, torch.float16):
        made = public_checkpoint()
        made.tensors.update({name: tensor.to(dtype) for name, tensor in made.tensors.items()})
        model = load_model(str(made.save(tmp_path / str(dtype))), device=CPU)
        table = model.puzzle_emb.weights
        others = [tensor for tensor in model.state_dict().values() if tensor is not table]
        assert table.dtype == dtype and {tensor.dtype for tensor in others} == {torch.float32, dtype}
        assert model.lm_head.weight.dtype == torch.float32
        assert same_numbers(model.state_dict(), made.tensors)


@pytest.mark.parametrize("epsilon, fits", [(1e-5, True), ("1e-5", True), (1e-6, False)])
def test_another_epsilon_is_refused(tmp_path, public_checkpoint, epsilon, fits):
    made = public_checkpoint()
    made.arch["rms_norm_eps"] = epsilon
    if fits:
        read_checkpoint(str(made.save(tmp_path)))
    else:
        refusal(made.save(tmp_path), "rms_norm_eps = 1e-06")


# tasks


@pytest.mark.parametrize(
    "vocab, cells, data, task",
    [
        (11, 81, None, "sudoku"), (12, 900, None, "arc"), (6, 900, None, "maze"), (6, 225, None, "maze"),
        (6, 16, None, "sudoku"), (8, 36, None, "sudoku"), (6, 16, "data/maze-4x4", "maze"),
        (6, 16, "/home/me/research/data/maze-4x4", "maze"), (12, 900, "data/arc1concept-aug-1000", "arc"),
        (11, 81, "data/archive", "sudoku"), (6, 25, "data/my-run", "maze"), (9, 25, None, "unknown"),
        (11, 81, "mazes/sudoku-9x9", "sudoku"),
    ],
)  # fmt: skip
def test_the_task(tmp_path, public_checkpoint, vocab, cells, data, task):
    made = public_checkpoint(vocab=vocab, cells=cells)
    made.run["data_paths"] = [data] if data else []
    config = read_checkpoint(str(made.save(tmp_path))).config
    assert (config.task, config.sequence_length) == (task, cells)


def test_a_data_path_of_a_task_with_other_tokens(tmp_path, public_checkpoint):
    made = public_checkpoint(vocab=11)
    made.run["data_path"] = "data/maze-30x30-hard"
    path = made.save(tmp_path)
    refusal(path, "trained on maze, but the tensors have 11 tokens")
    assert load_model(str(path), device=CPU, force={"task": "sudoku"}).config.task == "sudoku"


@pytest.mark.parametrize("key, value, words", [("vocab_size", 6, "vocab_size = 6, but the tensors say 11"),
                                               ("num_puzzle_identifiers", 960, "960, but the tensors say 1")])  # fmt: skip
def test_a_data_set_of_another_task(tmp_path, public_checkpoint, key, value, words):
    path = public_checkpoint().save(tmp_path)
    (tmp_path / "dataset.json").write_text(json.dumps({"seq_len": 16, key: value}))
    refusal(path, words)


def test_our_own_form_with_tokens_of_another_task(tmp_path, tiny_model):
    model = tiny_model(task="arc")
    save_model(tmp_path, model.config, model.state_dict())
    refusal(tmp_path, "described as a model for arc, but its vocabulary of 6 tokens")


# where values are from, and forcing them


def test_each_value_has_a_source(tmp_path, public_checkpoint):
    sources = read_checkpoint(str(public_checkpoint().save(tmp_path))).sources
    assert sources["hidden_size"] == sources["layers"] == sources["task"] == "tensors"
    assert sources["n"] == sources["heads"] == sources["prefix_length"] == "all_config.yaml"
    assert sources["sequence_length"] == "dataset.json" and sources["rope_theta"] == "public code"


def test_a_yaml_with_holes_is_filled_with_defaults(tmp_path, public_checkpoint):
    made = public_checkpoint(vocab=6, cells=25, D=32, heads=8)
    del made.arch["L_cycles"], made.arch["num_heads"]
    checkpoint = read_checkpoint(str(made.save(tmp_path)))
    assert checkpoint.config.assumed == ("n", "heads")
    assert checkpoint.sources["n"] == "assumed: maze default" and checkpoint.config.n == 4


@pytest.mark.parametrize("flat", [False, True])
def test_the_other_name_of_the_yaml(tmp_path, public_checkpoint, flat):
    made = public_checkpoint(L_cycles=5)
    path = made.save(tmp_path)
    (tmp_path / "all_config.yaml").unlink()
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(made.arch if flat else {"arch": made.arch}))
    checkpoint = read_checkpoint(str(path))
    assert checkpoint.config.n == 5 and checkpoint.sources["n"] == "config.yaml"


FORCED = {
    "n": 5,
    "T": 4,
    "N_sup": 2,
    "heads": 4,
    "positions": "none",
    "prefix_length": 4,
    "sequence_length": 25,
}


def test_forced_values_are_taken(tmp_path, public_checkpoint):
    path = public_checkpoint(vocab=6, cells=16).save(tmp_path)
    checkpoint = read_checkpoint(str(path), force=FORCED | {"task": "maze"})
    for name, value in FORCED.items():
        assert getattr(checkpoint.config, name) == value and checkpoint.sources[name] == "forced"
    assert checkpoint.config.task == "maze" and checkpoint.config.assumed == ()


def test_a_forced_value_is_not_assumed(tmp_path, public_checkpoint):
    made = public_checkpoint(cells=81, D=32, heads=8)
    path = without_descriptions(made, tmp_path)
    assert "n" in read_checkpoint(str(path)).config.assumed
    config = load_model(str(path), device=CPU, force={"n": 3, "sequence_length": 16}).config
    assert (
        config.n == 3 and config.sequence_length == 16 and not {"n", "sequence_length"} & set(config.assumed)
    )


@pytest.mark.parametrize(
    "force, words",
    [
        ({"hidden_size": 8}, "'hidden_size' cannot be forced. Fields that can be: n, T, "),
        ({"cycles": 8}, "'cycles' cannot be forced"),
        ({"n": "six"}, "n can only be forced to a whole number, not to 'six'"),
        ({"n": True}, "n can only be forced to a whole number"),
        ({"positions": 3}, "positions can only be forced to text"),
        ({"n": 0}, "n must be at least 1"),
        ({"N_sup": 1 << 24}, "net calls"),
        ({"heads": 3}, "does not split into 3 heads"),
        ({"positions": "learned"}, "embed_pos.embedding_weight is missing"),
        ({"positions": "alibi"}, "positions must be"),
        ({"prefix_length": -1}, "prefix_length must be"),
        ({"prefix_length": 0}, "does not fit into 0 prefix positions"),
        ({"sequence_length": 1 << 20}, "positions"),
        ({"task": "arc"}, "task cannot be forced to 'arc': the tensors have 11 tokens, which fits sudoku"),
        ({"task": "chess"}, "task cannot be forced to 'chess'"),
    ],
)  # fmt: skip
def test_what_cannot_be_forced(tmp_path, public_checkpoint, force, words):
    refusal(public_checkpoint().save(tmp_path), words, force=force)


@pytest.mark.parametrize(
    "force, words",
    [
        ({"heads": 2}, "heads cannot be forced to 2: the tensors say 0"),
        ({"positions": "rope"}, "positions cannot be forced to 'rope': the tensors say none"),
        (
            {"sequence_length": 17, "prefix_length": 3},
            "prefix_length cannot be forced to 3: the tensors say 2",
        ),
        ({"sequence_length": 17}, "seq_len = 16, but the tensors say 17"),
    ],
)
def test_tensors_are_not_overruled(tmp_path, public_checkpoint, force, words):
    refusal(public_checkpoint(mlp_t=True, pos_encodings="none").save(tmp_path), words, force=force)


def test_the_split_of_a_length_can_be_forced(tmp_path, public_checkpoint):
    made = public_checkpoint(mlp_t=True, pos_encodings="none", vocab=6, cells=25, puzzle_emb_len=5)
    path = without_descriptions(made, tmp_path)
    assert read_checkpoint(str(path)).config.prefix_length == 16  # assumed, and wrong
    for force in ({"sequence_length": 25}, {"prefix_length": 5}):
        config = load_model(str(path), device=CPU, force=force).config
        assert (config.prefix_length, config.sequence_length) == (5, 25)


def test_cells_that_are_not_stated(tmp_path, public_checkpoint):
    path = without_descriptions(public_checkpoint(vocab=9, D=32), tmp_path)
    refusal(path, "sequence_length is not stated anywhere. To open the file")
    assert load_model(str(path), device=CPU, force={"sequence_length": 30}).config.task == "unknown"


def test_forcing_our_own_form(tmp_path, tiny_model):
    model = tiny_model(assumed=("n", "T"))
    save_model(tmp_path, model.config, model.state_dict())
    checkpoint = read_checkpoint(str(tmp_path), force={"n": 5})
    assert checkpoint.config.n == 5 and checkpoint.config.assumed == ("T",)
    assert {checkpoint.sources[name] for name in ("n", "T", "N_sup")} == {
        "forced", "assumed, according to config.json", "config.json"
    }  # fmt: skip
    refusal(tmp_path, "does not split into 3 heads", force={"heads": 3})
    refusal(tmp_path, "cannot be forced", force={"layers": 3})
