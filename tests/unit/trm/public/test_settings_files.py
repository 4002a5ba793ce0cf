"""Where settings may be and how they are written: each is read, with the correct source."""

import json
from argparse import Namespace

import pytest
import torch
import yaml
from checkpoints import refusal
from safetensors.torch import save_file

from trm.checkpoint import read_checkpoint
from trm.inspection.inspect import inspect_model, report

DEPTH = {"H_cycles": 4, "L_cycles": 5, "halt_max_steps": 7}


@pytest.fixture
def bare(tmp_path, public_checkpoint):
    """A checkpoint in a folder, without any description; and its settings."""
    made = public_checkpoint(vocab=6, cells=16, **DEPTH)

    def save(folder=tmp_path / "run", name="step_1000"):
        path = made.save(folder, name=name, with_yaml=False)
        (folder / "dataset.json").unlink()
        return path

    return made, save


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values) if path.suffix == ".json" else yaml.safe_dump(values))


def depth_and_source(path):
    checkpoint = read_checkpoint(str(path))
    config = checkpoint.config
    return (config.T, config.n, config.N_sup), checkpoint.sources["n"]


READ = (4, 5, 7)


@pytest.mark.parametrize(
    "place, source",
    [
        ("all_config.yaml", "all_config.yaml"),
        ("config.yml", "config.yml"),
        ("hparams.yaml", "hparams.yaml"),
        (".hydra/config.yaml", ".hydra/config.yaml"),
        ("config.json", "config.json"),
        ("step_1000.yaml", "step_1000.yaml"),
        ("step_1000.json", "step_1000.json"),
        ("step_1000_config.yaml", "step_1000_config.yaml"),
        ("../all_config.yaml", "../all_config.yaml"),
        ("../.hydra/config.yaml", "../.hydra/config.yaml"),
        ("../config.json", "../config.json"),
    ],
)
@pytest.mark.parametrize("flat", [False, True])
def test_every_place(bare, place, source, flat):
    made, save = bare
    path = save()
    write(path.parent / place, made.arch if flat else {"arch": made.arch})
    assert depth_and_source(path) == (READ, source)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda arch: {"_wandb": {"value": {"t": 1}}, "arch": {"value": arch}, "ema": {"value": True}},
        lambda arch: {"wandb_version": 1, "arch": {"desc": None, "value": arch}},
        lambda arch: {key: {"value": value} for key, value in arch.items()},
        lambda arch: {key: {"desc": None, "value": value} for key, value in arch.items()},
        lambda arch: {f"arch.{key}": {"value": value} for key, value in arch.items()},
        lambda arch: {f"arch/{key}": value for key, value in arch.items()},
        lambda arch: {"arch": {"value": {key: {"value": value} for key, value in arch.items()}}},
        lambda arch: {"model": {"config": arch}, "trainer": {"max_epochs": 3}},
        lambda arch: {"cfg": {"arch": arch}},
        lambda arch: arch | {"name": "my run", "device": "cuda", "epochs": 3},
        lambda arch: arch | {"L_cycles": 5.0, "H_cycles": 4.0, "halt_max_steps": 7.0},
    ],
)
def test_every_form(bare, wrap):
    made, save = bare
    path = save()
    write(path.with_name("config.yaml"), wrap(made.arch))
    assert depth_and_source(path) == (READ, "config.yaml")
    assert read_checkpoint(str(path)).config.unknown == ()


def test_the_averaging_of_the_run_is_read_out_of_wandbs_form(bare):
    made, save = bare
    path = save()
    write(path.with_name("config.yaml"), {"arch": {"value": made.arch}, "ema": {"value": True}})
    assert read_checkpoint(str(path)).sources["weights"] == "averaged (EMA): config.yaml says ema = true"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda arch: {"config": {"arch": arch}},
        lambda arch: {"hyper_parameters": arch},
        lambda arch: {"args": Namespace(**arch)},
        lambda arch: {"cfg": {"model": arch, "lr": 1e-4}},
    ],
)
def test_settings_in_the_file_itself(bare, wrap):
    made, save = bare
    path = save(name="last.ckpt")
    torch.save({"model": made.tensors, **wrap(made.arch)}, path)
    assert depth_and_source(path) == (READ, "last.ckpt")
    write(path.with_name("all_config.yaml"), {"arch": made.arch | {"L_cycles": 2}})
    assert depth_and_source(path) == (READ, "last.ckpt")  # nearer than what lies beside it


