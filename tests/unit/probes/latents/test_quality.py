"""Quality of a faithful embedding, of a random one, by hand, and on a sample."""

import numpy as np
import pytest

from probes.covariance import StatesError
from probes.latents.pca import fit_pca
from probes.latents.quality import quality
from tests.unit.probes.latents.test_pca import rotated, trajectories


def test_quality_of_a_faithful_embedding_and_of_a_random_one():
    plane = np.random.default_rng(0).normal(size=(40, 10, 2))
    states = rotated(plane, 30)
    pca = fit_pca(states, components=2)
    good = quality(states, pca.transform(states), explained_variance=1.0)
    assert good.trustworthiness == pytest.approx(1) and good.neighbours_preserved == pytest.approx(1)
    assert (good.neighbours, good.compared, good.explained_variance) == (5, 400, 1.0)
    assert good.neighbours_by_chance == 5 / 399
    shuffled = np.random.default_rng(1).permutation(plane.reshape(-1, 2)).reshape(40, 10, 2)
    bad = quality(states, shuffled, explained_variance=1.0)
    assert bad.trustworthiness == pytest.approx(0.5, abs=0.05)
    assert bad.neighbours_preserved == pytest.approx(bad.neighbours_by_chance, abs=0.02)


def test_preserved_neighbours_by_hand():
    """Two neighbours each of 0 1 2 3 4, with 0 and 4 swapped: sets {1,2} {0,2} {1,3} {2,4} {2,3}.

    At 4 1 2 3 0 they are {2,3} {2,4} {1,3} {0,2} {1,2}: shared are 1, 1, 2, 1, 1 of 2.
    """
    states = np.arange(5.0)[:, None] + np.array([0, 0, 1e-3, 0, 0])[:, None]  # no ties except between 1 and 3
    shuffled = states[[4, 1, 2, 3, 0]]
    assert quality(
        states, shuffled, explained_variance=1.0, neighbours=2
    ).neighbours_preserved == pytest.approx(0.6)


def test_quality_of_a_sample():
    states = trajectories(50, 60, 4)
    result = quality(states, states[..., :2], explained_variance=0.5, sample=300)
    assert result.compared == 300 and 0.5 < result.trustworthiness < 1
    assert result == quality(states, states[..., :2], explained_variance=0.5, sample=300)
    with pytest.raises(StatesError, match=r"10 states are too few to compare 5 .* at least 11 are needed"):
        quality(states[:1, :10], states[:1, :10], explained_variance=1.0)
