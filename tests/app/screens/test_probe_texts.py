"""Sentences of the Probes page."""

from types import SimpleNamespace

import pytest

from app.screens.probes.texts import balance, causal, decoded, opened_source
from probes.linear.experiment.files import load_experiment, recorded_path


@pytest.mark.parametrize(
    "low, high, verdict",
    [
        (0.01, 0.2, "larger than"),
        (0.0, 0.2, "not distinguishable from"),
        (-0.1, 0.2, "not distinguishable from"),
        (-0.2, 0.0, "not distinguishable from"),
        (-0.2, -0.01, "smaller than"),
    ],
)
def test_an_interval_that_reaches_zero_distinguishes_nothing(low, high, verdict):
    excess = {"changed_end": {"value": (low + high) / 2, "low": low, "high": high}}
    text = causal(SimpleNamespace(excess=excess, distance=0.5, puzzles=20))
    assert f"**{verdict}** that of random directions" in text
    assert text.startswith("The test moves the state by 50% of its norm.")
    assert f"by {50 * (low + high):+.1f} percentage points" in text
    assert f"(95% interval {100 * low:+.1f} to {100 * high:+.1f}, 20 puzzles)" in text


UNKNOWN = "The true values are unknown, because the puzzle has no unique solution."
READING = {"state": "z", "target": "left", "read": [[3.5, 3.75, None, 5.0]], "true": [[4, 3, 2, None]]}


@pytest.mark.parametrize(
    "readings, text",
    [
        ([READING], "**1 of 2** cells are decoded correctly."),  # off by exactly 0.5, and by 0.75
        ([READING, READING | {"target": "one"}], "**2 of 4** candidates are decoded correctly."),
        ([READING | {"state": "y"}], UNKNOWN),
        ([READING | {"true": None}], UNKNOWN),
        (
            [READING | {"read": [["1", "2", None]], "true": [["1", "3", "4"]]}],
            "**1 of 2** cells are decoded correctly.",
        ),
    ],
)
def test_correctly_decoded_cells_are_counted(readings, text):
    assert decoded({"readings": readings}, "z", 0) == text


@pytest.mark.parametrize("count, words", [(1, "1 target"), (2, "2 targets")])
def test_opened_probes_are_counted(count, words):
    about = SimpleNamespace(fingerprint="0123456789", model="a")
    summary = SimpleNamespace(provenance=about, targets=[SimpleNamespace(members=["solution"] * count)])
    text = f"Opened probes of {words}, fitted on a (01234567) and applied to b"
    assert opened_source(summary, "b", "0123456789").replace("\\", "") == f"{text}."
    assert opened_source(summary, "b", "f").replace("\\", "") == f"{text}, which has different weights."


def test_a_number_has_no_class_proportions():
    assert balance(load_experiment(recorded_path("sudoku-hrm")), "candidates_left", 0) == ""
