"""Bundled models by name, without opening weights."""

import json
import shutil

import pytest
from safetensors.torch import save_file

from recursion_lens import ASSETS
from trm import registry
from trm.checkpoint import save_model
from trm.config import ModelConfig
from trm.errors import CheckpointError
from trm.models import parameter_count
from trm.provenance import Training
from trm.registry import Snapshot, run_folder, run_snapshots


@pytest.fixture
def bundled(tmp_path, monkeypatch, tiny_model):
    """A folder of bundled models with one in it."""
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path))
    model = tiny_model(assumed=("n",))
    save_model(tmp_path / "small", model.config, model.state_dict())
    (tmp_path / "no model").mkdir()
    (tmp_path / "stray.txt").write_text("")
    return tmp_path


def test_names_are_folders_with_weights(bundled):
    assert registry.model_names() == ["small"]
    assert registry.model_folder("small") == bundled / "small"
    assert registry.model_folder("no model") is None
    assert registry.model_folder("../" + bundled.name + "/small") is None


def test_ablations_are_models_in_a_folder_of_their_own(bundled, tiny_model):
    model = tiny_model()
    save_model(bundled / "ablations" / "no-ema", model.config, model.state_dict())
    assert registry.ablation_names() == ["ablations/no-ema"] and registry.model_names() == ["small"]
    assert registry.model_folder("ablations/no-ema") == bundled / "ablations" / "no-ema"
    assert registry.model_config("ablations/no-ema") == model.config
    for name in ("ablations", "ablations/none", "ablations/../small", "no-ema"):
        assert registry.model_folder(name) is None


@pytest.fixture
def seeds(bundled, tiny_model):
    """The bundled model was trained with seed 3, and again with seeds 0 and 12."""
    model = tiny_model()
    for folder, seed in (("small", 3), ("small/seeds/12", 12), ("small/seeds/0", 0)):
        save_model(bundled / folder, model.config, model.state_dict(), Training("small", seed, 9))
    return bundled


def test_further_seeds_are_models_in_the_folder_of_a_model(seeds, tiny_config):
    assert registry.model_names() == ["small"]
    assert registry.seed_names("small") == ["small/seeds/0", "small/seeds/12"]
    assert registry.model_seeds("small") == {0: "small/seeds/0", 3: "small", 12: "small/seeds/12"}
    assert registry.model_folder("small/seeds/12") == seeds / "small" / "seeds" / "12"
    assert registry.model_config("small/seeds/12") == tiny_config()
    assert registry.model_card("small")["seeds"] == [0, 3, 12]
    (seeds / "small/seeds/12/states.json").write_text(json.dumps({"z": {"inert": True}}))
    assert registry.measured_states("small/seeds/12") == {"z": {"inert": True}}
    for name in ("small/seeds", "small/seeds/3", "small/seeds/../seeds/0", "seeds/0", "none/seeds/0"):
        assert registry.model_folder(name) is None
    assert run_snapshots(seeds / "small/seeds/12/model.safetensors") == ()


def test_folders_that_are_not_named_by_a_seed_are_no_seeds(seeds):
    shutil.copytree(seeds / "small/seeds/0", seeds / "small/seeds/old")
    assert registry.seed_names("small") == ["small/seeds/0", "small/seeds/12"]


def test_a_model_that_does_not_say_its_seed_has_no_choice_of_seeds(seeds, tiny_model):
    model = tiny_model()
    save_model(seeds / "small", model.config, model.state_dict())
    assert registry.model_seeds("small") == {}


def test_no_folder_no_models(monkeypatch, tmp_path):
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path / "nowhere"))
    assert registry.model_names() == registry.ablation_names() == []
    assert registry.model_folder("small") is None


def test_card(bundled, tiny_model):
    card = registry.model_card("small")
    assert card == {
        "name": "small", "task": "sudoku", "kind": "trm", "grid": [4, 4], "n": 2, "T": 2, "N_sup": 3,
        "parameters": parameter_count(tiny_model()), "seeds": [], "accuracy": None,
    }  # fmt: skip
    scores = {"exact": 0.5, "count": 10}
    (bundled / "small" / "scores.json").write_text(json.dumps(scores))
    assert registry.model_card("small")["accuracy"] == scores
    states = {"z": {"inert": True}}
    assert registry.measured_states("small") == {}
    (bundled / "small" / "states.json").write_text(json.dumps(states))
    assert registry.measured_states("small") == states


def test_config(bundled, tiny_config):
    assert registry.model_config("small") == tiny_config(assumed=("n",))


