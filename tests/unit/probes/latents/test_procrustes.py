"""Procrustes alignment: it recovers a rotated copy, and noise does not count as aligned."""

from dataclasses import replace

import numpy as np
import pytest

from probes.covariance import StatesError
from probes.latents.procrustes import align, fit_procrustes
from tests.unit.probes.latents.test_pca import rotated as rotated_and_shifted


def random_states(puzzles: int = 40, time_points: int = 6, dim: int = 5, seed: int = 0) -> np.ndarray:
    """A course over the steps that all puzzles share, plus an offset of each puzzle's own."""
    rng = np.random.default_rng(seed)
    course = 3 * rng.normal(size=(1, time_points, dim)).cumsum(1)
    return (course + rng.normal(size=(puzzles, 1, dim))).astype(np.float32)


def rotated(states: np.ndarray, dim: int, scale: float = 1.0) -> np.ndarray:
    """The same states rotated, scaled and shifted in more dimensions."""
    axes, _ = np.linalg.qr(np.random.default_rng(9).normal(size=(dim, dim)))
    return (scale * states @ axes[: states.shape[-1]] + 7).astype(np.float32)


def test_a_rotated_scaled_copy_is_aligned():
    first = random_states()
    fit = fit_procrustes(first, rotated(first, 9, scale=0.25), components=5)
    assert fit.score.disparity == pytest.approx(0, abs=1e-6)
    assert fit.score.scale == pytest.approx(4) and fit.score.variance == pytest.approx((1, 1))
    assert not replace(fit.score, disparity=fit.score.shuffled_low).beats_shuffled
    assert fit.score.beats_shuffled and 0 < fit.score.shuffled_low <= fit.score.shuffled
    assert (fit.score.fitted, fit.score.tested, fit.score.components) == (20, 20, 5)
    both = fit.combined(first, rotated(first, 9, scale=0.25))
    assert both.shape == (80, 6, 5) and both[40:] == pytest.approx(both[:40], abs=1e-4)


def test_independent_noise_aligns_no_better_than_shuffled():
    for seed in range(5):
        one, other = np.random.default_rng(seed).normal(size=(2, 40, 6, 8)).astype(np.float32)
        score = fit_procrustes(one, other, components=8, seed=seed).score
        assert score.disparity > 0.95
        assert score.shuffled_low - 0.02 < score.disparity < score.shuffled_high + 0.02


def test_a_course_that_all_puzzles_share_is_not_puzzle_specific():
    """Both models share the course, and the offsets of the puzzles are unrelated: shuffling costs nothing."""
    first, second = random_states(seed=1), random_states(seed=1)
    own = np.random.default_rng(5).normal(size=(40, 1, 5)).astype(np.float32)
    second = second.mean(0, keepdims=True) + own
    score = fit_procrustes(first, second, components=5).score
    assert score.disparity < 0.7  # the course
    assert score.shuffled_low - 0.03 < score.disparity < score.shuffled_high + 0.03


def test_the_score_is_of_the_held_out_half():
    """Changing the held-out puzzles changes the score, not the fit."""
    first = random_states()
    second = rotated(first, 5)
    before = fit_procrustes(first, second, components=5)
    tested = np.setdiff1d(np.arange(40), np.sort(np.random.default_rng(0).permutation(40)[:20]))
    second[tested] = second[tested[::-1]]
    after = fit_procrustes(first, second, components=5)
    assert after.score.disparity > 0.05 > before.score.disparity
    assert np.array_equal(after.alignment.rotation, before.alignment.rotation)
    assert replace(after.score, disparity=0.0).scale == before.score.scale


def test_states_that_cannot_be_aligned():
    states = random_states()
    for one, other in ((states, states[:30]), (states, states[:, :3]), (states[:3], states[:3])):
        with pytest.raises(StatesError, match="cannot be aligned"):
            fit_procrustes(one, other)
    few = fit_procrustes(
        random_states(4, 2), random_states(4, 2)
    ).score  # two puzzles at two steps are fitted
    assert (few.fitted, few.tested, few.components) == (2, 2, 3)
    with pytest.raises(StatesError, match="nothing to align"):
        fit_procrustes(states, np.ones_like(states))


# alignment


def unexplained(a: np.ndarray, b: np.ndarray) -> float:
    """Share of b's variance that a, aligned to it, leaves unexplained."""
    centred = b - b.reshape(-1, b.shape[-1]).mean(0)
    return float(((align(a, b).apply(a) - b) ** 2).sum() / (centred**2).sum())


def test_a_rotated_and_shifted_copy_is_recovered():
    a = np.random.default_rng(0).normal(size=(8, 25, 6))
    b = rotated_and_shifted(a, 6, seed=1)
    alignment = align(a, b)
    assert alignment.scale == pytest.approx(1)
    assert alignment.rotation @ alignment.rotation.T == pytest.approx(np.eye(6), abs=1e-12)
    assert alignment.apply(a) == pytest.approx(b, abs=1e-9)


@pytest.mark.parametrize("dims", [(4, 9), (9, 4)])
def test_models_of_different_width(dims):
    """The same 4-dimensional points in spaces of 4 and of 9 dimensions."""
    points = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    a, b = (rotated_and_shifted(points, dim, seed=dim) for dim in dims)
    alignment = align(a, b)
    assert alignment.rotation.shape == dims
    assert alignment.apply(a) == pytest.approx(b, abs=1e-4)


def test_alignment_equals_scipy_on_padded_states():
    from scipy.linalg import orthogonal_procrustes

    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(50, 7)), rng.normal(size=(50, 3)) * 4
    a0, b0 = a - a.mean(0), np.pad(b - b.mean(0), ((0, 0), (0, 4)))
    rotation, scale = orthogonal_procrustes(a0, b0)
    alignment = align(a, b)
    assert alignment.rotation == pytest.approx(rotation[:, :3], abs=1e-9)
    assert alignment.scale == pytest.approx(scale / (a0**2).sum())


def test_scale():
    a = np.random.default_rng(0).normal(size=(100, 5))
    b = 3 * rotated_and_shifted(a, 5)
    assert align(a, b).scale == pytest.approx(3)
    assert align(a, b).apply(a) == pytest.approx(b, abs=1e-9)
    noise = np.random.default_rng(1).normal(size=(100, 5))
    assert unexplained(a, noise) == pytest.approx(unexplained(noise, a)) and 0.8 < unexplained(a, noise) < 1


def test_unrelated_states_align_where_points_are_few():
    """With 10 points in 200 dimensions the rotation is not constrained."""
    a, b = np.random.default_rng(0).normal(size=(2, 10, 200))
    assert unexplained(a, b) < 0.05


def test_alignment_of_equal_points():
    point, points = np.full((4, 3), 0.1), np.random.default_rng(0).normal(size=(4, 3))
    assert align(point, point).apply(point) == pytest.approx(point)
    assert unexplained(point, points) == pytest.approx(1)
    assert align(points[:2], 2 * points[:2]).apply(points[:2]) == pytest.approx(2 * points[:2])
    with pytest.raises(StatesError, match="at least two paired states"):
        align(point[:1], point[:1])
