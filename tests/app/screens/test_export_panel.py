"""Exports of the Solve page: they follow the player, are made on a click, and equal the output of the command."""

import io
import json
import re
import shlex
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from app_page import App
from PIL import Image

from app.screens.solve import export_panel
from app.screens.solve.export_files import (
    ExportRequest,
    RunToExport,
    call_in_view,
    command,
    file_name,
    make,
    page_bytes,
)
from app.server.models import source_of
from app.server.options import Options
from app.server.work import Cancelled
from app.state.choice import Choice
from tests.app.screens.test_growing import gate, grown  # noqa: F401 (a fixture)
from tests.app.screens.test_pin import press, sides
from tests.app.screens.test_solve_page import PRESETS, TYPED
from trm.checkpoint import load_model, save_model
from trm.cli.main import main
from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.export.outputs import FORMATS
from trm.record import record
from trm.registry import model_config
from trm.tasks import task_of

DEPTH = Depth(n=1, T=2, N_sup=2)
PUZZLE = "1.3.....2..4...."
AT = Coordinates(2, 1, 1, F_L)
HOSTILE = "<img src=x onerror=alert(1)> \"quoted\" 'so' 🧩 שלום " + "x" * 120


def opened(app: App) -> App:
    """The app with the panel open."""
    app.test.session_state["export_open"] = True
    app.run()
    return app


def code(app: App) -> list[str]:
    """The words of the command on the page."""
    (shown,) = app.test.code
    return shlex.split(shown.value)


def page_text(app: App) -> str:
    """All text of the page outside the sidebar."""
    return " ".join(element.value for element in (*app.test.main.markdown, *app.test.main.caption))


def buttons(app: App) -> list[str]:
    return [element.proto.label for element in app.test.get("download_button")]


def test_nothing_is_made_before_the_panel_is_opened(open_app):
    app = open_app()
    assert not app.has("export_format") and not app.test.code
    opened(app)
    assert app["export_format"] == "html" and buttons(app) == ["Save HTML"]
    assert "Opens at supervision step 1, cycle 1, f\\_H, view: " in page_text(app)


def test_the_file_shows_the_view_of_the_link_and_the_command_is_given(open_app):
    app = opened(open_app(at="2.1.3", mode="change", steps="5"))
    assert "Opens at supervision step 2, cycle 1, f\\_L 3, view: Change." in page_text(app)
    assert re.search(r"The file is about 0\.\d MB", page_text(app))
    assert code(app)[:8] == [
        *["python", "-m", "trm", "export", "--model", "sudoku-trm", "--puzzle"],
        PRESETS[0].puzzle,
    ]
    assert code(app)[8:] == [
        *["--depth", "6,3,5", "--step", "2", "--cycle", "1", "--call", "3", "--view", "change", "--html"],
        f"sudoku-trm-{PRESETS[0].key}.html",
    ]
    app.set("export_format", "png")
    app.set("export_marks", True)
    assert code(app)[10:] == [
        *["--step", "2", "--cycle", "1", "--call", "3", "--view", "change", "--marks", "--png"],
        f"sudoku-trm-{PRESETS[0].key}-2.1.3-change.png",
    ]
    assert [caption.value for caption in app.test.main.caption][-1:] == ["Equivalent command:"]
    assert "The file is" not in page_text(app) and "!" not in page_text(app)
    app.set("export_format", "npz")
    assert (
        re.search(r"The file is under \d\.\d MB\.", page_text(app))
        and code(app)[-2] == "--npz"
        and "--view" not in code(app)
    )


def test_a_film_is_made_with_progress_and_then_saved(open_app):
    app = opened(open_app(steps="3"))
    app.set("export_format", "gif")
    app.set("export_every", "step")
    assert "3 frames" in page_text(app) and not buttons(app)
    app.click("export_make")
    app.until(lambda: buttons(app), "the film")
    assert re.fullmatch(r"Save GIF, \d\.\d MB", buttons(app)[0])
    assert not app.has("export_make")
    app.set("export_every", "answer")
    assert app.has("export_make") and not buttons(app)


def test_a_film_that_cannot_be_made_gets_a_reason(open_app, monkeypatch):
    app = opened(open_app())
    monkeypatch.setattr("trm.export.pictures.film.shutil.which", lambda name: None)
    app.set("export_format", "mp4")
    (warning,) = app.warnings
    assert "ffmpeg, which is not installed on the machine that runs this app. Use GIF" in warning
    assert not app.has("export_make") and code(app)[-2] == "--mp4"
    monkeypatch.setattr(export_panel, "MOST_FRAMES", 16)
    app.set("export_format", "gif")
    assert "48 frames; the limit in the app is 16" in app.warnings[0]
    app.set("export_every", "step")  # as many frames
    assert not app.warnings and app.has("export_make")


def test_an_incomplete_run_cannot_be_exported_unless_it_is_stopped(open_app, model_dir, gate):  # noqa: F811
    app = open_app(model="maze-15")
    gate.let(1)
    grown(app, 1)
    opened(app)
    (waits,) = app.test.info
    assert waits.value.startswith("The run is computed up to step 1 of 3.") and not buttons(app)
    app.click("stop")
    opened(app)
    assert buttons(app) == ["Save HTML"] and "for all 3 supervision steps" in page_text(app)


def test_the_html_export_contains_the_pinned_run(open_app):
    app = open_app()
    press(app)
    opened(app)
    assert "Equivalent command:" in [caption.value for caption in app.test.main.caption]
    assert "The file contains both runs." in page_text(app) and code(app)[8:10] == [
        "--compare-with",
        "sudoku-trm",
    ]
    app.set("export_format", "csv")
    assert "The pinned run is not included." in page_text(app) and "--compare-with" not in code(app)
    app.set("export_format", "html")
    app.set("puzzle_text", TYPED)
    assert len(sides(app)) == 2 and "the command takes only one" in page_text(app)
    assert "--compare-with" not in code(app) and code(app)[-1] == "sudoku-trm.html"


