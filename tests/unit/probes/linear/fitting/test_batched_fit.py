"""Batches of time points, the features and classes that are left out, and the choice of regularisation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from planted_states import DIGITS, FEW, planted, whole

from probes.linear.features import Features
from probes.linear.fit import fit_probe
from probes.linear.fitting.batched_fit import FitProblem, class_weights, selected, varying_features
from probes.linear.fitting.scratch import LARGE, return_freed_memory, scratch
from probes.linear.fitting.solver import Problems
from probes.linear.splits import Split, split_puzzles
from probes.linear.targets import Values


@pytest.mark.parametrize(
    "at_once, alone, sizes",
    [(200, 96, [2, 2, 1]), (200, 95, [1] * 5), (90, 96, [1] * 5), (10**6, 96, [5])],
)
def test_time_points_are_divided_by_the_size_of_their_training_features(monkeypatch, at_once, alone, sizes):
    """Six training cells with three features and an intercept of four bytes: 96 bytes for each of five time points."""
    monkeypatch.setattr("probes.linear.fitting.batched_fit.AT_ONCE", at_once)
    monkeypatch.setattr("probes.linear.fitting.batched_fit.ALONE", alone)
    split = Split(np.arange(3), np.array([3]), np.array([4]))
    defined = np.ones((5, 5, 2), bool)
    features = Features.of_array(np.zeros((5, 5, 2, 3), np.float32))
    problem = FitProblem(features, np.zeros((5, 5, 2)), defined, None, split, 2, (1.0,), False, False, 0)
    batches = problem.batches()
    assert [len(batch) for batch in batches] == sizes
    assert [at for batch in batches for at in batch] == list(range(5))


def test_selected_features_are_copied_block_by_block(monkeypatch):
    monkeypatch.setattr("probes.linear.fitting.batched_fit.WIDE_BLOCK", 2)
    x = torch.arange(30.0).reshape(2, 5, 3)
    assert selected(x, torch.tensor([True, False, True])).tolist() == x[..., [0, 2]].tolist()


def test_a_feature_varies_only_if_it_does_in_an_example_with_weight():
    x = torch.tensor([[[0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 2.0, 1.0]]])
    train = Problems(x, torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    assert varying_features(train).tolist() == [False, True, False, True]


def test_balanced_weights_are_over_the_classes_that_occur():
    """Three examples of class 0 and one of class 2, of two classes that occur; the last example has no label."""
    given = Problems(torch.ones(1, 5, 1), torch.tensor([[0, 0, 0, 2, 1]]), torch.tensor([[1.0, 1, 1, 1, 0]]))
    assert class_weights(given, 3)[0, :4].tolist() == pytest.approx([4 / 6, 4 / 6, 4 / 6, 4 / 2])


def test_a_class_that_only_the_validation_puzzles_have_is_left_out_of_their_loss():
    states, values = planted(classes=3, time_points=2)
    split, labels = split_puzzles(120), values.values.copy()
    labels[split.validation[0]] = 3
    result = fit_probe(states, whole(labels), split, classes=DIGITS, settings=FEW)
    assert (result.regularisation > 0).all() and result.scores["accuracy"].value[1] > 0.9


def test_undefined_cells_do_not_matter_if_class_0_does_not_occur():
    """Their label is 0, which has no probability."""
    states, values = planted(classes=2, time_points=2, strength=6.0)
    defined = np.random.default_rng(8).random((120, 1, 6)) < 0.7
    labels = np.where(defined, values.values + 1, 0)
    result = fit_probe(states, whole(labels, defined), split_puzzles(120), classes=DIGITS, settings=FEW)
    assert (result.regularisation > 0).all() and result.scores["accuracy"].value[1] > 0.95
    assert np.isfinite(result.intercept).all()


def test_the_strongest_of_equally_good_regularisations_is_chosen():
    """A single class is predicted with certainty by every probe."""
    states, values = planted(puzzles=30, time_points=1)
    only = whole(values.values * 0)
    result = fit_probe(states, only, split_puzzles(30), classes=("no", "yes"), settings=FEW)
    assert result.regularisation.tolist() == [min(FEW.C)]


def test_a_time_point_without_training_cells_has_no_score():
    states, values = planted(time_points=2)
    split = split_puzzles(120)
    defined = np.ones((120, 2, 6), bool)
    defined[split.train, 0] = False
    labels = Values(np.broadcast_to(values.values, defined.shape).copy(), defined)
    scores = fit_probe(states, labels, split, classes=DIGITS, settings=replace(FEW, resamples=10)).scores
    assert np.isnan(scores["accuracy"].value).tolist() == [True, False]
    assert np.isnan(scores["majority"].value).tolist() == [True, False]


@pytest.mark.parametrize("size, is_mapped", [(LARGE, False), (LARGE + 1, True)])
def test_an_array_is_mapped_if_it_is_larger_than_the_limit(size, is_mapped):
    assert isinstance(scratch((size,), np.uint8), np.memmap) == is_mapped
    assert isinstance(scratch((size // 8 + is_mapped,), np.float64), np.memmap) == is_mapped


@pytest.mark.parametrize("library, calls", [("glibc", [(-3, LARGE), (-1, 4 * LARGE)]), ("musl", [])])
def test_only_glibc_is_told_to_return_memory(monkeypatch, library, calls):
    made = []

    class Library:
        def __init__(self, name: None) -> None:
            self.mallopt = lambda *arguments: made.append(arguments)

    monkeypatch.setattr("platform.libc_ver", lambda: (library, ""))
    monkeypatch.setattr("ctypes.CDLL", Library)
    return_freed_memory()
    assert made == calls
