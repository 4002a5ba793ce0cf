"""The puzzle editor and puzzle files: values from the browser reach the page, and any grid a model can take is accepted."""

import json

import numpy as np
import pytest
from app_page import App

from app.editor.description import describe_task, grid_of, keys_of
from tests.app.screens.test_solve_page import PRESETS, TYPED, preset, shown_puzzle
from trm.tasks import get_task

TASK = get_task("sudoku")
DOUBLED = "55" + TYPED[2:]  # two 5s in row 1


@pytest.fixture
def editor(open_app) -> App:
    """A page with the editor open on the first preset."""
    app = open_app()
    app.click("edit")
    return app


def validity_of(app: App) -> tuple[str, str, list]:
    """The verdict on the draft."""
    words = app.payload["validity"]
    return words["solutions"], words["sentence"], words["conflicts"]


def draft(app: App, text: str) -> None:
    app.tell({"draft": {"text": text, "at": len(text)}})
    assert app.payload["validity"]["text"] == text


def test_the_editor_replaces_the_player_until_it_is_closed(editor):
    assert editor.payload["puzzle"]["text"] == PRESETS[0].puzzle
    assert editor.payload["puzzle"]["grid"]["tokens"] == TASK.parse(PRESETS[0].puzzle).tolist()
    assert not editor.has("edit")
    editor.trigger("cancel", True)
    assert shown_puzzle(editor.payload) == PRESETS[0].puzzle
    assert editor.has("edit")


def test_a_draft_is_checked_and_nothing_else_changes(editor):
    assert validity_of(editor)[0] == "one"
    draft(editor, TYPED)
    assert validity_of(editor)[:2] == ("one", "Easy: naked and hidden singles suffice.")
    draft(editor, "." * 81)
    assert validity_of(editor)[0] == "several"
    draft(editor, DOUBLED)
    solutions, sentence, conflicts = validity_of(editor)
    assert solutions == "none" and "occurs twice" in sentence
    assert conflicts == [[0, 0], [0, 1]]
    assert editor["puzzle_text"] == PRESETS[0].puzzle == editor.link["puzzle"]


def test_any_draft_can_be_used(editor):
    for text in (DOUBLED, "." * 81):
        editor.trigger("use", text)
        assert shown_puzzle(editor.payload) == text == editor["puzzle_text"] == editor.link["puzzle"]
        assert bool(editor.warnings) == (text == DOUBLED) and not editor.errors
        editor.click("edit")


def test_pasted_texts_are_parsed_in_every_format_or_refused(editor):
    editor.trigger("paste", {"number": 1, "text": TASK.pretty(TASK.parse(TYPED))})
    assert editor.payload["pasted"] == {"number": 1, "grid": grid_of(TASK, TASK.parse(TYPED))}
    editor.trigger("paste", {"number": 2, "text": TYPED[:80]})
    assert editor.payload["pasted"]["number"] == 2
    assert "81 cells, but this text has 80" in editor.payload["pasted"]["mistake"]
    editor.trigger("cancel", True)
    editor.click("edit")
    assert editor.payload["pasted"] is None


def test_invalid_values_from_the_browser_change_nothing(editor):
    before = editor.payload
    for nonsense in (None, 3, "<b>", {"text": 5}, "x" * 200_000, []):
        editor.trigger("use", nonsense)
        editor.trigger("paste", nonsense)
        editor.tell({"draft": nonsense})
        assert editor.payload == before


def test_a_puzzle_chosen_meanwhile_is_loaded_and_another_size_closes_the_editor(editor, model_dir):
    editor.set("puzzle_preset", "medium")
    assert editor.payload["puzzle"]["text"] == preset("medium")
    editor.set("model", "maze-trm")
    assert "task" in editor.payload and isinstance(editor.payload["task"], str)  # the player's