# what is made


@pytest.fixture
def folder(tmp_path, tiny_model, monkeypatch):
    """A working directory for commands, with a model of a hostile name."""
    model = tiny_model()
    (tmp_path / "models" / HOSTILE).mkdir(parents=True)
    save_model(tmp_path / "models" / HOSTILE, model.config, model.state_dict())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def choice_of(folder, depth: Depth | None = None) -> Choice:
    source = source_of(HOSTILE, Options((folder / "models",)))
    config = load_model(source.spec).config
    return Choice(source, config, depth or config.depth, PUZZLE, "", "")


OTHER_DEPTH = Depth(n=1, T=3, N_sup=5)


@pytest.mark.parametrize(
    ("format", "depth"),
    [
        *((format, None) for format in FORMATS if format != "mp4"),
        *((format, OTHER_DEPTH) for format in ("html", "svg", "csv", "npz")),
    ],
)
def test_the_command_makes_the_same_file(folder, capsys, format, depth):
    choice = choice_of(folder, depth)
    wish = ExportRequest(format, AT, "probabilities", True, "dark", "step")
    name = file_name(choice.source.name, "", wish)
    assert re.fullmatch(r"[\w.-]+", name) and len(name) < 80
    words = shlex.split(command(choice, wish, name))
    assert words[:3] == ["python", "-m", "trm"] and words[5] == f"./models/{HOSTILE}/model.safetensors"
    main(words[3:])
    model, task = load_model(words[5]), task_of(choice.config)
    trace = record(model, task, task.parse(PUZZLE), depth=choice.depth, recorded=date.today())
    assert trace.depth == choice.depth and trace.trained == choice.config.depth
    made = make(RunToExport(trace, task), wish)
    assert format != "html" or page_bytes(trace) == pytest.approx(len(made), rel=0.1)
    by_command = (folder / name).read_bytes()
    if format == "npz":  # zip files hold the time
        one, other = (np.load(io.BytesIO(file)) for file in (made, by_command))
        assert one.files == other.files and all((one[array] == other[array]).all() for array in one.files)
    else:
        assert made == by_command
    if format in ("png", "gif"):
        assert Image.open(io.BytesIO(made)).getpixel((0, 0)) != (255, 255, 255)


def test_the_command_uses_the_depth_of_the_page(open_app, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("trm.engine.choice.choose", lambda model: model)  # the command computes with torch
    app = opened(open_app(n="3", T="2", steps="5"))
    words = code(app)
    monkeypatch.chdir(tmp_path)
    main(words[3:])
    page = (tmp_path / words[-1]).read_text("utf-8")
    sent = json.loads(page.split('id="run">')[1].split("</script>")[0])
    same = ("n", "T", "N_sup", "steps", "trained", "inputs", "answers", "z_answers", "halt_probability")
    assert {name: sent[name] for name in same} == {name: app.payload[name] for name in same}
    assert (sent["n"], sent["T"], sent["N_sup"]) == (3, 2, 5) and sent["trained"] == {
        "n": 6,
        "T": 3,
        "N_sup": 16,
    }


def test_frames_are_counted_and_the_job_can_be_cancelled(folder):
    choice = choice_of(folder)
    model, task = load_model(choice.source.spec), task_of(choice.config)
    trace = record(model, task, task.parse(PUZZLE))
    heard = []
    make(RunToExport(trace, task), ExportRequest("gif", AT), progress=lambda share, text: heard.append(share))
    assert heard == [frame / 6 for frame in range(1, 7)]

    def stop(share: float, text: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        make(RunToExport(trace, task), ExportRequest("gif", AT), progress=stop)


def test_a_view_is_clipped_to_the_run():
    view = {"supervision_step": 9, "cycle": 9, "call": 9, "cell": None, "mode": "z"}
    assert call_in_view(view, DEPTH, 2) == Coordinates(2, 2, 2, F_H)
    assert call_in_view(view | {"call": 0}, DEPTH, 1) == Coordinates(1, 2, 1, F_L)
    assert call_in_view(None, DEPTH, 2) == Coordinates(1, 1, 2, F_H)


def test_the_states_of_a_run_take_four_thirds_of_their_size_in_a_page():
    traces = [SimpleNamespace(nbytes=3_000_000)] * 2
    assert page_bytes(*traces) - page_bytes() == pytest.approx(8_000_000, rel=0.02)


@pytest.mark.parametrize(
    ("model", "puzzle", "name"),
    [
        ("sudoku-trm", "Easy", "sudoku-trm-easy.html"),
        ("hf://owner/Re po", "", "hf-owner-re-po.html"),
        ("../../etc/passwd", 'a\\b:c*?"<>|', "etc-passwd-a-b-c.html"),
        ("🧩", "שלום 🙂", "model-שלום.html"),
        ("x" * 300, "y" * 300, f"{'x' * 40}-{'y' * 40}.html"),
    ],
)
def test_file_names_are_valid_on_every_system(model, puzzle, name):
    assert file_name(model, puzzle, ExportRequest("html", AT)) == name


def test_arguments_of_commands_are_quoted():
    bundled = source_of("sudoku-trm", Options())
    source = replace(bundled, name=HOSTILE, spec=HOSTILE, kind="hub")
    choice = Choice(source, model_config("sudoku-trm"), DEPTH, "'; rm -rf $HOME #", "", "")
    words = shlex.split(command(choice, ExportRequest("csv", AT), "a.csv"))
    assert words[5] == HOSTILE and words[7] == "'; rm -rf $HOME #" and words[8:10] == ["--depth", "1,2,2"]
