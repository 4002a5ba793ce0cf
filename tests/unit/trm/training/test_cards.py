"""Cards, curves and snapshots of bundled models, from made-up runs."""

import json
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from recursion_lens import ASSETS
from trm import registry
from trm.checkpoint import load_model, save_model
from trm.errors import UserError
from trm.provenance import Training
from trm.training import ablations
from trm.training.ablations import (
    PAPER,
    AblationResult,
    draw_ablations,
    is_finished,
    measure_ablation,
    report,
    share_of_level,
    share_puzzles,
    short_name,
)
from trm.training.bundle import write_snapshots
from trm.training.cards.card import TrainingRun, card, data_sentence, limits
from trm.training.presets import ABLATION_MINUTES, ABLATIONS, MAZE_HRM, SUDOKU_TRM, PuzzleSpec, TrainingPreset
from trm.training.schedule import DepthPhase, Schedule

LOG = [
    {"update": 0, "minutes": 0.0, "machine": "one core"},
    {"update": 10, "minutes": 1.0, "loss": 2.0, "cells": 0.5, "exact_in_flight": 0.1},
    {"update": 20, "minutes": 2.0, "held_out_exact_by_step": [0.1] * 15 + [0.4], "n": 2, "T": 2, "grid_cells": 81},
    {"update": 90, "minutes": 9.0, "held_out_exact_by_step": [0.2] * 15 + [0.9], "n": 6, "T": 3, "grid_cells": 225},
]  # fmt: skip
SCORES = {
    "data": "sudoku/test", "dtype": "float32", "count": 30, "exact": 0.8, "cell": 0.95, "blank_cell": 0.9,
    "exact_by_step": [0.5] * 15 + [0.8], "halt_auc": 0.9876, "halt_auc_last_step": 0.7654, "mean_halt_step": 3.25, "halted_wrong": 0.05,
    "by_difficulty": {
        "hard, 24-29 givens": {"count": 10, "exact": 0.7, "exact_by_step": [0.25] * 15 + [0.7]},
        "easy, 36-41 givens": {"count": 20, "exact": 1.0, "exact_by_step": [0.75] * 15 + [1.0]},
    },
}  # fmt: skip
MODEL = SimpleNamespace(fingerprint="0123456789abcdef", state_dict=lambda: {"w": torch.zeros(3, 4)})


def test_a_card_states_what_was_measured():
    text = card(
        SUDOKU_TRM, MODEL, SCORES, TrainingRun(LOG, note="It rained."), date(2026, 1, 2), ["snapshots/a"]
    )
    assert "TRM with MLP mixing for 9x9 Sudoku puzzles: 12 parameters, n=6, T=3" in text
    assert "9 minutes, 90 updates of 64 puzzles, seed 0, on one core. It rained." in text
    assert "`python -m trm train --preset sudoku-trm --out runs/sudoku-trm`" in text
    assert "`python -m trm eval --model sudoku-trm --data sudoku/test` in float32" in text
    limited = card(SUDOKU_TRM, MODEL, SCORES | {"limit": 30}, TrainingRun(LOG), date(2026, 1, 2))
    assert "--data sudoku/test --limit 30` in float32" in limited
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert "| hard, 24-29 givens | 10 | 25.0% | 25.0% | 70.0% |" in rows
    assert rows.index("| easy, 36-41 givens | 20 | 75.0% | 75.0% | 100.0% |") < rows.index(
        "| hard, 24-29 givens | 10 | 25.0% | 25.0% | 70.0% |"
    )
    assert "| all | 30 | 50.0% | 50.0% | 80.0% |" in rows
    assert "| 9 | 90 | T=3, n=6 | 0.200 | 0.900 |" in rows
    assert "Halting AUROC" in text and ": 0.988 over all steps" in text and "0.765 at the last step" in text
    assert "20.0% of the test puzzles are still wrong" in text and "`snapshots/a`" in text
    assert "halt on a wrong answer for 5.0%" in text and "2026-01-02" in text


