"""Self-checks behind the pages: once for each depth, after everybody else, and not for nobody. Without Streamlit."""

from fake_runs import Clock, Work, eventually

from app.server.checks import Checks
from app.server.jobs import GONE, Jobs
from app.server.models import ModelSource
from app.server.runs import RunScheduler
from trm.coordinates import Depth

SOURCE = ModelSource("tiny", "tiny", "file")


def depth(n: int) -> Depth:
    return Depth(n=n, T=2, N_sup=64)  # the number of steps is the person's business, not the check's


def test_a_check_runs_once_for_each_depth_and_shows_a_wrong_one(tiny_model):
    checks, model = Checks(Jobs()), tiny_model()
    results = {}
    for n in (2, 5):
        eventually(lambda n=n: checks.ask(SOURCE, model, depth(n)).states is not None)
        check = checks.ask(SOURCE, model, depth(n))
        assert checks.ask(SOURCE, model, depth(n)) is check
        results[n] = check.result
    assert results[2]["puzzles"] == results[5]["puzzles"] == 2
    assert results[2]["loss"] != results[5]["loss"]
    assert model.config.n == 2


def test_runs_go_first_and_a_check_that_nobody_looks_at_waits(tiny_model):
    clock = Clock()
    jobs, model, run = Jobs(clock=clock), tiny_model(), Work()
    runs, checks = RunScheduler(jobs), Checks(jobs)
    grows = runs.ask("run", run, watcher="me")
    eventually(lambda: run.log == ["1"])
    assert checks.ask(SOURCE, model, depth(2)).result is None
    clock.now += GONE + 1  # nobody watches either
    run.let(1)
    eventually(lambda: grows.trace is not None)
    runs.ask("run", run, watcher="me")
    eventually(lambda: run.log == ["1", "2"])
    assert checks.ask(SOURCE, model, depth(2)).result is None
    run.let(2)
    assert runs.wait(grows, 20.0)
    eventually(lambda: checks.ask(SOURCE, model, depth(2)).result is not None)


def test_one_that_fails_is_a_note(tiny_model, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError("odd")

    monkeypatch.setattr("trm.inspection.inspect.run_self_check", fail)
    checks, model = Checks(Jobs()), tiny_model()
    eventually(lambda: checks.ask(SOURCE, model, depth(2)).result is not None)
    assert checks.ask(SOURCE, model, depth(2)).result == {"note": "failed; the server's log has the reason"}
    assert "odd" in caplog.text
