"""The settings of a public checkpoint: each is read, known to have no effect, or named and refused until accepted."""

import json
from dataclasses import replace

import pytest
import yaml
from checkpoints import refusal

from trm.checkpoint import load_model, read_checkpoint
from trm.config import HALT_ALONE, HALT_OR_CONTINUE
from trm.errors import UnknownSettingsError
from trm.export.payload import payload, provenance_line
from trm.inspection.inspect import inspect_model, report
from trm.record import record
from trm.recursion import Heads
from trm.tasks import task_of

PUZZLE = "1" + "." * 15  # of 4x4


def write_yaml(path, values):
    (path.parent / "all_config.yaml").write_text(yaml.safe_dump(values))


# ---- settings that are not understood


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (
            {"history_enabled": True, "history_mode": "uniform"},
            "history_enabled = True, history_mode = uniform",
        ),
        ({"use_gate": False}, "use_gate = False"),
        ({"experts": {"count": 4, "top": 2}}, "experts = {'count': 4, 'top': 2}"),
        ({"note\n": "x" * 10_000}, "'note\\n' = " + "x" * 37 + "..."),
        ({7: 8}, "7 = 8"),
    ],
)
def test_a_setting_of_a_fork_is_named_and_refused_until_it_is_accepted(
    tmp_path, public_checkpoint, settings, named
):
    made = public_checkpoint()
    made.arch.update(settings)
    path = made.save(tmp_path)
    with pytest.raises(UnknownSettingsError) as refused:
        read_checkpoint(str(path))
    assert f"not understood: {named}. " in str(refused.value) and "--accept-unknown" in str(refused.value)
    assert "\n" not in str(refused.value)
    model = load_model(str(path), accept_unknown=True)
    assert ", ".join(model.config.unknown) == named


@pytest.mark.parametrize("section", ["arch", "config", None])
def test_it_is_named_wherever_the_settings_are(tmp_path, public_checkpoint, section):
    made = public_checkpoint()
    path = made.save(tmp_path)
    settings = made.arch | {"history_mode": "uniform"}
    write_yaml(path, {section: settings} if section else settings)
    assert refusal(path, "not understood: history_mode = uniform")


def test_an_unset_setting_is_ignored(tmp_path, public_checkpoint):
    made = public_checkpoint()
    made.arch["history_mode"] = None
    assert read_checkpoint(str(made.save(tmp_path))).config.unknown == ()


OFFICIAL = {
    "global_batch_size": 768, "epochs": 50_000, "eval_interval": 5000, "checkpoint_every_eval": True, "lr": 1e-4,
    "lr_min_ratio": 1.0, "lr_warmup_steps": 2000, "weight_decay": 1.0, "beta1": 0.9, "beta2": 0.95,
    "puzzle_emb_lr": 1e-4, "puzzle_emb_weight_decay": 1.0, "project_name": "Sudoku", "run_name": "hop",
    "checkpoint_path": "checkpoints/Sudoku/hop", "seed": 0, "min_eval_interval": 0, "ema": True, "ema_rate": 0.999,
    "freeze_weights": False, "load_checkpoint": None, "eval_save_outputs": [], "evaluators": [],
    "data_paths": ["data/sudoku-extreme-1k-aug-1000"], "data_paths_test": [],
}  # fmt: skip


@pytest.mark.parametrize("kind", ["trm", "trm-single-z", "trm-multi-z", "hrm"])
@pytest.mark.parametrize("flat", [False, True])
def test_nothing_of_what_the_public_code_writes_is_unknown(tmp_path, public_checkpoint, kind, flat):
    made = public_checkpoint(kind=kind, latents=2)
    path = made.save(tmp_path)
    settings = made.arch | {"halt_exploration_prob": 0.1, "forward_dtype": "bfloat16", "rms_norm_eps": 1e-5}
    settings |= {"batch_size": 768, "seq_len": 16, "vocab_size": 11, "num_puzzle_identifiers": 1}
    settings |= {} if kind == "hrm" else {"no_ACT_continue": True, "mlp_t": False}
    write_yaml(path, settings | OFFICIAL if flat else {"arch": settings} | OFFICIAL)
    assert inspect_model(str(path), self_check=False)["unknown"] == []


def test_inspection_and_exports_name_what_was_accepted(tmp_path, public_checkpoint):
    made = public_checkpoint(vocab=6)
    made.arch["history_mode"] = "uniform"
    path = made.save(tmp_path)
    found = inspect_model(str(path), self_check=False)
    assert found["unknown"] == ["history_mode = uniform"]
    assert "SETTINGS NOT UNDERSTOOD: history_mode = uniform." in report(found)["report"]

    model = load_model(str(path), accept_unknown=True)
    task = task_of(model.config)
    trace = record(model, task, task.parse(PUZZLE))
    assert "settings not understood: history_mode = uniform" in provenance_line(trace)
    assert "history_mode" in payload(trace, task)["label"]


def test_the_command_line_can_accept_it(tmp_path, public_checkpoint, refused, capsys):
    from trm.cli.main import main

    made = public_checkpoint(vocab=6)
    made.arch["history_mode"] = "uniform"
    path = made.save(tmp_path)
    command = ["solve", "--model", path, "--puzzle", PUZZLE]
    assert "history_mode = uniform" in refused(*command)
    main([*map(str, command), "--accept-unknown", "--json"])
    assert len(json.loads(capsys.readouterr().out)["answers"]) == 3 * 2


# ---- the prefix, where the yaml does not say


