"""Mean and covariance of clouds that come in chunks."""

import numpy as np
import pytest

from probes.covariance import ROWS, StatesError, covariance


def test_covariance_in_chunks_is_that_of_the_whole():
    """Also where the mean is a million times the spread, which a sum of squares would not survive in float32."""
    points = np.random.default_rng(2).normal(1e6, 1, (ROWS + 100, 3))
    cloud = covariance(iter([points[:1], points[1:2000].reshape(-1, 1, 3), points[:0], points[2000:]]))
    assert cloud.count == len(points)
    assert cloud.mean == pytest.approx(points.mean(0), rel=1e-14)
    assert cloud.covariance == pytest.approx(np.cov(points.T), abs=1e-9)


@pytest.mark.parametrize(
    "chunks, message",
    [
        ([], "no states"),
        ([np.ones((2, 3)), np.ones((2, 4))], "of 3 and of 4"),
        ([np.array([[1.0, np.inf]])], "infinite or not a number"),
        ([np.ones((1, 5000), np.float16)], "5000 numbers are too wide"),
    ],
)
def test_clouds_that_are_refused(chunks, message):
    with pytest.raises(StatesError, match=message) as error:
        covariance(iter(chunks))
    assert "\n" not in str(error.value)
