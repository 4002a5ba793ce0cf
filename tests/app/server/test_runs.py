"""Runs behind the pages: shared, in turns, paused when nobody looks, forgotten when there are too many."""

import threading
import time
from itertools import groupby

import pytest
from fake_runs import PATIENCE, STEPS, Clock, Work, eventually, quick, steps_of, trace

from app.server.jobs import GONE, QUANTUM, Jobs
from app.server.runs import FAILED_FOR, LOOK_EVERY, LOOK_EVERY_OF_EACH, Run, RunScheduler
from app.server.work import JobFailed, Steps
from trm.errors import PuzzleError


def test_a_run_grows_step_by_step_and_completes():
    runs, work = RunScheduler(), Work()
    run = runs.ask("a", work, watcher="me")
    assert not run.done and run.trace is None and runs.seconds_left(run) is None
    for step in range(1, STEPS + 1):
        work.let(1)
        eventually(lambda step=step: steps_of(run) == step)
    assert runs.wait(run, PATIENCE)
    assert run.error is None


def test_waiting_ends_when_time_is_up_or_the_run_is_done():
    runs, work = RunScheduler(), Work()
    run = runs.ask("a", work, watcher="me")
    assert not runs.wait(run, 0.01)
    work.let(STEPS)
    assert runs.wait(run, PATIENCE)


def test_who_asks_for_the_same_run_shares_it_and_for_another_does_not():
    runs, mine, same, other = RunScheduler(), quick(mark=1), quick(), quick(mark=2)
    run = runs.ask("a", mine, watcher="me")
    assert runs.ask("a", same, watcher="you") is run
    another = runs.ask("b", other, watcher="she")
    assert runs.wait(run, PATIENCE) and runs.wait(another, PATIENCE)
    assert not same.log
    assert (run.trace.answers == 1).all() and (another.trace.answers == 2).all()


def test_many_at_once_get_their_own_run_and_each_is_computed_once():
    runs = RunScheduler()
    works = {key: quick(mark=key) for key in range(10)}
    seen = {}

    def person(number: int) -> None:
        key = number % 10
        run = runs.ask(key, works[key], watcher=str(number))
        assert runs.wait(run, PATIENCE)
        seen[number] = set(run.trace.answers.flat)

    people = [threading.Thread(target=person, args=(number,)) for number in range(40)]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join(PATIENCE)
    assert seen == {number: {number % 10} for number in range(40)}
    assert all(work.log == ["1", "2", "3"] for work in works.values())


# ---- turns


def test_one_step_is_computed_at_a_time():
    runs, log = RunScheduler(), []
    slow, other = Work("slow", log), Work("other", log)
    runs.ask("slow", slow, watcher="me")
    run = runs.ask("other", other, watcher="you")
    time.sleep(0.05)
    assert log == ["slow1"]
    slow.let(STEPS)
    other.let(STEPS)
    assert runs.wait(run, PATIENCE)


def test_a_short_run_goes_before_the_next_step_of_one_that_had_its_share():
    clock, log = Clock(), []
    runs = RunScheduler(Jobs(clock=clock, processor=clock))
    slow, short = Work("slow", log), Work("short", log)
    run = runs.ask("slow", slow, watcher="me")
    eventually(lambda: log == ["slow1"])
    clock.now += 3.0  # what the step takes
    shorter = runs.ask("short", short, watcher="you")
    short.let(STEPS)
    slow.let(STEPS)
    assert runs.wait(run, PATIENCE) and shorter.done
    assert log == ["slow1", "short1", "short2", "short3", "slow2", "slow3"]


@pytest.fixture
def patient(monkeypatch):
    """People do not leave however long a run takes."""
    monkeypatch.setattr("app.server.jobs.GONE", 1e6)


def slow_calls(name: str, log: list[str], clock: Clock, seconds: float = 2 * QUANTUM) -> Work:
    def pass_time() -> None:
        clock.now += seconds

    return Work(name, log, calls=4, before_call=pass_time)


def test_within_a_step_a_run_pauses_for_one_that_has_only_begun(patient):
    clock, log = Clock(), []
    runs = RunScheduler(Jobs(clock=clock, processor=clock))
    slow, short = slow_calls("slow", log, clock), slow_calls("short", log, clock, 0.01)
    run = runs.ask("slow", slow, watcher="me")
    eventually(lambda: log == ["slow1.1"])
    shorter = runs.ask("short", short, watcher="you")
    short.let(12)
    slow.let(12)
    assert runs.wait(run, PATIENCE) and shorter.done
    assert log[1:13] == [f"short{step}.{call}" for step in (1, 2, 3) for call in (1, 2, 3, 4)]
    assert len(log) == len(set(log)) == 24  # no call is made twice


