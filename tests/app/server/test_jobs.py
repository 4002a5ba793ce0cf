"""Computations behind pages: shared by key, one at a time, stopped at once, forgotten in order. Without Streamlit."""

import threading

import pytest

from app.server.jobs import Jobs
from trm.errors import UserError

PATIENCE = 30.0


def ended(jobs, job):
    assert jobs.wait(job, PATIENCE)
    return job


def test_a_result_is_computed_once_and_shared():
    jobs, calls = Jobs(), []
    first = ended(jobs, jobs.ask("a", lambda tell: calls.append(1) or 7))
    assert first.result == 7 and not first.cancelled and first.error is None
    assert jobs.ask("a", lambda tell: calls.append(2)) is first
    assert jobs.find("a") is first and jobs.find("b") is None
    assert calls == [1]


def test_a_cancelled_job_ends_and_the_next_one_begins():
    jobs, inside = Jobs(), threading.Event()

    def endless(tell):
        while True:
            tell(0.25, "going round")
            inside.set()

    long = jobs.ask("long", endless)
    after = jobs.ask("after", lambda tell: "done")
    assert inside.wait(PATIENCE) and not after.done
    assert (long.share, long.words) == (0.25, "going round")
    long.cancel()
    assert ended(jobs, after).result == "done"
    assert long.done and long.cancelled and long.result is None
    assert jobs.ask("long", lambda tell: "anew") is not long


def test_a_job_cancelled_while_it_waits_never_begins():
    jobs, gate, begun = Jobs(), threading.Event(), []
    first = jobs.ask("first", lambda tell: gate.wait(PATIENCE))
    second = jobs.ask("second", lambda tell: begun.append(1))
    second.cancel()
    gate.set()
    assert ended(jobs, first) and ended(jobs, second)
    assert begun == []


@pytest.mark.parametrize(
    "error, said",
    [
        (UserError("no such set"), "no such set"),
        (ValueError("a bug"), "whose log"),
        (MemoryError(), "memory"),
    ],
)
def test_what_goes_wrong_is_said_and_can_be_tried_again(error, said):
    def fail(tell):
        raise error

    jobs = Jobs()
    failed = ended(jobs, jobs.ask("x", fail))
    assert said in str(failed.error)
    assert ended(jobs, jobs.ask("x", lambda tell: 1)).result == 1


def test_runs_of_players_go_first_and_old_results_are_forgotten():
    waited = []
    jobs = Jobs(waited.append, kept=2)
    for key in range(4):
        ended(jobs, jobs.ask(key, lambda tell: tell(0.5, "half")))
    assert len(waited) >= 8
    assert [jobs.find(key) is None for key in range(4)] == [True, True, False, False]
