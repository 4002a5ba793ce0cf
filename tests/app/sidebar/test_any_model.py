"""Models of any kind and size on the Solve page: selected by name, path or link; config values shown and overridden."""

from pathlib import Path

import pytest
from app_page import MODELS, App, shown

from app.server.options import MODEL_DIR
from app.sidebar import dropped_files
from app.sidebar.model_controls import ACCEPT, ANOTHER
from tests.app.screens.test_solve_page import shown_puzzle
from trm import registry
from trm.tasks import get_task


def test_every_kind_and_size_shows_a_fitting_puzzle(open_app, model_dir):
    app = open_app()
    for name, task, cells in [
        ("maze-15", "maze", 225),
        ("maze-30", "maze", 900),
        ("runs/sudoku-4", "sudoku", 16),
        ("runs/sudoku-6", "sudoku", 36),
        ("runs/hrm", "sudoku", 81),
        ("arc", "arc", 900),
    ]:
        app.set("model", name)
        assert not app.errors
        assert (app.payload["task"], app.payload["rows"] ** 2) == (task, cells)
        assert app.payload["steps"] == app.payload["N_sup"] == 3
        read = get_task(task, cells).parse(app["puzzle_text"])
        assert get_task(task, cells).format(read) == app.link["puzzle"]
        assert app.link["model"] == name
        again = open_app(**app.link)
        assert again["model"] == name and again["puzzle_text"] == app["puzzle_text"]
        assert again.payload["answers"] == app.payload["answers"]


def test_the_menu_lists_bundled_models_and_those_of_the_folder(open_app, model_dir):
    options = open_app().test.get_by_key("model").options
    assert options == [*registry.model_names(), *sorted(MODELS), ANOTHER]


def test_a_puzzle_stays_when_the_next_model_can_read_it(open_app, model_dir):
    app = open_app()
    app.set("puzzle_preset", "hard")
    puzzle = app.link["puzzle"]
    app.set("model", "runs/hrm")
    assert app.link["puzzle"] == puzzle == shown_puzzle(app.payload)
    assert app["puzzle_preset"] == "hard"
    app.set("model", "maze-15")
    assert app.link["puzzle"] != puzzle
    app.set("model", "sudoku-trm")
    assert len(app.link["puzzle"]) == 81


def test_the_depth_is_that_of_the_selected_model(open_app, model_dir):
    app = open_app()
    app.set("supervision_steps", 20)
    app.set("force_n", 4)
    app.set("model", "runs/sudoku-4")
    assert (app["supervision_steps"], app["force_n"], app["force_T"]) == (3, 2, 2)
    assert not {"n", "T", "steps"} & set(app.link)


def test_a_path_in_the_folder_can_be_typed(open_app, model_dir):
    app = open_app()
    app.set("model", ANOTHER)
    assert not app.errors and app.payload["task"] == "sudoku"  # nothing typed: the previous model stays
    for path in ["runs/sudoku-4/model.safetensors", " runs/hrm ", "../models/arc"]:
        app.set("model_path", path)
        assert not app.errors
        assert app.link["model"] == path.strip()
        assert app.payload["label"].startswith(path.strip())
        assert open_app(model=path.strip()).payload["task"] == app.payload["task"]


def test_a_typed_name_that_cannot_be_opened_is_an_error_and_the_previous_model_stays(open_app, model_dir):
    app = open_app()
    app.set("model", "maze-15")
    app.set("model", ANOTHER)
    for path in ["no/such", "hf://no", "<b>x</b>"]:
        app.set("model_path", path)
        (error,) = app.errors
        assert "\n" not in error
        assert app.payload["task"] == "maze"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "gone", "hf://x"])
def test_a_link_to_a_forbidden_model_is_an_error_and_the_default_is_shown(open_app, served_to_others, name):
    app = open_app(model=name)
    (error,) = app.errors
    assert "\n" not in error and len(error) < 500
    assert app["model"] == "sudoku-trm" == app.link["model"]
    assert app.payload["task"] == "sudoku"


