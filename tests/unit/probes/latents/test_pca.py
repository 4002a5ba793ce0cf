"""PCA of points of known shape, checked against scikit-learn."""

import time

import numpy as np
import pytest

from probes.covariance import StatesError
from probes.latents.pca import fit_pca


def rotated(points: np.ndarray, dim: int, seed: int = 0) -> np.ndarray:
    """The same points rotated and shifted at random in more dimensions; distances are preserved."""
    rng = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
    return points @ axes[: points.shape[-1]] + rng.normal(size=dim)


def trajectories(puzzles: int = 64, time_points: int = 48, dim: int = 128) -> np.ndarray:
    """Random walks, in float16 as in a store."""
    return np.random.default_rng(0).normal(size=(puzzles, time_points, dim)).cumsum(1).astype(np.float16)


def test_pca_by_hand():
    """Points (+-2, 0) and (0, +-1) around (5, 5): variances 8 / 3 and 2 / 3 along the axes."""
    points = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]]) + 5
    pca = fit_pca(points)
    assert pca.mean.tolist() == [5, 5] and pca.count == 4
    assert pca.components == pytest.approx(np.eye(2))
    assert pca.explained_variance == pytest.approx([8 / 3, 2 / 3])
    assert pca.explained_variance_ratio == pytest.approx([0.8, 0.2])
    assert pca.transform(np.array([[[7.0, 4.0]]])) == pytest.approx(np.array([[[2, -1]]]))


def test_pca_in_chunks_equals_scikit_learn():
    from sklearn import decomposition

    rng = np.random.default_rng(3)
    points = (rng.normal(size=(5000, 40)) * np.linspace(3, 0.1, 40) + 50) @ rng.normal(size=(40, 40))
    points = points.astype(np.float32)
    chunks = (points[start : start + 700].reshape(-1, 20, 40) for start in range(0, 5000, 700))
    pca = fit_pca(chunks, components=10)
    reference = decomposition.PCA(10, svd_solver="full").fit(points.astype(np.float64))
    signs = np.sign((pca.components * reference.components_).sum(1))
    assert np.abs(pca.components - signs[:, None] * reference.components_).max() < 1e-5
    assert pca.explained_variance == pytest.approx(reference.explained_variance_, rel=1e-5)
    assert pca.explained_variance_ratio == pytest.approx(reference.explained_variance_ratio_, rel=1e-5)
    assert pca.transform(points[:50]) == pytest.approx(
        signs * reference.transform(points[:50].astype(np.float64)), abs=1e-5
    )
    loadings = np.take_along_axis(pca.components, np.abs(pca.components).argmax(1)[:, None], 1)
    assert (loadings > 0).all()


def test_a_line_has_one_component_and_a_circle_two_equal_ones():
    line = fit_pca(rotated(np.arange(9.0)[:, None], 30))
    assert line.explained_variance_ratio[:2] == pytest.approx([1, 0], abs=1e-12)
    angle = 2 * np.pi * np.arange(60) / 60
    circle = rotated(3 * np.stack([np.cos(angle), np.sin(angle)], -1), 30)
    pca = fit_pca(circle)
    assert pca.explained_variance_ratio[:3] == pytest.approx([0.5, 0.5, 0], abs=1e-12)
    assert np.linalg.norm(pca.transform(circle)[:, :2], axis=1) == pytest.approx(np.full(60, 3.0))


def test_the_first_component_separates_two_clusters():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 64)) + np.repeat([[0.0], [3.0]], 100, axis=0)  # 24 apart
    first = fit_pca(points).transform(points)[:, 0]
    assert first[:100].max() < first[100:].min()
    assert first[100:].mean() - first[:100].mean() == pytest.approx(24, rel=0.02)


def test_fewer_points_than_dimensions_and_equal_points():
    pca = fit_pca(np.random.default_rng(0).normal(size=(4, 9)))
    assert pca.components.shape == (4, 9) and pca.explained_variance[3] == pytest.approx(0, abs=1e-12)
    assert pca.components @ pca.components.T == pytest.approx(np.eye(4), abs=1e-12)
    equal = fit_pca(np.full((5, 3), 0.1))
    assert equal.explained_variance_ratio.tolist() == [0, 0, 0]
    assert equal.transform(np.full((2, 3), 0.1)).tolist() == [[0, 0, 0]] * 2


def test_pca_refuses_states_of_another_model():
    pca = fit_pca(trajectories(3, 4, 8))
    with pytest.raises(StatesError, match="width 8, these have width 9"):
        pca.transform(np.zeros((2, 9)))
    with pytest.raises(StatesError, match="infinite"):
        pca.transform(np.full((2, 8), np.nan))
    assert pca.transform(np.zeros((0, 4, 8))).shape == (0, 4, 8)


def test_pca_of_a_pool_takes_less_than_a_second():
    """64 puzzles x 48 time points, D = 128, fitted and applied."""
    states = trajectories()
    start = time.process_time()
    coordinates = fit_pca(states).transform(states)
    assert time.process_time() - start < 1
    assert coordinates.shape == (64, 48, 50)
