"""Bands and shares of probe scores at their edges, by hand."""

import numpy as np
import pytest
from planted_states import FEW, planted

from probes.linear.fit import fit_probe
from probes.linear.scores import Errors, Hits, majority_accuracy, sampled_scores, with_band
from probes.linear.splits import Split


def test_the_band_is_that_of_the_resamples_alone():
    """The first row is the score on the test set. 2.5 % of the way from 0.2 to 0.8 is 0.215."""
    score = with_band(np.array([[0.95], [0.2], [0.8]]), 10)
    assert (score.value, score.low, score.high) == (0.95, pytest.approx(0.215), pytest.approx(0.785))


def test_equal_true_numbers_in_a_resample_have_no_r2():
    """Only the first of two puzzles is drawn; rounding must not pass for variance."""
    true = np.array([[[7.1] * 3], [[1000.3] * 3]])
    draws = np.array([[3.0, 0.0], [1.0, 1.0]])
    found = Errors.of(true, true + 0.1, np.ones(true.shape, bool)).r2(draws)
    assert np.isnan(found[0, 0]) and found[1, 0] > 0.99


@pytest.mark.parametrize("trained", [[0, 0], [1, 0]])
def test_scores_need_training_cells(trained):
    true, read = np.array([[[0, 1]]]), np.array([[[-1.0, 1.0]]])
    found = sampled_scores(true, read, np.ones(true.shape, bool), np.array([trained]), np.ones((1, 1)))
    expected = [np.nan] * 4 if trained == [0, 0] else [1.0, 1.0, 0.5, 1.0]
    assert [float(values[0, 0]) for values in found.values()] == pytest.approx(expected, nan_ok=True)
    assert list(found) == ["accuracy", "balanced_accuracy", "majority", "auroc"]


def test_log_odds_of_0_are_a_no():
    true, read = np.array([[[0, 1]]]), np.array([[[0.0, 1.0]]])
    found = sampled_scores(true, read, np.ones(true.shape, bool), np.array([[1, 1]]), np.ones((1, 1)))
    assert found["accuracy"] == 1


def test_the_majority_class_is_that_of_each_time_point():
    true = np.array([[[0, 1, 1], [0, 1, 1]]])
    hits = Hits.of(true, true, np.ones(true.shape, bool), 2)
    assert majority_accuracy(hits, np.array([0, 1]), np.ones((1, 1))).tolist() == [[1 / 3, 2 / 3]]


def test_the_summary_of_a_probe_has_the_share_of_each_class():
    states, values = planted(puzzles=6, time_points=1, cells=2, classes=2)
    values.values[:, 0] = [[0, 0], [0, 1], [1, 1], [0, 1], [1, 1], [1, 1]]
    split = Split(np.arange(3), np.array([3]), np.array([4, 5]))
    summary = fit_probe(states, values, split, classes=("no", "yes"), settings=FEW).summary()
    assert summary["class_balance"] == {"train": [[0.5, 0.5]], "validation": [[0.5, 0.5]], "test": [[0, 1]]}
    assert summary["examples"] == {"train": [6], "validation": [2], "test": [4]}
