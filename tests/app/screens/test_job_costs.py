"""The estimated cost of jobs, in runs of the model."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from app.screens.compare.measurement import ModelMeasurement
from app.screens.halting.training import TrainingMeasurement
from app.screens.interventions.patching import PatchingMap
from app.screens.interventions.sweeps import Sweep
from app.screens.probes.causal import CausalTest
from app.screens.probes.source import ProbeFit
from app.sidebar.dataset import PuzzleSetChoice
from probes.interventions.sweep_results import SweepSettings
from trm.inspection import flops
from trm.registry import model_config
from trm.tasks import task_of

CONFIG = model_config("sudoku-trm")  # 81 cells, 16 steps
TEN = PuzzleSetChoice("sudoku/test", 10)
STORED = PuzzleSetChoice("sudoku/test", 10, Path("store"))
PATCHED = PatchingMap(SimpleNamespace(task=task_of(CONFIG)), 0, "z", 4)
TARGETS, STEPS = ("solution", "candidates"), (1, 2, 4)

JOBS = {
    "twice on every puzzle": (ModelMeasurement(None, TEN), 20),
    "once on stored states": (ModelMeasurement(None, STORED), 10),
    "three snapshots": (TrainingMeasurement(None, (1, 2, 3), TEN, None), 30),
    "two runs and a step for each of four patches in 81 cells": (PATCHED, 2 + 4 * 81 / 16),
    "three noise scales": (Sweep(None, "noise", SweepSettings(sizes="0,1,2"), TEN), 30),
    "a step for each of 27 givens": (Sweep(None, "peers", SweepSettings(), TEN), 10 * 27 / 16),
    "a clean, a probed and four random runs": (CausalTest(None, None, "", "z", 0, "", "move", 4, TEN), 60),
    "4 steps, 1 untrained step and 72 probes, each a tenth of a step": (
        ProbeFit(None, TEN, TARGETS, ("z", "y"), STEPS, "first", True),
        10 * 12.2 / 16,
    ),
    "24 probes of stored states": (
        ProbeFit(None, STORED, TARGETS, ("z", "y"), STEPS, "none", False),
        10 * 2.4 / 16,
    ),
}


@pytest.mark.parametrize("job, runs", JOBS.values(), ids=JOBS)
def test_a_job_costs_as_much_as_its_runs(job, runs):
    assert job.cost(CONFIG).operations == pytest.approx(runs * flops.run(CONFIG) / 1e12)