def test_settings_in_the_metadata_of_safetensors(bare, tmp_path):
    made, _ = bare
    path = tmp_path / "weights.safetensors"
    save_file(made.tensors, path, {"format": "pt", "config": json.dumps(made.arch)})
    assert depth_and_source(path) == (READ, "weights.safetensors")


# ---- what is not of these weights


def test_several_pairs_in_one_folder_go_by_their_stems(tmp_path, public_checkpoint):
    for number, stem in enumerate(("TRM-MLP", "TRM-Att", "TRM-other"), 2):
        made = public_checkpoint(vocab=6, cells=16, L_cycles=number)
        made.save(tmp_path, name=f"{stem}.pt", with_yaml=False)
        if stem != "TRM-other":
            write(tmp_path / f"{stem}.yaml", {"arch": made.arch})
    (tmp_path / "dataset.json").write_text(
        json.dumps({"seq_len": 25, "vocab_size": 9})
    )  # nobody knows which model it describes
    for number, stem in enumerate(("TRM-MLP", "TRM-Att"), 2):
        (_, n, _), source = depth_and_source(tmp_path / f"{stem}.pt")
        assert (n, source) == (number, f"{stem}.yaml")
    checkpoint = read_checkpoint(str(tmp_path / "TRM-other.pt"), force={"heads": 2})
    assert "n" in checkpoint.config.assumed and checkpoint.config.sequence_length == 900


def test_a_stem_is_nearer_than_the_folder(bare):
    made, save = bare
    path = save(name="one.pt")
    write(path.with_name("all_config.yaml"), {"arch": made.arch | {"L_cycles": 2}})
    write(path.with_name("one.yaml"), {"arch": made.arch})
    assert depth_and_source(path) == (READ, "one.yaml")


def test_settings_above_several_models_are_not_used(bare, tmp_path):
    made, save = bare
    path = save(tmp_path / "runs" / "maze")
    save(tmp_path / "runs" / "sudoku")
    write(tmp_path / "runs" / "all_config.yaml", {"arch": made.arch})
    checkpoint = read_checkpoint(str(path), force={"heads": 2})
    assert (
        "n" in checkpoint.config.assumed and "there are other models below that folder" in checkpoint.notes[0]
    )
    assert (
        "note: ../all_config.yaml was not read"
        in report(inspect_model(str(path), force={"heads": 2}, self_check=False))["report"]
    )


def test_steps_of_one_run_are_not_several_models(bare, tmp_path):
    made, save = bare
    path = save(tmp_path / "run" / "checkpoint-500", "pytorch_model.bin")
    save(tmp_path / "run" / "checkpoint-1000", "pytorch_model.bin")
    write(tmp_path / "run" / "config.yaml", {"arch": made.arch})
    assert depth_and_source(path) == (READ, "../config.yaml")


def test_settings_above_that_do_not_fit_are_named(bare, tmp_path):
    made, save = bare
    path = save()
    write(tmp_path / "all_config.yaml", {"arch": made.arch | {"hidden_size": 512}})
    checkpoint = read_checkpoint(str(path), force={"heads": 2})
    assert "n" in checkpoint.config.assumed and "a model of other sizes" in checkpoint.notes[0]


@pytest.mark.parametrize(
    "values", [{"model_type": "bert", "hidden_size": 16}, {"name": "x"}, [1], {"hidden_size": 16, "lr": 1}]
)
def test_json_of_other_tools_is_ignored(bare, values):
    path = bare[1]()
    write(path.with_name("config.json"), values)
    checkpoint = read_checkpoint(str(path), force={"heads": 2})
    assert "n" in checkpoint.config.assumed and "config.json" not in checkpoint.sources.values()


# ---- values


@pytest.mark.parametrize(
    "reference", ["${.hidden_size}", "${arch.hidden_size}", "${hidden_size}", "${.other}", "${..width}"]
)
def test_hydras_references_are_followed_or_left_to_the_tensors(bare, reference):
    made, save = bare
    path = save()
    arch = made.arch | {"puzzle_emb_ndim": reference}
    write(path.with_name("config.yaml"), {"arch": arch, "width": 16})
    checkpoint = read_checkpoint(str(path))
    assert (
        checkpoint.config.puzzle_embedding_size == 16
        and checkpoint.sources["puzzle_embedding_size"] == "tensors"
    )


