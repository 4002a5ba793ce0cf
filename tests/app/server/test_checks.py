"""Self-checks behind the pages: once for each depth, after everybody else, and not for nobody. Without Streamlit."""

import threading
import time

from app.server.checks import LOOKED_AT, Checks
from app.server.models import ModelSource
from app.server.runs import RunScheduler
from trm.coordinates import Depth

PATIENCE = 30.0
SOURCE = ModelSource("tiny", "tiny", "file")


def eventually(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def depth(n: int) -> Depth:
    return Depth(n=n, T=2, N_sup=64)  # the number of steps is the person's business, not the check's


def test_a_check_runs_once_for_each_depth_and_shows_a_wrong_one(tiny_model):
    checks, model = Checks(lambda seconds: None), tiny_model()
    results = {}
    for n in (2, 5):
        check = checks.ask(SOURCE, model, depth(n))
        eventually(lambda check=check: check.result is not None)
        assert checks.ask(SOURCE, model, depth(n)) is check
        results[n] = check.result
    assert results[2]["puzzles"] == results[5]["puzzles"] == 2
    assert results[2]["loss"] != results[5]["loss"]
    assert model.config.n == 2


def test_runs_go_first(tiny_model):
    runs, gave = RunScheduler(), []

    def give_way(seconds: float) -> None:
        gave.append(threading.current_thread().name)
        runs.give_way(seconds)

    check = Checks(give_way).ask(SOURCE, tiny_model(), depth(2))
    eventually(lambda: check.result is not None)
    assert set(gave) == {"self-check"} and len(gave) >= 2 * 3  # at every f_H call


def test_a_check_that_nobody_looks_at_makes_room_and_is_done_when_looked_at_again(tiny_model):
    gate, held = threading.Event(), threading.Event()

    def give_way(seconds: float) -> None:
        held.set()
        assert gate.wait(PATIENCE)

    checks, model = Checks(give_way), tiny_model()
    old = checks.ask(SOURCE, model, depth(2))
    assert held.wait(PATIENCE)
    new = checks.ask(SOURCE, model, depth(3))
    old.looked -= LOOKED_AT + 1
    gate.set()
    eventually(lambda: new.result is not None)
    eventually(lambda: checks.ask(SOURCE, model, depth(2)).result is not None)


def test_one_that_fails_is_a_note(tiny_model, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError("odd")

    monkeypatch.setattr("trm.inspection.inspect.run_self_check", fail)
    check = Checks(lambda seconds: None).ask(SOURCE, tiny_model(), depth(2))
    eventually(lambda: check.result is not None)
    assert check.result == {"note": "failed; the server's log has the reason"}
    assert "odd" in caplog.text
