"""Undo and redo of puzzle, model and settings, and favourites from the browser."""

import pytest
from app_page import HISTORY, App
from sudoku_texts import PUZZLE as TYPED

from app.screens.solve.history import MOST, History
from trm.data import load_presets

PRESETS = load_presets("sudoku")


def test_a_new_run_drops_what_could_be_redone_and_the_oldest_are_forgotten():
    history = History()
    for puzzle in "aabb":
        history.note({"puzzle": puzzle})
    assert [place["puzzle"] for place in history.places] == ["a", "b"]
    assert history.go(-1) == {"puzzle": "a"} and history.can_go(1) and not history.can_go(-1)
    history.note({"puzzle": "a", "steps": "4"})  # as the page writes the place it went to
    assert history.places[0] == {"puzzle": "a", "steps": "4"} and history.can_go(1)
    history.note({"puzzle": "c"})
    assert history.go(1) is None and [place["puzzle"] for place in history.places] == ["a", "c"]
    for number in range(2 * MOST):
        history.note({"puzzle": str(number)})
    assert len(history.places) == MOST and history.go(-1) == {"puzzle": str(2 * MOST - 2)}


def can(app: App) -> dict[str, bool]:
    import json

    (bar,) = (each for each in app.test.get("bidi_component") if each.proto.component_name == HISTORY)
    return json.loads(bar.proto.json)


def test_undo_and_redo_of_puzzle_setting_and_model(open_app):
    app = open_app(n="1", T="1")
    assert can(app) == {"undo": False, "redo": False}
    app.set("puzzle_text", TYPED)
    app.set("supervision_steps", 20)
    app.set("model", "sudoku-hrm")
    model, link = app["model"], dict(app.link)
    for check in (
        lambda: (app["model"], app["supervision_steps"], app["puzzle_text"]) == ("sudoku-trm", 20, TYPED),
        lambda: (app["supervision_steps"], app["puzzle_text"]) == (16, TYPED),
        lambda: (app["puzzle_text"], app["puzzle_preset"]) == (PRESETS[0].puzzle, PRESETS[0].key),
    ):
        app.trigger("undo", True, HISTORY)
        assert check(), app.link
    assert can(app) == {"undo": False, "redo": True}
    app.trigger("undo", True, HISTORY)  # a page that is not up to date
    assert app["puzzle_text"] == PRESETS[0].puzzle
    for _ in range(3):
        app.trigger("redo", True, HISTORY)
    assert app["model"] == model and app.link == link and can(app) == {"undo": True, "redo": False}


def test_a_favourite_opens_as_a_link_does_and_can_be_undone(open_app, monkeypatch):
    monkeypatch.setattr("app.screens.solve.history.LONGEST", len(TYPED))
    app = open_app()
    app.trigger(
        "open", {"model": "sudoku-trm", "puzzle": TYPED, "steps": "20", "at": "3.2.7", "cell": "4,8"}, HISTORY
    )
    assert (app["puzzle_text"], app["supervision_steps"]) == (TYPED, 20)
    assert app.payload["start"]["supervision_step"] == 3 and app.payload["start"]["cell"] == [4, 8]
    app.trigger("undo", True, HISTORY)
    assert app["puzzle_text"] == PRESETS[0].puzzle


@pytest.mark.parametrize("wanted", [None, [], "x", {}, {"model": 7}, {"puzzle": "x" * 4001}, {"pin": "a"}])
def test_what_is_no_favourite_changes_nothing(open_app, wanted):
    app = open_app()
    before = dict(app.link)
    app.trigger("open", wanted, HISTORY)
    assert app.link == before and not app.errors
