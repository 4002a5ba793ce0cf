"""Marks and lines of one figure that hide none of each other."""

from itertools import combinations
from types import SimpleNamespace

import pytest

from app.screens.interventions import figures as interventions
from app.screens.probes import figures as probes
from app.ui import charts


@pytest.fixture(autouse=True)
def theme(monkeypatch):
    """Outside of a page there is none."""
    monkeypatch.setattr(charts, "is_dark", lambda: False)


def test_equal_choices_of_a_run_are_drawn_beside_each_other():
    ends = {
        f"{name}_{end}": [0.8, 0.9] for name in interventions.SELECTIONS for end in ("share", "low", "high")
    }
    figure = interventions.multiple_runs(SimpleNamespace(table={"runs": [1, 2]} | ends))
    assert len(figure.data) == len(interventions.SELECTIONS)
    for one, other in combinations(figure.data, 2):
        assert not set(one.x) & set(other.x) and one.marker.symbol != other.marker.symbol
    assert all(abs(x - runs) < 0.2 for line in figure.data for x, runs in zip(line.x, (1, 2), strict=True))


def test_a_causal_test_is_drawn_with_its_random_directions():
    outcome = {"changed_now": 0.0, "right_end": 0.5}
    result = SimpleNamespace(
        clean=outcome, random=(outcome, outcome), along=outcome, state="z", class_name="5", how="move"
    )
    figure = probes.causal(result)
    assert [marks.y for marks in figure.data] == [(-0.25, 0.75), (0, 0, 1, 1), (0.25, 1.25)]
    assert figure.layout.yaxis.range == (1.5, -0.5) and figure.layout.height == 290
    heights = [set(marks.y) for marks in figure.data]
    assert all(not one & other for one, other in combinations(heights, 2))
    low, high = sorted(figure.layout.yaxis.range)
    assert all(low + 0.2 <= y <= high - 0.2 for marks in figure.data for y in marks.y)
