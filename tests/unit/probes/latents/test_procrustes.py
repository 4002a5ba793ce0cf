"""Two clouds on one map: the same cloud turned is found again, noise is not taken for a match."""

from dataclasses import replace

import numpy as np
import pytest

from probes.covariance import StatesError
from probes.latents.procrustes import match


def cloud(puzzles: int = 40, moments: int = 6, dim: int = 5, seed: int = 0) -> np.ndarray:
    """A way that every puzzle goes, and what is each puzzle's own."""
    rng = np.random.default_rng(seed)
    way = 3 * rng.normal(size=(1, moments, dim)).cumsum(1)
    return (way + rng.normal(size=(puzzles, 1, dim))).astype(np.float32)


def turned(states: np.ndarray, dim: int, scale: float = 1.0) -> np.ndarray:
    """The same in a space of more dimensions: turned, scaled and moved."""
    axes, _ = np.linalg.qr(np.random.default_rng(9).normal(size=(dim, dim)))
    return (scale * states @ axes[: states.shape[-1]] + 7).astype(np.float32)


def test_a_turned_scaled_copy_is_matched():
    first = cloud()
    found = match(first, turned(first, 9, scale=0.25), components=5)
    assert found.match.disparity == pytest.approx(0, abs=1e-6)
    assert found.match.scale == pytest.approx(4) and found.match.variance == pytest.approx((1, 1))
    assert found.match.is_of_puzzles and 0 < found.match.shuffled_low <= found.match.shuffled
    assert (found.match.fitted, found.match.tested, found.match.components) == (20, 20, 5)
    both = found.together(first, turned(first, 9, scale=0.25))
    assert both.shape == (80, 6, 5) and both[40:] == pytest.approx(both[:40], abs=1e-4)


def test_independent_noise_fits_no_better_than_shuffled():
    for seed in range(5):
        one, other = np.random.default_rng(seed).normal(size=(2, 40, 6, 8)).astype(np.float32)
        found = match(one, other, components=8, seed=seed).match
        assert found.disparity > 0.95
        assert found.shuffled_low - 0.02 < found.disparity < found.shuffled_high + 0.02


def test_a_way_that_all_puzzles_share_is_no_match_of_puzzles():
    """Both models go the same way, and what is each puzzle's own is unrelated: shuffling costs nothing."""
    first, second = cloud(seed=1), cloud(seed=1)
    own = np.random.default_rng(5).normal(size=(40, 1, 5)).astype(np.float32)
    second = second.mean(0, keepdims=True) + own
    found = match(first, second, components=5).match
    assert found.disparity < 0.7  # the way
    assert found.shuffled_low - 0.03 < found.disparity < found.shuffled_high + 0.03


def test_the_half_that_is_told_is_not_the_half_that_was_fitted():
    """Spoiling the puzzles of the other half spoils the number, and not the turn."""
    first = cloud()
    second = turned(first, 5)
    before = match(first, second, components=5)
    tested = np.setdiff1d(np.arange(40), np.sort(np.random.default_rng(0).permutation(40)[:20]))
    second[tested] = second[tested[::-1]]
    after = match(first, second, components=5)
    assert after.match.disparity > 0.05 > before.match.disparity
    assert np.array_equal(after.alignment.rotation, before.alignment.rotation)
    assert replace(after.match, disparity=0.0).scale == before.match.scale


def test_what_cannot_be_matched():
    states = cloud()
    for one, other in ((states, states[:30]), (states, states[:, :3]), (states[:3], states[:3])):
        with pytest.raises(StatesError, match="cannot be matched"):
            match(one, other)
    with pytest.raises(StatesError, match="nothing to match"):
        match(states, np.ones_like(states))
