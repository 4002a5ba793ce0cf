"""One probing experiment on a tiny model: its scores, files, findings, predictions on one puzzle, and causal tests."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet
import pytest
import torch
from probing import FEW, TASK, forty_puzzles

from probes.linear.apply import apply_to_puzzle, summary_of
from probes.linear.causal import CausalSettings, Steering, run_causal_test
from probes.linear.directions import direction_of
from probes.linear.experiment.files import load_experiment, score_table, write_experiment
from probes.linear.experiment.run import run_experiment
from probes.linear.experiment.summary import CausalSummary, CausalTests, ExperimentSettings
from probes.linear.files import ProbeFileError, open_probe
from probes.linear.probe import ProbeError, apply
from probes.linear.target_groups import CANDIDATES
from probes.reports.linear import write_findings
from probes.states import StateSource
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.errors import UserError
from trm.recursion import State
from trm.results import as_json, save


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    return forty_puzzles()


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
    # Three steps each of the model and of the untrained network, and two steps of 8 probes from 6 sources.
    whole = 3 + 3 + 0.1 * 2 * 8 * 6
    for message, begin, end in (
        ("running the model on 40 puzzles", 0, 3),
        ("running the untrained network on 40 puzzles", 3, 6),
        ("fitting solution from z", 6, 6.2),
        ("fitting blanks from the input", whole - 0.2, whole),
    ):
        own = [share for share, words in calls if words == message]
        assert (own[0], own[-1]) == pytest.approx((begin / whole, end / whole)), message
    return result


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


def test_wrong_cells_are_counted_for_the_solution_only(experiment):
    wrong = {(one.group.name, one.source) for one in experiment.results if one.wrong_cells}
    assert wrong == {("solution", "z"), ("solution", "y")}


def test_files_hold_the_whole_experiment_and_saved_probes_predict_the_same(
    experiment, tiny_model, puzzles, tmp_path
):
    paths = write_experiment(tmp_path / "study.json", experiment, probes=tmp_path / "probes")
    assert all(path.is_file() for path in paths)
    assert json.loads((tmp_path / "study.json").read_text()) == as_json(experiment.summary())
    save(tmp_path / "recorded.safetensors", experiment.summary())
    assert load_experiment(tmp_path / "recorded.safetensors") == experiment.summary()
    table = pyarrow.parquet.read_table(tmp_path / "study.parquet").to_pydict()
    assert table == score_table(experiment.summary())
    model, puzzle = tiny_model(), int(experiment.results[0].probes[0].split.test[0])
    for state in ("z", "y"):
        probe = open_probe(tmp_path / "probes" / f"solution.{state}.safetensors")
        (predictions,) = apply_to_puzzle(model, TASK, puzzles.inputs[puzzle], [probe])
        source = StateSource.compute(model, TASK, puzzles, time_points=probe.time_points)
        whole = apply(probe.result, source.states_at(state, probe.time_points)).values[puzzle]
        assert (predictions.values == whole).all()
        blank = ~TASK.givens(puzzles.inputs[puzzle])
        assert (predictions.defined == blank).all()
        assert (predictions.true[0][blank] == puzzles.labels[puzzle][blank] - 2).all()
        summary = summary_of([predictions], model=model, task=TASK, inputs=puzzles.inputs[puzzle])
        assert summary["readings"][0]["read"][0] == [
            str(value + 1) if is_blank else None for value, is_blank in zip(whole[0], blank, strict=True)
        ]
        digits = (puzzles.labels[puzzle] - 1).tolist()
        assert summary["readings"][0]["true"][1] == [
            str(digit) if is_blank else None for digit, is_blank in zip(digits, blank, strict=True)
        ]
        probability = summary["readings"][0]["probability"][0]
        assert all((one is None) != is_blank for one, is_blank in zip(probability, blank, strict=True))
        assert all(0.25 <= one <= 1 for one in probability if one is not None)


def test_a_probe_that_does_not_fit_the_model_is_refused(experiment, tiny_model, puzzles, tmp_path):
    write_experiment(tmp_path / "study.json", experiment, probes=tmp_path)
    probe = open_probe(tmp_path / "solution.z.safetensors")
    with pytest.raises(ProbeFileError, match="but tiny has hidden size 16"):
        apply_to_puzzle(tiny_model(hidden_size=16), TASK, puzzles.inputs[0], [probe])
    with pytest.raises(ProbeFileError, match=r"call 3\.2\.3"):
        apply_to_puzzle(tiny_model(), TASK, puzzles.inputs[0], [probe], depth=Depth(n=2, T=2, N_sup=2))
    with pytest.raises(ProbeFileError, match="maze"):
        other = replace(probe, provenance=replace(probe.provenance, task="maze"))
        apply_to_puzzle(tiny_model(), TASK, puzzles.inputs[0], [other])


def test_only_a_target_of_the_final_answer_needs_the_steps_after_its_probe(experiment, tiny_model, puzzles):
    model, deep = tiny_model(), Depth(n=2, T=2, N_sup=6)
    probes = {one.target: one for one in experiment.saved_probes() if one.state == "z"}
    at = probes["solution"].time_points
    third, last = (
        StateSource.compute(model, TASK, puzzles, time_points=at, depth=depth).final_answers()
        for depth in (model.config.depth, deep)
    )
    wrong = (last != third) & ((last == puzzles.labels) != (third == puzzles.labels))
    row = int((wrong & ~TASK.givens(puzzles.inputs)).any(1).argmax())
    reports = {"right_at_end": [], "solution": []}
    for name, calls in reports.items():
        (found,) = apply_to_puzzle(
            model, TASK, puzzles.inputs[row], [probes[name]], depth=deep, labels=puzzles.labels[row],
            progress=lambda share, words, calls=calls: calls.append(share),
        )  # fmt: skip
        if name == "right_at_end":
            right = np.broadcast_to(last[row] == puzzles.labels[row], found.true.shape)
            assert np.array_equal(found.true[found.defined], right[found.defined])
    assert len(reports["right_at_end"]) > len(reports["solution"])


def test_findings_are_generated_between_their_marks(experiment, tmp_path):
    document = tmp_path / "findings.md"
    document.write_text("# Findings\n\nBefore.\n")
    summary = experiment.summary()
    change = {"changed_now": 0.5, "changed_end": 0.2}
    use = CausalSummary(
        target="solution", class_name="3", state="z", how="move", strength=1.0, puzzles=8, distance=0.1,
        at=experiment.time_points[0], clean={}, along=change, random=(change, {"changed_now": 0.1, "changed_end": 0.1}),
        excess={"changed_end": {"value": 0.05, "low": 0.01, "high": 0.09}},
    )  # fmt: skip
    tests = CausalTests(experiment.provenance, (use,))
    for _ in range(2):  # writing again replaces the section
        write_findings(document, {"tiny": summary}, {"tiny": tests})
    text = document.read_text()
    assert "| z | 1 | 10% | 50.0, 30.0 | 20.0, 15.0 | +5.0 (+1.0 to +9.0) |" in text
    assert text.startswith("# Findings\n\nBefore.\n") and text.count("### tiny") == 1
    rows = [line for line in text.splitlines() if line.startswith("| solution | % | z")]
    value = experiment.results[0].scores["accuracy"].value[0]
    assert len(rows) == 1 and f"| {100 * value:.1f} (" in rows[0]
    document.write_text(text.replace("<!-- probes: end -->", ""))
    with pytest.raises(UserError, match="one of the markers"):
        write_findings(document, {"tiny": summary})


# ---- causal tests


def test_projecting_out_sets_every_cell_to_the_mean_and_random_moves_have_the_same_length(
    experiment, tiny_model, puzzles
):
    model = tiny_model()
    (probe,) = (one for one in experiment.saved_probes() if (one.target, one.state) == ("candidate_1", "z"))
    direction = direction_of(probe, 0)
    assert np.linalg.norm(direction) == pytest.approx(1, abs=1e-5)
    no, yes = probe.result.classes
    assert np.array_equal(direction_of(probe, 0, yes), direction)
    assert np.array_equal(direction_of(probe, 0, no), -direction)
    with pytest.raises(ProbeError, match="has no class 'maybe'"):
        direction_of(probe, 0, "maybe")
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
    tiny_model, puzzles, monkeypatch
):
    """The head decodes the answer from y, so a probe with the head's weights must change it."""
    model, calls, hooks, hook = tiny_model(), [], [], Steering.hook

    def watched(self, towards, prefix):
        hooks.append((float(np.linalg.norm(towards)), prefix))
        return hook(self, towards, prefix)

    monkeypatch.setattr(Steering, "hook", watched)
    settings = ExperimentSettings(
        targets=("answer_now",), states=("y",), steps=(3,), random="none", control=False, probe=FEW
    )
    (probe,) = run_experiment(model, TASK, puzzles, settings).saved_probes()
    head = model.lm_head.weight.detach().numpy()[2:]  # rows of the four digits
    weights = (head * probe.result.scale)[None].astype(np.float32)
    probe = replace(probe, result=replace(probe.result, weights=weights))
    # The labels are the model's own answers, except that one is missing and one is another digit.
    few = puzzles.take(np.arange(8))
    labels = StateSource.compute(model, TASK, few, time_points=probe.time_points).final_answers()
    blank = ~TASK.givens(few.inputs)
    for row, wrong in ((0, 0), (1, labels[1, blank[1]][0] % 4 + 2)):
        labels[row, blank[row].argmax()] = wrong
    result = run_causal_test(
        model,
        TASK,
        replace(few, labels=labels),
        probe,
        time_point=0,
        class_name="3",
        settings=CausalSettings(strength=200.0, randoms=3),
        progress=lambda share, words: calls.append((share, words)),
    )
    assert result.clean.changed_end.max() == 0
    assert result.clean.solved.tolist() == [True, False] + [True] * 6
    assert result.clean.right_end.tolist() == pytest.approx([1, 1 - 1 / blank[1].sum(), *[1] * 6])
    assert np.array_equal(result.along.changed_now, result.along.changed_end)  # in the last step
    assert hooks == [(pytest.approx(1, abs=1e-5), model.config.prefix_length)] * 4
    for message, begin in (
        ("clean run", 0.0),
        ("run changed along the probe's direction", 0.2),
        ("run changed along random direction 1 of 3", 0.4),
        ("run changed along random direction 3 of 3", 0.8),
    ):
        own = [share for share, words in calls if words == message]
        assert (own[0], own[-1]) == pytest.approx((begin, begin + 0.2)), message
    assert result.along.of_class.mean() > 0.9 > np.mean([one.of_class.mean() for one in result.random])
    value, low, high = result.excess("of_class")
    assert low <= value <= high and value > 0.2
    assert value == pytest.approx(
        result.along.of_class.mean() - np.mean([one.of_class for one in result.random])
    )
    summary = result.summary()
    assert set(summary.excess) == set(summary.clean) - {"solved"} == {
        "changed_now", "changed_end", "right_end", "of_class"
    }  # fmt: skip
    assert summary.class_name == "3" and len(summary.random) == 3
    assert (summary.how, summary.strength) == ("move", 200.0)


