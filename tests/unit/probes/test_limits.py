"""States may be as many, as few and as wide as the limits of each analysis."""

import numpy as np
import pytest
from limits import check_largest

from probes.cli.halting import run_model
from probes.comparison.cka import cka, normalised_grams
from probes.comparison.dimensionality import spectrum
from probes.covariance import StatesError, covariance
from probes.interventions.sites import InterventionError
from probes.interventions.sweep_results import SweepSettings
from probes.latents.procrustes import fit_procrustes
from probes.latents.project import project
from probes.latents.quality import quality
from probes.latents.umap import UMAPSettings, fit_umap
from probes.robustness import probe_under_noise
from trm.errors import UserError


def states(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    "limit, size, analyse",
    [
        ("latents.project.MOST_IN_POOL", 12, lambda: project(states(4, 3, 5), umap=None)),
        ("covariance.MOST_DIMENSIONS", 3, lambda: covariance(states(5, 3))),
        ("comparison.dimensionality.MOST_DIMENSIONS", 3, lambda: spectrum(states(3, 5)).size),
    ],
)
def test_all_of_a_limit_may_be_used(monkeypatch, limit, size, analyse):
    check_largest(monkeypatch, f"probes.{limit}", size, analyse)


@pytest.mark.parametrize(
    "count, words",
    [(3, "needs 4 to 9 states"), (4, "are equal"), (9, "are equal"), (10, "needs 4 to 9 states")],
)
def test_umap_takes_more_states_than_neighbours_and_at_most_the_limit(monkeypatch, count, words):
    """Equal states are refused after their number, and without a fit."""
    monkeypatch.setattr("probes.latents.umap.MOST_IN_POOL", 9)
    with pytest.raises(StatesError, match=words):
        fit_umap(np.ones((count, 5)), UMAPSettings(neighbours=3))


@pytest.mark.parametrize(
    "analyse, fewest",
    [
        (lambda count: cka(states(count, 2, 3)), 4),
        (lambda count: normalised_grams(states(count, 2, 3)), 4),
        (lambda count: fit_procrustes(states(count, 2, 3), states(count, 2, 3), components=2, shuffles=2), 4),
        (lambda count: quality(states(count, 3), states(count, 2), explained_variance=1.0, neighbours=2), 5),
    ],
    ids=["cka", "grams", "procrustes", "quality"],
)
def test_the_fewest_states_are_enough(analyse, fewest):
    assert analyse(fewest) is not None
    with pytest.raises(StatesError):
        analyse(fewest - 1)


def test_two_puzzles_are_enough_for_a_noise_curve():
    answers, blank = np.array([[2, 3, 2, 3]] * 2, np.uint8), np.ones((2, 4), bool)
    assert probe_under_noise({"z": states(2, 4, 3)}, answers, blank)["z"].majority == 0.5


@pytest.mark.parametrize("steps, is_allowed", [(0, False), (1, True), (64, True), (65, False)])
def test_a_halting_run_has_up_to_64_steps(steps, is_allowed):
    with pytest.raises(UserError) as error:
        run_model("nowhere", "nothing", limit=None, steps=steps)
    assert ("--steps must be from 1 to 64" in str(error.value)) != is_allowed


@pytest.mark.parametrize(
    "sizes, is_allowed",
    [
        ("0,1000000", True),
        ("1000001", False),
        ("-0.5", False),
        (",".join(["1"] * 100), True),
        (",".join(["1"] * 101), False),
    ],
)
def test_noise_has_up_to_a_hundred_sizes_up_to_a_million(sizes, is_allowed):
    if is_allowed:
        assert SweepSettings(sizes=sizes).noise_sizes
    else:
        with pytest.raises(InterventionError, match="Sizes must be"):
            SweepSettings(sizes=sizes)
