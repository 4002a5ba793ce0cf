"""Models of the hub on the Solve page: fetched with progress, after a question when large, cancelled, refused in one line."""

import threading

import pytest
from app_page import PATIENCE, shown

from app.sidebar.model_controls import ANOTHER
from trm.errors import CheckpointError


@pytest.fixture
def hub(monkeypatch, model_dir):
    """A stand-in for the hub that holds a maze model, in a download as large as asked."""
    gate = threading.Event()

    def make(size: int) -> threading.Event:
        def hub_weights(spec, *, progress, token):
            progress(0, size)
            assert gate.wait(PATIENCE)
            progress(size, size)
            return model_dir / "maze-15" / "model.safetensors"

        monkeypatch.setattr("trm.public.hub.hub_weights", hub_weights)
        return gate

    yield make
    gate.set()


def test_a_model_of_the_hub_is_fetched_with_its_progress_shown(open_app, hub):
    gate = hub(5_000_000)
    app = open_app(model="hf://owner/small-model")
    assert not app.payloads
    app.until(lambda: app.bars == ["Downloading hf://owner/small-model: 0 of 5 MB"], "a bar")
    gate.set()
    app.until(lambda: app.payloads, "the model")
    assert app.payload["task"] == "maze" and app.link["model"] == "hf://owner/small-model"
    assert app.payload["label"].startswith("hf://owner/small-model")


def test_a_large_download_is_asked_for_and_can_be_declined(open_app, hub):
    hub(2_100_000_000).set()
    app = open_app()
    app.set("model", ANOTHER)
    app.set("model_path", "hf://owner/large-one")
    app.until(lambda: app.test.info, "the question")
    assert "is a 2,100 MB download" in shown(app.test.info[0].value) and not app.payloads
    app.click("no_download")
    assert not app.errors and app.payload["task"] == "sudoku"


def test_a_large_download_begins_when_somebody_says_so(open_app, hub):
    hub(2_100_000_000).set()
    app = open_app(model="hf://owner/large-two")
    app.until(lambda: app.test.info, "the question")
    app.click("download")
    app.until(lambda: app.payloads, "the model")
    assert app.payload["task"] == "maze"


def test_a_download_can_be_cancelled(open_app, hub):
    gate = hub(5_000_000)
    app = open_app(model="hf://owner/cancelled")
    app.until(lambda: app.has("cancel_download"), "the button")
    app.click("cancel_download")
    gate.set()
    app.run()
    assert not app.errors and app.payload["task"] == "sudoku"


def test_a_hub_that_cannot_be_reached_is_one_line(open_app, monkeypatch):
    def refuse(*_, **__):
        raise CheckpointError("hf://owner/gone has not been downloaded, and the hub cannot be reached.")

    monkeypatch.setattr("trm.public.hub.hub_weights", refuse)
    app = open_app(model="hf://owner/gone")
    app.until(lambda: app.errors, "the refusal")
    assert "cannot be reached" in app.errors[0] and app.payload["task"] == "sudoku"