def test_a_maze_without_start_is_flagged_and_accepted(open_app):
    depth = {"model": "maze-trm", "steps": "2", "n": "1", "T": "1"}
    app = open_app(**depth)
    whole = app["puzzle_text"]
    app.click("edit")
    text = app.payload["puzzle"]["text"].replace("S", ".")
    draft(app, text)
    assert validity_of(app) == ("none", "No solution: this maze has no start.", [])
    app.trigger("use", text)
    assert "S" not in app["puzzle_text"] and app["puzzle_text"] != whole
    assert app.link["puzzle"] == text and not app.errors
    assert "No solution: this maze has no start." in app.test.main.markdown[0].value
    assert app.payload["labels"] is None
    draft_text = app["puzzle_text"].replace(" ", "G", 1)
    app.set("puzzle_text", draft_text)  # typed, two goals
    assert "2 goals" in app.test.main.markdown[0].value and not app.errors
    again = open_app(**depth, puzzle=app.link["puzzle"])
    assert again["puzzle_text"] == draft_text


def test_an_abandoned_rating_is_reported_and_not_an_error(open_app, monkeypatch):
    monkeypatch.setattr("app.sidebar.validity.MOST_GUESSES", 0)
    hard = TASK.format(TASK.generate(np.random.default_rng(1), "hard").inputs)
    app = open_app(puzzle=hard)
    assert (
        "The number of solutions is unknown. The search found no result within 0 guesses"
        in app.test.main.markdown[0].value
    )
    app.click("edit")
    assert validity_of(app)[0] == "unknown"
    assert app.payload["puzzle"]["text"] == hard


def test_the_description_of_each_task():
    sudoku, maze, arc = (describe_task(get_task(*name)) for name in (("sudoku", 16), ("maze", 225), ("arc",)))
    assert sudoku["keys"] == {".": 1, "1": 2, "2": 3, "3": 4, "4": 5, "0": 1}
    assert maze["keys"] == {".": 2, "#": 1, "s": 3, "g": 4, "o": 2, "w": 1, "0": 2}
    assert arc["keys"] == {str(colour): colour + 2 for colour in range(10)}
    assert [task["key_labels"] for task in (sudoku, maze, arc)] == ["1 … 4", "o w s g", "0 … 9"]
    assert [task["resizable"] for task in (sudoku, maze, arc)] == [False, False, True]
    assert keys_of(TASK)["9"] == 10
    for task in (sudoku, maze, arc):
        assert json.loads(json.dumps(task)) == task


def test_an_arc_grid_is_sent_without_its_padding():
    arc = get_task("arc")
    assert grid_of(arc, arc.parse("12/34/56")) == {"rows": 3, "columns": 2, "tokens": [3, 4, 5, 6, 7, 8]}


def upload(app: App, name: str, content: str) -> None:
    app.set("puzzle_file", (name, content.encode(), "text/plain"))


def test_the_puzzles_of_a_file_can_be_chosen(open_app):
    app = open_app()
    upload(app, "mine.txt", TASK.pretty(TASK.parse(TYPED)))
    assert shown_puzzle(app.payload) == TYPED == app["puzzle_text"]
    assert not app.has("puzzle_of_file")
    upload(app, "two.csv", f"q,a\n{preset('hard')},\n{TYPED},\n{TYPED[:9]},\n")
    assert shown_puzzle(app.payload) == preset("hard") and app["puzzle_preset"] == "hard"
    app.set("puzzle_of_file", 2)
    assert shown_puzzle(app.payload) == TYPED and "line 3: 53..7" in app.captions
    app.set("puzzle_of_file", 3)
    assert shown_puzzle(app.payload) == TYPED
    assert "two.csv, line 4: A 9x9 Sudoku has 81 cells, but this text has 9" in app.errors[0]
    app.set("puzzle_file", None)
    assert shown_puzzle(app.payload) == TYPED and not app.errors


def test_a_file_of_any_name_is_read_and_skipped_lines_are_reported(open_app):
    app = open_app()
    for name in ("set.sdm", "set.sdk", "set.jsonl", "set"):
        upload(app, name, f"[Puzzle]\n{TYPED}\n")
        assert shown_puzzle(app.payload) == TYPED == app["puzzle_text"] and not app.errors
        assert "line 1: '[Puzzle]' skipped." in app.captions
        app.set("puzzle_file", None)


def test_an_invalid_file_is_named_and_its_name_is_escaped(open_app):
    app = open_app()
    upload(app, "<b>**a**</b>.txt", "hello")
    (error,) = app.errors
    assert error.startswith("<b>**a**</b>.txt: Position 1: 'h' is not part of a 9x9 Sudoku")
    assert shown_puzzle(app.payload) == PRESETS[0].puzzle
