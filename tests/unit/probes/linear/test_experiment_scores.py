"""Scores of an experiment: the verdict follows the band of the smallest difference, and differences have paired bands."""

from dataclasses import replace

import numpy as np
import pytest
from experiment_summaries import experiment_summary, result_summary, target_summary

from probes.linear.experiment.scores import GroupScores, gains, scored
from probes.linear.experiment.summary import ExperimentSummary, ScoreSummary
from probes.linear.experiment.verdicts import format_score, sentences
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeSettings
from probes.linear.scores import with_band
from probes.linear.splits import Split
from probes.linear.target_groups import groups_named
from probes.linear.targets import Values
from trm.tasks.sudoku import Sudoku

FEW = ProbeSettings(C=(1e-2, 1.0), alpha=(1e2, 1.0), resamples=50)
TASK = Sudoku(2, 2)


def summary_of(score: str, gains: dict[str, tuple[float, float, float]], **result) -> ExperimentSummary:
    """A target t at one step, decoded from z, with differences from its baselines."""
    scores = {f"above {name}": ScoreSummary(*([one] for one in gain)) for name, gain in gains.items()}
    return experiment_summary([target_summary("t", score)], [result_summary("t", "z", scores, **result)])


@pytest.mark.parametrize(
    "low, high, words",
    [
        (
            0.1,
            0.3,
            "z encodes more than every baseline",
        ),
        (0.0, 0.3, "z is not distinguishable from the best baseline"),
        (-0.3, -0.1, "z encodes less than the best baseline"),
        (-0.3, 0.0, "z is not distinguishable from the best baseline"),
        (-0.05, 0.04, "z encodes no more than the best baseline"),
        (-0.04, 0.05, "z encodes no more than the best baseline"),
        (0.01, 0.05, "z encodes no more than the best baseline"),
        (-0.04, 0.3, "z is not distinguishable from the best baseline"),
        (-0.3, 0.01, "z is not distinguishable from the best baseline"),
    ],
)
def test_the_verdict_follows_the_band_of_the_smallest_difference(low, high, words):
    """ "No more" requires a band within the margin; a band that contains 0 is not enough."""
    gains = {"input": (0.2, low, high), "majority": (0.9, 0.8, 0.95), "y": (-1.0, -1.0, -1.0)}
    interval = f"+0.200 AUROC, 95% interval {low:+.3f} to {high:+.3f}, relative to the input"
    assert f"{words} ({interval})" in sentences(summary_of("auroc", gains), "t", [0])


@pytest.mark.parametrize(
    "score, words",
    [
        ("accuracy", "(+13.2 points, 95% interval +6.0 to +19.9, relative to the input)"),
        ("r2", "(+0.13 R², 95% interval +0.06 to +0.20, relative to the input)"),
    ],
)
def test_a_difference_has_its_unit_and_says_what_its_range_is(score, words):
    assert words in sentences(summary_of(score, {"input": (0.132, 0.06, 0.199)}), "t", [0])


@pytest.mark.parametrize(
    "puzzles, words",
    [
        ([25, 0], "After step 1, the test puzzles contain only one class, so there is nothing to test."),
        (
            [25, 1],
            "After step 1, the rarer class occurs in only 1 test puzzle, which is too few for a verdict.",
        ),
        (
            [25, 5],
            "After step 1, z encodes more than every baseline (+0.400 AUROC, 95% interval +0.300 to +0.500, relative to the input).",
        ),
    ],
)
def test_a_single_class_or_too_few_puzzles_give_no_verdict(puzzles, words):
    summary = summary_of("auroc", {"input": (0.4, 0.3, 0.5)}, test_puzzles=[puzzles])
    assert sentences(summary, "t", [0]) == words


def test_a_verdict_is_on_the_test_puzzles_of_its_own_step():
    """Only the last of two steps has a cell of the second class."""
    gain = ScoreSummary([0.4, 0.4], [0.3, 0.3], [0.5, 0.5])
    result = result_summary("t", "z", {"above input": gain}, time_points=2, test_puzzles=[[25, 0], [25, 25]])
    summary = experiment_summary([target_summary("t", "auroc")], [result], steps=(1, 16))
    assert sentences(summary, "t", [0, 1]).startswith("After step 16, z encodes more than every baseline")


