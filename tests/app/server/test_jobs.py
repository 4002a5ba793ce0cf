"""The scheduler: jobs shared by key, in the order of priorities and people, stopped at once, bounded. Without Streamlit."""

import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from fake_runs import PATIENCE, STEPS, Clock, eventually, quick
from fake_runs import Work as Run

from app.server.jobs import FORSAKEN, GONE, MOST_WAITING, QUANTUM, Jobs
from app.server.pace import HALF_LIFE, MOST_PEOPLE, NEGLIGIBLE, Pace, Usage
from app.server.runs import RunScheduler
from app.server.work import Job, Priority, nbytes_of
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


def test_a_job_nobody_looks_at_pauses_and_goes_on_when_it_is_looked_at_again():
    clock, log = Clock(), []
    jobs = Jobs(clock=clock, processor=clock)
    left_behind, waited_for = Steps(log, "left"), Steps(log, "new")
    first = jobs.ask("first", left_behind, asker="me")
    left_behind.let()
    eventually(lambda: log == ["left1"])
    second = jobs.ask("second", waited_for, asker="you")
    assert jobs.before(second) is first and jobs.before(first) is None
    clock.now += GONE + 1
    jobs.look(second, asker="you")
    left_behind.let(1)  # it notices at its next report
    eventually(lambda: jobs.before(second) is None)
    waited_for.let(3)
    assert ended(jobs, second).result == "new"
    time.sleep(0.05)
    assert log in (["left1", "new1", "new2", "new3"], ["left1", "left2", "new1", "new2", "new3"])
    assert not first.done
    left_behind.let(1)
    jobs.look(first, asker="me")
    assert ended(jobs, first).result == "left" and log[-1] == "left3"


def test_a_job_nobody_looks_at_for_long_ends():
    clock, work = Clock(), Steps([])
    jobs = Jobs(clock=clock, processor=clock)
    job = jobs.ask("key", work, asker="gone")
    clock.now += GONE + FORSAKEN + 1
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


def test_the_server_itself_may_have_any_number_of_jobs_that_wait():
    jobs, gate = Jobs(), threading.Event()
    asked = [
        jobs.ask(number, lambda progress: gate.wait(PATIENCE), asker=None, priority=Priority.MODEL)
        for number in range(MOST_WAITING + 3)
    ]
    gate.set()
    assert not any(ended(jobs, job).cancelled for job in asked)


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
        (BaseException("a panic of a library"), "its log"),
        (SystemExit(), "its log"),
    ],
)
def test_what_goes_wrong_is_said_and_can_be_tried_again(error, said):
    def fail(progress):
        raise error

    jobs = Jobs()
    failed = ended(jobs, jobs.ask("x", fail, asker="me"))
    assert said in str(failed.error)
    assert ended(jobs, jobs.ask("x", lambda progress: 1, asker="me")).result == 1


def test_a_thread_that_cannot_be_started_is_started_at_the_next_look(monkeypatch, caplog):
    class NoThread:
        def __init__(self, **_):
            pass

        def start(self):
            raise RuntimeError("can't start new thread")

    jobs = Jobs()
    with monkeypatch.context() as full:
        full.setattr("app.server.jobs.threading.Thread", NoThread)
        job = jobs.ask("a", lambda progress: 1, asker="me")
        other = jobs.ask("b", lambda progress: 2, asker="me")
    assert not job.done and "can't start" in caplog.text
    jobs.look(other, asker="me")
    assert ended(jobs, job).result == 1 and ended(jobs, other).result == 2


@dataclass
class Result:
    """Two million bytes of numbers, held twice."""

    values: np.ndarray
    parts: dict[str, tuple[np.ndarray, ...]]


def result() -> Result:
    values = np.zeros(2_000_000, np.uint8)
    return Result(values, {"again": (values,), "text": (b"1234",)})


def test_the_size_of_a_result_is_that_of_its_arrays_and_texts():
    assert nbytes_of(result()) == 2_000_004
    assert nbytes_of(None) == nbytes_of(7) == nbytes_of(Result) == 0