def test_a_damaged_checkpoint_is_an_error_and_the_default_is_shown(open_app, model_dir):
    (model_dir / "maze-15" / "model.safetensors").write_bytes(b"nothing")
    app = open_app(model="maze-15")
    (error,) = app.errors
    assert "damaged" in error
    assert app.payload["task"] == "sudoku"
    app.set("model", "runs/hrm")
    assert not app.errors


def test_the_hub_can_be_switched_off(open_app, monkeypatch):
    monkeypatch.setattr("sys.argv", ["main.py", "--no-hub"])
    app = open_app(model="hf://alphaXiv/trm-model-maze")
    assert "hub models are disabled" in app.errors[0]


def test_a_local_server_opens_any_folder(open_app, model_dir, monkeypatch):
    folder = model_dir / "runs" / "hrm"
    monkeypatch.delenv(MODEL_DIR)
    app = open_app()
    app.set("model", ANOTHER)
    app.set("model_path", str(folder))
    assert not app.errors and app.link["model"] == str(folder)


def test_dropped_files_are_opened(open_app, model_dir, monkeypatch):
    folder = model_dir / "runs" / "hrm"
    monkeypatch.delenv(MODEL_DIR)
    app = open_app()
    app.set("model", ANOTHER)
    files = [(path.name, path.read_bytes(), "application/octet-stream") for path in folder.iterdir()]
    app.set(dropped_files.KEY, files)
    assert not app.errors and "N_sup" in app.captions
    assert {path.name for path in Path(app.link["model"]).iterdir()} == {name for name, *_ in files}


def test_a_server_for_others_accepts_no_files(open_app, model_dir, served_to_others):
    app = open_app()
    app.set("model", ANOTHER)
    with pytest.raises(KeyError):
        app[dropped_files.KEY]
    app.set("model_path", "/etc/passwd")
    assert "opens nothing outside" in app.errors[0] and str(model_dir) not in app.errors[0]


def test_settings_that_are_not_understood_are_named_and_must_be_accepted(
    open_app, model_dir, public_checkpoint
):
    fork = public_checkpoint(cells=225, vocab=6, heads=2)
    fork.arch["history_mode"] = "uniform"
    fork.save(model_dir / "fork")
    app = open_app(model="fork")
    (error,) = app.errors
    assert "history_mode = uniform" in error and ACCEPT in error and str(model_dir) not in error
    assert app.payload["task"] == "sudoku"  # the previous model

    app.click("accept_unknown")
    assert not app.errors and not app.has("accept_unknown")
    assert app.payload["task"] == "maze"
    assert "settings not understood: history_mode = uniform" in app.payload["label"]
    assert "Settings not understood: history_mode = uniform" in app.captions


# ---- what was found and assumed


@pytest.fixture
def public_maze(model_dir, public_checkpoint):
    """A public maze checkpoint without a config, in the folder as `public`."""
    public = public_checkpoint(cells=49, vocab=6, heads=2, pos_encodings="rope")
    public.save(model_dir / "public", with_yaml=False)
    return "public"


def facts(app) -> str:
    return "\n".join(element.value for element in app.test.sidebar.markdown)


def test_config_values_are_shown_and_assumed_ones_are_marked_beside_a_self_check(open_app, public_maze):
    app = open_app(model=public_maze)
    assert not app.errors
    assert "TRM, maze 7x7" in [box.label for box in app.test.expander]
    found = facts(app)
    assert "D = **16**" in found and "layers = **2**" in found and "halts when q_halt > 0" in found
    assert "n = **4** :orange[(assumed: maze default)]" in found
    assert "n = 4, " in app.captions and "(assumed: maze default)" in app.captions
    followed = len(app.progress)
    app.until(lambda: "of blank cells" in app.captions, "a self-check")
    assert "Self-check: " in app.captions and " exact" in app.captions
    app.until(lambda: len(app.progress) == followed - 1, "the end of what is followed")


