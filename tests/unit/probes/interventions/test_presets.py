"""Preset experiments: what each does, that it runs, and that results over a set match single runs."""

from dataclasses import replace

import numpy as np
import pytest
from small_runs import DEPTH, SMALL, answers_of

from probes.interventions.fork import cache_run
from probes.interventions.preset_runs import prepared, run_experiments
from probes.interventions.presets import EXPERIMENTS, ExperimentSetting, plan_experiment, wrong_answer
from probes.interventions.recorded import PresetOutcome, PresetResults
from probes.interventions.sites import InterventionError
from probes.interventions.spec import as_text
from probes.reports.interventions import remarks
from trm.data import PuzzleSet
from trm.grading import binomial_band
from trm.provenance import Provenance
from trm.tasks import get_task


def setting(puzzles: PuzzleSet, step: int = 2) -> ExperimentSetting:
    return ExperimentSetting(SMALL, puzzles.inputs[0], puzzles.labels[0], DEPTH, step)


def test_what_the_experiments_do(puzzles):
    here, blank = setting(puzzles), ~SMALL.givens(puzzles.inputs[0])
    assert as_text(plan_experiment("without-y", here).interventions) == "zero y before 2-.*.1"
    assert as_text(plan_experiment("noise", here).interventions) == "noise yz before 2.1.1"
    wrong = wrong_answer(here)
    assert (wrong != here.labels)[blank].all() and (wrong == here.labels)[~blank].all()
    assert plan_experiment("wrong-answer", here).interventions[0].answer == SMALL.format(wrong)
    one = plan_experiment("one-blank", here).inputs
    assert (one != here.labels).sum() == 1 and not SMALL.givens(one)[one != here.labels].any()
    (patch,) = plan_experiment("another-z", here).interventions
    assert patch.source == "1.2.3" and patch.puzzle != SMALL.format(here.inputs)


def test_a_wrong_answer_has_the_next_digit_in_every_blank_cell(puzzles):
    given, following = SMALL.givens(puzzles.inputs[0]), {"1": "2", "2": "3", "3": "4", "4": "1"}
    cells = zip(SMALL.format(puzzles.labels[0]), given, strict=True)
    expected = "".join(digit if is_given else following[digit] for digit, is_given in cells)
    assert SMALL.format(wrong_answer(setting(puzzles))) == expected


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_every_experiment_runs_names_its_source_and_differs_from_the_clean_run(model, puzzles, key):
    clean = cache_run(model, SMALL, puzzles.inputs[0])
    run, changes = prepared(clean, key)
    *_, trace = run.fork(changes)
    assert trace.steps == 3
    assert trace.provenance.changes or not np.array_equal(trace.inputs, clean.inputs)
    assert any(word in EXPERIMENTS[key].claim for word in ("arXiv", "published"))


def test_invalid_experiments(puzzles):
    with pytest.raises(InterventionError, match="no experiment 'x'"):
        plan_experiment("x", setting(puzzles))
    with pytest.raises(InterventionError, match="no supervision step 4"):
        plan_experiment("noise", setting(puzzles, 4))
    with pytest.raises(InterventionError, match="same z"):
        plan_experiment("another-z", setting(puzzles, 1))
    with pytest.raises(InterventionError, match="exactly one solution"):
        plan_experiment("one-blank", replace(setting(puzzles), labels=None))


def test_experiments_over_a_set(model, puzzles):
    found = run_experiments(model, SMALL, puzzles.take(np.arange(2)), names=["noise", "right-answer"])
    assert set(found.experiments) == {"plain", "noise", "right-answer"}
    assert all(len(each.cells_right) == 3 for each in found.experiments.values())
    written = found.experiments["right-answer"]
    runs = [cache_run(model, SMALL, grid) for grid in puzzles.inputs[:2]]
    read = [run.decoded_share(labels) for run, labels in zip(runs, puzzles.labels, strict=False)]
    assert written.decoded == pytest.approx(np.mean(read), abs=1e-4) and 0 <= found.z_by_token <= 1
    plain = found.experiments["plain"]
    ends = binomial_band(np.array([round(2 * plain.solved)]), np.array([2]))[:, 0]
    assert (plain.low, plain.high) == pytest.approx(tuple(ends), abs=1e-4)
    alone = np.stack([answers_of(model, grid) for grid in puzzles.inputs[:2]])
    blank = ~SMALL.givens(puzzles.inputs[:2])
    right = ((alone == puzzles.labels[:2, None]) & blank[:, None]).sum(-1) / blank.sum(-1)[:, None]
    assert found.experiments["plain"].cells_right == pytest.approx(right.mean(0), abs=1e-3)


def test_the_blank_cell_and_the_givens_are_counted_separately(model, puzzles):
    found = run_experiments(model, SMALL, puzzles.take(np.arange(1)), names=["one-blank"])
    grid = plan_experiment("one-blank", setting(puzzles)).inputs
    right, given = np.stack(answers_of(model, grid)) == puzzles.labels[0], SMALL.givens(grid)
    each = found.experiments["one-blank"]
    assert each.cells_right == pytest.approx(right[:, ~given].mean(1), abs=1e-4)
    assert each.givens_right == pytest.approx(right[:, given].mean(1), abs=1e-4)


def outcome(solved: float, *, retained: float = 0.95, **more: object) -> PresetOutcome:
    return PresetOutcome(solved, 0.1, 0.9, retained, **more)


def results_of(z_by_token: float, experiments: dict[str, PresetOutcome]) -> PresetResults:
    about = Provenance("a", "0" * 16, "trm", "sudoku", "cpu", "float32", "0", "")
    return PresetResults(about, z_by_token, experiments)


def test_remarks_give_the_caveats_of_the_experiments():
    experiments = {
        "right-answer": outcome(1.0, decoded=1.0),
        "wrong-answer": outcome(0.8, decoded=0.99),
        "one-blank": outcome(0.2, cells_right=[1.0, 0.92], givens_right=[0.97, 0.978]),
    }
    text = " ".join(remarks({"a": results_of(0.9997, experiments)}))
    assert "decodes 100.0% of the cells of the solution" in text and "99.0% of the wrong answer" in text
    assert (
        "still solves 95.0% of the puzzles that its clean run solves: a wrong answer rarely traps it" in text
    )
    assert (
        "the blank cell is correct in 92.0% of the puzzles, and 97.8% of the givens are still correct" in text
    )
    assert "99.97% of the variance of a's z" in text
    trapped = experiments | {"wrong-answer": outcome(0.2, decoded=0.99, retained=0.3)}
    text = " ".join(remarks({"a": results_of(0.4, trapped)}))
    assert "often traps it" in text and "of the variance of" not in text


def test_a_maze_has_experiments_too(tiny_model):
    maze = get_task("maze", 49)
    model = tiny_model(task="maze", sequence_length=49)
    clean = cache_run(model, maze, maze.generate(np.random.default_rng(0), "easy").inputs)
    for key in EXPERIMENTS:
        run, changes = prepared(clean, key)
        assert list(run.fork(changes))[-1].steps == 3
