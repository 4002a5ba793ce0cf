"""Names of models, puzzles and files are shown literally everywhere on the Solve page."""

import shlex
from dataclasses import replace

import hostile
import pytest
from app_page import App, shown

from app.server.options import DATA_DIR, MODEL_DIR
from app.sidebar import puzzles
from app.ui.text import plain
from tests.app.screens.test_export_panel import opened
from tests.app.screens.test_pin import press
from trm.data import load_presets
from trm.export.payload import shortened


@pytest.fixture
def hostile_app(open_app, tmp_path, monkeypatch, tiny_model):
    """Opens the app with hostile names; options change the model."""

    def make(link: dict[str, str], **model) -> App:
        network = tiny_model(**model)
        hostile.hostile_models(tmp_path / "models", network)
        hostile.hostile_arc(tmp_path / "arc")
        monkeypatch.setenv(MODEL_DIR, str(tmp_path / "models"))
        monkeypatch.setenv(DATA_DIR, str(tmp_path / "arc"))
        app = open_app(**link)
        app.until(lambda: app.payloads and "answers" in app.payloads[-1], "a run")
        return app

    return make


def texts(app: App) -> list[str]:
    """All Markdown of the page. Only the page's own style may contain HTML that is rendered."""
    elements = [*app.test.markdown, *app.test.caption, *app.test.info, *app.test.warning, *app.test.error]
    assert not any(getattr(element.proto, "allow_html", False) for element in elements)
    return [element.value for element in elements]


def check(app: App, name: str) -> None:
    """A name in Markdown must be fully escaped; in code it is unchanged."""
    beginning = name[:12]
    named = [text for text in texts(app) if beginning in shown(text)]
    for text in named:
        assert plain(name) in text, text
    assert not app.errors


def test_a_hostile_model_name(hostile_app):
    app = hostile_app({"model": hostile.MODEL})
    assert app["model"] == hostile.MODEL == app.link["model"]
    assert app.payload["label"].startswith(f"{shortened(hostile.MODEL)} (")
    check(app, hostile.MODEL)
    press(app)
    assert hostile.MODEL in shown(app.captions)
    check(app, hostile.MODEL)
    assert app.payload["titles"][0].startswith(hostile.MODEL)
    (code,) = opened(app).test.code
    words = shlex.split(code.value)
    assert words[5].endswith(hostile.MODEL + "/model.safetensors") and words.count("--compare-with") == 1
    assert "<" not in words[-1] and len(words[-1]) < 100


def test_a_hostile_preset_title(open_app, monkeypatch):
    first, *others = load_presets("sudoku")
    named = (replace(first, title=hostile.TITLE, sentence=hostile.MARKDOWN), *others)
    monkeypatch.setattr(puzzles, "load_presets", lambda task: named)
    puzzles.fitting_presets.clear()
    try:
        app = open_app()
        assert f"**{plain(hostile.TITLE)}.**\n\n{plain(hostile.MARKDOWN)}" in texts(app)
        opened(app)
        check(app, hostile.TITLE)
        press(app)
        assert app.payload["titles"][0].startswith(f"sudoku-trm: {hostile.TITLE}, ")
        check(app, hostile.TITLE)
    finally:
        puzzles.fitting_presets.clear()


def test_a_hostile_arc_task_name(hostile_app):
    size = {"task": "arc", "vocab_size": 12, "sequence_length": 900, "prefix_length": 2, "puzzle_ids": 5}
    app = hostile_app(
        {"model": hostile.MODEL, "arc": f"{hostile.ARC_TASK}.1"}, **size, puzzle_embedding_size=16
    )
    assert app["arc_task"] == hostile.ARC_TASK
    assert app.link["arc"] == f"{hostile.ARC_TASK}.1" and app.payload["labels"]
    check(app, f"ARC task {hostile.ARC_TASK}")
    check(opened(app), hostile.ARC_TASK)
    assert "does not know the published answer" in " ".join(texts(app))


@pytest.mark.parametrize(
    "link", [{"model": hostile.MODEL}, {"puzzle": hostile.TITLE}, {"arc": hostile.TITLE}]
)
def test_hostile_names_in_a_link(open_app, link):
    """The error is one line and contains no markup."""
    app = open_app(**link)
    assert app.payload["steps"]
    for error in app.test.error:
        assert "<script>" not in error.value and len(error.value) < 1500