def test_an_inert_state_gets_a_warning(monkeypatch):
    app = App({"model": "maze-hrm"}, "halting")
    assert not [text for text in app.warnings if "inert" in text]
    states = registry.measured_states("maze-hrm")
    monkeypatch.setattr(
        registry, "measured_states", lambda name: states | {"z": states["z"] | {"inert": True}}
    )
    app = App({"model": "maze-hrm"}, "halting")
    assert [text for text in app.warnings if "maze-hrm's z is inert" in text]
    assert not [text for text in app.warnings if "y is inert" in text]


def test_a_link_opens_an_own_model_on_another_page_first(open_app, model_dir):
    app = App({"model": "runs/hrm"}, "halting")
    assert not app.errors and app.link["model"] == "runs/hrm"


def test_forced_values_are_used_and_are_in_the_link_and_change_the_score(open_app, public_maze):
    app = open_app(model=public_maze)
    app.until(lambda: "of blank cells" in app.captions, "a self-check")
    before = app.captions.partition("Self-check:")[2].partition("nats")[0]
    app.set("force_n", 6)
    assert "**n = 6** (trained with 4)" in app.captions
    assert (app.payload["n"], app.payload["trained"]["n"]) == (6, 4)
    assert app.link["n"] == "6"
    app.until(lambda: "of blank cells" in app.captions, "a self-check")
    after = app.captions.partition("Self-check:")[2].partition("nats")[0]
    assert before != after
    again = open_app(**app.link)
    assert again["force_n"] == 6 and again.payload["answers"] == app.payload["answers"]
    app.set("force_n", 4)
    assert "n" not in app.link and "trained with" not in app.captions


def test_heads_that_were_assumed_can_be_forced(open_app, public_maze):
    app = open_app(model=public_maze)
    answers, heads = app.payload["z_confidence"], app["force_heads"]
    other = next(h for h in app.test.get_by_key("force_heads").options if int(h) != heads)
    app.set("force_heads", int(other))
    assert app.link["heads"] == other
    assert app.payload["z_confidence"] != answers
    assert open_app(**app.link)["force_heads"] == int(other)


def test_malformed_forced_values_become_the_models_own(open_app, public_maze):
    for link in [{"n": "0", "T": "-1", "heads": "3"}, {"n": "x", "heads": "999999"}]:
        app = open_app(model=public_maze, **link)
        assert not app.errors and "trained with" not in app.captions, link


def test_a_run_that_needs_too_much_memory_is_refused(open_app, model_dir):
    app = open_app(model="maze-30", n="64", T="64", steps="64")
    (error,) = app.errors
    assert "Lower n, T or the steps" in error or "net calls" in error
    assert not app.payloads


# ---- mazes


def test_a_maze_is_typed_in_lines_and_the_link_survives(open_app, model_dir):
    app = open_app(model="runs/sudoku-4")
    app.set("model", "maze-15")
    maze = ["#" * 15, *["#" + " " * 13 + "#"] * 13, "#" * 15]
    maze[1], maze[13] = "#S" + " " * 12 + "#", "#G" + " " * 12 + "#"
    app.set("puzzle_text", "\n".join(maze))
    assert not app.errors
    assert app["puzzle_preset"] is None
    again = open_app(**app.link)
    assert again.payload["inputs"] == app.payload["inputs"]
    app.set("puzzle_text", "\n".join(maze).replace("G", " "))
    assert not app.errors  # any readable grid is run; what is missing gets a warning
    said = [shown(element.value) for element in app.test.markdown] + app.warnings
    assert any("no goal" in words for words in said), said
    assert app.payload["inputs"] != again.payload["inputs"]


def test_open_cells_at_the_edge_are_not_stripped(open_app, model_dir):
    rows = ["S" + " " * 14, *[" " * 15] * 13, " " * 14 + "G"]
    app = open_app(model="maze-15")
    app.set("puzzle_text", "\n".join(rows))
    assert not app.errors
    assert app.link["puzzle"] == "S" + "." * 223 + "G"


def test_a_generated_puzzle_fits_the_model(open_app, model_dir):
    app = open_app(model="runs/sudoku-6")
    before = app.link["puzzle"]
    app.set("difficulty", "hard")
    app.click("new_puzzle")
    assert not app.errors and app.link["puzzle"] != before and len(app.link["puzzle"]) == len(before)
