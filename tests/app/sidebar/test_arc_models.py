"""ARC on the Solve page: grids that are typed or from the server's data folder, and the puzzle id that the model needs."""

import json
from base64 import b64decode

import pytest

from app.server.options import DATA_DIR
from trm.tasks.arc import encode

GRID = [[0, 1, 2], [3, 4, 5]]
OUTPUT = [[5, 4], [3, 2], [1, 0]]


def test_arc_puzzles_cannot_be_generated_and_the_blank_id_gets_a_warning(open_app, model_dir):
    app = open_app(model="arc")
    assert not app.has("new_puzzle") and not app.has("difficulty")
    assert "scores 0" in app.warnings[0]
    app.set("puzzle_text", "01\n23")
    assert app.link["puzzle"] == "01/23"
    answers = app.payload["z_confidence"]
    app.set("puzzle_id", 3)
    assert not app.warnings
    assert app.payload["z_confidence"] != answers
    assert app.link["id"] == "3"
    assert open_app(**app.link)["puzzle_id"] == 3


@pytest.fixture
def arc_data(tmp_path, monkeypatch):
    """A folder with one ARC task with two tests; only the first has a published output."""
    folder = tmp_path / "arc-data"
    folder.mkdir()
    pair = {"input": GRID, "output": OUTPUT}
    task = {"train": [pair, pair], "test": [pair, {"input": OUTPUT}]}
    (folder / "0a1b2c3d.json").write_text(json.dumps(task))
    monkeypatch.setenv(DATA_DIR, str(folder))
    return folder


def test_a_task_of_the_data_folder_sets_its_puzzle_id_and_output(open_app, model_dir, arc_data):
    (model_dir / "arc" / "identifiers.json").write_text('["<blank>", "other", "0a1b2c3d"]')
    app = open_app(model="arc")
    app.set("arc_task", "0a1b2c3d")
    assert app.link["puzzle"] == "012/345" and app.link["arc"] == "0a1b2c3d.1"
    assert app["puzzle_id"] == 2 and not app.warnings
    assert "gives 0a1b2c3d the id 2" in app.captions
    assert b64decode(app.payload["labels"]) == encode(OUTPUT).tobytes()
    again = open_app(**app.link)
    assert (again["arc_task"], again["puzzle_id"]) == ("0a1b2c3d", 2)
    assert again.payload["labels"] == app.payload["labels"]
    app.set("puzzle_id", 1)
    assert "gives 0a1b2c3d the id 2, not the one selected here" in app.captions
    app.set("arc_test", 2)
    assert app["puzzle_id"] == 2 and app.link["puzzle"] == "54/32/10" and app.payload["labels"] is None
    app.set("puzzle_text", "0/1")
    assert "arc" not in app.link and app["arc_task"] is None


def test_a_link_to_a_task_alone_sets_its_puzzle_and_id(open_app, model_dir, arc_data):
    (model_dir / "arc" / "identifiers.json").write_text('["<blank>", "other", "0a1b2c3d"]')
    app = open_app(model="arc", arc="0a1b2c3d.2")
    assert app.link["puzzle"] == "54/32/10" and app["arc_test"] == 2 and app["puzzle_id"] == 2
    for link in ("0a1b2c3d.9", "0a1b2c3d.x", "nobody.1", ".", "<b>"):
        assert not open_app(model="arc", arc=link).errors


def test_a_task_outside_the_training_set_has_the_blank_id(open_app, model_dir, arc_data):
    (model_dir / "arc" / "identifiers.json").write_text('["<blank>", "other"]')
    app = open_app(model="arc")
    app.set("arc_task", "0a1b2c3d")
    assert app["puzzle_id"] == 0 and "scores 0" in app.warnings[0]
    assert "not among the 1 puzzles" in app.captions


def test_a_data_folder_without_tasks_is_an_error(open_app, model_dir, arc_data):
    (arc_data / "0a1b2c3d.json").write_text("[]")
    app = open_app(model="arc")
    assert "0a1b2c3d.json" in app.errors[0]
    assert app.payload["task"] == "arc"
