"""The way of every analysis on a page: recorded first, then requested, computed by a job, cancelled, failed or refused."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import streamlit as st
from app_page import progress_of, shown
from streamlit.testing.v1 import AppTest

from app.server import shared
from app.server.models import ModelSource
from app.server.opening import Opening
from app.ui.analysis import MODEL_POLL_SECONDS, Analysis, Panel, Recorded, loaded, read_recorded, result_of
from app.ui.estimates import Cost
from trm.errors import CheckpointError, DataError

WEIGHTS = "0123456789abcdef"
PATIENCE = 20.0  # seconds


class Runs:
    """The runs of the fake analyses, held until they are released."""

    def __init__(self):
        self.started: list[Analysis] = []
        self.gate = threading.Event()
        self.gate.set()


runs = Runs()


@dataclass(frozen=True)
class Counting(Analysis[str]):
    """Counts puzzles. Fails with 13 puzzles."""

    source: ModelSource | None
    puzzles: int = 10
    note: str = field(default="", compare=False)

    @property
    def problem(self) -> str:
        return "" if self.puzzles else "Choose at least one puzzle."

    def run(self, model, progress) -> str:
        runs.started.append(self)
        while not runs.gate.wait(0.01):
            progress(0.25, "counting")
        if self.puzzles == 13:
            raise DataError("13 puzzles cannot be counted.")
        return f"{self.puzzles} puzzles"


@dataclass(frozen=True)
class Joining(Analysis[str]):
    """Joins the counts of two sets."""

    parts: tuple[Counting, ...]
    separator: str
    source: None = None

    @property
    def needs(self) -> tuple[Counting, ...]:
        return self.parts

    def run(self, model, progress, *results: str) -> str:
        return self.separator.join(results)


@pytest.fixture(autouse=True)
def fresh_runs(monkeypatch):
    runs.started.clear()
    monkeypatch.setattr(shared, "weights_fingerprint", lambda name, stamp: WEIGHTS)
    yield
    runs.gate.set()


@pytest.fixture
def source(monkeypatch, tiny_model) -> ModelSource:
    """A model that no other test has run; it is loaded."""
    source = ModelSource(f"model {uuid4().hex}", "", "bundled")
    opening = Opening(source)
    opening._end(tiny_model())
    monkeypatch.setattr(shared, "models", lambda: SimpleNamespace(ask=lambda source: opening))
    return source


def app_of(draw: Callable[[], None]) -> AppTest:
    """The page that a function draws."""

    def script(draw):
        draw()

    return AppTest.from_function(script, args=(draw,), default_timeout=60)


class Page:
    """A page with one panel. Settings are changed by assigning to `settings`."""

    def __init__(self, source: ModelSource, recorded: Recorded | None = None, **settings: Any):
        self.models: tuple[ModelSource, ...] = (source,)
        self.recorded, self.settings = recorded, settings
        self.test = app_of(self.draw)
        self.run()

    def draw(self) -> None:
        panel = Panel(
            "count", self.models, start="Nothing is recorded.", update="Press Count.", settings="count_open"
        )
        with st.popover("Settings", key=panel.settings, on_change="rerun"):
            analysis = Counting(self.models[0], **self.settings)
            panel.button("Count", analysis, Cost("halting", 2.0), key="count")
        result = panel.result(self.recorded)
        if result is not None:
            st.caption(f"shown: {result}")
            panel.back_button(self.recorded, result)

    def run(self) -> None:
        self.test.run()
        assert not self.test.exception, self.test.exception[0].value

    def click(self, label: str) -> None:
        self.button(label).click()
        self.run()

    def button(self, label: str):
        return next((button for button in self.test.button if button.label == label), None)

    @property
    def text(self) -> str:
        elements = (self.test.caption, self.test.info, self.test.warning, self.test.error)
        return " | ".join(shown(element.value) for kind in elements for element in kind)

    def until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.text
            time.sleep(0.01)
            self.run()


def test_a_recorded_result_is_shown_first_and_no_job_starts(source):
    page = Page(source, Recorded("recorded puzzles", {source: WEIGHTS}))
    assert "shown: recorded puzzles" in page.text and not page.test.warning and not page.test.info
    assert not runs.started and page.button("Show recorded result") is None


def test_a_recording_of_other_weights_names_the_models_and_the_way_to_update_it(source):
    page = Page(source, Recorded("old", {source: "f" * 16}))
    assert page.test.warning[0].value.startswith("Recorded with different weights of model")
    assert page.test.warning[0].value.endswith(". Press Count.") and "shown: old" in page.text


def test_without_a_recording_the_page_says_how_to_start_and_the_button_computes(source):
    page = Page(source)
    assert "Nothing is recorded." in page.text and "takes " in page.text
    page.click("Count")
    page.until(lambda: "shown: 10 puzzles" in page.text)
    assert "Nothing is recorded" not in page.text and runs.started == [Counting(source)]


def test_the_recorded_result_stays_until_the_requested_one_is_ready_and_comes_back_on_request(source):
    page = Page(source, Recorded("recorded", {source: WEIGHTS}))
    runs.gate.clear()
    page.click("Count")
    page.until(lambda: runs.started)
    assert "shown: recorded" in page.text and progress_of(page.test)[0]["text"].startswith("Counting")
    runs.gate.set()
    page.until(lambda: "shown: 10 puzzles" in page.text)
    page.click("Show recorded result")
    assert "shown: recorded" in page.text


def test_the_settings_close_when_the_analysis_starts(source):
    page = Page(source)
    page.test.session_state["count_open"] = True
    page.run()
    page.click("Count")
    assert page.test.session_state["count_open"] is False


def test_changed_settings_count_only_when_the_button_is_pressed(source):
    page = Page(source)
    page.click("Count")
    page.until(lambda: "shown: 10" in page.text)
    page.settings = {"puzzles": 20}
    page.run()
    assert "shown: 10" in page.text
    page.click("Count")
    page.until(lambda: "shown: 20" in page.text)


def test_a_cancelled_job_starts_again_only_on_request(source):
    page = Page(source)
    runs.gate.clear()
    page.click("Count")
    page.until(lambda: shared.jobs().find(Counting(source).key).share)
    page.click("Cancel")
    page.until(lambda: "Cancelled at 25%; that work was discarded." in page.text)
    page.run()
    assert len(runs.started) == 1 and "shown" not in page.text
    runs.gate.set()
    page.click("Start again")
    page.until(lambda: "shown: 10 puzzles" in page.text)
    assert len(runs.started) == 2


def test_the_button_also_starts_a_cancelled_job_again(source):
    page = Page(source)
    runs.gate.clear()
    page.click("Count")
    page.until(lambda: page.button("Cancel"))
    page.click("Cancel")
    page.until(lambda: "Cancelled" in page.text)
    runs.gate.set()
    page.click("Count")
    page.until(lambda: "shown: 10 puzzles" in page.text)


def test_a_failed_job_is_one_line_and_is_not_retried(source):
    page = Page(source, puzzles=13)
    page.click("Count")
    page.until(lambda: page.test.error)
    page.run()
    assert shown(page.test.error[0].value) == "13 puzzles cannot be counted." and len(runs.started) == 1


def test_settings_that_cannot_be_run_say_why_and_disable_the_button(source):
    page = Page(source, puzzles=0)
    assert "Choose at least one puzzle." in page.text and "Takes" not in page.text
    assert page.button("Count").disabled


def test_a_request_is_shown_only_for_the_model_it_was_made_for(source):
    page = Page(source)
    page.click("Count")
    page.until(lambda: "shown: 10" in page.text)
    page.models = (ModelSource("another model", "", "bundled"),)
    page.run()
    assert "shown" not in page.text and "Nothing is recorded." in page.text
    page.models = (source,)
    page.run()
    assert "shown: 10" in page.text


def test_sessions_share_the_result_of_equal_settings(source):
    first, second = Page(source), Page(source, note="from another page")
    for page in (first, second):
        page.click("Count")
        page.until(lambda page=page: "shown: 10" in page.text)
    assert len(runs.started) == 1


def test_a_recorded_file_is_read_once_and_ignored_if_it_is_missing_or_damaged(tmp_path):
    reads, path = [], tmp_path / "recorded.txt"

    def load(path):
        reads.append(path)
        if not path.read_text():
            raise DataError("The file is empty.")
        return path.read_text()

    assert read_recorded(path, load) is None and not reads
    path.write_text("")
    assert read_recorded(path, load) is None
    path.write_text("result")
    assert read_recorded(path, load) is read_recorded(path, load) and reads == [path, path]


# ---- analyses of the results of others


def results(analysis: Analysis) -> AppTest:
    """Draws an analysis until its job has ended."""

    def draw() -> None:
        result = result_of(analysis)
        if result is not None:
            st.caption(f"shown: {result}")

    test, deadline = app_of(draw).run(), time.monotonic() + PATIENCE
    while progress_of(test):
        assert time.monotonic() < deadline
        test.run()
    return test


def test_an_analysis_receives_the_results_it_needs_which_are_computed_once(source):
    parts = (Counting(source, 10), Counting(source, 20))
    assert results(Joining(parts, " and ")).caption[0].value == "shown: 10 puzzles and 20 puzzles"
    assert results(Joining(parts, ", ")).caption[0].value == "shown: 10 puzzles, 20 puzzles"
    assert runs.started == list(parts)


def test_an_analysis_does_not_start_if_one_that_it_needs_fails(source):
    joining = Joining((Counting(source, 13), Counting(source, 20)), ", ")
    assert shown(results(joining).error[0].value) == "13 puzzles cannot be counted."
    assert runs.started == [Counting(source, 13)] and shared.jobs().find(joining.key) is None


# ---- the model


def test_a_job_waits_for_its_model_and_reports_it(monkeypatch, tiny_model):
    source = ModelSource("slow", "", "file")
    opening, reports = Opening(source), []
    monkeypatch.setattr(shared, "models", lambda: SimpleNamespace(ask=lambda source: opening))

    def progress(share: float, text: str) -> None:
        reports.append((share, text))
        opening._end(model)

    model = tiny_model()
    assert MODEL_POLL_SECONDS < 1 and loaded(source, progress) is model
    assert reports == [(0.0, "loading slow")]


@pytest.mark.parametrize("error", [CheckpointError("slow is damaged."), None])
def test_a_model_that_cannot_be_loaded_is_an_error_in_one_line(monkeypatch, error):
    source = ModelSource("slow", "", "hub")
    opening = Opening(source)
    opening._end(error=error)  # without an error: the download waits for consent
    monkeypatch.setattr(shared, "models", lambda: SimpleNamespace(ask=lambda source: opening))
    message = "slow is damaged." if error else "slow must be downloaded first. Choose it as the model"
    with pytest.raises(CheckpointError, match=message):
        loaded(source, lambda share, text: None)
