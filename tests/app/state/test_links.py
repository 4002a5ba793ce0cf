"""Links: model, puzzle, steps, place, cell and mode are read from the address; no value in it can break the page."""

from urllib.parse import parse_qsl

import pytest

from app.state import links
from tests.app.screens.test_solve_page import PRESETS, TYPED, shown_puzzle

PLACE = {"supervision_step": 3, "cycle": 1, "call": 7, "cell": [4, 8], "mode": "probabilities"}


def test_every_parameter_of_a_link_is_applied(open_app):
    app = open_app(model="sudoku-trm", puzzle=TYPED, steps="20", at="3.1.7", cell="4,8", mode="probabilities")
    assert app["model"] == "sudoku-trm"
    assert app["puzzle_text"] == shown_puzzle(app.payload) == TYPED
    assert app["puzzle_preset"] is None
    assert app["supervision_steps"] == 20
    assert app.payload["start"] == PLACE


def test_a_link_to_a_preset_selects_it(open_app):
    app = open_app(puzzle=PRESETS[2].puzzle)
    assert app["puzzle_preset"] == PRESETS[2].key


@pytest.mark.parametrize(
    "link",
    [
        {"at": "3.2"},
        {"at": "1.2.x", "cell": "1,1"},
        {"at": "-1.2.3"},
        {"at": "9" * 5000 + ".1.1"},
        {"at": "..", "mode": "probabilities"},
        {"at": "<script>"},
    ],
    ids=str,
)
def test_a_malformed_place_is_ignored(open_app, link):
    assert open_app(**link).payload["start"] is None


@pytest.mark.parametrize("cell", ["4", "4,x", "-1,2", "1,2,3", "9" * 5000 + ",1", ""])
def test_a_malformed_cell_is_ignored(open_app, cell):
    start = open_app(at="3.1.7", cell=cell).payload["start"]
    assert start == PLACE | {"cell": None, "mode": "answer"}


@pytest.mark.parametrize("steps", ["0", "-3", "x", "1.5", "", "²", "9" * 5000])
def test_malformed_steps_become_the_models_own(open_app, steps):
    app = open_app(steps=steps)
    assert app["supervision_steps"] == 16


def test_too_many_steps_are_clipped(open_app):
    assert open_app(steps="999", n="1", T="1")["supervision_steps"] == 64


def test_an_unknown_model_becomes_the_default(open_app, served_to_others):
    assert open_app(model="../../etc/passwd")["model"] == "sudoku-trm"


def test_an_invalid_puzzle_in_a_link_is_an_error_and_the_first_preset_is_shown(open_app):
    app = open_app(puzzle="<img src=x onerror=alert(1)>")
    assert "is not part of a 9x9 Sudoku" in app.errors[0]
    assert shown_puzzle(app.payload) == PRESETS[0].puzzle


# another link within a session


def followed(app, **link):
    """The page after `links.follow`, which stores this in the session before it switches pages."""
    app.test.session_state["followed"] = link
    app.run()
    return app


def test_a_link_followed_within_a_session_is_applied_like_the_first(open_app):
    app = open_app(
        model="sudoku-trm", puzzle=PRESETS[1].puzzle, n="1", T="1", steps="20", at="1.1.2", cell="0,0"
    )
    assert app.payload["start"]["supervision_step"] == 1
    followed(
        app, **links.place(model="sudoku-hrm", puzzle=TYPED, at=(3, 1, 7), cell=(4, 8), mode="probabilities")
    )
    assert app["model"] == "sudoku-hrm"
    assert app["puzzle_text"] == shown_puzzle(app.payload) == TYPED
    assert app["puzzle_preset"] is None
    assert app["supervision_steps"] == 16  # the model's own, since the link has none
    assert app.payload["start"] == PLACE | {"link": 1}
    app.set("supervision_steps", 3)  # from now on the user's choices count
    app.set("puzzle_preset", PRESETS[2].key)
    assert app["supervision_steps"] == 3 and shown_puzzle(app.payload) == PRESETS[2].puzzle


def test_a_followed_link_without_a_model_keeps_the_current_one(open_app):
    app = open_app(model="sudoku-hrm")
    followed(app, **links.place(puzzle=TYPED, at=(3, 1, 7)))
    assert app["model"] == "sudoku-hrm" and shown_puzzle(app.payload) == TYPED
    assert app.payload["start"] == PLACE | {"cell": None, "mode": "answer", "link": 1}


def test_a_followed_link_without_a_puzzle_keeps_the_current_one(open_app):
    app = followed(open_app(puzzle=TYPED), **links.place(at=(3, 1, 7)))
    assert shown_puzzle(app.payload) == TYPED


def test_a_button_follows_a_link(open_app, monkeypatch):
    gone = []
    monkeypatch.setattr(links.st, "switch_page", lambda page, query_params: gone.append((page, query_params)))
    monkeypatch.setattr(links.st, "session_state", state := type("State", (), {})())
    links.follow(links.place(puzzle=TYPED))
    assert gone == [(links.SOLVE, {"puzzle": TYPED})] and state.followed == {"puzzle": TYPED}


def test_an_address_holds_the_parameters_of_its_link():
    link = links.place(model="runs/a b&c", puzzle="#S. G#", at=(16, 3, 7), cell=(0, 14))
    path, _, query = links.address(link).partition("?")
    assert path == "/" and dict(parse_qsl(query)) == link
    assert link["at"] == "16.3.7" and link["cell"] == "0,14"
