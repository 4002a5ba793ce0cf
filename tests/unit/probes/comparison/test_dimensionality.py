"""Dimensionality of points of known spectrum: lines, squares, Gaussians."""

import numpy as np
import pytest

from probes.comparison.dimensionality import participation_ratio, spectrum, time_point_spectra
from probes.covariance import StatesError


def test_spectrum_by_hand():
    """Points (+-2, 0) and (0, +-1): variances 8 / 3 and 2 / 3."""
    points = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]]) + 100
    values = spectrum(points)
    assert values == pytest.approx([8 / 3, 2 / 3])
    assert participation_ratio(values) == pytest.approx(10**2 / (8**2 + 2**2))  # 100 / 68


def test_an_isotropic_gaussian_fills_its_space():
    points = np.random.default_rng(0).normal(size=(20_000, 16))
    assert participation_ratio(spectrum(points)) == pytest.approx(16, rel=0.01)


@pytest.mark.parametrize("shape", [(500, 8), (5, 40)], ids=["more points", "more dimensions"])
def test_rank_one(shape):
    rng = np.random.default_rng(0)
    points = 7 + rng.normal(size=(shape[0], 1)) * rng.normal(size=shape[1])
    values = spectrum(points)
    assert values.shape == (min(shape),) and (values[1:] == 0).all()
    assert participation_ratio(values) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("count", [1, 3, 50])
def test_equal_points_have_no_dimension(count):
    values = spectrum(np.full((count, 7), 0.1))
    assert (values == 0).all()
    with np.errstate(divide="raise", invalid="raise"):
        assert participation_ratio(values) == 0


def test_the_spectrum_from_the_gram_matrix_equals_that_of_the_covariance():
    """5 points in 8 dimensions, by their Gram matrix, compared with the covariance."""
    points = np.random.default_rng(1).normal(3, 2, (5, 8))
    expected = np.linalg.eigvalsh(np.cov(points.T))[::-1][:5]
    assert spectrum(points) == pytest.approx(expected, abs=1e-12)


def test_two_points_lie_on_a_line():
    """They are 5 apart, so both are 2.5 from their mean: a variance of 2 * 2.5^2 / (2 - 1)."""
    assert spectrum(np.array([[1.0, 1, 1], [4, 5, 1]])) == pytest.approx([12.5, 0])


@pytest.mark.parametrize("size", [1e-9, 1e9])
@pytest.mark.parametrize("shape", [(50, 4), (4, 50)])
def test_larger_states_have_a_larger_spectrum_of_the_same_shape(shape, size):
    points = np.random.default_rng(1).normal(size=shape)
    assert spectrum(points * size) / size**2 == pytest.approx(spectrum(points))


def test_so_many_points_in_more_dimensions_are_allowed(monkeypatch):
    monkeypatch.setattr("probes.comparison.dimensionality.MOST_DIMENSIONS", 5)
    assert spectrum(np.eye(5, 8)).shape == (5,)
    with pytest.raises(StatesError, match="6 states of width 8 are too many"):
        spectrum(np.eye(6, 8))


def test_time_point_spectra():
    """Puzzles that lie on a line at first, then coincide, then form a square."""
    square = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    states = np.stack([square * [1, 0], square * 0, square], axis=1).astype(np.float16)
    values = time_point_spectra(states)
    assert values == pytest.approx(np.array([[4 / 3, 0], [0, 0], [4 / 3, 4 / 3]]))
    assert participation_ratio(values) == pytest.approx([1, 0, 2])
    assert participation_ratio(spectrum(states)) == pytest.approx(36 / 20)  # variances 2 : 1
