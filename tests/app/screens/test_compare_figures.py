"""Figures and notes of the Compare page, from small results."""

from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest

from app.screens.compare import figures, views
from probes.comparison.files import load_comparison, recorded_path

CURVE = SimpleNamespace(middle=[0.1, 0.5], low=[0.0, 0.25], high=[0.2, 0.625])


def pair(N_sup: int) -> SimpleNamespace:
    """A TRM and an HRM with T = 2 and a matrix of CKA whose values are all different."""
    models = [
        SimpleNamespace(
            provenance=SimpleNamespace(model=name, kind=kind, n=1, T=2, N_sup=N_sup), near_blanks={"1": CURVE}
        )
        for name, kind in (("a", "trm"), ("b", "hrm"))
    ]
    states = [(model, state) for model in (0, 1) for state in "yz"]
    count = 2 * N_sup
    blocks = [(*state, slice(place * count, (place + 1) * count)) for place, state in enumerate(states)]
    cka = np.arange((4 * count) ** 2, dtype=float).reshape(4 * count, 4 * count)
    return SimpleNamespace(models=models, state_blocks=blocks, cka=cka)


@pytest.mark.parametrize("N_sup, steps", [(4, (1, 2, 3, 4)), (5, (1, 4)), (9, (1, 4, 8))])
def test_the_heat_map_of_two_states_has_a_tick_at_every_fourth_step_of_a_long_run(N_sup, steps):
    figure = figures.heat_map(pair(N_sup), (0, "y"), (1, "z"))
    (heat,) = figure.data
    count = 2 * N_sup
    assert list(heat.z[0]) == list(range(3 * count, 4 * count)) and heat.z[1][0] == 7 * count
    assert (heat.x[0], heat.y[-1]) == ("b: z, step 1, cycle 1", f"a: y, step {N_sup}, cycle 2")
    assert figure.layout.xaxis.ticktext == tuple(map(str, steps))
    assert figure.layout.xaxis.tickvals == tuple(f"b: z, step {step}, cycle 2" for step in steps)
    assert not figure.layout.shapes


def test_bars_of_near_complete_puzzles_differ_by_pattern_and_have_their_interval():
    trm, hrm = figures.near_complete(pair(2), "near_blanks").data
    assert (trm.marker.pattern.shape, hrm.marker.pattern.shape) == ("", "/")
    assert (trm.x, trm.y, trm.error_y.array, trm.error_y.arrayminus) == (("1",), (0.5,), (0.125,), (0.25,))


@pytest.fixture
def page(monkeypatch):
    page = MagicMock()
    page.columns.return_value = (MagicMock(), MagicMock())
    monkeypatch.setattr(views, "st", page)
    for name in ("charts", "downloads"):
        monkeypatch.setattr(views, name, MagicMock())
    return page


def measured(**changes: object):
    recorded = load_comparison(recorded_path("maze-trm", "maze-hrm"))
    return replace(recorded, models=tuple(replace(each, **changes) for each in recorded.models))


@pytest.mark.parametrize("below, warnings", [(0, 2), (1e-6, 0)])
def test_a_z_is_said_to_repeat_its_input_from_this_share_of_its_variance_on(page, below, warnings):
    views.cost(measured(by_token={"y": 0.0, "z": views.Z_REPEATS_X - below}))
    assert page.warning.call_count == warnings


@pytest.mark.parametrize("below, said", [(0, 0), (1e-6, 2)])
def test_so_many_cells_of_a_solution_must_be_decoded_for_a_valid_test(page, below, said):
    views.solution_retention(measured(solution_decoded=views.MIN_DECODED - below), MagicMock())
    assert page.caption.call_args.args[0].count("too few for a valid test") == said