def test_old_results_are_forgotten_when_all_are_too_large(monkeypatch):
    monkeypatch.setattr(Job, "most", 2 * 2_000_004)
    clock = Clock()
    jobs = Jobs(clock=clock, processor=clock)
    for key in range(4):
        ended(jobs, jobs.ask(key, lambda progress: result(), asker="me"))
        clock.now += GONE + 1
    assert [jobs.find(key) is None for key in range(4)] == [True, True, False, False]


def test_a_job_of_the_server_that_failed_is_forgotten_like_others(monkeypatch):
    monkeypatch.setattr(Job, "most", 0)

    def fail(progress):
        raise UserError("no")

    jobs = Jobs()
    ended(jobs, jobs.ask("failed", fail, asker=None))
    ended(jobs, jobs.ask("other", lambda progress: 1, asker="me"))
    assert jobs.find("failed") is None and jobs.find("other") is not None


def test_an_unfinished_job_that_is_dropped_counts_as_cancelled_and_can_still_be_left(monkeypatch):
    monkeypatch.setattr(Job, "most", 0)
    clock, gate = Clock(), threading.Event()
    jobs = Jobs(clock=clock, processor=clock)
    first = jobs.ask("first", lambda progress: gate.wait(PATIENCE), asker="you")
    dropped = jobs.ask("dropped", lambda progress: 1, asker="me")
    clock.now += GONE + 1
    jobs.look(first, asker="you")
    gate.set()
    ended(jobs, first)
    eventually(lambda: jobs.find("dropped") is None)
    assert dropped.done and dropped.cancelled
    jobs.leave(dropped, asker="me")
    assert jobs.ask("dropped", lambda progress: 2, asker="me") is not dropped


def test_a_job_of_the_server_without_a_result_is_forgotten_at_once_and_needs_nobody_to_look():
    clock = Clock()
    jobs, gate = Jobs(clock=clock, processor=clock), threading.Event()
    job = jobs.ask("a", lambda progress: (gate.wait(PATIENCE) and progress(1.0, "")) or None, asker=None)
    clock.now += 2 * (GONE + FORSAKEN)
    gate.set()
    assert not ended(jobs, job).cancelled and jobs.find("a") is None


# ---- priorities


def test_an_analysis_gives_way_to_runs_at_every_report_but_not_for_ever():
    clock, log = Clock(), []
    jobs = Jobs(clock=clock, processor=clock)
    runs = RunScheduler(jobs)
    work, run = Steps(log, "analysis"), Run("run", log)
    job = jobs.ask("analysis", work, asker="me")
    work.let(1)
    eventually(lambda: log == ["analysis1"])
    grows = runs.ask("run", run, watcher="you")
    eventually(lambda: log == ["analysis1", "run1"])
    work.let(2)
    time.sleep(0.05)
    assert log[2:] in ([], ["analysis2"])  # it may have reported before the run came
    clock.now += 10.0
    eventually(lambda: "analysis2" in log)
    run.let(STEPS)
    assert runs.wait(grows, PATIENCE)
    assert ended(jobs, job).result == "analysis"


def test_a_run_does_not_wait_for_an_analysis_that_reports_nothing():
    jobs, gate = Jobs(), threading.Event()
    jobs.ask("analysis", lambda progress: gate.wait(PATIENCE), asker="me")
    runs = RunScheduler(jobs)
    assert runs.wait(runs.ask("run", quick(), watcher="you"), PATIENCE)
    gate.set()


def test_each_priority_has_a_turn_of_its_own_and_downloads_have_four():
    jobs, gate, begun = Jobs(), threading.Event(), []

    def work(name):
        return lambda progress: begun.append(name) or gate.wait(PATIENCE)

    asked = [
        jobs.ask((priority, number), work(priority), asker=f"{number}", priority=priority)
        for priority in (Priority.DOWNLOAD, Priority.MODEL, Priority.ANALYSIS, Priority.BACKGROUND)
        for number in range(6)
    ]
    expected = {Priority.DOWNLOAD: 4, Priority.MODEL: 1, Priority.ANALYSIS: 1, Priority.BACKGROUND: 1}
    eventually(lambda: {each: begun.count(each) for each in begun} == expected)
    gate.set()
    assert all(ended(jobs, job).result for job in asked)


