"""Trajectories of the Latents page, from a small projection."""

from types import SimpleNamespace

import numpy as np
import pytest

from app.screens.latents import trajectories
from app.screens.latents.points import PointStyle
from app.screens.latents.source import ProjectionOfStates
from app.ui import charts
from probes.latents.umap import MOST_IN_POOL


@pytest.fixture
def projection() -> SimpleNamespace:
    """Two puzzles: the first is solved after the last step, the second only before."""
    solved = SimpleNamespace(values=np.array([[0, 1], [1, 0]]))
    return SimpleNamespace(
        second_model=None, model_index=np.zeros(2, int), puzzle_numbers=[0, 4], puzzle_count=2, field=lambda name: solved
    )  # fmt: skip


def style(*traced: int) -> PointStyle:
    return PointStyle("pca", axes=2, colour="solved", by_step=False, traced=traced)


def test_a_traced_puzzle_that_is_unsolved_in_the_end_is_dashed(projection):
    first, second = trajectories.traced(projection, style(0, 1), np.arange(12.0).reshape(2, 3, 2))
    assert (first.line.dash, second.line.dash) == (charts.DASHES["solved"], charts.DASHES["unsolved"])
    assert (first.line.color, second.line.color) == (charts.colour("solved"), charts.colour("unsolved"))
    assert [line.name for line in (first, second)] == ["trajectory of puzzle 1", "trajectory of puzzle 5"]
    assert list(second.x[:3]) == [6, 8, 10] and list(second.y[:3]) == [7, 9, 11]


@pytest.mark.parametrize("traced, ends", [((0,), ["solved"]), ((0, 1), ["solved", "unsolved"]), ((), [])])
def test_the_legend_names_the_outcomes_of_traced_puzzles(projection, traced, ends):
    entries = trajectories.legend_entries(projection, style(*traced))
    assert [entry.name for entry in entries] == [f"trajectory, {end} puzzle" for end in ends]
    assert [entry.line.dash for entry in entries] == [charts.DASHES[end] for end in ends]


@pytest.mark.parametrize("points, is_drawn", [(MOST_IN_POOL, True), (MOST_IN_POOL + 1, False)])
def test_so_many_points_are_drawn(points, is_drawn):
    request = ProjectionOfStates((), SimpleNamespace(), points=points)
    assert (request.problem == "") == is_drawn
