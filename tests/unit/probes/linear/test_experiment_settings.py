"""Probing experiments with single settings, and their commands. Tiny models with random weights."""

import json
from dataclasses import replace

import numpy as np
import pytest
from probing import FEW, TASK, forty_puzzles

from probes.cli.main import main
from probes.linear.experiment.run import ExperimentCost, repeated_labels, run_experiment
from probes.linear.experiment.scores import WrongCells
from probes.linear.experiment.summary import ExperimentSettings
from probes.linear.experiment.views import code_of
from probes.linear.probe import ProbeError
from probes.linear.splits import Split
from probes.linear.target_groups import CANDIDATES, default_targets, groups_named, groups_of, recorded_targets
from probes.linear.targets import TargetError, Values
from probes.states import StateSource, time_points_of
from trm.checkpoint import save_model
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.errors import PuzzleError
from trm.tasks import task_of


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    return forty_puzzles()


def test_puzzles_may_lack_a_symbol_but_must_have_the_models_size(tiny_model, puzzles):
    blank = puzzles.take(np.arange(2))
    blank = replace(blank, inputs=np.where(blank.inputs == blank.inputs.max(), 1, blank.inputs))
    depth = Depth(n=2, T=2, N_sup=1)
    time_points = time_points_of(depth, [1])
    source = StateSource.compute(tiny_model(), TASK, blank, depth=depth, time_points=time_points)
    assert source.answers_at(time_points).shape == (2, 1, 16)
    with pytest.raises(PuzzleError, match="takes 36 cells"):
        run_experiment(
            tiny_model(sequence_length=36),
            TASK,
            puzzles,
            ExperimentSettings(targets=("solution",), steps=(1,)),
        )


def test_the_untrained_network_may_be_probed_at_the_first_time_point_only(tiny_model, puzzles):
    settings = ExperimentSettings(
        targets=("right_now",), steps=(1, 2), random="first", control=False, probe=FEW
    )
    experiment = run_experiment(tiny_model(), TASK, puzzles, settings)
    time_points = {result.source: result.time_points for result in experiment.results}
    both = (0, 1)
    assert time_points == {
        "z": both, "y": both, "random z": (0,), "random y": (0,), "derived": both, "input": both
    }  # fmt: skip
    assert experiment.provenance.N_sup == 2  # no target needs the final answers


@pytest.mark.parametrize(
    "random, states, total, count",
    [
        ("all", ("z", "y"), 3 + 0.1 * 2 * 5 * 6, 2),
        ("first", ("z", "y"), 1 + 0.1 * 2 * 5 * 6, 1),
        ("none", ("z", "y"), 0.1 * 2 * 5 * 4, 0),
        ("all", ("z",), 3 + 0.1 * 2 * 5 * 4, 2),
    ],
)
def test_the_cost_is_that_of_the_untrained_runs_and_of_all_probes(random, states, total, count):
    """Five targets at two steps, from each state, each untrained state, the input and features derived from it."""
    settings = ExperimentSettings(
        targets=("right_now", CANDIDATES), states=states, steps=(1, 3), random=random
    )
    time_points = time_points_of(Depth(n=2, T=2, N_sup=3), settings.steps)
    cost = ExperimentCost.of(settings, groups_named(TASK, settings.targets), time_points)
    assert cost.total == pytest.approx(total) and cost.random_at == time_points[:count]


def test_targets_with_the_labels_of_another_refer_to_it(tiny_model, puzzles):
    """`right_at_end` equals `right_now` at the last step only."""
    settings = ExperimentSettings(
        targets=("right_now", "given", "right_at_end"),
        steps=(1, 3),
        random="none",
        control=False,
        probe=FEW,
    )
    summary = run_experiment(tiny_model(), TASK, puzzles, settings).summary()
    assert {one.name: one.repeats for one in summary.targets} == {
        "right_now": (None, None),
        "given": (None, None),
        "right_at_end": (None, "right_now"),
    }


def test_labels_are_the_same_if_yes_and_no_are_swapped():
    rng = np.random.default_rng(0)
    defined = rng.random((9, 1, 6)) < 0.7
    on = rng.integers(0, 2, (9, 1, 6)).astype(np.int16)
    other = np.where(np.arange(6) == 0, 1 - on, on)
    of = {
        "on": [Values(on, defined)],
        "off": [Values((1 - on) * defined, defined)],
        "elsewhere": [Values(on, ~defined)],
        "other": [Values(other, defined)],
    }
    assert repeated_labels(of, time_points=2) == {
        "on": [None] * 2, "off": ["on"] * 2, "elsewhere": [None] * 2, "other": [None] * 2
    }  # fmt: skip


