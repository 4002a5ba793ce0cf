"""Computations behind pages: shared by key, one at a time, stopped at once, forgotten in order. Without Streamlit."""

import threading

import pytest
from fake_runs import PATIENCE, Clock, eventually

from app.server.jobs import FORSAKEN, LOOKED_AT, MOST_WAITING, Jobs
from app.server.pace import Pace
from trm.errors import UserError


def ended(jobs, job):
    assert jobs.wait(job, PATIENCE)
    return job


def test_a_result_is_computed_once_and_shared():
    jobs, calls = Jobs(), []
    first = ended(jobs, jobs.ask("a", lambda progress: calls.append(1) or 7, asker="me"))
    assert first.result == 7 and not first.cancelled and first.error is None
    assert jobs.ask("a", lambda progress: calls.append(2), asker="me") is first
    assert jobs.find("a") is first and jobs.find("b") is None
    assert calls == [1]


class Steps:
    """A job that goes on only as far as it is let, and says where it is."""

    def __init__(self, log: list[str], name: str = ""):
        self.log, self.name = log, name
        self._allowed = threading.Semaphore(0)

    def let(self, steps: int = 1) -> None:
        for _ in range(steps):
            self._allowed.release()

    def __call__(self, progress):
        for step in range(1, 4):
            assert self._allowed.acquire(timeout=PATIENCE)
            self.log.append(f"{self.name}{step}")
            progress(step / 4, "going on")
        return self.name


def test_a_cancelled_job_ends_and_the_next_one_begins():
    jobs, inside = Jobs(), threading.Event()

    def endless(progress):
        while True:
            progress(0.25, "going round")
            inside.set()

    long = jobs.ask("long", endless, asker="me")
    after = jobs.ask("after", lambda progress: "done", asker="me")
    assert inside.wait(PATIENCE) and not after.done
    assert (long.share, long.words) == (0.25, "going round")
    jobs.leave(long, asker="me")
    assert ended(jobs, after).result == "done"
    assert ended(jobs, long).cancelled and long.result is None
    assert jobs.ask("long", lambda progress: "anew", asker="me") is not long


def test_a_job_cancelled_while_it_waits_never_begins():
    jobs, gate, started = Jobs(), threading.Event(), []
    first = jobs.ask("first", lambda progress: gate.wait(PATIENCE), asker="me")
    second = jobs.ask("second", lambda progress: started.append(1), asker="me")
    jobs.leave(second, asker="me")
    gate.set()
    assert ended(jobs, first) and ended(jobs, second)
    assert started == []


def test_a_job_that_one_of_two_cancels_goes_on_for_the_other():
    jobs, work = Jobs(), Steps([])
    job = jobs.ask("shared", work, asker="me")
    assert jobs.ask("shared", work, asker="you") is job
    jobs.look(job, asker="she")  # who came upon it, and waits too
    jobs.leave(job, asker="me")
    jobs.leave(job, asker="you")
    assert job.cancelled_by("me") and job.cancelled_by("you") and not job.cancelled_by("she")
    jobs.look(job, asker="me")  # a page that is still open does not take it up again
    assert job.cancelled_by("me") and not job.cancelled
    work.let(3)
    assert ended(jobs, job).result == "" and not job.cancelled
    assert jobs.ask("shared", work, asker="me") is job and not job.cancelled_by("me")


def test_a_job_nobody_looks_at_stands_back_for_one_that_somebody_waits_for_and_goes_on_after_it():
    clock, log = Clock(), []
    jobs = Jobs(clock=clock)
    left_behind, waited_for = Steps(log, "left"), Steps(log, "new")
    first = jobs.ask("first", left_behind, asker="gone")
    left_behind.let()
    eventually(lambda: log == ["left1"])
    second = jobs.ask("second", waited_for, asker="me")
    assert jobs.before(second) is first and jobs.before(first) is None
    clock.now += LOOKED_AT + 1
    jobs.look(second, asker="me")
    assert jobs.before(second) is None
    left_behind.let(2)
    waited_for.let(3)
    assert ended(jobs, second).result == "new"
    assert ended(jobs, first).result == "left"
    assert log == ["left1", "left2", "new1", "new2", "new3", "left3"]


def test_a_job_nobody_looks_at_for_long_ends():
    clock, work = Clock(), Steps([])
    jobs = Jobs(clock=clock)
    job = jobs.ask("key", work, asker="gone")
    clock.now += FORSAKEN + 1
    work.let()
    assert ended(jobs, job).cancelled


def test_one_person_has_only_so_many_waiting_and_others_keep_theirs():
    jobs, gate = Jobs(), threading.Event()
    first = jobs.ask("first", lambda progress: gate.wait(PATIENCE), asker="me")
    of_others = jobs.ask("other", lambda progress: 1, asker="you")
    mine = [jobs.ask(number, lambda progress: 1, asker="me") for number in range(2000)]
    assert len([job for job in mine if not job.cancelled]) == MOST_WAITING
    gate.set()
    assert ended(jobs, mine[-1]).result == 1 and ended(jobs, of_others).result == 1 and ended(jobs, first)


def test_what_is_left_is_the_pace_of_late_and_goes_down_between_reports():
    clock = Clock()
    pace = Pace(clock)
    assert pace.seconds_left is None
    left = []
    for share in range(1, 10):  # the first tenth takes 30 s, the others 10 s
        clock.now += 30.0 if share == 1 else 5.0
        if share > 1:
            left.append(pace.seconds_left)
            clock.now += 5.0
        pace.reach(share / 10)
        left.append(pace.seconds_left)
    assert left == sorted(left, reverse=True)
    assert left[-1] == pytest.approx(10.0, rel=0.1)


@pytest.mark.parametrize(
    "error, said",
    [
        (UserError("no such set"), "no such set"),
        (ValueError("a bug"), "its log"),
        (MemoryError(), "memory"),
    ],
)
def test_what_goes_wrong_is_said_and_can_be_tried_again(error, said):
    def fail(progress):
        raise error

    jobs = Jobs()
    failed = ended(jobs, jobs.ask("x", fail, asker="me"))
    assert said in str(failed.error)
    assert ended(jobs, jobs.ask("x", lambda progress: 1, asker="me")).result == 1


def test_runs_of_players_go_first_and_old_results_are_forgotten():
    waited = []
    jobs = Jobs(waited.append, most_results=2)
    for key in range(4):
        ended(jobs, jobs.ask(key, lambda progress: progress(0.5, "half"), asker="me"))
    assert len(waited) >= 8
    assert [jobs.find(key) is None for key in range(4)] == [True, True, False, False]