def test_a_card_of_an_hrm_on_mazes():
    text = card(MAZE_HRM, MODEL, SCORES, TrainingRun(LOG[1:], command="other command"), date(2026, 1, 2))
    assert "HRM with attention and rotary positions for 15x15 mazes" in text
    assert "2 layers in f_L and 2 in f_H" in text and "`other command`" in text
    assert "an unrecorded machine" in text and "225 cells | 0.200 | 0.900" in text
    assert "float16" not in text  # no snapshots
    assert "not averaged" in card(
        replace(MAZE_HRM, ema=None), MODEL, SCORES, TrainingRun(LOG), date(2026, 1, 2)
    )


def test_a_card_names_the_seed_of_the_run():
    text = card(replace(SUDOKU_TRM, seed=3), MODEL, SCORES, TrainingRun(LOG), date(2026, 1, 2))
    assert "--preset sudoku-trm --seed 3 --out" in text and "64 puzzles, seed 3, on" in text


def test_the_training_data_as_a_phrase():
    assert data_sentence(SUDOKU_TRM) == "generated Sudoku puzzles: 12,000 easy (givens 24 to 42)"


def test_snapshots_are_models_of_half_the_size(tmp_path, monkeypatch, tiny_model):
    """They have the depth of that time and open by name; snapshots that the run did not reach are omitted."""
    model = tiny_model()
    schedule = Schedule(
        depth=(DepthPhase(0.3, n=2, T=1), DepthPhase(1.0, n=3, T=2)), learning_rate=1.0, warm_up=1
    )
    preset = TrainingPreset(
        "small", model.config.with_depth(n=3, T=2), schedule, 1.0, snapshots=(0.1, 0.35, 0.75)
    )
    for progress in (0.1, 0.35):
        depth = schedule.depth_at(progress, model.config.N_sup)
        path = tmp_path / "run" / "snapshots" / f"0{100 * progress:.0f}-percent"
        save_model(path, model.config.with_depth(**vars(depth)), model.state_dict(), Training("small", 3, 5))
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path))
    save_model(tmp_path / "small", preset.model, model.state_dict())
    names = write_snapshots(preset, tmp_path / "run", tmp_path / "small" / "snapshots")
    assert names == ["small/snapshots/010-percent", "small/snapshots/035-percent"]
    assert registry.snapshot_names("small") == names and registry.model_names() == ["small"]
    for name, depth in zip(names, ((2, 1), (3, 2)), strict=True):
        opened = load_model(name)
        assert opened.name == name and (opened.config.n, opened.config.T) == depth
        assert opened.training_run == Training("small", 3, 5)
        assert torch.allclose(opened.lm_head.weight, model.lm_head.weight, atol=1e-3)
        stored = load_file(tmp_path / name / "model.safetensors")
        assert stored["lm_head.weight"].dtype == torch.float16
    assert registry.model_folder("small/snapshots/075-percent") is None
    assert registry.model_folder("small/../small") is None


# ablations


def test_an_unfinished_ablation_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no finished run of ablation-none"):
        measure_ablation(ABLATIONS[0], tmp_path / "none", tmp_path / "bundled")
    assert not (tmp_path / "bundled").exists()
    (tmp_path / "none").mkdir()
    log = tmp_path / "none" / "log.jsonl"
    log.write_text(json.dumps({"update": 3, "minutes": ABLATION_MINUTES - 0.1}) + "\n")
    assert not is_finished(ABLATIONS[0], tmp_path / "none")
    assert is_finished(ABLATIONS[0], tmp_path / "none", share=0.9)
    log.write_text(json.dumps({"update": 3, "minutes": ABLATION_MINUTES + 0.001}) + "\n")
    assert is_finished(ABLATIONS[0], tmp_path / "none")


