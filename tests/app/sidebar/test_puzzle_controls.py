"""Controls of puzzles without a page: the height of the text field, ids of ARC within a model's table, tests in links."""

import json
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest

from app.server.options import Options
from app.sidebar import arc_puzzles, puzzles
from trm.tasks import get_task
from trm.tasks.arc import encode

GRID, OUTPUT = [[0, 1, 2], [3, 4, 5]], [[5, 4], [3, 2], [1, 0]]
ARC = get_task("arc", 900)


@pytest.mark.parametrize(
    "task, scale, height",
    [(("maze", 49), 1, 121), (("maze", 900), 1, 264), (("maze", 49), 1.5, 182), (("sudoku", 81), 2, 184)],
)
def test_the_text_field_has_the_height_of_its_grid_up_to_eighteen_lines(monkeypatch, task, scale, height):
    """A line has 13 pixels, and the field 30 more. A Sudoku is typed on one line."""
    page, drawn = MagicMock(columns=lambda *_, **__: (MagicMock(), MagicMock())), []
    monkeypatch.setattr(puzzles, "st", page)
    monkeypatch.setattr(puzzles.puzzle_files, "controls", lambda *_: None)
    monkeypatch.setattr(puzzles.text_size, "scale", lambda: scale)
    puzzles.controls(get_task(*task), lambda: drawn.append(1))
    assert page.text_area.call_args.kwargs["height"] == height and drawn == [1]
    puzzles.controls(get_task(*task))
    assert drawn == [1]


class State(dict):
    """The state of a session, whose keys are also attributes."""

    __getattr__, __setattr__ = dict.__getitem__, dict.__setitem__


@pytest.mark.parametrize(
    "ids, link, before, expected",
    [
        (5, {"id": "4"}, {}, 4),
        (5, {"id": "5"}, {}, 4),
        (5, {"id": "99999999"}, {}, 4),
        (5, {"id": "999999999"}, {}, 0),
        (5, {"id": "x"}, {"puzzle_id": 3}, 0),
        (5, {}, {"puzzle_id": 3}, 3),
        (5, {}, {}, 0),
        (0, {"id": "4"}, {}, 0),
    ],
)
def test_a_puzzle_id_lies_in_the_table_of_the_model(monkeypatch, ids, link, before, expected):
    monkeypatch.setattr(arc_puzzles, "st", SimpleNamespace(session_state=(state := State(before))))
    arc_puzzles.init_state(ARC, SimpleNamespace(puzzle_ids=ids), Options(), None, link)
    assert (state.puzzle_id, state.arc_task, state.arc_test) == (expected, None, 1) and not link


@pytest.fixture
def options(tmp_path):
    """A server with one ARC task with two tests; only the first has a published output."""
    pair = {"input": GRID, "output": OUTPUT}
    task = {"train": [pair, pair], "test": [pair, {"input": OUTPUT}]}
    (tmp_path / "0a1b2c3d.json").write_text(json.dumps(task))
    return Options(data_dir=tmp_path)


@pytest.mark.parametrize(
    "name, puzzle, found",
    [
        ("0a1b2c3d.1", GRID, "0a1b2c3d.1"),
        ("0a1b2c3d.2", OUTPUT, "0a1b2c3d.2"),
        ("0a1b2c3d.9", OUTPUT, "0a1b2c3d.2"),
        ("0a1b2c3d.1", OUTPUT, None),
        ("0a1b2c3d.x", GRID, None),
        ("nobody.1", GRID, None),
    ],
)
def test_a_test_in_a_link_is_that_of_its_puzzle(options, name, puzzle, found):
    place, output = arc_puzzles.published_by_name(ARC, options, name, ARC.format(encode(np.array(puzzle))))
    assert place == found
    assert (output is None) == (found != "0a1b2c3d.1")
    if output is not None:
        assert np.array_equal(output, encode(np.array(OUTPUT)))


@pytest.mark.parametrize("rows, expected", [(3, 2), (2, 0)])
def test_an_id_beyond_the_table_of_the_model_becomes_the_blank_one(
    options, tmp_path, monkeypatch, rows, expected
):
    (tmp_path / "identifiers.json").write_text('["<blank>", "other", "0a1b2c3d"]')
    state = State(arc_task="0a1b2c3d", puzzle_text="")
    monkeypatch.setattr(arc_puzzles.st, "session_state", state)
    arc_puzzles.init_state(ARC, SimpleNamespace(puzzle_ids=rows), options, tmp_path, {})
    assert state.puzzle_id == expected