def test_a_verdict_on_nine_classes_needs_two_of_them_in_the_test_puzzles():
    gain = {"input": (0.4, 0.3, 0.5)}
    assert "nothing to test" in sentences(summary_of("accuracy", gain, test_puzzles=[[9, 0, 0]]), "t", [0])
    assert "z encodes more" in sentences(summary_of("accuracy", gain, test_puzzles=[[9, 1, 0]]), "t", [0])


def test_a_target_with_the_labels_of_another_refers_to_it_and_has_a_verdict_at_an_earlier_step():
    gain = ScoreSummary([0.4, 0.0], [0.3, 0.0], [0.5, 0.0])
    summary = experiment_summary(
        [target_summary("t", "auroc", repeats=(None, "right_now"))],
        [result_summary("t", "z", {"above input": gain}, time_points=2)],
        steps=(1, 16),
    )
    assert sentences(summary, "t", [0, 1]) == (
        "After step 16, the labels are the same as those of “right now”; see that target. "
        "After step 1, z encodes more than every baseline (+0.400 AUROC, 95% interval +0.300 to +0.500, relative to the input)."
    )


def test_the_sentence_on_wrong_cells_names_the_answer_where_the_probe_decodes_it():
    wrong = {"cells": [100], "puzzles": [5], "answer": [77], "solution": [10]}
    summary = summary_of("accuracy", {"input": (0.6, 0.5, 0.7)}, wrong_cells=wrong)
    assert sentences(summary, "t", [0]).endswith(
        "Where the answer after step 1 is wrong (100 cells in 5 test puzzles), the probe of z decodes this wrong answer in "
        "77% of the cells and the solution in 10%. z encodes the answer rather than the solution."
    )
    wrong |= {"answer": [10], "solution": [10]}
    summary = summary_of("accuracy", {"input": (0.6, 0.5, 0.7)}, wrong_cells=wrong)
    assert sentences(summary, "t", [0]).endswith("in 10% of the cells and the solution in 10%.")


def test_the_sentence_on_one_wrong_cell_and_on_both_states():
    wrong = {"cells": [1], "puzzles": [1], "answer": [1], "solution": [0]}
    results = [result_summary("t", state, {}, wrong_cells=wrong) for state in ("z", "y")]
    summary = experiment_summary([target_summary("t", "accuracy")], results)
    summary = replace(summary, settings=replace(summary.settings, states=("z", "y")))
    text = sentences(summary, "t", [0])
    assert "Where the answer after step 1 is wrong (1 cell in 1 test puzzle), the probe of z" in text
    assert text.endswith("z and y encode the answer rather than the solution.")


def test_a_score_below_1_is_never_rounded_to_1():
    assert format_score(0.99996, "accuracy") == ">99.9" and format_score(0.9999, "auroc") == ">0.999"
    assert format_score(1.0, "accuracy") == "100.0" and format_score(0.5, "auroc") == "0.500"
    assert format_score(None, "accuracy") == "" and format_score(0.999, "r2") == ">0.99"


def test_a_difference_between_sources_has_a_paired_band():
    """Variation from puzzles that are hard for both cancels: here z is better by one or two of ten cells in every puzzle."""
    rng = np.random.default_rng(0)
    right = rng.random((40, 1, 10)) < rng.random((40, 1, 1))
    right[..., :2] = False
    better = right.copy()
    better[..., 0] = True
    better[::2, :, 1] = True
    split = Split(np.arange(40, 80), np.arange(80, 90), np.arange(40))
    true = Values(np.ones((90, 1, 10), np.int16), np.ones((90, 1, 10), bool))
    (group,) = groups_named(TASK, ["solution"])
    labels = Values(rng.integers(0, 4, (90, 1, 10)).astype(np.int16), true.defined)
    states = rng.normal(size=(90, 1, 10, 2)).astype(np.float32)
    probe = fit_probe(states, labels, split, classes=group.first.classes, settings=FEW)
    z, other = (
        scored(group, [probe], [true], [read.astype(np.int16)], split, FEW) for read in (better, right)
    )
    gain = gains(z, {"input": other})["above input"]
    assert gain.value[0] == pytest.approx(0.15) and gain.high[0] - gain.low[0] < 0.04
    assert z.scores["accuracy"].high[0] - z.scores["accuracy"].low[0] > 0.05