def test_the_figure_of_the_ablations(tmp_path):
    draw_ablations(tmp_path / "ablations.png", ["none", "attention"], [90.0, 40.0], [87.4, None])
    with Image.open(tmp_path / "ablations.png") as picture:
        assert picture.format == "PNG" and picture.width > 500
        assert len(picture.convert("RGB").getcolors(1 << 16)) > 20  # something is drawn


def test_all_ablations_train_on_the_same_puzzles(tmp_path, monkeypatch):
    """Those of the first, generated once and copied to each folder; existing files are not replaced."""
    small = replace(ABLATIONS[0], data=(PuzzleSpec(6, "easy"),), held_out=2)
    other = replace(small, name="ablation-no-ema", ema=None, data=(PuzzleSpec(3, "easy"),))
    monkeypatch.setattr(ablations, "ABLATIONS", (small, other))
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "puzzles-81.npz").write_bytes(b"from before")
    share_puzzles(tmp_path)
    made = (tmp_path / "puzzles-81.npz").read_bytes()
    assert (tmp_path / "no-ema" / "puzzles-81.npz").read_bytes() == made
    assert (tmp_path / "none" / "puzzles-81.npz").read_bytes() == b"from before"
    with np.load(tmp_path / "puzzles-81.npz") as arrays:
        assert arrays["inputs"].shape == (8, 81)


def test_a_card_states_what_the_model_was_not_trained_on():
    assert "only on puzzles that singles solve" in limits(SUDOKU_TRM)
    assert "singles" not in limits(replace(SUDOKU_TRM, data=(PuzzleSpec(1, "easy"), PuzzleSpec(1, "hard"))))
    assert "depth-first" in limits(MAZE_HRM)


def test_the_accuracy_of_a_difficulty_is_weighted_by_count():
    groups = {"easy, a": {"count": 1, "exact": 1.0}, "easy, b": {"count": 3, "exact": 0.0}, "hard, a": {"count": 5, "exact": 1.0}}  # fmt: skip
    assert share_of_level({"by_difficulty": groups}, "easy") == 0.25


def test_the_table_of_ablations():
    made = AblationResult(
        "one-cycle", 81.25, 90.0, 80.0, 50.0, 12.5, 0.99, ABLATION_MINUTES, 1234, 392_706, None
    )
    text = report([made, replace(made, ablation="none", paper=87.4)], "one core", "By night.")
    assert "on one core. By night." in text
    assert "| one-cycle | 81.2 | 90.0 | 80.0 | 50.0 | 12.5 | 0.990 | 8.0 | 1,234 | 392,706 | - |" in text
    assert "| none | 81.2 |" in text and "| 87.4 |" in text
    assert set(PAPER) < {short_name(preset) for preset in ABLATIONS}
    assert "stopped before" not in text
    stopped = report([made, replace(made, minutes=7.25)], "one core")
    assert (
        "1 of the 2 runs stopped before their 8 minutes were over, the earliest after 7.2 minutes" in stopped
    )


def test_the_table_of_models_tells_what_was_measured():
    """It has the numbers of scores.json: Sudokus that singles solve, harder ones, and the AUC over
    all steps and after the last."""
    table = (ASSETS.parent / "docs" / "models.md").read_text("utf-8")
    for name in ("sudoku-trm", "sudoku-hrm", "sudoku-trm-large"):
        scores = json.loads((ASSETS / "models" / name / "scores.json").read_text("utf-8"))
        (line,) = (line for line in table.splitlines() if line.startswith(f"| [`{name}`]"))
        groups = scores["by_difficulty"].items()
        for easy in (True, False):
            chosen = [group_scores for group, group_scores in groups if group.startswith("easy") == easy]
            count = sum(group_scores["count"] for group_scores in chosen)
            exact = sum(group_scores["count"] * group_scores["exact"] for group_scores in chosen) / count
            assert f"{100 * exact:.1f}% of {count} " in line
        assert f"| {scores['halt_auc']:.3f} | {scores['halt_auc_last_step']:.3f} |" in line
