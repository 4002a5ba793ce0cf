"""Presets are plain data, valid, and allow fair comparisons."""

from dataclasses import replace

import pytest
import torch

from trm.config import HALT_ALONE, HALT_OR_CONTINUE
from trm.models import new_model
from trm.training.presets import (
    ABLATIONS,
    MAZE_HRM,
    MAZE_TRM,
    PRESETS,
    SUDOKU_HRM,
    SUDOKU_MODEL,
    SUDOKU_TRM,
    get_preset,
)
from trm.training.schedule import GridPhase


def size(preset) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in new_model(preset.model).parameters())


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_every_preset_builds_a_model(preset):
    assert size(preset) > 0


@pytest.mark.parametrize("trm, hrm", [(SUDOKU_TRM, SUDOKU_HRM), (MAZE_TRM, MAZE_HRM)])
def test_trm_and_hrm_compare_fairly(trm, hrm):
    """The same puzzles, and parameter counts within a factor of 1.5."""
    for name in ("data", "data_seed", "held_out", "batch"):
        assert getattr(trm, name) == getattr(hrm, name), name
    assert trm.schedule.smaller_grids == hrm.schedule.smaller_grids
    assert 1 / 1.5 < size(hrm) / size(trm) < 1.5
    assert hrm.model.kind == "hrm"


def test_the_sudoku_hrm_halts_by_q_halt_alone_and_the_maze_hrm_compares_it_with_q_continue():
    assert (SUDOKU_HRM.continue_loss, SUDOKU_HRM.model.halting) == (False, HALT_ALONE)
    assert (MAZE_HRM.continue_loss, MAZE_HRM.model.halting) == (True, HALT_OR_CONTINUE)


def test_mlp_mixing_supports_only_one_size():
    schedule = replace(SUDOKU_TRM.schedule, smaller_grids=(GridPhase(0.5, 16),))
    with pytest.raises(ValueError, match="several sizes"):
        replace(SUDOKU_TRM, schedule=schedule)


@pytest.mark.parametrize(
    "name, parameters",
    [("paper-sudoku-mlp", 5_028_866), ("paper-sudoku-attention", 6_828_034)],
)
def test_paper_presets_have_the_published_sizes(name, parameters):
    assert size(get_preset(name)) == parameters


def test_an_ablation_changes_one_thing():
    """Besides name and time, it changes one field of the preset, or some of the model."""
    for preset in ABLATIONS:
        ours, usual = vars(preset), vars(SUDOKU_TRM)
        changed = {name for name in ours if ours[name] != usual[name]} - {"name", "minutes", "snapshots"}
        if preset.continue_loss:
            changed -= {"model"}  # the rule of halting goes with it
        assert changed <= {"model", "schedule"} or len(changed) == 1, preset.name
        assert ("schedule" in changed) == (preset.model.depth != SUDOKU_MODEL.depth)
    assert len({preset.name for preset in ABLATIONS}) == len(ABLATIONS) == 9