@pytest.mark.parametrize("reference, n, source", [("${cycles}", 3, "config.yaml"), ("${run.cycles}", 8, "config.yaml"),
                                                  ("${oc.env:CYCLES}", 4, "assumed: maze default"), ("${.L_cycles}", 4, "assumed: maze default"),
                                                  ("???", 4, "assumed: maze default"), ("${mul:2,3}", 4, "assumed: maze default")])  # fmt: skip
def test_a_value_behind_a_reference(bare, reference, n, source):
    """What is not resolved is not said to be read."""
    made, save = bare
    path = save()
    (path.with_name("dataset.json")).write_text('{"seq_len": 900}')
    values = {"arch": made.arch | {"L_cycles": reference}, "cycles": 3, "run": {"cycles": 8}}
    write(path.with_name("config.yaml"), values)
    checkpoint = read_checkpoint(str(path))
    assert (checkpoint.config.n, checkpoint.sources["n"]) == (n, source)
    assert ("cannot be resolved" in str(checkpoint.notes)) == source.startswith("assumed")


def test_python_tags_create_no_objects(bare, tmp_path):
    made, save = bare
    path = save()
    text = yaml.safe_dump({"arch": made.arch}) + (
        "  loss: !!python/object:omegaconf.listconfig.ListConfig &id001\n    _parent: *id001\n    _content: [1]\n"
        "betas: !!python/tuple [0.9, 0.95]\nwhat: !!python/object/apply:os.system ['touch mark']\n"
        "dtype: !!python/name:torch.bfloat16 ''\nmine: !thing {a: 1}\nword: !!python/unicode 'maze'\n"
        "data_paths: !!python/tuple [data/maze]\n"
    )
    path.with_name("all_config.yaml").write_text(text)
    assert depth_and_source(path) == (READ, "all_config.yaml")
    assert read_checkpoint(str(path)).config.task == "maze"


def test_an_object_among_the_models_settings_is_not_understood(bare):
    made, save = bare
    path = save()
    text = (
        yaml.safe_dump({"arch": made.arch})
        + "  loop_deltas: !!python/object:omegaconf.listconfig.ListConfig {a: 1}\n"
    )
    path.with_name("all_config.yaml").write_text(text)
    refusal(path, "not understood: loop_deltas = <ListConfig>")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_encodings_with_a_mark(bare, encoding):
    made, save = bare
    path = save()
    mark = "\ufeff" if encoding[-2:] in ("le", "be") else ""
    path.with_name("all_config.yaml").write_bytes(
        (mark + yaml.safe_dump({"arch": made.arch})).encode(encoding)
    )
    assert depth_and_source(path) == (READ, "all_config.yaml")


def test_an_encoding_without_one(bare):
    path = bare[1]()
    path.with_name("all_config.yaml").write_bytes("arch: {}  # é".encode("latin-1"))
    refusal(path, "is not UTF-8 text. Save it as UTF-8")


@pytest.mark.parametrize("settings", [{"puzzle_emb_dropout": 0.1}, {"grid_noise_prob": 0.1, "grid_token_dropout": 0}, {"causal": False},
                                      {"lora_rank": 0, "lora_alpha": 0.0}])  # fmt: skip
def test_settings_of_forks_that_change_nothing(bare, settings):
    made, save = bare
    path = save()
    write(path.with_name("all_config.yaml"), {"arch": made.arch | settings})
    assert read_checkpoint(str(path)).config.unknown == ()
    write(path.with_name("all_config.yaml"), {"arch": made.arch | {"causal": True, "lora_rank": 4}})
    refusal(path, "causal = True, lora_rank = 4")


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"L_cycles": 10**5000}, "L_cycles must be of type int, not a number of 16610 bits"),
        ({"puzzle_emb_ndim": 10**5000}, "puzzle_emb_ndim must be of type int"),
        ({"hidden_size": 1e300}, "hidden_size must be of type int"),
        ({"L_cycles": float("inf")}, "L_cycles must be of type int, not inf"),
        ({"weird\n": {"a": {"b": [1]}}}, "not understood: 'weird"),
        ({"rope_theta": "1e999"}, "rope_theta must be a number up to"),
    ],
)
def test_untrusted_settings_in_the_file(bare, settings, words):
    made, save = bare
    path = save()
    torch.save({"model": made.tensors, "config": made.arch | settings}, path)
    refusal(path, words)


# ---- sizes


