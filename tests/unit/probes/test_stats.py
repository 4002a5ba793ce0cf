"""Bands of shares near 0 and 1, and the paired test of two ways to solve the same puzzles."""

import numpy as np
import pytest

from probes.stats import BY_PUZZLE, Paired, Resampling
from trm.grading import binomial_band


def test_the_band_of_a_share_of_one_has_a_width():
    """Wilson's lower bound for 899 of 899 is 899 / (899 + 1.96²)."""
    low, high = binomial_band(np.array(899), np.array(899))
    assert low == pytest.approx(899 / (899 + 1.959964**2)) and high == pytest.approx(1)
    low, high = binomial_band(np.array(0), np.array(70))
    assert low == 0 and high == pytest.approx(1.959964**2 / (70 + 1.959964**2))


def test_the_band_of_a_half_is_the_normal_one():
    low, high = binomial_band(np.array(5000), np.array(10000))
    assert (low, high) == pytest.approx((0.5 - 0.0098, 0.5 + 0.0098), abs=1e-4)


def test_a_share_of_no_puzzles_has_no_band():
    assert np.isnan(binomial_band(np.array([0]), np.array([0]))).all()


def test_a_share_with_few_puzzles_of_one_kind_has_the_binomial_band():
    """0 and 4 of 100 are rare, and so are 96 and 100; 5 and 95 are not."""
    part, whole = np.array([0, 4, 5, 95, 96, 100]), np.full(6, 100)
    resamples = np.full((7, 6), 0.5)
    bands, binomial = BY_PUZZLE.share_band(resamples, part, whole), binomial_band(part, whole)
    rare = [0, 1, 4, 5]
    assert bands[:, rare].tolist() == binomial[:, rare].tolist()
    assert bands[:, [2, 3]].tolist() == [[0.5, 0.5]] * 2


def test_every_resample_has_the_size_of_the_puzzle_set():
    drawn = np.concatenate(list(Resampling(resamples=30).draws(7)))
    assert drawn.shape == (30, 7) and (drawn.sum(1) == 7).all()
    drawn = Resampling(resamples=30).with_sample(7)
    assert (drawn[0] == 1).all() and drawn.shape == (31, 7) and (drawn.sum(1) == 7).all()


def test_each_group_is_resampled_within_itself():
    drawn = np.concatenate(list(Resampling(resamples=200).indices(3, 5)))
    assert drawn.shape == (200, 8)
    assert set(drawn[:, :3].ravel()) == {0, 1, 2} and set(drawn[:, 3:].ravel()) == {3, 4, 5, 6, 7}


def test_resamples_do_not_depend_on_how_many_fit_into_memory_at_once(monkeypatch):
    whole = np.concatenate(list(Resampling(resamples=10).indices(3, 5)))
    monkeypatch.setattr("probes.stats.DRAWS", 8 * 3)
    assert (np.concatenate(list(Resampling(resamples=10).indices(3, 5))) == whole).all()


@pytest.mark.parametrize(
    "gained, lost, p, verdict",
    [
        (3, 0, 0.25, "not significant"),  # 2 / 2³
        (0, 2, 0.5, "not significant"),
        (10, 0, 2 / 2**10, "yes"),
        (0, 9, 2 / 2**9, "no"),
        (1, 1, 1.0, "not significant"),
        (0, 0, 1.0, "no difference"),
        (1, 5, 2 * 7 / 2**6, "not significant"),  # 1 + 6 of 64 tosses
    ],
)
def test_the_verdict_follows_mcnemars_exact_test(gained, lost, p, verdict):
    paired = Paired(gained, lost)
    assert paired.p == pytest.approx(p) and paired.verdict == verdict


def test_paired_counts_the_puzzles_that_only_one_way_solves():
    first, second = np.array([[1, 1, 0, 0, 0], [1, 0, 1, 1, 0]], bool)
    assert Paired.of(first, second) == Paired(gained=2, lost=1)
    assert str(Paired(0, 9)) == "0 gained, 9 lost, p = 0.0039"
    assert str(Paired(30, 0)) == "30 gained, 0 lost, p < 0.001"