# ---- fairness


def test_people_take_turns_however_much_one_of_them_asks_for():
    clock, log = Clock(), []
    jobs = Jobs(clock=clock, processor=clock)

    def work(name):
        def compute(progress):
            progress(0.5, "")
            clock.now += 2 * QUANTUM
            log.append(name)

        return compute

    gate = threading.Event()
    jobs.ask("gate", lambda progress: gate.wait(PATIENCE), asker="she")
    greedy = [jobs.ask(number, work("greedy"), asker="greedy") for number in range(MOST_WAITING)]
    modest = jobs.ask("modest", work("modest"), asker="modest")
    gate.set()
    assert all(ended(jobs, job) for job in (*greedy, modest))
    assert log[:2] == ["greedy", "modest"]


def test_the_time_of_a_batch_is_shared_by_those_who_wait_for_it(monkeypatch):
    monkeypatch.setattr("app.server.jobs.GONE", 1e6)
    clock, log = Clock(), []
    jobs = Jobs(clock=clock, processor=clock)
    runs = RunScheduler(jobs)
    gate = Run("gate", log, steps=1)
    runs.ask("gate", gate, watcher="gate")
    eventually(lambda: log)

    def pass_time() -> None:
        clock.now += 3 * QUANTUM

    works = [Run(name, log, group="trm", steps=3, before_call=pass_time) for name in "abcd"]
    alone = Run("alone", log, steps=3, before_call=pass_time)
    asked = [runs.ask(work.name, work, watcher=work.name) for work in (*works, alone)]
    for work in (*works, alone, gate):
        work.let(9)
    assert all(runs.wait(run, PATIENCE) for run in asked)
    # After one step each, a person of four has used 3/4 of a quantum, and the one alone three quantums.
    four = ["+".join(f"{name}{step}" for name in "abcd") for step in (1, 2, 3)]
    assert log[1:] == [four[0], "alone1", *four[1:], "alone2", "alone3"]


def test_what_a_person_has_used_is_forgotten_slowly():
    clock = Clock()
    usage = Usage(clock)
    usage.add("me", 8.0)
    clock.now += 2 * HALF_LIFE
    assert usage.of("me") == pytest.approx(2.0) and usage.of("you") == 0.0
    usage.add("me", 1.0)
    assert usage.of("me") == pytest.approx(3.0)
    clock.now += 20 * HALF_LIFE
    for number in range(MOST_PEOPLE):
        usage.add(number, 1.0)
    assert usage.of("me") == 0.0 and usage.of(0) == 1.0


def test_nobody_is_forgotten_while_there_are_few(monkeypatch):
    monkeypatch.setattr("app.server.pace.MOST_PEOPLE", 2)
    usage = Usage(clock := Clock())
    usage.add("me", 8.0)
    clock.now += 20 * HALF_LIFE
    usage.add("you", 1.0)
    assert usage.of("me") > 0
    usage.add("another", NEGLIGIBLE)
    assert usage.of("me") == usage.of("another") == 0 and usage.of("you") == 1.0


@pytest.mark.parametrize(
    "cancelled, error, now, again",
    [
        (False, True, 14.9, False),
        (False, True, 15.0, True),
        (False, False, 99.0, False),
        (True, False, 10.0, True),
    ],
)
def test_a_failed_job_is_tried_again_after_its_time_and_a_cancelled_one_at_once(cancelled, error, now, again):
    failed = SimpleNamespace(
        cancelled=cancelled, error=ValueError() if error else None, ended=10.0, retry_after=5.0
    )
    assert Job.can_be_retried(failed, now) == again
