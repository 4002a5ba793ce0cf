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
from trm.models import new_model, parameter_count
from trm.recursion import deep_supervision

RUN = CornerFigures(
    cells=36, nets=1, layers=2, n=2, T=2, whole=True, seed=0, parameters=1000, flops_per_step=2_000_000, solved_1=0.1, solved_4=0.3,
    solved=0.5, z_by_x=0.9, retained=0.7, halting_auroc=None, z_dimensions=8.0,
)  # fmt: skip
TINY = Corner(cells=16, nets=2, layers=1, n=2, T=2, whole=False)


@pytest.mark.parametrize("cells", [36, 81])
def test_corners_of_a_size_differ_in_nets_depth_and_gradient_only(cells):
    of_size = [corner for corner in CORNERS if corner.cells == cells]
    assert len(set(of_size)) == {36: 18, 81: 6}[cells]
    presets = [preset_of(corner, 0) for corner in of_size]
    for preset in presets:
        factors = {"kind": "trm", "layers": 2, "H_layers": 0, "n": 2, "T": 2}
        model, schedule = replace(preset.model, **factors), presets[0].schedule
        assert replace(preset, model=model, name="", gradient_calls=None, schedule=schedule) == replace(
            presets[0], model=replace(presets[0].model, **factors), name="", gradient_calls=None
        )
        assert preset.model.halting == HALT_ALONE and preset.updates == corners.SCALES[cells].updates
    if cells == 36:
        assert [preset.gradient_calls for preset in presets[:6]] == [3, 2, 7, 2, 7, 2]


def test_two_nets_of_half_the_layers_have_the_parameters_of_one_net():
    one, halves = (new_model(preset_of(Corner(36, *nets, 2, 2, True), 0).model) for nets in ((1, 2), (2, 1)))
    assert parameter_count(halves) == parameter_count(one)


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
    tiny = corners.Scale(givens=(6, 10), width=8, updates=2, puzzles=40, held_out=8)
    monkeypatch.setitem(corners.SCALES, 16, tiny)
    corners.make_puzzles(tmp_path, TINY)
    return tmp_path


def test_a_corner_is_trained_and_measured_once(runs, monkeypatch):
    figures = corners.trained(runs, TINY, seed=1)
    assert (figures.corner, figures.seed) == (TINY, 1)
    assert 0 <= figures.solved <= 1 and 0 < figures.z_by_x < 1 and figures.z_dimensions > 1
    saved = json.loads((runs / "16-cells-2x1-layers-n2-T2-last-seed1" / "figures.json").read_text())
    assert saved == asdict(figures)
    monkeypatch.setattr(corners, "train", lambda *_: pytest.fail("trained again"))
    assert corners.trained(runs, TINY, seed=1) == figures


def test_a_run_that_was_stopped_is_not_measured(runs, monkeypatch):
    monkeypatch.setattr(corners, "train", partial(corners.train, updates=1))
    with pytest.raises(UserError, match="stopped at update 1 of 2"):
        corners.trained(runs, TINY, seed=0)
    assert not list(runs.glob("*/figures.json"))


def test_an_interval_of_a_mean_by_hand():
    assert interval([0.5, 0.75]) == "0.50, 0.75"  # two seeds: their values
    assert interval([0.4, 0.5, 0.6]) == "0.50 ± 0.25"  # t of 2 degrees of freedom 4.303, s = 0.1, sqrt(3)


def test_a_row_of_a_corner_is_the_mean_over_seeds():
    text = corner_table([RUN, replace(RUN, seed=1, solved=0.7), replace(RUN, seed=2)])
    head, _, row = text.splitlines()
    assert "| 16 |" in head
    assert row.startswith(
        "| 1 | 2 | n=2 T=2 | whole recursion | 3 | 1,000 | 2.0 | 0.10 ± 0.00 | 0.30 ± 0.00 | 0.57 ± 0.29 |"
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


def test_runs_of_several_folders_are_collected(tmp_path, monkeypatch):
    """What a folder has measured again replaces the earlier run of the same corner and seed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    sections = [f"{name}, {cells} cells" for cells in (36, 81) for name in ("corner effects", "corners")]
    marks = "".join(f"<!-- {name}: begin -->\n<!-- {name}: end -->\n" for name in sections)
    corners.DOCUMENT.write_text(marks)
    larger = replace(RUN, cells=81, whole=False)
    corners.write_csv(corners.COLLECTED, [RUN, larger])
    for name, run in (("again", replace(RUN, solved=0.75)), ("new", replace(RUN, seed=1))):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "figures.json").write_text(json.dumps(asdict(run)))
    corners.collect(tmp_path / "runs")
    assert corners.read_csv(corners.COLLECTED) == [replace(RUN, solved=0.75), replace(RUN, seed=1), larger]
    assert "| 0.75, 0.50 |" in corners.DOCUMENT.read_text()


def test_tables_are_written_in_the_projects_root_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="Run this command in the root of the project"):
        corners.collect(tmp_path)
