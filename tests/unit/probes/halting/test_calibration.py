"""Calibration and discrimination of the halting head, on runs small enough to work out by hand."""

import numpy as np
import pytest
from halting_stand_in import flags, logit, logits, random_runs

from probes.halting.calibration import (
    at_halt,
    auc_band,
    error_by_chance,
    reliability,
    repeats,
    roc,
    roc_by_step,
    step_auc,
    undecided,
)
from probes.halting.rules import (
    halt_probabilities,
    halting_bands,
)
from probes.stats import Resampling, RunsError
from trm.evaluate import auc

FEW = Resampling(resamples=50)


# probabilities


def test_probabilities_do_not_overflow():
    assert halt_probabilities(np.array([-1e4, 0.0, np.log(3), 1e4])) == pytest.approx([0, 0.5, 0.75, 1])


def test_bands_are_split_by_the_last_step():
    """Solved are puzzles 1 and 3, which are correct after the last step, whatever they were before."""
    probability = np.array([[0.1, 0.2, 0.3], [0.5, 0.9, 0.7]])
    bands = halting_bands(logit(probability), flags(".x", "x.", "xx"), quantiles=(0.0, 0.5, 1.0))
    assert bands.all == pytest.approx(np.array([[0.1, 0.5], [0.2, 0.7], [0.3, 0.9]]))
    assert bands.solved == pytest.approx(np.array([[0.1, 0.5], [0.2, 0.6], [0.3, 0.7]]))
    assert bands.unsolved == pytest.approx(np.array([[0.2, 0.9]] * 3))
    assert (bands.solved_count, bands.unsolved_count) == (2, 1)


def test_an_empty_group_has_no_band():
    bands = halting_bands(np.zeros((2, 3)), np.ones((2, 3), bool))
    assert np.isnan(bands.unsolved).all()
    assert bands.solved == pytest.approx(np.full((5, 2), 0.5))


def test_quantiles_are_between_zero_and_one():
    with pytest.raises(RunsError, match="from 0 to 1"):
        halting_bands(np.zeros((1, 1)), np.ones((1, 1), bool), quantiles=(50.0,))


# reliability


def test_reliability_by_hand():
    """Two bins. Lower: 0.2, 0.4, 0.3 (mean 0.3), 1 of 3 correct. Upper: 0.9 (1 answer), wrong. ECE (3 (1/3 - 0.3) + 0.9) / 4."""
    probability = np.array([[0.2, 0.4], [0.3, 0.9]])
    found = reliability(logit(probability), np.array([[False, True], [False, False]]), bins=2, resampling=FEW)
    assert found.edges.tolist() == [0, 0.5, 1]
    assert found.counts.tolist() == [3, 1]
    assert found.confidence == pytest.approx([0.3, 0.9])
    assert found.share_right == pytest.approx([1 / 3, 0])
    assert found.expected_error == pytest.approx((0.1 + 0.9) / 4)
    assert found.overconfidence == pytest.approx((0.2 + 0.3 + 0.4 + 0.9 - 1) / 4) and found.pairs == 4
    assert found.max_error == pytest.approx(0.9)


def test_a_calibrated_head_has_no_error():
    """Three of ten answers at 0.3 are correct, and eight of ten at 0.8."""
    halting = logit(np.repeat([0.3, 0.8], 10))[None]
    right = (np.tile(np.arange(10), 2) < np.repeat([3, 8], 10))[None]
    found = reliability(halting, right, bins=10, resampling=FEW)
    assert found.expected_error == pytest.approx(0, abs=1e-12)
    assert found.max_error == pytest.approx(0, abs=1e-12)
    # The same ranking with doubled logits: 0.09 / 0.58 = 0.155 and 0.64 / 0.68 = 0.941.
    sure = reliability(2 * halting, right, bins=10, resampling=FEW)
    assert sure.expected_error == pytest.approx((0.3 - 0.09 / 0.58 + 0.64 / 0.68 - 0.8) / 2)
    assert sure.max_error == pytest.approx(0.3 - 0.09 / 0.58)
    assert roc(2 * halting, right).auc == roc(halting, right).auc


