"""The ready-made experiments: what each does, that it runs, and that over a set it counts what single runs give."""

from dataclasses import replace

import numpy as np
import pytest
from small_runs import DEPTH, SMALL, answers_of

from probes.interventions.fork import keep
from probes.interventions.preset_runs import over_puzzles, planned
from probes.interventions.presets import EXPERIMENTS, Setting, plan_of, wrong_answer
from probes.interventions.sites import InterventionError
from probes.interventions.spec import written
from trm.data import PuzzleSet
from trm.tasks import get_task


def setting(puzzles: PuzzleSet, step: int = 2) -> Setting:
    return Setting(SMALL, puzzles.inputs[0], puzzles.labels[0], DEPTH, step)


def test_what_the_experiments_do(puzzles):
    here, blank = setting(puzzles), ~SMALL.givens(puzzles.inputs[0])
    assert written(plan_of("without-y", here).interventions) == "zero y before 2-.*.1"
    assert written(plan_of("noise", here).interventions) == "noise yz before 2.1.1"
    wrong = wrong_answer(here)
    assert (wrong != here.labels)[blank].all() and (wrong == here.labels)[~blank].all()
    assert plan_of("wrong-answer", here).interventions[0].answer == SMALL.format(wrong)
    one = plan_of("one-blank", here).inputs
    assert (one != here.labels).sum() == 1 and not SMALL.givens(one)[one != here.labels].any()
    (patch,) = plan_of("another-z", here).interventions
    assert patch.source == "1.2.3" and patch.puzzle != SMALL.format(here.inputs)


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_experiment_runs_says_its_source_and_can_be_told_from_the_plain_run(model, puzzles, key):
    kept = keep(model, SMALL, puzzles.inputs[0])
    run, changes = planned(kept, key)
    *_, trace = run.branch(changes)
    assert trace.steps == 3
    assert trace.provenance.changes or not np.array_equal(trace.inputs, kept.inputs)
    assert any(word in EXPERIMENTS[key].claim for word in ("arXiv", "published"))


def test_experiments_that_cannot_be_made(puzzles):
    with pytest.raises(InterventionError, match="no experiment 'x'"):
        plan_of("x", setting(puzzles))
    with pytest.raises(InterventionError, match="no supervision step 4"):
        plan_of("noise", setting(puzzles, 4))
    with pytest.raises(InterventionError, match="same z"):
        plan_of("another-z", setting(puzzles, 1))
    with pytest.raises(InterventionError, match="exactly one solution"):
        plan_of("one-blank", replace(setting(puzzles), labels=None))


def test_experiments_over_a_set(model, puzzles):
    found = over_puzzles(model, SMALL, puzzles.take(np.arange(2)), names=["noise", "right-answer"])
    assert set(found["experiments"]) == {"plain", "noise", "right-answer"}
    assert all(len(each["cells_right"]) == 3 for each in found["experiments"].values())
    plain = np.stack([answers_of(model, grid) for grid in puzzles.inputs[:2]])
    blank = ~SMALL.givens(puzzles.inputs[:2])
    right = ((plain == puzzles.labels[:2, None]) & blank[:, None]).sum(-1) / blank.sum(-1)[:, None]
    assert found["experiments"]["plain"]["cells_right"] == pytest.approx(right.mean(0), abs=1e-3)


def test_a_maze_has_experiments_too(tiny_model):
    maze = get_task("maze", 49)
    model = tiny_model(task="maze", sequence_length=49)
    kept = keep(model, maze, maze.generate(np.random.default_rng(0), "easy").inputs)
    for key in EXPERIMENTS:
        run, changes = planned(kept, key)
        assert list(run.branch(changes))[-1].steps == 3
