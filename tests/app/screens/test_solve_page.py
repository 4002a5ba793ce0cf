"""The Solve page: the player gets what the user selects in the sidebar, and mistakes are errors on the page."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from app_page import shown

from trm import registry
from trm.data import load_presets, load_puzzles
from trm.tasks import get_task

SUPPORT = Path(__file__).resolve().parents[2] / "support"
PRESETS = load_presets("sudoku")
TASK = get_task("sudoku")
TYPED = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
KEYS = ("model", "puzzle_preset", "puzzle_text", "new_puzzle", "difficulty", "supervision_steps")


def shown_puzzle(payload: dict) -> str:
    return TASK.format(np.frombuffer(base64.b64decode(payload["inputs"]), np.uint8))


def preset(key: str) -> str:
    return next(preset.puzzle for preset in PRESETS if preset.key == key)


FIRST_PAGE = """
import json, sys, threading
from importlib.abc import MetaPathFinder

importers = []

class Witness(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            importers.append(threading.current_thread().name)

sys.meta_path.insert(0, Witness())
from app_page import App
payload = App({}).payload
print(json.dumps({"importers": importers, "inputs": payload["inputs"], "label": payload["label"]}))
"""


def test_the_first_page_shows_a_recorded_run_without_waiting_for_torch():
    page = subprocess.run(
        [sys.executable, "-c", FIRST_PAGE], cwd=SUPPORT, capture_output=True, text=True, timeout=120
    )
    assert page.returncode == 0, page.stderr
    shown = json.loads(page.stdout)
    assert "recorded on" in shown["label"]
    assert shown_puzzle(shown) == PRESETS[0].puzzle
    assert set(shown["importers"]) <= {"model-loader_0"}  # the background thread


def test_every_preset_of_the_default_model_has_a_recorded_run_of_the_current_weights():
    from trm.trace import load_trace

    weights = registry.fingerprint(registry.models_folder() / "sudoku-trm" / "model.safetensors")
    traces = [load_trace(path) for path in registry.trace_paths("sudoku-trm")]
    recorded = {TASK.format(trace.inputs) for trace in traces if trace.provenance.fingerprint == weights}
    assert recorded == {preset.puzzle for preset in PRESETS}


def test_the_controls_are_there_and_start_with_the_first_preset(open_app):
    app = open_app()
    for key in KEYS:
        app.test.get_by_key(key)
    assert app["model"] == "sudoku-trm"
    assert app["puzzle_preset"] == PRESETS[0].key
    assert app["puzzle_text"] == PRESETS[0].puzzle
    assert shown_puzzle(app.payload) == PRESETS[0].puzzle
    assert PRESETS[0].sentence in shown(app.test.main.markdown[0].value)


def test_the_player_of_solve_gets_the_address_of_the_lecture_and_of_the_papers(open_app):
    guide = open_app().payload["guide"]
    assert guide["lecture"] == "/lecture" and all(
        url.startswith("https://arxiv.org/abs/") for url in guide["papers"].values()
    )


def test_choosing_a_preset_changes_the_text_and_the_run(open_app):
    app = open_app()
    for chosen in PRESETS[1:3]:
        app.set("puzzle_preset", chosen.key)
        assert app["puzzle_text"] == chosen.puzzle == shown_puzzle(app.payload) == app.link["puzzle"]


def test_typing_deselects_the_preset_and_typing_a_preset_selects_it(open_app):
    app = open_app()
    app.set("puzzle_text", TYPED)
    assert app["puzzle_preset"] is None
    assert shown_puzzle(app.payload) == TYPED == app.link["puzzle"]
    app.set("puzzle_text", "\n".join(preset("hard")[at : at + 9] for at in range(0, 81, 9)))
    assert app["puzzle_preset"] == "hard"
    assert shown_puzzle(app.payload) == preset("hard")


def test_text_that_is_not_a_puzzle_is_an_error_and_the_previous_puzzle_stays(open_app):
    app = open_app()
    app.set("puzzle_preset", "medium")
    for text, says in [
        (TYPED[:80], "81 cells, but this text has 80"),
        (TYPED + "1", "81 cells, but this text has 82"),
        ("", "81 cells, but this text has 0"),
        ("<script>alert(1)</script>", "Position 1: '<' is not part of a 9x9 Sudoku"),
        (TYPED[:40] + "🧩" + TYPED[41:], "Position 41: '🧩' is not part of a 9x9 Sudoku"),
        ("**bold** [link](http://x) $x^2$", "is not part of a 9x9 Sudoku"),
        ("1" * 100_000, "81 cells, but this text has 100000"),
        ("1" * 102_400, "This text has 102,400 characters"),
    ]:
        app.set("puzzle_text", text)
        (error,) = app.errors
        assert says in error and len(error) < 300
        assert app["puzzle_text"] == text
        assert shown_puzzle(app.payload) == preset("medium") == app.link["puzzle"]


def test_contradictory_givens_get_a_warning_and_still_run(open_app):
    app = open_app()
    app.set("puzzle_preset", "contradiction")
    (warning,) = app.warnings
    assert "1 in row 1, column 1; 1 in row 1, column 5" in warning
    assert shown_puzzle(app.payload) == preset("contradiction")
    assert app.payload["labels"] is None
    app.set("puzzle_preset", "easy")
    assert not app.warnings


def test_a_generated_puzzle_has_one_solution_and_the_requested_difficulty(open_app):
    app = open_app()
    for difficulty in ("easy", "medium"):
        app.set("difficulty", difficulty)
        app.click("new_puzzle")
        assert app["puzzle_preset"] is None
        puzzle = TASK.parse(app["puzzle_text"])
        assert len(TASK.solutions(puzzle, limit=2)) == 1
        assert TASK.rate(puzzle).difficulty == difficulty
        assert shown_puzzle(app.payload) == app["puzzle_text"]


def test_a_changed_number_of_steps_is_used_and_labelled(open_app):
    app = open_app()
    assert "trained with" not in app.captions
    app.set("supervision_steps", 20)
    assert "(trained with 16)" in app.captions
    assert (app.payload["N_sup"], app.payload["steps"], app.payload["trained"]["N_sup"]) == (20, 20, 16)
    assert app.link["steps"] == "20"
    app.set("supervision_steps", 16)
    assert "trained with" not in app.captions
    assert "steps" not in app.link


def test_without_any_model_the_page_explains_how_to_get_one(open_app, monkeypatch, tmp_path):
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path))
    app = open_app()
    assert "trm train" in app.test.info[0].value
    assert not app.payloads


def test_sessions_do_not_see_each_other(open_app):
    mine, theirs = open_app(), open_app()
    mine.set("puzzle_text", TYPED)
    theirs.run()
    assert shown_puzzle(theirs.payload) == PRESETS[0].puzzle


def test_a_damaged_bundled_model_is_an_error(open_app, monkeypatch, tmp_path):
    folder = tmp_path / "sudoku-trm"
    folder.mkdir()
    bundled = registry.models_folder() / "sudoku-trm"
    (folder / "config.json").write_bytes((bundled / "config.json").read_bytes())
    (folder / "model.safetensors").write_bytes(b"nothing")
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path))
    app = open_app()
    app.until(lambda: app.errors, "the error")
    (error,) = app.errors
    assert "damaged" in error and not app.payloads


def test_a_puzzle_from_a_set_is_titled_by_its_position(open_app):
    puzzles = load_puzzles("sudoku/test", TASK)
    app = open_app(puzzle=TASK.format(puzzles.inputs[26]))
    assert any("Puzzle 27 from sudoku/test" in shown(line.value) for line in app.test.markdown)


def test_clearing_the_puzzle_menu_keeps_the_current_puzzle(open_app):
    app = open_app()
    before = app["puzzle_preset"]
    app.set("puzzle_preset", None)
    assert app["puzzle_preset"] == before is not None
