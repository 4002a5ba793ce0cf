"""The corners of the comparison of HRM with TRM: one factor apart, trained and measured, and shown with intervals."""

import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
import torch

from probes.comparison import corners
from probes.comparison.corners import (
    CORNERS,
    Corner,
    CornerFigures,
    corner_table,
    effect_table,
    interval,
    preset_of,
)
from trm.config import HALT_ALONE
from trm.coordinates import Depth
from trm.errors import UserError
from trm.models import new_model
from trm.recursion import deep_supervision

RUN = CornerFigures(
    nets=1, n=2, T=2, whole=True, seed=0, parameters=1000, flops_per_step=2_000_000, solved_1=0.1, solved_4=0.3,
    solved=0.5, z_by_x=0.9, retained=0.7, halting_auroc=None, z_dimensions=8.0,
)  # fmt: skip


def test_corners_differ_in_nets_depth_and_gradient_only():
    assert len(set(CORNERS)) == 12
    presets = [preset_of(corner, 0) for corner in CORNERS]
    for preset in presets:
        factors = {"kind": "trm", "H_layers": 0, "n": 2, "T": 2}
        model, schedule = replace(preset.model, **factors), presets[0].schedule
        assert replace(preset, model=model, name="", gradient_calls=None, schedule=schedule) == replace(
            presets[0], model=replace(presets[0].model, **factors), name="", gradient_calls=None
        )
        assert preset.model.halting == HALT_ALONE and preset.updates == corners.UPDATES
    assert [preset.gradient_calls for preset in presets[:6]] == [3, 2, 7, 2, 7, 2]


def test_an_hrm_is_a_trm_with_two_nets_but_for_its_halting_rule(tiny_config):
    two_nets, hrm = (new_model(tiny_config(kind=kind, H_layers=1)) for kind in ("trm-two-nets", "hrm"))
    two_nets.initialise(3)
    hrm.load_state_dict(two_nets.state_dict())
    inputs, ids = torch.randint(1, 6, (2, two_nets.config.sequence_length)), torch.zeros(2, dtype=torch.long)
    depth = Depth(n=2, T=2, N_sup=2)
    for one, other in zip(
        *(deep_supervision(model, inputs, ids, depth=depth) for model in (two_nets, hrm)), strict=True
    ):
        assert all(map(torch.equal, one.state, other.state))
        assert all(map(torch.equal, one.heads, other.heads))


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """The folder of runs of two updates on 4x4 Sudokus, with its puzzles."""
    sizes = {"CELLS": 16, "GIVENS": (6, 10), "WIDTH": 8, "UPDATES": 2, "PUZZLES": 40, "HELD_OUT": 8}
    for name, value in sizes.items():
        monkeypatch.setattr(corners, name, value)
    corners.make_puzzles(tmp_path)
    return tmp_path


def test_a_corner_is_trained_and_measured_once(runs, monkeypatch):
    corner = Corner(2, 2, 2, False)
    figures = corners.trained(runs, corner, seed=1)
    assert (figures.corner, figures.seed) == (corner, 1)
    assert 0 <= figures.solved <= 1 and 0 < figures.z_by_x < 1 and figures.z_dimensions > 1
    saved = json.loads((runs / "2-nets-n2-T2-last-seed1" / "figures.json").read_text())
    assert saved == asdict(figures)
    monkeypatch.setattr(corners, "train", lambda *_: pytest.fail("trained again"))
    assert corners.trained(runs, corner, seed=1) == figures


def test_a_run_that_was_stopped_is_not_measured(runs, monkeypatch):
    monkeypatch.setattr(corners, "train", partial(corners.train, updates=1))
    with pytest.raises(UserError, match="stopped at update 1 of 2"):
        corners.trained(runs, CORNERS[0], seed=0)
    assert not list(runs.glob("*/figures.json"))


def test_an_interval_of_a_mean_by_hand():
    assert interval([0.5, 0.75]) == "0.50, 0.75"  # two seeds: their values
    assert interval([0.4, 0.5, 0.6]) == "0.50 ± 0.25"  # t of 2 degrees of freedom 4.303, s = 0.1, sqrt(3)


def test_a_row_of_a_corner_is_the_mean_over_seeds():
    text = corner_table([RUN, replace(RUN, seed=1, solved=0.7), replace(RUN, seed=2)])
    head, _, row = text.splitlines()
    assert "| 16 |" in head
    assert row.startswith(
        "| 1 | n=2 T=2 | whole recursion | 3 | 1,000 | 2.0 | 0.10 ± 0.00 | 0.30 ± 0.00 | 0.57 ± 0.29 |"
    )
    assert " | - | 8.00" in row  # no AUROC without both right and wrong answers


def test_an_effect_is_a_mean_difference_of_runs_that_share_all_else():
    """Runs without a partner do not count, and a difference of an undefined figure is left out."""
    runs = [
        RUN,
        replace(RUN, nets=2, solved=0.6),
        replace(RUN, seed=1, solved=0.4),
        replace(RUN, seed=1, nets=2, solved=0.6),
        replace(RUN, seed=2, nets=2, solved=0.9),
    ]
    [row] = effect_table(runs).splitlines()[2:]
    assert row.startswith("| two nets instead of one | 2 | 0.00, 0.00 | 0.00, 0.00 | 0.10, 0.20 |")
    assert "| - | 0.00, 0.00 |" in row
