"""A slow run is shown step by step while it is computed, can be stopped and resumed, and is never mixed up with another."""

import base64
import threading
import time

import numpy as np
import pytest
from asgi import Client, finish

from app.server import choice_runs, shared
from app.server.models import ModelSource, source_of
from app.server.options import server_options
from app.server.recording import Recording

PATIENCE = 30.0


class Gate:
    """Lets the supervision steps of all batches through, one by one."""

    def __init__(self):
        self.steps = threading.Semaphore(0)

    def let(self, steps: int) -> None:
        self.steps.release(steps)


@pytest.fixture
def gate(monkeypatch):
    """Makes every new run slow. A run that another test left behind goes on without taking the steps let through here."""
    shared.jobs.clear()
    shared.runs.clear()
    gate = Gate()

    class Gated(Recording):
        def advance(self, together, progress):
            super().advance(together, progress)
            assert gate.steps.acquire(timeout=PATIENCE)

    monkeypatch.setattr(choice_runs, "Recording", Gated)
    monkeypatch.setattr(choice_runs, "SHORT_RUN", 0.0)
    monkeypatch.setattr(choice_runs, "AT_ONCE", 0.02)
    yield gate
    gate.let(1000)


def grown(app, steps: int) -> dict:
    """The payload once it has this many steps, as a waiting user sees it."""
    deadline = time.monotonic() + PATIENCE
    while app.payload["steps"] < steps:
        assert time.monotonic() < deadline, app.payload["steps"]
        time.sleep(0.02)
        app.run()
    assert app.payload["steps"] == steps
    return app.payload


def answers(payload: dict) -> np.ndarray:
    cells = payload["rows"] * payload["columns"]
    return np.frombuffer(base64.b64decode(payload["answers"]), np.uint8).reshape(-1, cells)


def test_the_first_step_is_shown_as_soon_as_it_is_computed(open_app, model_dir, gate):
    app = open_app(model="maze-15")
    assert app.payload["steps"] == 0 and "answers" not in app.payload
    assert app.bars == ["Computing supervision step 1 of 3."]
    gate.let(1)
    first = grown(app, 1)
    assert "Computing supervision step 2 of 3, about" in app.bars[0]
    gate.let(1)
    second = grown(app, 2)
    assert (answers(second)[:2] == answers(first)).all()
    assert second["trace_id"] == first["trace_id"]
    gate.let(1)
    whole = grown(app, 3)
    assert not app.bars
    app.run()
    assert app.payload == whole


def fetched(app, steps: int) -> dict:
    """What the player's script fetches that has this many steps."""
    address, steps_query = app.payload["feed"], {"steps": steps}
    return finish(Client().get(address, **steps_query)).content


def test_the_player_fetches_the_steps_of_an_incomplete_run(open_app, model_dir, gate):
    app = open_app(model="maze-15")
    assert app.payload["steps"] == 0
    gate.let(1)
    first = fetched(app, 0)
    assert (first["payload"]["steps"], first["ended"]) == (1, False)
    gate.let(2)
    while not (last := fetched(app, 1))["ended"]:
        pass
    assert last["payload"]["steps"] == 3 and app.payload["steps"] == 0  # without a run of the page
    app.run()
    assert app.payload["feed"] is None and app.payload["answers"] == last["payload"]["answers"]


def test_the_progress_of_a_run_is_fetched(open_app, model_dir, gate):
    app = open_app(model="maze-15")
    (bar,) = (each for each in app.progress if each["text"])
    assert not bar["reruns"]  # the player makes the page run once the run has ended
    gate.let(1)
    grown(app, 1)
    content = finish(Client().get(bar["feed"], stage=bar["stage"], known=bar["tag"])).content
    assert content["text"].startswith("Computing supervision step 2 of 3") and content["share"] == 1 / 3


