"""Two clouds on one map: the same cloud turned is found again, noise is not taken for a match."""

from dataclasses import replace

import numpy as np
import pytest

from probes.covariance import StatesError
from probes.latents.procrustes import align, match
from tests.unit.probes.latents.test_pca import turned as turned_and_moved


def cloud(puzzles: int = 40, time_points: int = 6, dim: int = 5, seed: int = 0) -> np.ndarray:
    """A way that every puzzle goes, and what is each puzzle's own."""
    rng = np.random.default_rng(seed)
    way = 3 * rng.normal(size=(1, time_points, dim)).cumsum(1)
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


# alignment


def missed(a: np.ndarray, b: np.ndarray) -> float:
    """Share of b's variance that a, turned onto it, does not reach."""
    spread = b - b.reshape(-1, b.shape[-1]).mean(0)
    return float(((align(a, b).apply(a) - b) ** 2).sum() / (spread**2).sum())


def test_a_turned_and_moved_cloud_is_found_again():
    a = np.random.default_rng(0).normal(size=(8, 25, 6))
    b = turned_and_moved(a, 6, seed=1)
    found = align(a, b)
    assert found.scale == pytest.approx(1)
    assert found.rotation @ found.rotation.T == pytest.approx(np.eye(6), abs=1e-12)
    assert found.apply(a) == pytest.approx(b, abs=1e-9)


@pytest.mark.parametrize("dims", [(4, 9), (9, 4)])
def test_models_of_different_width(dims):
    """The same 4-dimensional cloud in spaces of 4 and of 9 dimensions."""
    points = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    a, b = (turned_and_moved(points, dim, seed=dim) for dim in dims)
    found = align(a, b)
    assert found.rotation.shape == dims
    assert found.apply(a) == pytest.approx(b, abs=1e-4)


def test_alignment_equals_scipy_on_padded_clouds():
    from scipy.linalg import orthogonal_procrustes

    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(50, 7)), rng.normal(size=(50, 3)) * 4
    a0, b0 = a - a.mean(0), np.pad(b - b.mean(0), ((0, 0), (0, 4)))
    rotation, scale = orthogonal_procrustes(a0, b0)
    found = align(a, b)
    assert found.rotation == pytest.approx(rotation[:, :3], abs=1e-9)
    assert found.scale == pytest.approx(scale / (a0**2).sum())


def test_scale():
    a = np.random.default_rng(0).normal(size=(100, 5))
    b = 3 * turned_and_moved(a, 5)
    assert align(a, b).scale == pytest.approx(3)
    assert align(a, b).apply(a) == pytest.approx(b, abs=1e-9)
    noise = np.random.default_rng(1).normal(size=(100, 5))
    assert missed(a, noise) == pytest.approx(missed(noise, a)) and 0.8 < missed(a, noise) < 1


def test_unrelated_clouds_fit_where_points_are_few():
    """10 points in 200 dimensions leave the rotation free."""
    a, b = np.random.default_rng(0).normal(size=(2, 10, 200))
    assert missed(a, b) < 0.05


def test_alignments_without_spread():
    point, points = np.full((4, 3), 0.1), np.random.default_rng(0).normal(size=(4, 3))
    assert align(point, point).apply(point) == pytest.approx(point)
    assert missed(point, points) == pytest.approx(1)
    with pytest.raises(StatesError, match="Two matched states"):
        align(point[:1], point[:1])