def test_a_bin_holds_its_upper_edge():
    """(0, 1/2] and (1/2, 1], as in Guo et al.; the first also holds 0."""
    found = reliability(np.array([[-1e9, 0.0, 1e9]]), np.ones((1, 3), bool), bins=2, resampling=FEW)
    assert found.counts.tolist() == [2, 1]


def test_an_empty_bin_has_no_mean():
    found = reliability(np.array([[-3.0, 3.0]]), np.array([[False, True]]), bins=3, resampling=FEW)
    assert found.counts.tolist() == [1, 0, 1]
    assert np.isnan([found.confidence[1], found.share_right[1], *found.share_right_band[:, 1]]).all()
    assert np.isfinite([found.expected_error, found.max_error]).all()


def test_a_band_holds_the_error_of_a_biased_head():
    """It predicts 0.9 and 60 % of 400 puzzles are correct: an error of 0.3 +- 2 * sqrt(0.24 / 400) = 0.05."""
    right = (np.arange(400) % 5 < 3)[None]
    found = reliability(logit(np.full((1, 400), 0.9)), right)
    low, high = found.expected_error_band
    assert found.expected_error == pytest.approx(0.3)
    assert 0.24 < low < 0.27 < 0.33 < high < 0.36
    assert found.share_right_band[:, -2] == pytest.approx([0.9 - high, 0.9 - low])


def test_steps_of_one_puzzle_are_drawn_together():
    """Ten copies of a step carry no more information than one: the band does not shrink."""
    right = (np.arange(50) % 2 == 0)[None]
    once, often = (
        reliability(np.zeros((steps, 50)), np.repeat(right, steps, 0), bins=1) for steps in (1, 10)
    )
    assert often.share_right_band == pytest.approx(once.share_right_band)


def test_a_bin_of_correct_answers_has_a_whisker():
    """Twenty correct answers of ten puzzles give the band of ten."""
    found = reliability(np.full((2, 10), 5.0), np.ones((2, 10), bool), bins=1, resampling=FEW)
    assert found.share_right_band[:, 0] == pytest.approx([10 / (10 + 1.96**2), 1], abs=1e-4)


# informative pairs of a puzzle and a step


def test_a_pair_repeats_if_neither_the_answer_nor_the_logit_changes():
    """Puzzle 1: the answer is unchanged at step 2, and the logit moves by 0.03 at step 3. Puzzle 2 changes at step 3."""
    changed = np.array([[16, 16], [0, 0], [0, 1]], np.uint16)
    halting = np.array([[0.60, 3], [0.61, 3], [0.64, 3]], np.float32)
    assert repeats(changed, halting).tolist() == [[False, False], [True, True], [False, False]]


def test_confident_pairs_do_not_hide_the_error_of_undecided_ones():
    """96 of 100 puzzles are confident and correct; four get 0.5 and are wrong: 0.5 * 4 / 100 over all, 0.5 over these."""
    halting = logit(np.r_[np.full(96, 1 - 1e-9), np.full(4, 0.5)])[None]
    right = (np.arange(100) < 96)[None]
    among = undecided(halting)
    assert among.sum() == 4
    assert reliability(halting, right, resampling=FEW).expected_error == pytest.approx(0.02)
    found = reliability(halting, right, among=among, resampling=FEW)
    assert found.expected_error == pytest.approx(0.5) and found.counts.sum() == 4


def test_no_selected_pairs_have_no_error():
    found = reliability(
        np.full((1, 3), 9.0), np.ones((1, 3), bool), among=np.zeros((1, 3), bool), resampling=FEW
    )
    assert np.isnan([found.expected_error, *found.expected_error_band]).all()