def test_a_stopped_run_and_a_run_of_another_puzzle_have_no_feed_any_more(open_app, model_dir, gate):
    app = open_app(model="maze-15")
    gate.let(1)
    grown(app, 1)
    before = app.payload["feed"]
    app.click("stop")
    assert app.payload["feed"] is None
    assert finish(Client().get(before, steps=1)).content is None


def test_a_feed_belongs_to_one_session(open_app, model_dir, gate):
    mine, yours = open_app(model="maze-15"), open_app(model="maze-15")
    assert mine.payload["feed"] != yours.payload["feed"]


def test_a_new_puzzle_replaces_an_incomplete_run(open_app, model_dir, gate):
    app = open_app(model="maze-15")
    gate.let(1)
    before = grown(app, 1)
    app.set("puzzle_preset", "spiral")
    assert app.payload["steps"] == 0
    gate.let(4)
    after = grown(app, 3)
    assert after["inputs"] != before["inputs"]


def test_a_stopped_run_keeps_its_steps_and_can_be_resumed(open_app, model_dir, gate):
    app = open_app(model="maze-15")
    gate.let(1)
    grown(app, 1)
    app.click("stop")
    gate.let(1)  # the step in progress
    time.sleep(0.1)
    app.run()
    stopped = app.payload["steps"]
    assert stopped < 3 and app.bars == [f"Stopped after step {stopped} of 3."]
    gate.let(2)
    time.sleep(0.1)
    app.run()
    assert app.payload["steps"] <= 2
    app.click("resume")
    assert grown(app, 3)["steps"] == 3 and not app.bars


def test_a_run_stopped_for_one_puzzle_does_not_stop_another(open_app, model_dir, gate):
    app = open_app(model="maze-15")
    app.click("stop")
    assert app.bars == ["Stopped before the first step."] and not app.payloads
    app.set("puzzle_preset", "spiral")
    gate.let(4)
    grown(app, 3)


def test_sessions_share_equal_runs(open_app, model_dir, gate):
    mine, yours, theirs = (open_app(model="maze-15"), open_app(model="maze-15"), open_app(model="maze-30"))
    gate.let(6)
    assert grown(mine, 3)["answers"] == grown(yours, 3)["answers"]
    assert grown(theirs, 3)["rows"] == 30


def test_a_fast_run_is_shown_complete_at_once(open_app, model_dir):
    app = open_app(model="maze-15")
    assert app.payload["steps"] == 3 and not app.bars


def test_a_failed_run_is_an_error_and_is_not_retried_forever(open_app, model_dir, monkeypatch):
    tries = []

    class Broken(Recording):
        def advance(self, together, progress):
            tries.append(1)
            raise RuntimeError("odd")

    monkeypatch.setattr(choice_runs, "Recording", Broken)
    app = open_app(model="maze-15")
    app.run()
    (error,) = app.errors
    assert "log" in error and "odd" not in error
    assert len(tries) == 1


def test_a_recorded_run_stays_until_the_models_own_is_complete(open_app, gate):
    """Otherwise a slow machine would send a user at a late step back to the first."""
    app = open_app(model="sudoku-trm")
    app.until(lambda: shared.models().ready(source(app)), "the model is open")
    for _ in range(15):
        app.run()
        assert app.payload["steps"] == 16 and "recorded on" in app.payload["label"]
        assert not app.bars
        gate.let(1)
        time.sleep(0.02)
    gate.let(1)
    app.until(lambda: "computed live" in app.payload["label"], "its own run")
    assert app.payload["steps"] == 16


def test_a_recorded_run_stays_on_the_compare_page_too(open_app, gate):
    app = open_app(model="sudoku-trm", against="sudoku-hrm")
    for _ in range(3):
        app.open("compare")
        for side in app.payload["players"]:
            assert side["steps"] == 16 and "recorded on" in side["label"]
    gate.let(32)


def source(app) -> ModelSource:
    """The source of the selected model."""
    return source_of(app["model"], server_options())