def test_long_runs_take_turns_within_their_steps(patient):
    clock, log = Clock(), []
    runs = RunScheduler(Jobs(clock=clock, processor=clock))
    one, other = (slow_calls(name, log, clock, 1.01 * QUANTUM) for name in "ab")
    first = runs.ask("a", one, watcher="me")
    eventually(lambda: log == ["a1.1"])
    second = runs.ask("b", other, watcher="you")
    one.let(12)
    other.let(12)
    assert runs.wait(first, PATIENCE) and runs.wait(second, PATIENCE)
    assert len(log) == len(set(log)) == 24
    assert len([name for name, _ in groupby(line[0] for line in log)]) >= 12


def test_no_other_step_begins_while_the_steps_in_progress_hold_too_much(patient, monkeypatch):
    monkeypatch.setattr("app.server.jobs.HELD_BYTES", 10)
    clock, log = Clock(), []
    runs = RunScheduler(Jobs(clock=clock, processor=clock))
    hog, other = (slow_calls(name, log, clock) for name in ("hog", "other"))
    hog.nbytes = 11
    run = runs.ask("hog", hog, watcher="me")
    eventually(lambda: log == ["hog1.1"])
    another = runs.ask("other", other, watcher="you")
    hog.let(12)
    other.let(12)
    assert runs.wait(run, PATIENCE) and runs.wait(another, PATIENCE)
    assert log[:4] == [f"hog1.{call}" for call in (1, 2, 3, 4)]


# ---- watchers


def test_choosing_another_run_pauses_the_one_before_and_coming_back_goes_on_with_it():
    runs, one, other = RunScheduler(), Work(), quick()
    run = runs.ask("a", one, watcher="me")
    one.let(1)
    eventually(lambda: steps_of(run) == 1)
    runs.ask("b", other, watcher="me")
    one.let(1)  # the step in hand
    eventually(lambda: other.log == ["1", "2", "3"])
    assert steps_of(run) <= 2 and not run.done
    one.let(STEPS)
    assert runs.ask("a", Work(), watcher="me") is run
    assert runs.wait(run, PATIENCE)
    assert one.log[-1] == "3"


def test_a_run_that_somebody_else_watches_goes_on():
    runs, work = RunScheduler(), Work()
    run = runs.ask("a", work, watcher="me")
    runs.ask("a", work, watcher="you")
    assert runs.look("a", watcher="me") is run
    work.let(STEPS)
    assert runs.wait(run, PATIENCE)


def test_looking_at_a_stopped_run_does_not_go_on_with_it():
    runs, work = RunScheduler(), Work()
    run = runs.ask("a", work, watcher="me")
    work.let(1)
    eventually(lambda: steps_of(run) == 1)
    assert runs.look("a", watcher="me") is run
    work.let(STEPS)
    time.sleep(0.05)
    assert not run.done
    assert runs.look("never asked for", watcher="me") is None


def test_only_who_watches_a_run_keeps_it_going_by_polling():
    runs, work = RunScheduler(), Work()
    run = runs.ask("a", work, watcher="me")
    assert runs.poll("a", watcher="me") is run
    assert runs.poll("a", watcher="you") is None and runs.poll("b", watcher="me") is None
    runs.look("a", watcher="me")
    assert runs.poll("a", watcher="me") is None
    work.let(STEPS)


def test_a_run_pauses_when_all_who_watched_it_fell_silent():
    clock = Clock()
    runs, work = RunScheduler(Jobs(clock=clock, processor=clock)), Work()
    run = runs.ask("a", work, watcher="me")
    eventually(lambda: work.log == ["1"])
    clock.now += GONE + 1
    work.let(STEPS)
    eventually(lambda: steps_of(run) == 1)
    time.sleep(0.05)
    assert steps_of(run) == 1
    runs.ask("a", work, watcher="me")
    assert runs.wait(run, PATIENCE)


def test_a_step_of_many_calls_ends_soon_after_the_last_watcher_has_left():
    runs, log = RunScheduler(), []
    work = Work("", log, calls=1000)
    run = runs.ask("a", work, watcher="me")
    eventually(lambda: log)
    runs.look("a", watcher="me")
    work.let(1000)
    time.sleep(0.05)
    assert log == ["1.1"] and run.trace is None
    runs.ask("a", work, watcher="me")
    eventually(lambda: len(log) > 2)
    assert log[1] == "1.1"  # the step is computed again, from its beginning
    runs.look("a", watcher="me")


def test_the_time_left_is_what_the_steps_took_so_far():
    clock = Clock()
    runs, work = RunScheduler(Jobs(clock=clock, processor=clock)), Work(steps=4)
    run = runs.ask("a", work, watcher="me")
    for _ in range(2):
        clock.now += 5.0
        before = steps_of(run)
        work.let(1)
        eventually(lambda before=before: steps_of(run) > before)
    assert runs.seconds_left(run) == pytest.approx(10.0)
    work.let(4)


def test_a_page_that_is_rerun_does_not_leave_its_run_in_between():
    clock = Clock()
    runs, work = RunScheduler(Jobs(clock=clock, processor=clock)), Work()
    run = runs.ask("a", work, watcher="me")
    clock.now += 5.0
    runs.ask("a", Work(), watcher="me")
    work.let(1)
    eventually(lambda: run.took)
    assert run.took == 5.0
    work.let(STEPS)