def test_predictions_of_the_answer_and_of_the_solution_are_counted_in_wrong_cells():
    """Test puzzles 0 and 1 have three wrong cells: the probe predicts the answer in two of them, the solution in none."""
    solution = Values(np.array([[[0, 1, 2]], [[3, 3, 3]], [[0, 0, 0]]], np.int16), np.ones((3, 1, 3), bool))
    now = Values(np.array([[[0, 2, 2]], [[0, 1, 3]], [[1, 1, 1]]], np.int16), np.ones((3, 1, 3), bool))
    predicted = np.array([[[0, 2, 2]], [[0, 2, 3]]])
    wrong = WrongCells.of(solution, now, predicted, Split(np.array([2]), np.array([3]), np.array([0, 1])))
    assert {name: counts.tolist() for name, counts in vars(wrong).items()} == {
        "cells": [3], "puzzles": [2], "answer": [2], "solution": [0]
    }  # fmt: skip


def test_description_lengths_are_computed_for_targets_with_classes_only(tiny_model, puzzles):
    settings = ExperimentSettings(
        targets=("candidates_left", "given"),
        states=("y",),
        steps=(1,),
        random="none",
        control=False,
        probe=replace(FEW, code_length=True),
    )
    summary = run_experiment(tiny_model(), TASK, puzzles, settings).summary()
    coded = {(one.target, one.source) for one in summary.results if one.probes[0].code}
    assert coded == {("given", "y")}
    code = code_of(summary, "given", "y")
    assert 0 < code.bits[0] < code.entropy[0] < 1
    assert code.compression[0] == pytest.approx(code.entropy[0] / code.bits[0])


def test_invalid_settings_are_refused(tiny_model, puzzles):
    with pytest.raises(TargetError, match="Choose from: solution"):
        groups_named(TASK, ["soluton"])
    with pytest.raises(TargetError, match="No target"):
        groups_named(TASK, [])
    with pytest.raises(ProbeError, match="z, y or both"):
        ExperimentSettings(targets=("solution",), states=("x",))
    with pytest.raises(ProbeError, match="all, first, none"):
        ExperimentSettings(targets=("solution",), random="some")


@pytest.mark.parametrize("names", [default_targets, recorded_targets])
def test_the_default_and_recorded_targets_exist_for_every_bundled_task(names):
    from trm.registry import model_config

    for model in ("sudoku-trm", "maze-trm"):
        task = task_of(model_config(model))
        assert set(names(task)) <= {group.name for group in groups_of(task)}


@pytest.mark.heavy
def test_the_command_line_fits_saves_and_applies(tiny_model, puzzles, tmp_path, capsys):
    model = tiny_model()
    save_model(tmp_path / "model", model.config, model.state_dict())
    lines = [TASK.format(puzzle) for puzzle in puzzles.inputs]
    (tmp_path / "set.txt").write_text("\n".join(lines))
    main(
        f"fit --model {tmp_path}/model --data {tmp_path}/set.txt --limit 30 --targets solution,{CANDIDATES} --steps 1-2 "
        f"--random first --no-control --out {tmp_path}/out/a.json --save {tmp_path}/out/probes --json".split()
    )
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "a.json").read_text())
    assert (tmp_path / "out" / "a.parquet").is_file()
    assert len(list((tmp_path / "out" / "probes").iterdir())) == 2 * 5
    command = f"apply --model {tmp_path}/model --probe {tmp_path}/out/probes/candidate_1.z.safetensors --puzzle {lines[0]}"
    main([*command.split(), "--out", f"{tmp_path}/out/b.json", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "b.json").read_text())
    (reading,) = printed["readings"]
    assert len(reading["read"]) == 2 and len(reading["read"][0]) == 16
    assert {cell for row in reading["read"] for cell in row} <= {"yes", "no", None}
    main(command.split())
    letters = "".join({"yes": "y", "no": "n", None: "."}[cell] for cell in reading["read"][1])
    assert f"step 2: {letters}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--steps 1,99", "Choose from 1 to 3"),
        ("--steps one", "1,4,8-16"),
        ("--targets nothing", "Choose from: solution"),
        ("--state x", "z, y or both"),
        ("--limit 0", "Give 1 or more"),
    ],
)
def test_errors_are_one_line(arguments, message, tiny_model, tmp_path, puzzles, capsys):
    model = tiny_model()
    save_model(tmp_path / "model", model.config, model.state_dict())
    (tmp_path / "set.txt").write_text("\n".join(TASK.format(puzzle) for puzzle in puzzles.inputs))
    with pytest.raises(SystemExit) as end:
        main(["fit", "--model", f"{tmp_path}/model", "--data", f"{tmp_path}/set.txt", *arguments.split()])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
