"""Clouds turned onto one another: a turned cloud is found again, whatever the width, and as scipy does it."""

import numpy as np
import pytest

from probes.covariance import StatesError
from probes.latents.alignment import align
from tests.unit.probes.latents.test_pca_umap import turned

# alignment


def test_a_turned_and_moved_cloud_is_found_again():
    a = np.random.default_rng(0).normal(size=(8, 25, 6))
    b = turned(a, 6, seed=1)
    found = align(a, b)
    assert found.residual_share == pytest.approx(0, abs=1e-12) and found.scale == 1
    assert found.rotation @ found.rotation.T == pytest.approx(np.eye(6), abs=1e-12)
    assert found.apply(a) == pytest.approx(b, abs=1e-9)


@pytest.mark.parametrize("dims", [(4, 9), (9, 4)])
def test_models_of_different_width(dims):
    """The same 4-dimensional cloud in spaces of 4 and of 9 dimensions."""
    cloud = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    a, b = (turned(cloud, dim, seed=dim) for dim in dims)
    found = align(a, b)
    assert found.rotation.shape == dims
    assert found.residual_share == pytest.approx(0, abs=1e-9)
    assert found.apply(a) == pytest.approx(b, abs=1e-4)


def test_alignment_equals_scipy_on_padded_clouds():
    from scipy.linalg import orthogonal_procrustes

    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(50, 7)), rng.normal(size=(50, 3)) * 4
    a0, b0 = a - a.mean(0), np.pad(b - b.mean(0), ((0, 0), (0, 4)))
    rotation, _ = orthogonal_procrustes(a0, b0)
    found = align(a, b)
    assert found.rotation == pytest.approx(rotation[:, :3], abs=1e-9)
    assert found.residual_share == pytest.approx(((a0 @ rotation - b0) ** 2).sum() / (b0**2).sum())


def test_scale():
    a = np.random.default_rng(0).normal(size=(100, 5))
    b = 3 * turned(a, 5)
    assert align(a, b).residual_share == pytest.approx(
        4 / 9
    )  # a third as large: 2 / 3 of every length is missed
    scaled = align(a, b, scale=True)
    assert scaled.scale == pytest.approx(3) and scaled.residual_share == pytest.approx(0, abs=1e-12)
    assert scaled.apply(a) == pytest.approx(b, abs=1e-9)
    noise = np.random.default_rng(1).normal(size=(100, 5))
    there, back = align(a, noise, scale=True), align(noise, a, scale=True)
    assert there.residual_share == pytest.approx(back.residual_share) and 0.8 < there.residual_share < 1


def test_unrelated_clouds_fit_where_points_are_few_and_components_help():
    """10 points in 200 dimensions leave the rotation free; in their two main directions the rest is seen."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 10, 200))
    assert align(a, b, scale=True).residual_share < 0.05
    reduced = align(a, b, scale=True, components=2)
    assert reduced.residual_share > 0.2 and reduced.rotation.shape == (200, 200)
    assert np.linalg.matrix_rank(reduced.rotation) == 2


def test_alignments_without_spread():
    point, cloud = np.full((4, 3), 0.1), np.random.default_rng(0).normal(size=(4, 3))
    assert align(point, point).residual_share == 0
    assert align(cloud, point).residual_share == np.inf
    assert align(point, cloud, scale=True).residual_share == pytest.approx(1)
    with pytest.raises(StatesError, match="Two matched states"):
        align(point[:1], point[:1])
