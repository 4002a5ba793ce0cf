"""A component that makes an outdated page run by itself does not undo what the user has done."""

import json

from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.app.screens.test_solve_page import PRESETS, TYPED, shown_puzzle


def news(app, *, edits: int, **values: str) -> None:
    """The player makes the page run, from a browser whose widgets have these values."""
    (player,) = app.components
    states = app.test._tree.get_widget_states()
    for key, value in values.items():
        identity = app.test.get_by_key(key).id
        rest = [state for state in states.widgets if state.id != identity]
        del states.widgets[:]
        states.widgets.extend([*rest, WidgetState(id=identity, string_value=value)])
    event = json.dumps([{"event": "news", "value": {"edits": edits}}])
    identity = f"$$STREAMLIT_INTERNAL_KEY_{player.proto.id}__events"
    states.widgets.append(WidgetState(id=identity, json_trigger_value=event))
    app.test._run(states)
    assert not app.test.exception


def test_an_old_preset_does_not_replace_a_typed_puzzle(open_app):
    app = open_app(puzzle=PRESETS[1].puzzle)
    known = app.payload["edits"]
    app.set("puzzle_text", TYPED)
    assert app["puzzle_preset"] is None and app.payload["edits"] > known
    news(app, edits=known, puzzle_preset=PRESETS[1].title)
    assert app["puzzle_text"] == shown_puzzle(app.payload) == TYPED and app["puzzle_preset"] is None


def test_an_old_text_does_not_replace_a_chosen_preset(open_app):
    app = open_app(puzzle=TYPED)
    known = app.payload["edits"]
    app.set("puzzle_preset", PRESETS[1].key)
    assert shown_puzzle(app.payload) == PRESETS[1].puzzle
    news(app, edits=known, puzzle_text=TYPED)
    assert shown_puzzle(app.payload) == PRESETS[1].puzzle and app["puzzle_preset"] == PRESETS[1].key


def test_a_choice_on_a_page_that_is_up_to_date_is_applied(open_app):
    app = open_app(puzzle=PRESETS[1].puzzle)
    app.set("puzzle_text", TYPED)
    news(app, edits=app.payload["edits"], puzzle_preset=PRESETS[1].title)
    assert shown_puzzle(app.payload) == PRESETS[1].puzzle


def test_what_was_typed_is_there_on_another_page_and_after_coming_back(open_app):
    app = open_app()
    app.set("puzzle_text", TYPED)
    app.open("compare")
    assert app["puzzle_text"] == TYPED
    app.open("solve")
    assert app["puzzle_text"] == shown_puzzle(app.payload) == TYPED
