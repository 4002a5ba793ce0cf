"""Views of an experiment, computed by hand from a summary of one target at two steps."""

from dataclasses import replace

import pytest
from experiment_summaries import experiment_summary, result_summary, target_summary

from probes.linear.experiment.summary import ResultSummary
from probes.linear.experiment.views import (
    Cells,
    baselines_at,
    cells_at,
    confusion_at,
    labels_of,
    scoreboard,
    value_at,
)
from trm.coordinates import Coordinates


def result(source: str, values: list[float], **scores: list[float]) -> ResultSummary:
    return result_summary("digit", source, {"accuracy": values, **scores}, time_points=len(values))


SUMMARY = experiment_summary(
    [target_summary("digit", "accuracy")],
    [
        result("z", [0.5, 0.9], majority=[0.2, 0.3]),
        result("y", [0.6, 0.7]),
        result("input", [0.4]),
        result("derived", [0.5]),
        result("random z", [0.1, 0.45]),
    ],
    steps=(1, 4),
)


def test_the_baselines_of_a_state():
    assert baselines_at(SUMMARY, "digit", "accuracy", 1, of="z") == {
        "majority": 0.3,
        "input": 0.4,
        "derived": 0.5,
        "random z": 0.45,
    }
    assert baselines_at(SUMMARY, "digit", "auroc", 0)["constant"] == 0.5
    assert baselines_at(SUMMARY, "digit", "r2", 0) == {
        "mean": 0.0,
        "input": None,
        "derived": None,
        "random z": None,
        "random y": None,
    }
    assert value_at(None, "accuracy", 0) is None


@pytest.mark.parametrize(
    "what, values, text", [("z", [0.5, 0.9], "0.50"), ("z minus y", [-0.1, 0.2], "-0.10")]
)
def test_the_scoreboard(what, values, text):
    board = scoreboard(SUMMARY, what)
    assert board.names == ["digit"] and board.values[0] == pytest.approx(values)
    assert format(board.values[0][0], board.format) == text


def test_a_state_is_compared_with_its_best_baseline():
    board = scoreboard(SUMMARY, "z minus best baseline")
    assert board.values[0] == pytest.approx([0.5 - 0.5, 0.9 - 0.5]) and board.signed


def test_steps_with_several_calls_are_named_by_cycle_and_call():
    assert labels_of(SUMMARY) == ["1", "4"]
    twice = tuple(Coordinates(1, cycle, 3, "f_H") for cycle in (1, 2))
    assert labels_of(replace(SUMMARY, time_points=twice)) == ["1.1.3", "1.2.3"]


def test_accuracy_in_a_cell_is_a_percentage():
    assert (
        Cells([[0.5]], True, 0.0, 1.0).format(0.5) == "50"
        and Cells([[0.5]], False, 0.0, 1.0).format(0.46) == "0.5"
    )


def test_the_scores_of_cells_are_rows_of_the_grid_at_time_points_with_a_probe():
    """None where no probe was fitted, and for a target of the whole puzzle."""
    by_cell = [[0.1, 0.2, None, 0.4], [0.5, 0.6, 0.7, 2.5]]
    shares, numbers = (
        replace(result_summary(name, "z", {}, time_points=2), by_cell=by_cell) for name in ("digit", "count")
    )
    targets = [
        target_summary("digit", "accuracy"),
        target_summary("count", "r2", classes=()),
        target_summary("solved", "auroc", level="puzzle"),
    ]
    of_puzzle = result_summary("solved", "z", {}, time_points=2)
    summary = experiment_summary(targets, [shares, numbers, of_puzzle], steps=(1, 2, 3))
    assert cells_at(summary, "digit", "z", 0) == Cells([[0.1, 0.2], [None, 0.4]], True, 0.0, 1.0)
    assert cells_at(summary, "count", "z", 1) == Cells([[0.5, 0.6], [0.7, 2.5]], False, 0.0, 2.5)
    assert cells_at(summary, "digit", "z", 2) is cells_at(summary, "solved", "z", 0) is None


def test_a_confusion_matrix_has_the_shares_of_each_true_class():
    """None for a true class without cells; none for numbers, or where no probe was fitted."""
    matrices = [[[1, 3], [0, 0]], [[2, 0], [1, 1]]]
    results = [
        result_summary("digit", "z", {}, time_points=2, confusion=matrices),
        result_summary("count", "z", {}, time_points=2),
    ]
    targets = [target_summary("digit", "auroc"), target_summary("count", "r2", classes=())]
    summary = experiment_summary(targets, results, steps=(1, 2, 3))
    assert confusion_at(summary, "digit", "z", 0) == ([[0.25, 0.75], [None, None]], [[1, 3], [0, 0]])
    assert confusion_at(summary, "digit", "z", 1) == ([[1, 0], [0.5, 0.5]], [[2, 0], [1, 1]])
    missing = (("digit", "z", 2), ("digit", "y", 0), ("count", "z", 0))
    assert [confusion_at(summary, *which) for which in missing] == [None] * 3