def test_a_change_of_z_after_the_last_step_has_no_effect(experiment, tiny_model, puzzles):
    (probe,) = (one for one in experiment.saved_probes() if (one.target, one.state) == ("solution", "z"))
    few = puzzles.take(np.arange(4))
    result = run_causal_test(
        tiny_model(), TASK, few, probe, time_point=1, class_name="1", settings=CausalSettings(randoms=1)
    )
    states = StateSource.compute(tiny_model(), TASK, few, time_points=probe.time_points).states_at(
        "z", probe.time_points
    )[:, 1]
    moved = 4 * np.std(states @ direction_of(probe, 1, "1"))
    assert result.distance == pytest.approx((moved / np.linalg.norm(states, axis=-1)).mean(), rel=1e-4)
    assert result.along.changed_end.max() == 0
    with pytest.raises(ProbeError, match="several z states"):
        run_causal_test(tiny_model(kind="trm-multi-z", latents=2), TASK, few, probe, time_point=1)
    erased = replace(result, settings=CausalSettings("erase")).summary()
    assert (erased.how, erased.strength) == ("erase", None)
    with pytest.raises(ProbeError, match="Choose from: 1, 2, 3, 4"):
        direction_of(probe, 0, "9")
    with pytest.raises(ProbeError, match="move or erase"):
        CausalSettings("delete")
