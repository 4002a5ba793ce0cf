"""Mean and covariance of points in chunks."""

import numpy as np
import pytest

from probes.covariance import ROWS, StatesError, covariance


def test_covariance_in_chunks_equals_that_of_all_points():
    """Also if the mean is a million times the standard deviation, where a sum of squares in float32 would fail."""
    points = np.random.default_rng(2).normal(1e6, 1, (ROWS + 100, 3))
    result = covariance(iter([points[:1], points[1:2000].reshape(-1, 1, 3), points[:0], points[2000:]]))
    assert result.count == len(points)
    assert result.mean == pytest.approx(points.mean(0), rel=1e-14)
    assert result.covariance == pytest.approx(np.cov(points.T), abs=1e-9)


def test_two_points_one_point_and_the_widest_states(monkeypatch):
    monkeypatch.setattr("probes.covariance.MOST_DIMENSIONS", 2)
    assert covariance(np.array([[0.0, 1], [2, 1]])).covariance.tolist() == [[2, 0], [0, 0]]
    assert covariance(np.array([[3.0, 1]])).covariance.tolist() == [[0, 0], [0, 0]]
    with pytest.raises(StatesError, match="the limit is 2"):
        covariance(np.ones((2, 3)))


@pytest.mark.parametrize(
    "chunks, message",
    [
        ([], "no states"),
        ([np.ones((2, 3)), np.ones((2, 4))], "of size 3 and of size 4"),
        ([np.array([[1.0, np.inf]])], "infinite or NaN"),
        ([np.ones((1, 5000), np.float16)], "size 5000 are too wide"),
    ],
)
def test_invalid_points_are_refused(chunks, message):
    with pytest.raises(StatesError, match=message) as error:
        covariance(iter(chunks))
    assert "\n" not in str(error.value)