def test_a_calibrated_head_has_an_error_by_chance():
    """100 puzzles at 0.5 in one bin: accuracy stays within 1.96 * 0.05 of one half in 95 % of draws."""
    halting = np.zeros((1, 100))
    found = error_by_chance(halting, np.ones((1, 100), bool))
    assert found == pytest.approx(0.098, abs=0.015)
    ten_steps = np.zeros((10, 100))
    assert error_by_chance(ten_steps, np.ones((10, 100), bool)) == pytest.approx(found)  # no more information
    assert np.isnan(error_by_chance(halting, np.zeros((1, 100), bool)))


def test_one_pair_per_puzzle_is_at_its_halt():
    """At the first step that halts, or at the last if none does."""
    assert at_halt(logits(".xx", "...", "x..")).T.tolist() == flags(".x.", "..x", "x..").T.tolist()


@pytest.mark.parametrize("bins", [1, 1000])
def test_so_many_bins_are_allowed(bins):
    assert reliability(np.zeros((1, 1)), np.ones((1, 1), bool), bins=bins, resampling=FEW)


@pytest.mark.parametrize("bins", [0, 1001])
def test_the_number_of_bins_is_checked(bins):
    with pytest.raises(RunsError, match="Choose 1 to 1000"):
        reliability(np.zeros((1, 1)), np.ones((1, 1), bool), bins=bins)


def test_no_bootstrap():
    with pytest.raises(RunsError, match="is invalid"):
        Resampling(resamples=0)


# discrimination


def test_roc_by_hand():
    """Correct: 3, 1.5; wrong: 2, 1. Of the four pairs only (1.5, 2) is ranked wrongly."""
    found = roc(np.array([[3.0, 1.0], [1.5, 2.0]]), np.array([[True, False], [True, False]]))
    assert found.auc == 0.75
    assert found.threshold.tolist() == [np.inf, 3, 2, 1.5, 1]
    assert found.true_positive_rate.tolist() == [0, 0.5, 0.5, 1, 1]
    assert found.false_positive_rate.tolist() == [0, 0, 0.5, 0.5, 1]


def test_the_area_matches_that_of_evaluation():
    halting, right = random_runs(0)
    assert roc(halting, right).auc == pytest.approx(auc(halting, right), abs=1e-12)
    by_step = [found.auc for found in roc_by_step(halting, right)]
    assert by_step == pytest.approx([auc(*of) for of in zip(halting, right, strict=True)], abs=1e-12)


def test_no_area_without_both_classes():
    found = roc_by_step(np.zeros((3, 2)), flags("x.x", "x.."))
    assert [curve.auc for curve in found] == [None, None, 0.5]
    assert found[0].threshold.size == 0


def test_the_step_number_alone_has_an_area():
    """Correct at steps 2, 2 and 1, wrong at step 1: two of three pairs in order, one tied."""
    assert step_auc(flags(".x", "xx")) == pytest.approx(2.5 / 3)
    assert step_auc(flags("xx")) is None


def test_the_band_of_an_area_comes_from_resampled_puzzles():
    """With tied logits, compared with the area computed for every resample separately."""
    halting, right = (each[0] for each in random_runs(0, puzzles=30))
    areas = []
    for times in np.concatenate(list(FEW.draws(30))):
        drawn = np.repeat(np.arange(30), times.astype(int))
        areas.append(auc(halting[drawn], right[drawn]))
    assert auc_band(halting, right, resampling=FEW) == pytest.approx(np.quantile(areas, (0.025, 0.975)))


def test_the_band_of_a_perfect_area_has_a_width():
    """Ten wrong answers, each below all correct ones."""
    low, high = auc_band(np.arange(100.0), np.arange(100) >= 10, resampling=FEW)
    assert low == pytest.approx(10 / (10 + 1.96**2), abs=1e-4) and high == pytest.approx(1)
    assert auc_band(np.arange(9.0), np.ones(9, bool)) is None
