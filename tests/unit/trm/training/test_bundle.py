"""A finished run becomes a bundled model: its files, and a card that says the same."""

import json
from dataclasses import replace
from datetime import date

import pytest
from card_facts import CURVE, SCORES, STATE
from safetensors.torch import load_file

from trm import registry
from trm.checkpoint import save_model
from trm.errors import UserError
from trm.provenance import Training
from trm.training import bundle as module
from trm.training.bundle import bundle
from trm.training.cards.card import card
from trm.training.cards.files import read_facts
from trm.training.presets import SUDOKU_TRM

TODAY = date(2026, 1, 2)


@pytest.fixture
def run(tmp_path, monkeypatch, tiny_model):
    """The folder of a run of a tiny model with seed 7, and an empty folder for bundled models. Nothing is measured."""
    model = tiny_model()
    save_model(tmp_path / "run", model.config, model.state_dict(), Training("sudoku-trm", 7, 1090))
    lines = [{"update": 0, "minutes": 0.0, "machine": "one core"}, *CURVE]
    (tmp_path / "run" / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    preset = replace(SUDOKU_TRM, model=model.config, snapshots=())
    measured = {name: value for name, value in SCORES.items() if name != "date"}
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(module, "get_preset", lambda name: preset)
    monkeypatch.setattr(module, "bundled_test_set", lambda task: "sudoku/test")
    monkeypatch.setattr(module, "measure", lambda model, data, limit: measured)
    monkeypatch.setattr(module, "check_states", lambda model: {"z": STATE})
    monkeypatch.setattr(module, "record_presets", lambda name, today: None)
    return tmp_path / "run"


def test_a_bundled_run_has_the_files_of_its_card(run, tmp_path):
    bundle("sudoku-trm", run, TODAY, note="It rained.")
    folder = tmp_path / "models" / "sudoku-trm"
    assert (folder / "card.md").read_text("utf-8") == card(read_facts("sudoku-trm"))
    assert json.loads((folder / "scores.json").read_text()) == SCORES
    facts = read_facts("sudoku-trm")
    assert facts.training.command == "python -m trm train --preset sudoku-trm --seed 7 --out runs/sudoku-trm"
    assert (facts.training.machine, facts.training.note) == ("one core", "It rained.")
    assert facts.preset.seed == 7 and facts.evaluations[0]["update"] == 1090
    assert load_file(folder / "model.safetensors").keys() == load_file(run / "model.safetensors").keys()
    bundle("sudoku-trm", run, TODAY, command="other command")
    assert read_facts("sudoku-trm").training.command == "other command"


def test_a_folder_without_a_model_is_an_error(run, tmp_path):
    with pytest.raises(
        UserError, match=r"contains no model\.safetensors. Give the --out folder of a training run"
    ):
        bundle("sudoku-trm", tmp_path, TODAY)
    assert registry.model_names() == []
