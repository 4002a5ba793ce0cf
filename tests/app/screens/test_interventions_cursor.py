"""The call and the cell that the figures of the Interventions page explain, and the text of an intervention."""

from types import SimpleNamespace

import numpy as np
import pytest

from app.screens.interventions import attention, cursor
from app.screens.interventions.controls import InterventionRequest, checked
from app.screens.interventions.steering import RecordedProbes, SteeringSettings
from probes.linear.experiment.files import load_experiment, recorded_path
from trm.coordinates import Coordinates, Depth
from trm.tasks import get_task

DEPTH = Depth(n=2, T=3, N_sup=4)
CHOICE = SimpleNamespace(depth=DEPTH, task=get_task("sudoku"))


@pytest.fixture
def session(monkeypatch) -> dict:
    """The session state. No player has reported its view."""
    session: dict = {}
    monkeypatch.setattr(cursor.st, "session_state", session)
    monkeypatch.setattr(cursor.links, "current_view", lambda player: None)
    return session


def changing(cell: int) -> SimpleNamespace:
    """A run that changes only the answer in one cell."""
    answers = np.ones((12, 81), np.uint8)
    answers[1::2, cell] = 2
    return SimpleNamespace(depth=DEPTH, answers=answers, inputs=np.ones(81, np.uint8), labels=None)


@pytest.mark.parametrize(
    "linked, cell",
    [
        (None, [2, 3]),
        ({"lead": "left"}, [1, 1]),
        ({"lead": "left", "cell": [0, 8]}, [0, 8]),
        ({"cell": [9, 0]}, [2, 3]),
        ({"cell": [0, 9]}, [2, 3]),
    ],
)
def test_the_players_open_with_the_cell_of_the_link_or_one_that_changes_in_the_run_that_leads(
    session, linked, cell
):
    view = cursor.opening_view(CHOICE, changing(10), changing(21), linked)
    assert view["cell"] == cell
    assert (view["supervision_step"], view["cycle"], view["call"]) == (1, 1, 3)


@pytest.mark.parametrize(
    "view, at",
    [
        ({}, cursor.Cursor(1, 1, 1, None)),
        ({"supervision_step": 9, "cycle": 9, "call": 9, "cell": [8, 8]}, cursor.Cursor(4, 3, 3, 80)),
        ({"supervision_step": 2, "cycle": 2, "call": 2, "cell": [1, 2]}, cursor.Cursor(2, 2, 2, 11)),
        ({"cell": [16, 16]}, cursor.Cursor(1, 1, 1, 80)),  # of a larger grid
    ],
)
def test_the_view_is_clipped_to_the_run(session, view, at):
    session[cursor.OPENED] = view
    assert cursor.current(CHOICE) == at


@pytest.mark.parametrize("call, kind", [(2, "f_L"), (3, "f_H")])
def test_attention_is_that_of_the_net_of_the_call(call, kind):
    assert attention.call(CHOICE, cursor.Cursor(2, 1, call, 0)) == Coordinates(2, 1, call, kind)


@pytest.mark.parametrize(
    "experiment, text, message",
    [
        ("custom", "zero y after 1.1.1", ""),
        ("custom", "remove y", "no operation 'remove'"),
        ("custom", "steer y after 1 along probe:x:0:0", "opens no files"),
        ("noise", "", ""),
    ],
)
def test_only_valid_text_is_run(experiment, text, message):
    said: list[str] = []
    assert checked(InterventionRequest(experiment, 1, text), said.append) == (not message)
    assert bool(said) == bool(message) and message in "".join(said)


@pytest.fixture(scope="module")
def probes() -> RecordedProbes:
    """Fitted after the steps 1, 2, 4, ..."""
    return RecordedProbes(load_experiment(recorded_path("sudoku-trm")))


@pytest.mark.parametrize(
    "target, name, fitted, are_there",
    [
        ("solution", "5", 4, True),
        ("solution", "", 4, False),
        ("right_now", "yes", 4, True),
        ("right_now", "", 4, True),
        ("right_now", "", 3, False),
        ("nothing", "5", 4, False),
    ],
)
def test_a_probe_of_two_classes_needs_no_class(probes, target, name, fitted, are_there):
    assert probes.has(SteeringSettings("probe", target, name, fitted)) == are_there


@pytest.mark.parametrize("step, fitted", [(1, 1), (2, 2), (3, 2), (4, 4)])
def test_the_nearest_probe_is_not_after_the_step(probes, step, fitted):
    assert probes.nearest(step) == fitted