@pytest.mark.parametrize("heads", [3, 5, 6, 7])
def test_heads_that_do_not_divide(tmp_path, public_checkpoint, heads):
    made = public_checkpoint()
    made.arch["num_heads"] = heads
    path = made.save(tmp_path)
    assert "change num_heads in that file to one of 1, 2, 4, 8." in refusal(
        path, f"all_config.yaml says {heads} heads, which do not divide hidden_size = 16"
    )


def test_the_ten_smallest_fitting_numbers_of_heads_are_listed(tmp_path, public_checkpoint):
    """Of 14 divisors of 120 with an even head size."""
    made = public_checkpoint(D=240, layers=1)
    made.arch["num_heads"] = 7
    refusal(made.save(tmp_path), r"one of 1, 2, 3, 4, 5, 6, 8, 10, 12, 15\.$")


def test_heads_that_the_public_code_rounds_down(tmp_path, public_checkpoint):
    made = public_checkpoint()
    made.arch["num_heads"] = 3
    for name in [name for name in made.tensors if "o_proj" in name]:
        made.tensors[name] = made.tensors[name][:, :15]
    refusal(made.save(tmp_path), "the attention is 15 wide. Such models are not supported")


@pytest.mark.parametrize(
    "vocab, data", [(10, "data/sudoku"), (18, "data/sudoku-16x16"), (9, "data/maze"), (7, "data/arc-agi")]
)
def test_another_vocabulary_than_the_tasks(tmp_path, public_checkpoint, vocab, data, refused):
    made = public_checkpoint(vocab=vocab, cells=81)
    made.run["data_paths"] = [data]
    path = made.save(tmp_path)
    found = inspect_model(str(path), self_check=True)
    assert found["task"] == "unknown" and f"{vocab} tokens" in found["notes"][0]
    assert "unknown" in refused("solve", "--model", path, "--puzzle", "." * 81) or "token" in refused(
        "solve", "--model", path, "--puzzle", "." * 81
    )
    (tmp_path / "dataset.json").unlink()
    refusal(path, "sequence_length is not stated anywhere. To open the file, set it with --cells")
    assert read_checkpoint(str(path), force={"sequence_length": 81}).config.sequence_length == 81


# ---- a puzzle table that was dropped


@pytest.mark.parametrize("length, prefix", [(97, 16), (82, 1), (81, 0)])
def test_an_mlp_model_without_its_puzzle_table(tmp_path, public_checkpoint, length, prefix):
    made = public_checkpoint(
        mlp_t=True,
        pos_encodings="none",
        cells=81,
        puzzle_emb_len=length - 81,
        puzzle_emb_ndim=16 if prefix else 0,
    )
    made.tensors.pop("puzzle_emb.weights", None)
    path = made.save(tmp_path, with_yaml=False)
    (tmp_path / "dataset.json").unlink()
    checkpoint = read_checkpoint(str(path))
    assert (checkpoint.config.sequence_length, checkpoint.config.prefix_length) == (81, prefix)
    assert ("puzzle table" in str(checkpoint.notes)) == bool(prefix)


@pytest.mark.parametrize(
    "kind, settings, prefix",
    [("trm", {"puzzle_emb_len": 3}, 3), ("trm", {}, 16), ("hrm", {}, 2), ("trm", {"puzzle_emb_len": 0}, 2)],
)
def test_a_yaml_tells_the_prefix_of_a_model_without_its_table(
    tmp_path, public_checkpoint, kind, settings, prefix
):
    made = public_checkpoint(kind=kind, puzzle_emb_ndim=20)
    del made.tensors["puzzle_emb.weights"]
    made.arch.pop("puzzle_emb_len", None)
    made.arch.update(settings)
    checkpoint = read_checkpoint(str(made.save(tmp_path)))
    assert checkpoint.config.prefix_length == prefix and checkpoint.config.puzzle_ids == 0
    assert f"the prefix of {prefix} positions is zeros" in checkpoint.notes[0]
    assert checkpoint.sources["prefix_length"] == (
        "all_config.yaml" if settings or kind == "hrm" else "assumed: sudoku default"
    )


def test_other_steps_beside_it_are_named(tmp_path, public_checkpoint):
    for step in (5, 100, 20):
        public_checkpoint().save(tmp_path, name=f"step_{step}")
    assert read_checkpoint(str(tmp_path)).path.name == "step_100"
    checkpoint = read_checkpoint(str(tmp_path / "step_20"))
    assert checkpoint.path.name == "step_20" and checkpoint.notes[-1].endswith("step_5, step_100")
