"""Snapshots of bundled models, and ablations, from made-up runs."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

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
from trm.training.presets import ABLATION_MINUTES, ABLATIONS, PuzzleSpec, TrainingPreset
from trm.training.schedule import DepthPhase, Schedule


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
