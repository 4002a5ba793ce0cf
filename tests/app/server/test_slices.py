"""A run in slices is the run: no bit differs, wherever it pauses."""

import numpy as np
import pytest

from app.server.slices import Pause, in_slices
from trm.checkpoint import load_model
from trm.coordinates import Depth
from trm.record import record
from trm.tasks import task_of

DEPTH = Depth(n=2, T=2, N_sup=3)
FIELDS = ("answers", "probabilities", "entropy", "z_answers", "halt_probability", "residual_y", "residual_z")


@pytest.fixture(scope="module", params=["sudoku-trm", "sudoku-hrm"])
def parts(request):
    model = load_model(request.param)
    task = task_of(model.config)
    return model, task, task.generate(np.random.default_rng(0), "easy").inputs


@pytest.mark.parametrize("every", [1, 2, 5])
def test_pauses_change_nothing(parts, every):
    asked = iter(range(1, 1000))
    made = list(in_slices(*parts, gives_way=lambda: next(asked) % every == 0, depth=DEPTH))
    pauses = [each for each in made if isinstance(each, Pause)]
    traces = [each for each in made if not isinstance(each, Pause)]
    assert len(pauses) >= 3 and all(pause.nbytes > 0 for pause in pauses)
    assert [trace.steps for trace in traces] == [1, 2, 3]
    whole = record(*parts, depth=DEPTH)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(traces[-1], name), getattr(whole, name))


def test_the_solution_is_searched_for_once_however_often_a_run_pauses(parts, monkeypatch):
    searched = []
    monkeypatch.setattr("trm.record.unique_solution", lambda task, inputs: searched.append(1) or inputs)
    list(in_slices(*parts, gives_way=lambda: True, depth=DEPTH))
    assert len(searched) == 1


def test_the_last_call_of_a_step_is_no_place_to_pause(parts):
    asked = []
    list(in_slices(*parts, gives_way=lambda: bool(asked.append(1)), depth=DEPTH))
    assert len(asked) == 3 * (DEPTH.calls_per_step - 1)