def test_damaged_bundles(bundled):
    (bundled / "small" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(CheckpointError, match="damaged"):
        registry.model_card("small")
    (bundled / "small" / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        registry.model_config("small")


def test_a_configuration_that_is_not_ours(tmp_path):
    assert registry.own_config(tmp_path) is None
    for values in ({"model_type": "bert"}, [1, 2], "text", {"format": "recursion-lens-99"}):
        (tmp_path / "config.json").write_text(json.dumps(values))
        assert registry.own_config(tmp_path) is None


def test_a_configuration_that_is_too_large(tmp_path, tiny_config):
    values = {"format": registry.FORMAT} | tiny_config().to_dict()
    (tmp_path / "config.json").write_text(json.dumps(values).ljust(registry.MAX_CONFIG + 1))
    assert registry.own_config(tmp_path) is None
    (tmp_path / "config.json").write_text(json.dumps(values).ljust(registry.MAX_CONFIG))
    assert isinstance(registry.own_config(tmp_path), ModelConfig)


def test_a_fingerprint_is_of_the_content(tmp_path, tiny_model):
    for name in ("a", "b"):
        save_file(tiny_model().state_dict(), tmp_path / name)
    assert registry.fingerprint(tmp_path / "a") == registry.fingerprint(tmp_path / "b")
    (tmp_path / "empty").write_bytes(b"")
    assert registry.fingerprint(tmp_path / "empty") == "e3b0c44298fc1c14"  # SHA-256 of nothing


# ---- snapshots of a run


@pytest.mark.parametrize(
    ("names", "opened", "expected"),
    [
        (
            ("step_9", "step_1000", "step_9_ema"),
            "step_9",
            {"step 9": "step_9_ema", "step 1,000": "step_1000"},
        ),
        (
            ("epoch_2.ckpt", "epoch_10.ckpt", "last.ckpt", "step_3"),
            "epoch_10.ckpt",
            {"epoch 2": "epoch_2.ckpt", "epoch 10": "epoch_10.ckpt"},
        ),
        (
            ("epoch=1-step=20.ckpt", "epoch=0-step=10.ckpt"),
            "epoch=0-step=10.ckpt",
            {"step 10": "epoch=0-step=10.ckpt", "step 20": "epoch=1-step=20.ckpt"},
        ),
        (("step_1_mlp", "step_2_attention"), "step_1_mlp", {}),
        (("step_5", "checkpoint"), "step_5", {}),
        (("checkpoint", "step_5", "step_6"), "checkpoint", {}),
    ],
)
def test_checkpoints_whose_names_have_numbers_are_snapshots_of_a_run(tmp_path, names, opened, expected):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    found = run_snapshots(tmp_path / opened)
    assert {str(snapshot): snapshot.weights.name for snapshot in found} == expected
    assert list(map(str, found)) == list(expected)
    assert run_folder(tmp_path / opened) == tmp_path


def test_a_run_of_our_training_is_its_snapshots_and_its_newest_model(tmp_path, tiny_model):
    model = tiny_model()
    for folder, update in ((".", 90), ("snapshots/075-percent", 75), ("snapshots/020-percent", 20)):
        save_model(tmp_path / folder, model.config, model.state_dict(), Training("small", 0, update))
    final, first = tmp_path / "model.safetensors", tmp_path / "snapshots/020-percent/model.safetensors"
    found = run_snapshots(final)
    assert [str(snapshot) for snapshot in found] == ["update 20", "update 75", "update 90"]
    assert found == run_snapshots(first) and found[0] == Snapshot(first, 20, "update")
    assert run_folder(first) == run_folder(final) == tmp_path
    # a snapshot that is being written, or is damaged, is left out
    save_model(tmp_path / "snapshots/090-percent", model.config, model.state_dict(), Training("small", 0, 80))
    assert len(run_snapshots(final)) == 4
    (tmp_path / "snapshots/090-percent/config.json").write_text("{")
    assert run_snapshots(final) == found


def test_a_model_without_snapshots_is_no_run(bundled):
    assert run_snapshots(bundled / "small" / "model.safetensors") == ()


def test_the_snapshots_of_the_bundled_model():
    folder = ASSETS / "models" / "sudoku-trm"
    updates = [snapshot.number for snapshot in run_snapshots(folder / "model.safetensors")]
    assert len(updates) == 6 and updates == sorted(updates) and updates[-1] == 9766


@pytest.mark.parametrize("name", registry.model_names())
def test_the_seeds_of_a_bundled_model_differ_in_their_random_numbers_only(name):
    own = registry.own_training(ASSETS / "models" / name)
    for seed, each in registry.model_seeds(name).items():
        training = registry.own_training(ASSETS / "models" / each)
        assert (training.preset, training.seed) == (own.preset, seed)
        assert registry.model_config(each) == registry.model_config(name)
    assert len(registry.model_seeds(name)) == 1 + len(registry.seed_names(name))