@pytest.mark.parametrize("kind", ["trm", "trm-two-nets", "trm-single-z", "trm-multi-z"])
def test_a_trm_without_puzzle_emb_len_has_a_prefix_of_16(tmp_path, public_checkpoint, kind):
    made = public_checkpoint(kind=kind, latents=2)
    del made.arch["puzzle_emb_len"]
    checkpoint = read_checkpoint(str(made.save(tmp_path)))
    assert checkpoint.config.prefix_length == 16
    assert checkpoint.sources["prefix_length"] == "public code"


def test_an_hrm_without_it_has_what_its_puzzle_vector_fills(tmp_path, public_checkpoint):
    made = public_checkpoint(kind="hrm", puzzle_emb_ndim=20)
    checkpoint = read_checkpoint(str(made.save(tmp_path)))
    assert checkpoint.config.prefix_length == 2 and checkpoint.sources["prefix_length"] == "tensors"


def test_a_length_from_the_tensors_comes_first(tmp_path, public_checkpoint):
    made = public_checkpoint(mlp_t=True, pos_encodings="none", cells=81, puzzle_emb_len=5)
    del made.arch["puzzle_emb_len"]
    checkpoint = read_checkpoint(str(made.save(tmp_path)))
    assert (checkpoint.config.prefix_length, checkpoint.config.sequence_length) == (5, 81)
    assert checkpoint.sources["prefix_length"] == "tensors and dataset.json"


def test_a_model_without_puzzle_vectors_has_none(tmp_path, public_checkpoint):
    made = public_checkpoint(puzzle_emb_ndim=0, puzzle_emb_len=0)
    del made.arch["puzzle_emb_len"]
    assert read_checkpoint(str(made.save(tmp_path))).config.prefix_length == 0


# ---- steps of evaluation


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"halt_max_steps": 2, "halt_max_steps_eval": 5}, 5),
        ({"halt_max_steps": 5, "halt_max_steps_eval": 2}, 2),
        ({"halt_max_steps": 4, "halt_max_steps_eval": None}, 4),
    ],
)
def test_a_fork_that_evaluates_with_other_steps_than_it_trained_with(
    tmp_path, public_checkpoint, settings, steps
):
    made = public_checkpoint()
    made.arch.update(settings)
    path = made.save(tmp_path)
    checkpoint = read_checkpoint(str(path))
    assert checkpoint.config.N_sup == steps and checkpoint.sources["N_sup"] == "all_config.yaml"
    assert read_checkpoint(str(path), force={"N_sup": 9}).config.N_sup == 9


def test_evaluation_steps_that_are_not_a_number_are_refused(tmp_path, public_checkpoint):
    made = public_checkpoint()
    made.arch["halt_max_steps_eval"] = "five"
    refusal(made.save(tmp_path), "halt_max_steps_eval must be of type int, not 'five'")


# ---- when it halts


@pytest.mark.parametrize(
    ("kind", "setting", "rule", "source"),
    [
        ("trm", {"no_ACT_continue": False}, HALT_OR_CONTINUE, "all_config.yaml"),
        ("trm", {"no_ACT_continue": True}, HALT_ALONE, "all_config.yaml"),
        ("trm", {}, HALT_ALONE, "public code"),
        ("trm-two-nets", {"no_ACT_continue": False}, HALT_OR_CONTINUE, "all_config.yaml"),
        ("hrm", {}, HALT_OR_CONTINUE, "public code"),
        ("hrm", {"no_ACT_continue": True}, HALT_OR_CONTINUE, "public code"),  # its class does not look at it
    ],
)
def test_q_continue_counts_where_it_was_trained(tmp_path, public_checkpoint, kind, setting, rule, source):
    made = public_checkpoint(kind=kind, vocab=6)
    made.arch.update(setting)
    path = made.save(tmp_path)
    model = load_model(str(path))
    assert (model.config.halting, model.sources["halting"]) == (rule, source)
    one, two = model.q_head.bias.new_tensor([1.0]), model.q_head.bias.new_tensor([2.0])
    heads = Heads(logits=one, q_halt=one, q_continue=two)  # positive, but less than that of going on
    assert float(model.halting_logit(heads)) == (-1 if rule == HALT_OR_CONTINUE else 1)

    task = task_of(model.config)
    trace = record(model, task, task.parse(PUZZLE))
    assert rule in payload(trace, task)["halt_rule"]
    assert f"halts when = {rule}" in report(inspect_model(str(path), self_check=False))["report"]


# ---- which weights


@pytest.mark.parametrize(
    ("settings", "nest", "name", "said"),
    [
        ({"ema": True}, (), "step_5", "averaged (EMA): all_config.yaml says ema = true"),
        ({"ema": False}, (), "step_5", "as trained: all_config.yaml says ema = false"),
        ({}, (), "step_5", "averaged (EMA) or as trained: not stated"),
        ({}, ("ema",), "step_5", "averaged (EMA): the copy `ema` in the file"),
        ({}, (), "step_5_ema", "averaged (EMA): according to the file name"),
    ],
)
def test_the_source_says_whether_weights_are_averaged(
    tmp_path, public_checkpoint, settings, nest, name, said
):
    made = replace(public_checkpoint(), run=settings)
    path = made.save(tmp_path, nest=nest, name=name)
    found = inspect_model(str(path), self_check=False)
    assert found["weights"] == said and f"weights: {said}" in report(found)["report"]


def test_no_value_is_attributed_to_a_file_without_it(tmp_path, public_checkpoint):
    made = public_checkpoint(vocab=6, cells=25)
    kept = {"name", "H_cycles", "pos_encodings", "loss"}
    made = replace(made, arch={key: value for key, value in made.arch.items() if key in kept})
    path = made.save(tmp_path)
    from_yaml = {
        value["public_name"]
        for value in inspect_model(str(path), self_check=False)["values"]
        if value["source"] == "all_config.yaml"
    }
    assert from_yaml == {"arch.name", "H_cycles", "pos_encodings"}
