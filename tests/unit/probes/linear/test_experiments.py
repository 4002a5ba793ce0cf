"""Probing experiments on tiny models: collected states, baselines, files, predictions on one puzzle, and causal tests."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet
import pytest
import torch

from probes.cli.main import main
from probes.linear.apply import apply_to_puzzle, open_probe, probes_of, summary_of
from probes.linear.causal import CausalSettings, Steering, run_causal_test
from probes.linear.collect import CollectError, collect, time_points_of
from probes.linear.directions import direction_of
from probes.linear.experiment.files import load_experiment, score_table, write_experiment
from probes.linear.experiment.results import ExperimentSettings
from probes.linear.experiment.run import repeated_labels, run_experiment
from probes.linear.experiment.scores import WrongCells
from probes.linear.experiment.views import code_of
from probes.linear.files import ProbeFileError
from probes.linear.probe import ProbeError, ProbeSettings, apply
from probes.linear.splits import Split
from probes.linear.target_groups import (
    CANDIDATES,
    default_targets,
    groups_named,
    groups_of,
    recorded_targets,
)
from probes.linear.targets import TargetError, Values
from probes.reports.linear import write_findings
from trm.checkpoint import save_model
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.errors import PuzzleError, UserError
from trm.recursion import State, deep_supervision
from trm.tasks import task_of
from trm.tasks.sudoku import Sudoku

FEW = ProbeSettings(C=(1e-2, 1.0), alpha=(1e2, 1.0), resamples=50)
TASK = Sudoku(2, 2)


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    rng = np.random.default_rng(0)
    made = [TASK.generate(rng, "easy") for _ in range(40)]
    return PuzzleSet.of(
        "made", TASK, np.stack([one.inputs for one in made]), np.stack([one.labels for one in made])
    )


@pytest.fixture(scope="module")
def experiment(tiny_model, puzzles):
    settings = ExperimentSettings(
        targets=("solution", CANDIDATES, "candidates_left", "right_at_end", "blanks"),
        steps=(1, 3),
        probe=FEW,
    )
    calls = []
    result = run_experiment(
        tiny_model(), TASK, puzzles, settings, progress=lambda share, words: calls.append((share, words))
    )
    shares = [share for share, _ in calls]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == pytest.approx(1)
    return result


def test_collected_states_are_those_of_the_recursion(tiny_model, puzzles):
    model, depth = tiny_model(), Depth(n=2, T=2, N_sup=3)
    time_points = time_points_of(depth, [3, 1])
    assert [(at.supervision_step, at.cycle, at.call) for at in time_points] == [(1, 2, 3), (3, 2, 3)]
    runs = collect(model, puzzles.inputs, depth=depth, time_points=time_points)
    tokens = torch.from_numpy(puzzles.inputs.astype(np.int64))
    steps = list(deep_supervision(model, tokens, torch.zeros(len(tokens), dtype=torch.int64), depth=depth))
    for place, number in enumerate((0, 2)):
        for name, state in (("y", steps[number].state.y), ("z", steps[number].state.z)):
            np.testing.assert_allclose(runs.states[name][:, place], state[:, 1:], rtol=1e-4, atol=1e-5)
        assert (runs.now[:, place] == steps[number].heads.logits.argmax(-1).numpy()).all()
        assert (runs.halts[:, place] == (steps[number].heads.q_halt > 0).numpy()).all()
    assert (runs.end == steps[2].heads.logits.argmax(-1).numpy()).all()


def test_puzzles_may_lack_a_symbol_but_must_have_the_models_size(tiny_model, puzzles):
    blank = puzzles.take(np.arange(2))
    blank = replace(blank, inputs=np.where(blank.inputs == blank.inputs.max(), 1, blank.inputs))
    depth = Depth(n=2, T=2, N_sup=1)
    runs = collect(tiny_model(), blank.inputs, depth=depth, time_points=time_points_of(depth, [1]))
    assert runs.now.shape == (2, 1, 16)
    with pytest.raises(PuzzleError, match="takes 36 cells"):
        run_experiment(
            tiny_model(sequence_length=36),
            TASK,
            puzzles,
            ExperimentSettings(targets=("solution",), steps=(1,)),
        )


def test_time_points_are_the_requested_ones():
    depth = Depth(n=2, T=2, N_sup=3)
    assert [at.cycle for at in time_points_of(depth, [2], "cycles")] == [1, 2]
    assert len(time_points_of(depth, [1, 2], "all")) == 2 * depth.calls_per_step
    with pytest.raises(CollectError, match="Choose from 1 to 3"):
        time_points_of(depth, [4])
    with pytest.raises(CollectError, match="cycles"):
        time_points_of(depth, [1], "some")


def test_a_cancelled_run_ends_at_the_next_call(tiny_model, puzzles):
    class Stop(Exception):
        pass

    shares = []

    def stop(share: float) -> None:
        shares.append(share)
        if len(shares) == 3:
            raise Stop

    depth = Depth(n=2, T=2, N_sup=3)
    with pytest.raises(Stop):
        collect(
            tiny_model(), puzzles.inputs, depth=depth, time_points=time_points_of(depth, [1]), progress=stop
        )
    assert len(shares) == 3


def test_an_experiment_has_every_source_with_its_scores(experiment):
    sources = ["z", "y", "random z", "random y", "derived", "input"]
    by_target = {}
    for result in experiment.results:
        by_target.setdefault(result.group.name, []).append(result)
    assert list(by_target) == ["solution", CANDIDATES, "candidates_left", "right_at_end", "blanks"]
    for results in by_target.values():
        assert [result.source for result in results] == sources
    solution = {result.source: result for result in by_target["solution"]}
    assert {"accuracy", "balanced_accuracy", "majority", "control", "selectivity"} == set(
        solution["z"].group_scores.scores
    )
    others = ["majority", "y", "random z", "random y", "derived", "input"]
    assert list(solution["z"].gains) == [f"above {name}" for name in others] and not solution["input"].gains
    scores = {source: one.scores["accuracy"].value for source, one in solution.items()}
    np.testing.assert_allclose(
        solution["z"].gains["above input"].value, scores["z"] - scores["input"], atol=1e-12
    )
    for result in by_target["solution"] + by_target["candidates_left"]:
        for name, score in result.probes[0].scores.items():  # equal to those of the probe, including bands
            np.testing.assert_allclose(
                result.scores[name].low, score.low, rtol=1e-5
            )  # float32 sums in another order
    assert "control" not in solution["input"].scores
    assert solution["input"].time_points == (0,) and solution["z"].time_points == (0, 1)
    confusion = solution["z"].group_scores.confusion
    assert confusion.shape == (2, 4, 4)
    share = np.trace(confusion[1]) / confusion[1].sum()
    assert share == pytest.approx(solution["z"].scores["accuracy"].value[1])
    assert {result.group_scores.by_cell.shape for result in by_target["blanks"]} <= {(2, 1), (1, 1)}
    # Candidates are a function of the row, column and box: in 4x4 puzzles the input gives nearly all of them.
    (candidates,) = (result for result in by_target[CANDIDATES] if result.source == "input")
    assert len(candidates.probes) == 4
    assert candidates.scores["accuracy"].value[0] > candidates.scores["majority"].value[0] + 0.05


def test_scores_of_a_group_are_those_of_all_its_cells(experiment):
    (result,) = (one for one in experiment.results if one.group.name == CANDIDATES and one.source == "z")
    counts = np.array([probe.counts[2, 0].sum() for probe in result.probes])
    own = np.array([probe.scores["accuracy"].value[0] for probe in result.probes])
    assert result.scores["accuracy"].value[0] == pytest.approx((own * counts).sum() / counts.sum())
    low, high = result.scores["accuracy"].low[0], result.scores["accuracy"].high[0]
    assert low <= result.scores["accuracy"].value[0] <= high


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
    assert experiment.about["depth"]["N_sup"] == 2  # no target needs the final answers


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
    assert {one["name"]: one["repeats"] for one in summary["targets"]} == {
        "right_now": [None, None],
        "given": [None, None],
        "right_at_end": [None, "right_now"],
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


def test_wrong_cells_are_counted_for_the_solution_only(experiment):
    wrong = {(one.group.name, one.source) for one in experiment.results if one.wrong_cells}
    assert wrong == {("solution", "z"), ("solution", "y")}


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
    coded = {(one["target"], one["source"]) for one in summary["findings"] if "code" in one["probes"][0]}
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


def test_files_hold_the_whole_experiment_and_saved_probes_predict_the_same(
    experiment, tiny_model, puzzles, tmp_path
):
    paths = write_experiment(tmp_path / "study.json", experiment, probes=tmp_path / "probes")
    assert all(path.is_file() for path in paths)
    loaded = load_experiment(tmp_path / "study.json")
    assert loaded == json.loads(json.dumps(experiment.summary()))
    table = pyarrow.parquet.read_table(tmp_path / "study.parquet").to_pydict()
    assert table == score_table(experiment.summary())
    model, puzzle = tiny_model(), int(experiment.results[0].probes[0].split.test[0])
    for state in ("z", "y"):
        probe = open_probe(tmp_path / "probes" / f"solution.{state}.safetensors")
        (predictions,) = apply_to_puzzle(model, TASK, puzzles.inputs[puzzle], [probe])
        depth = model.config.depth
        runs = collect(model, puzzles.inputs, depth=depth, time_points=probe.time_points)
        whole = apply(probe.result, runs.states[state]).values[puzzle]
        assert (predictions.values == whole).all()
        blank = ~TASK.givens(puzzles.inputs[puzzle])
        assert (predictions.defined == blank).all()
        assert (predictions.true[0][blank] == puzzles.labels[puzzle][blank] - 2).all()
        summary = summary_of([predictions], model=model, task=TASK, inputs=puzzles.inputs[puzzle])
        assert summary["readings"][0]["read"][0] == [
            str(value + 1) if is_blank else None for value, is_blank in zip(whole[0], blank, strict=True)
        ]


def test_a_probe_that_does_not_fit_the_model_is_refused(experiment, tiny_model, puzzles, tmp_path):
    write_experiment(tmp_path / "study.json", experiment, probes=tmp_path)
    probe = open_probe(tmp_path / "solution.z.safetensors")
    with pytest.raises(ProbeFileError, match="but tiny has hidden size 16"):
        apply_to_puzzle(tiny_model(hidden_size=16), TASK, puzzles.inputs[0], [probe])
    with pytest.raises(ProbeFileError, match=r"call 3\.2\.3"):
        apply_to_puzzle(tiny_model(), TASK, puzzles.inputs[0], [probe], depth=Depth(n=2, T=2, N_sup=2))
    with pytest.raises(ProbeFileError, match="maze"):
        other = replace(probe, about=probe.about | {"task": "maze"})
        apply_to_puzzle(tiny_model(), TASK, puzzles.inputs[0], [other])


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
    assert printed == load_experiment(tmp_path / "out" / "a.json")
    assert (tmp_path / "out" / "a.parquet").is_file()
    assert len(list((tmp_path / "out" / "probes").iterdir())) == 2 * 5
    main(
        f"apply --model {tmp_path}/model --probe {tmp_path}/out/probes/candidate_1.z.safetensors --puzzle {lines[0]} "
        f"--out {tmp_path}/out/b.json --json".split()
    )
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "b.json").read_text())
    (reading,) = printed["readings"]
    assert len(reading["read"]) == 2 and len(reading["read"][0]) == 16
    assert {cell for row in reading["read"] for cell in row} <= {"yes", "no", None}


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


def test_findings_are_generated_between_their_marks(experiment, tmp_path):
    document = tmp_path / "findings.md"
    document.write_text("# Findings\n\nBefore.\n")
    summary = json.loads(json.dumps(experiment.summary()))
    change = {"changed_now": 0.5, "changed_end": 0.2}
    use = {
        "target": "solution", "class": "3", "state": "z", "how": "move", "puzzles": 8, "distance": 0.1,
        "at": {"supervision_step": 1}, "along": change, "random": [change, {"changed_now": 0.1, "changed_end": 0.1}],
        "excess": {"changed_end": {"value": 0.05, "low": 0.01, "high": 0.09}},
    }  # fmt: skip
    for _ in range(2):  # writing again replaces the section
        write_findings(document, {"tiny": summary}, {"tiny": {"fingerprint": "0" * 16, "uses": [use]}})
    text = document.read_text()
    assert "| z | 1 | 10 % | 50.0, 30.0 | 20.0, 15.0 | +5.0 (+1.0 to +9.0) |" in text
    assert text.startswith("# Findings\n\nBefore.\n") and text.count("### tiny") == 1
    rows = [line for line in text.splitlines() if line.startswith("| solution | % | z")]
    value = experiment.results[0].scores["accuracy"].value[0]
    assert len(rows) == 1 and f"| {100 * value:.1f} (" in rows[0]
    document.write_text(text.replace("<!-- probes: end -->", ""))
    with pytest.raises(UserError, match="one of the markers"):
        write_findings(document, {"tiny": summary})


# causal tests


def test_projecting_out_sets_every_cell_to_the_mean_and_random_moves_have_the_same_length(
    experiment, tiny_model, puzzles
):
    model = tiny_model()
    (probe,) = (one for one in probes_of(experiment) if (one.target, one.state) == ("candidate_1", "z"))
    direction = direction_of(probe, 0)
    assert np.linalg.norm(direction) == pytest.approx(1, abs=1e-5)
    mean = float(probe.result.mean[0] @ direction)
    steering = Steering(probe, probe.time_points[0], direction, mean, CausalSettings("erase"), 1.0)
    state = State(torch.randn(5, 17, 8), torch.randn(5, 17, 8))
    erased = steering.hook(direction, 1)(probe.time_points[0], state)
    assert torch.equal(erased.y, state.y) and torch.equal(erased.z[:, 0], state.z[:, 0])
    np.testing.assert_allclose(erased.z[:, 1:] @ torch.from_numpy(direction), mean, atol=1e-4)
    other = np.random.default_rng(0).normal(size=8).astype(np.float32)
    random = steering.hook(other / np.linalg.norm(other), 1)(probe.time_points[0], state)
    np.testing.assert_allclose(
        (random.z - state.z).norm(dim=-1), (erased.z - state.z).norm(dim=-1), atol=1e-4
    )
    assert steering.hook(direction, 1)(probe.time_points[1], state) is state
    moved = Steering(probe, probe.time_points[0], direction, mean, CausalSettings("move", strength=3.0), 0.5)
    lengths = (moved.hook(direction, 1)(probe.time_points[0], state).z - state.z)[:, 1:].norm(dim=-1)
    np.testing.assert_allclose(lengths, 1.5, atol=1e-4)
    assert model.config.hidden_size == 8


def test_steering_y_along_the_heads_own_direction_has_a_larger_effect_than_random_directions(
    tiny_model, puzzles
):
    """The head decodes the answer from y, so a probe with the head's weights must change it."""
    model = tiny_model()
    settings = ExperimentSettings(
        targets=("answer_now",), states=("y",), steps=(3,), random="none", control=False, probe=FEW
    )
    (probe,) = probes_of(run_experiment(model, TASK, puzzles, settings))
    head = model.lm_head.weight.detach().numpy()[2:]  # rows of the four digits
    weights = (head * probe.result.scale)[None].astype(np.float32)
    probe = replace(probe, result=replace(probe.result, weights=weights))
    result = run_causal_test(
        model,
        TASK,
        puzzles.take(np.arange(8)),
        probe,
        time_point=0,
        class_name="3",
        settings=CausalSettings(strength=200.0, randoms=3),
    )
    assert result.clean.changed_end.max() == 0
    assert result.along.of_class.mean() > 0.9 > np.mean([one.of_class.mean() for one in result.random])
    value, low, high = result.excess("of_class")
    assert low <= value <= high and value > 0.2
    assert result.summary()["class"] == "3" and len(result.summary()["random"]) == 3


def test_a_change_of_z_after_the_last_step_has_no_effect(experiment, tiny_model, puzzles):
    (probe,) = (one for one in probes_of(experiment) if (one.target, one.state) == ("solution", "z"))
    few = puzzles.take(np.arange(4))
    result = run_causal_test(
        tiny_model(), TASK, few, probe, time_point=1, class_name="1", settings=CausalSettings(randoms=1)
    )
    assert result.along.changed_end.max() == 0 and result.distance > 0
    with pytest.raises(ProbeError, match="Choose from: 1, 2, 3, 4"):
        direction_of(probe, 0, "9")
    with pytest.raises(ProbeError, match="move or erase"):
        CausalSettings("delete")
