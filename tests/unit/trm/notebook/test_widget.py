"""The player as a widget: Python learns which call and which cell are on screen."""

import sys

import pytest

import trm
from trm.errors import UserError
from trm.export.payload import payload

PUZZLE = "12..34....21..43"


@pytest.fixture
def run(tiny_model):
    return trm.run(tiny_model(), PUZZLE)


def test_the_widget_reports_the_call_and_the_cell(run):
    pytest.importorskip("anywidget")
    widget = run.widget()
    assert widget.data == payload(run.trace, run.task)
    assert widget.at is None and widget.cell is None
    calls = []
    widget.observe(lambda change: calls.append(widget.at), names="view")
    view = {"supervision_step": 2, "cycle": 1, "call": 3, "kind": "f_H", "cell": [0, 3], "mode": "answer"}
    widget.set_state({"view": view})
    assert calls == [trm.Coordinates(2, 1, 3, "f_H")] and widget.cell == (0, 3)


def test_two_runs_are_two_players(run):
    pytest.importorskip("anywidget")
    widget = run.widget(compare_with=run)
    assert len(widget.data["players"]) == 2


def test_without_anywidget_the_message_names_what_to_install(run, monkeypatch):
    monkeypatch.delitem(sys.modules, "trm.notebook.widget", raising=False)
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(UserError, match=r"pip install 'recursion-lens\[notebook\]'"):
        run.widget()
