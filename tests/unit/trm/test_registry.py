"""Bundled models by name, without opening weights."""

import json

import pytest
from safetensors.torch import save_file

from trm import registry
from trm.checkpoint import save_model
from trm.config import ModelConfig
from trm.errors import CheckpointError
from trm.models import parameter_count


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


def test_no_folder_no_models(monkeypatch, tmp_path):
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path / "nowhere"))
    assert registry.model_names() == registry.ablation_names() == []
    assert registry.model_folder("small") is None


def test_card(bundled, tiny_model):
    card = registry.model_card("small")
    assert card == {
        "name": "small", "task": "sudoku", "kind": "trm", "grid": [4, 4], "n": 2, "T": 2, "N_sup": 3,
        "parameters": parameter_count(tiny_model()), "accuracy": None,
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
    (tmp_path / "config.json").write_text(json.dumps(values) + " " * registry.MAX_CONFIG)
    assert registry.own_config(tmp_path) is None
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert isinstance(registry.own_config(tmp_path), ModelConfig)


def test_a_fingerprint_is_of_the_content(tmp_path, tiny_model):
    for name in ("a", "b"):
        save_file(tiny_model().state_dict(), tmp_path / name)
    assert registry.fingerprint(tmp_path / "a") == registry.fingerprint(tmp_path / "b")
    (tmp_path / "empty").write_bytes(b"")
    assert registry.fingerprint(tmp_path / "empty") == "e3b0c44298fc1c14"  # SHA-256 of nothing