def group_of(sampled: np.ndarray) -> GroupScores:
    """The scores of two draws, where a constant guess scores 0."""
    return GroupScores({}, 5, sampled, np.zeros_like(sampled), np.zeros((sampled.shape[1], 1)), None, None)


def test_a_source_of_one_time_point_is_compared_at_all_and_one_of_fewer_at_its_own():
    sampled = np.tile([0.5, 0.6, 0.7], (2, 1))
    others = {"fewer": sampled[:, :2] - 0.1, "one": sampled[:, :1], "better": sampled + 0.2}
    found = gains(group_of(sampled), {name: group_of(values) for name, values in others.items()})
    assert found["above fewer"].value == pytest.approx([0.1, 0.1, np.nan], nan_ok=True)
    assert found["above one"].value == pytest.approx([0, 0.1, 0.2])
    assert found["above majority"].value == pytest.approx(sampled[0])
    better = found["above better"]
    assert (better.low <= better.value).all() and better.value == pytest.approx([-0.2] * 3)


def scored_by_hand(name: str, true: list, read: list, defined: list) -> GroupScores:
    """The scores of one probe on two test puzzles with three cells. Its own labels are random."""
    (group,) = groups_named(TASK, [name])
    rng, classes = np.random.default_rng(0), group.first.classes
    split, dtype = Split(np.arange(2, 12), np.array([12]), np.arange(2)), np.int16 if classes else np.float32
    labels = rng.integers(0, max(2, len(classes)), (13, 1, 3)).astype(dtype)
    labels[:2, 0] = true
    values = Values(labels, np.ones(labels.shape, bool))
    values.defined[:2, 0] = defined
    probe = fit_probe(rng.normal(size=(13, 1, 3, 2)), values, split, classes=classes, settings=FEW)
    dtype = np.int16 if len(classes) > 2 else np.float32
    return scored(group, [probe], [values], [np.array(read, dtype)[:, None]], split, FEW)


SOME = [[True, True, True], [True, False, True]]


def test_the_scores_of_two_classes_by_hand():
    """Log odds of 0 are a no. Four of five cells are right; only the first puzzle has a yes."""
    found = scored_by_hand("given", [[0, 1, 1], [0, 0, 0]], [[0.0, 2, -1], [-1, 5, -3]], SOME)
    assert found.by_cell.tolist() == [[1, 1, 0.5]] and found.confusion.tolist() == [[[3, 0], [1, 1]]]
    assert found.scores["accuracy"].value[0] == 0.8 and found.test_puzzles.tolist() == [[2, 1]]
    assert (found.sampled_majority == 0.5).all()  # AUROC of a constant guess


def test_the_scores_of_numbers_by_hand():
    found = scored_by_hand("candidates_left", [[1, 2, 3], [1, 0, 3]], [[1, 4, 3], [2, 9, 3]], SOME)
    assert found.by_cell.tolist() == [[0.5, 2, 0]] and found.confusion is found.test_puzzles is None
    assert (found.sampled_majority == 0).all()


def test_the_scores_of_several_classes_are_relative_to_the_majority_class():
    found = scored_by_hand("solution", [[0, 1, 2], [3, 3, 3]], [[0, 1, 1], [3, 0, 2]], SOME)
    assert found.scores["accuracy"].value[0] == 0.6
    assert np.array_equal(with_band(found.sampled_majority, 2).value, found.scores["majority"].value)
