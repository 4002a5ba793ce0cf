"""Texts about work in progress: jobs, runs and models, with the share that is done and the time that is left."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from fake_runs import trace

from app.server.http.feeds import Progress
from app.server.models import ModelSource
from app.server.opening import Opening
from app.ui import progress, status


@pytest.fixture
def followed(monkeypatch):
    """What is drawn or followed, as it is at first."""
    drawn = []
    monkeypatch.setattr(progress, "draw", lambda now, **_: drawn.append(now))
    monkeypatch.setattr(progress, "follow", lambda about, read, **_: drawn.append(read()))
    monkeypatch.setattr(progress.session, "watcher", lambda: "me")
    monkeypatch.setattr(status, "st", MagicMock(columns=lambda *_, **__: (MagicMock(), MagicMock())))
    return drawn


def job_of(**changes):
    usual = {
        "key": "k",
        "done": False,
        "error": None,
        "result": None,
        "words": "counting",
        "seconds_left": None,
    }
    return SimpleNamespace(**usual | {"share": 0.5, "cancelled_by": lambda asker: False} | changes)


@pytest.mark.parametrize(
    "left, before, says",
    [
        (None, None, "Counting"),
        (0.3, None, "Counting, about 1 s left"),
        (12.4, None, "Counting, about 12 s left"),
        (0.3, job_of(seconds_left=7.0), "Queued behind another job, about 7 s left"),
    ],
)
def test_a_job_tells_the_time_left_of_what_is_computed(followed, monkeypatch, left, before, says):
    job = job_of(seconds_left=left)
    jobs = SimpleNamespace(find=lambda key: job, look=lambda job, asker: None, before=lambda job: before)
    monkeypatch.setattr(progress.shared, "jobs", lambda: jobs)
    progress.follow_job(job)
    assert followed == [Progress("running", 0.5, says)]
    jobs.find = lambda key: None
    progress.follow_job(job)
    assert followed[1] is None


@pytest.mark.parametrize(
    "share, says",
    [(0.009, "Cancelled."), (0.01, "Cancelled at 1%; that work was discarded. The rest stays.")],
)
def test_a_cancelled_job_tells_how_much_was_lost(monkeypatch, share, says):
    page = MagicMock()
    monkeypatch.setattr(progress, "st", page)
    monkeypatch.setattr(progress.session, "watcher", lambda: "me")
    cancelled = job_of(done=True, share=share, cancelled_by=lambda asker: asker == "me", result="a result")
    assert progress.watch(cancelled, saved="" if share < 0.01 else "The rest stays.") is None
    assert page.info.call_args.args == (says,) and not page.error.called


@pytest.mark.parametrize(
    "steps, stopped, left, expected",
    [
        (None, False, None, Progress("computing", 0.0, "Computing supervision step 1 of 3.")),
        (0, False, None, Progress("computing", 0.0, "Computing supervision step 1 of 3.")),
        (1, False, 0.2, Progress("computing", 1 / 3, "Computing supervision step 2 of 3, about 1 s left.")),
        (3, False, 12.4, Progress("computing", 1.0, "Computing supervision step 3 of 3, about 12 s left.")),
        (None, True, None, Progress("stopped", 0.0, "Stopped before the first step.")),
        (1, True, None, Progress("stopped", 1 / 3, "Stopped after step 1 of 3.")),
    ],
)
def test_a_run_tells_its_step_and_the_time_left(followed, monkeypatch, steps, stopped, left, expected):
    run = None if steps is None else SimpleNamespace(key="k", trace=trace(steps) if steps else None)
    runs = SimpleNamespace(poll=lambda key, watcher: run, seconds_left=lambda run: left)
    monkeypatch.setattr(status.shared, "runs", lambda: runs)
    monkeypatch.setattr(status.session, "is_stopped", lambda choice: stopped)
    status.run_progress(run, SimpleNamespace(depth=SimpleNamespace(N_sup=3)))
    assert followed == [expected]


@pytest.mark.parametrize(
    "kind, fetched, expected",
    [
        ("hub", None, Progress("opening", 0.0, "Downloading big")),
        ("hub", (1_500_000, 6_000_000), Progress("opening", 0.25, "Downloading big: 2 of 6 MB")),
        ("hub", (7_000_000_000, 6_000_000_000), Progress("opening", 1.0, "Downloading big: 7,000 of 6,000 MB")),
        ("file", None, Progress("opening", None, "Loading it.")),
    ],
)  # fmt: skip
def test_a_download_tells_its_megabytes_and_a_file_on_this_machine_that_it_is_loaded(
    followed, monkeypatch, kind, fetched, expected
):
    monkeypatch.setattr(status, "freeze_libraries", lambda: None)
    opening = Opening(ModelSource("big", "big", kind), fetched=fetched)
    status.follow_opening(opening, "Loading it.")
    assert followed == [expected]
