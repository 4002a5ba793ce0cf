"""Views of an experiment, computed by hand from a summary of one target at two steps."""

import pytest

from probes.linear.experiment.views import Cells, baselines_at, labels_of, scoreboard, value_at


def result(source: str, values: list[float], **scores: list[float]) -> dict:
    all_scores = {"accuracy": values, **scores}
    return {
        "target": "digit",
        "source": source,
        "moments": list(range(len(values))),
        "scores": {name: {"value": numbers} for name, numbers in all_scores.items()},
    }


SUMMARY = {
    "targets": [{"name": "digit", "score": "accuracy"}],
    "moments": [{"supervision_step": step, "cycle": 1, "call": 3} for step in (1, 4)],
    "findings": [
        result("z", [0.5, 0.9], majority=[0.2, 0.3]),
        result("y", [0.6, 0.7]),
        result("input", [0.4]),
        result("derived", [0.5]),
        result("random z", [0.1, 0.45]),
    ],
}


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
    twice = [{"supervision_step": 1, "cycle": cycle, "call": 3} for cycle in (1, 2)]
    assert labels_of({"moments": twice}) == ["1.1.3", "1.2.3"]


def test_accuracy_in_a_cell_is_a_percentage():
    assert (
        Cells([[0.5]], True, 0.0, 1.0).format(0.5) == "50"
        and Cells([[0.5]], False, 0.0, 1.0).format(0.46) == "0.5"
    )