def test_pages_look_less_often_where_many_wait():
    runs = RunScheduler()
    many = 20
    works = [Work() for _ in range(many)]
    asked = [runs.ask(number, work, watcher=str(number)) for number, work in enumerate(works)]
    assert runs.look_every == many * LOOK_EVERY_OF_EACH > LOOK_EVERY
    for work in works:
        work.let(STEPS)
    assert all(runs.wait(run, PATIENCE) for run in asked)
    assert runs.look_every == LOOK_EVERY


# ---- errors and memory


class Failing(Steps):
    def __init__(self, error: Exception):
        self.error, self.tries = error, 0

    def advance(self, together, progress):
        self.tries += 1
        raise self.error


def test_a_mistake_is_kept_as_it_is_and_tried_again_later():
    clock, work = Clock(), Failing(PuzzleError("no such puzzle"))
    runs = RunScheduler(Jobs(clock=clock, processor=clock))
    run = runs.ask("a", work, watcher="me")
    assert runs.wait(run, PATIENCE)
    assert str(run.error) == "no such puzzle" and run.trace is None
    assert runs.ask("a", work, watcher="me") is run
    clock.now += FAILED_FOR + 1
    again = runs.ask("a", work, watcher="me")
    assert runs.wait(again, PATIENCE)
    assert again is not run and work.tries == 2


@pytest.mark.parametrize(("fault", "says"), [(MemoryError(), "memory"), (RuntimeError("odd"), "log")])
def test_an_error_of_ours_is_one_line_and_does_not_end_the_others(fault, says):
    runs, work = RunScheduler(), quick()
    failed = runs.ask("a", Failing(fault), watcher="me")
    run = runs.ask("b", work, watcher="you")
    assert runs.wait(failed, PATIENCE) and runs.wait(run, PATIENCE)
    assert isinstance(failed.error, JobFailed) and says in str(failed.error)
    assert steps_of(run) == STEPS


def test_memory_is_bounded_and_the_run_asked_for_longest_ago_goes_first(monkeypatch):
    cells = 1000
    monkeypatch.setattr(Run, "most", int(3.5 * trace(STEPS, cells=cells).nbytes))
    clock = Clock()
    runs = RunScheduler(Jobs(clock=clock, processor=clock))
    works = {key: quick(mark=key, cells=cells) for key in range(4)}
    for key in (0, 1, 2, 0, 3):  # 1 is then the one asked for longest ago
        assert runs.wait(runs.ask(key, works[key], watcher="me"), PATIENCE)
        clock.now += GONE + 1
    eventually(lambda: runs.look(1, watcher="me") is None)
    assert all(runs.look(key, watcher="me") for key in (0, 2, 3))


def test_a_complete_run_that_somebody_watches_is_kept_however_large(monkeypatch):
    monkeypatch.setattr(Run, "most", 0)
    clock = Clock()
    runs = RunScheduler(Jobs(clock=clock, processor=clock))
    run = runs.ask("a", quick(), watcher="me")
    assert runs.wait(run, PATIENCE) and runs.poll("a", watcher="me") is run
    assert runs.wait(runs.ask("b", quick(), watcher="you"), PATIENCE)
    assert runs.poll("a", watcher="me") is run
    clock.now += GONE + 1
    assert runs.wait(runs.ask("c", quick(), watcher="you"), PATIENCE)
    eventually(lambda: runs.look("a", watcher="me") is None)


def test_the_memory_of_a_step_is_not_the_size_of_a_run():
    runs, work = RunScheduler(), Work()
    work.nbytes, work.held = 10**9, 1000
    run = runs.ask("a", work, watcher="me")
    work.let(1)
    eventually(lambda: run.trace is not None)
    assert run.size == run.trace.nbytes + 1000
    work.let(STEPS)
    assert runs.wait(run, PATIENCE) and run.size == run.trace.nbytes


def test_paused_runs_are_bounded_too(monkeypatch):
    runs = RunScheduler()
    works = [Work() for _ in range(8)]
    monkeypatch.setattr(Run, "most", 10 * 1000)
    for number, work in enumerate(works):
        work.held = 2000
        run = runs.ask(number, work, watcher="me")
        work.let(1)
        eventually(lambda run=run: steps_of(run) == 1)
        work.let(1)
    last = quick()
    assert runs.wait(runs.ask("last", last, watcher="me"), PATIENCE)
    eventually(lambda: sum(runs.look(key, watcher="me") is not None for key in range(len(works))) <= 5)
    assert runs.look(0, watcher="me") is None


def test_the_thread_ends_when_there_is_nothing_to_do():
    before = set(threading.enumerate())
    runs, work = RunScheduler(), quick()
    assert runs.wait(runs.ask("a", work, watcher="me"), PATIENCE)
    eventually(
        lambda: not {thread for thread in set(threading.enumerate()) - before if thread.name == "jobs"}
    )
