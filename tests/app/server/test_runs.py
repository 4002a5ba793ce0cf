"""Runs behind the pages: shared, in turns, paused when nobody looks, forgotten when there are too many. Without Streamlit."""

import threading
import time
from itertools import groupby

import pytest
from fake_runs import PATIENCE, STEPS, Clock, Work, eventually, quick, steps_of, trace

from app.server.runs import (
    FAILED_FOR,
    GONE,
    HELD_BYTES,
    LOOK_EVERY,
    LOOK_EVERY_OF_EACH,
    MOST_PAUSED,
    Run,
    RunFailed,
    RunScheduler,
)
from app.server.slices import Pause
from trm.errors import PuzzleError


def test_a_run_grows_step_by_step_and_completes():
    runs, work = RunScheduler(), Work()
    run = runs.ask("a", work, watcher="me")
    assert not run.done and run.trace is None and runs.seconds_left(run) is None
    for step in range(1, STEPS + 1):
        work.let(1)
        eventually(lambda step=step: steps_of(run) == step)
    assert runs.wait(run, PATIENCE)
    assert run.complete and run.error is None


def test_waiting_ends_when_time_is_up_or_the_run_is_done():
    runs, work = RunScheduler(), Work()
    run = runs.ask("a", work, watcher="me")
    assert not runs.wait(run, 0.01)
    work.let(STEPS)
    assert runs.wait(run, PATIENCE)


def test_who_asks_for_the_same_run_shares_it_and_for_another_does_not():
    runs, mine, other = RunScheduler(), quick(mark=1), quick(mark=2)
    run = runs.ask("a", mine, watcher="me")
    assert runs.ask("a", mine, watcher="you") is run
    another = runs.ask("b", other, watcher="she")
    assert runs.wait(run, PATIENCE) and runs.wait(another, PATIENCE)
    assert mine.started == other.started == 1
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
    assert all(work.started == 1 for work in works.values())


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
    runs = RunScheduler(clock=clock, processor=clock)
    slow, short = Work("slow", log), Work("short", log)
    run = runs.ask("slow", slow, watcher="me")
    eventually(lambda: log == ["slow1"])
    clock.now += 3.0  # what the step takes
    shorter = runs.ask("short", short, watcher="you")
    short.let(STEPS)
    slow.let(STEPS)
    assert runs.wait(run, PATIENCE) and shorter.complete
    assert log == ["slow1", "short1", "short2", "short3", "slow2", "slow3"]


def test_long_runs_take_turns():
    clock, log = Clock(), []
    runs = RunScheduler(clock=clock, processor=clock)

    class Long(Work):
        def __call__(self):
            for made in super().__call__():
                clock.now += 2.0
                yield made

    one, other = Long("a", log), Long("b", log)
    first = runs.ask("a", one, watcher="me")
    eventually(lambda: log == ["a1"])
    second = runs.ask("b", other, watcher="you")
    one.let(STEPS)
    other.let(STEPS)
    assert runs.wait(first, PATIENCE) and runs.wait(second, PATIENCE)
    assert log == ["a1", "b1", "a2", "b2", "a3", "b3"]


class Calls(Work):
    """A run of steps of four calls each, which pauses between them where it is told to."""

    def __init__(
        self, runs: RunScheduler, clock: Clock, name: str, log: list[str], seconds: float, nbytes: int = 8
    ):
        super().__init__(name, log)
        self.runs, self.clock, self.seconds, self.nbytes = runs, clock, seconds, nbytes

    def __call__(self):
        for step in range(1, self.steps + 1):
            for call in range(1, 5):
                assert self.gate.acquire(timeout=PATIENCE)
                self.log.append(f"{self.name}{step}.{call}")
                self.clock.now += self.seconds
                if call < 4 and self.runs.gives_way():
                    yield Pause(self.nbytes)
            yield trace(step, of=self.steps)


def test_within_a_step_a_run_pauses_for_one_that_has_only_begun():
    clock, log = Clock(), []
    runs = RunScheduler(clock=Clock(), processor=clock)
    slow, short = Calls(runs, clock, "slow", log, 2.0), Calls(runs, clock, "short", log, 0.05)
    run = runs.ask("slow", slow, watcher="me")
    slow.let(1)
    eventually(lambda: log == ["slow1.1"])
    shorter = runs.ask("short", short, watcher="you")
    short.let(12)
    slow.let(11)
    assert runs.wait(run, PATIENCE) and shorter.complete and run.complete
    assert len(log) == 24 and log[2:14] == [
        f"short{step}.{call}" for step in (1, 2, 3) for call in (1, 2, 3, 4)
    ]
    assert run.held == 0


def test_long_runs_take_turns_within_their_steps_and_make_no_call_twice():
    clock, log = Clock(), []
    runs = RunScheduler(clock=Clock(), processor=clock)
    one, other = (Calls(runs, clock, name, log, 2.0) for name in "ab")
    first = runs.ask("a", one, watcher="me")
    second = runs.ask("b", other, watcher="you")
    one.let(12)
    other.let(12)
    assert runs.wait(first, PATIENCE) and runs.wait(second, PATIENCE)
    assert len(log) == len(set(log)) == 24
    turns = [name for name, _ in groupby(line[0] for line in log)]
    assert len(turns) >= 12


def test_steps_are_not_left_when_what_pauses_holds_too_much():
    clock, log = Clock(), []
    runs = RunScheduler(clock=Clock(), processor=clock)
    hog, other = (Calls(runs, clock, name, log, 2.0, HELD_BYTES + 1) for name in ("hog", "other"))
    third = Calls(runs, clock, "third", log, 0.05)
    asked = [runs.ask("hog", hog, watcher="me"), runs.ask("other", other, watcher="you")]
    hog.let(1)
    eventually(lambda: log == ["hog1.1"])
    other.let(1)
    eventually(lambda: log == ["hog1.1", "other1.1"] or len(log) > 2)
    asked.append(runs.ask("third", third, watcher="she"))
    for work in (third, other, hog):
        work.let(12)
    assert all(runs.wait(run, PATIENCE) for run in asked)
    assert log.index("third1.1") > log.index("other1.4")


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
    assert runs.ask("a", one, watcher="me") is run
    assert runs.wait(run, PATIENCE)
    assert one.started == 1 and one.log == ["1", "2", "3"]


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


def test_a_run_pauses_when_all_who_watched_it_fell_silent():
    clock = Clock()
    runs, work = RunScheduler(clock=clock), Work()
    run = runs.ask("a", work, watcher="me")
    eventually(lambda: work.log == ["1"])
    clock.now += GONE + 1
    work.let(STEPS)
    eventually(lambda: steps_of(run) == 1)
    time.sleep(0.05)
    assert steps_of(run) == 1
    runs.ask("a", work, watcher="me")
    assert runs.wait(run, PATIENCE)


def test_the_time_left_counts_steps_and_those_who_wait():
    clock = Clock()
    runs, work, other = RunScheduler(clock=clock), Work(steps=4), Work(steps=4)
    run = runs.ask("a", work, watcher="me")
    eventually(lambda: work.log == ["1"])
    clock.now += 5.0
    work.let(1)
    eventually(lambda: steps_of(run) == 1)
    assert runs.seconds_left(run) == pytest.approx(15.0)
    runs.ask("b", other, watcher="you")
    assert runs.seconds_left(run) == pytest.approx(30.0)
    work.let(4)
    other.let(4)


def test_pages_look_less_often_where_many_wait():
    runs = RunScheduler()
    works = [Work() for _ in range(12)]
    asked = [runs.ask(number, work, watcher=str(number)) for number, work in enumerate(works)]
    assert runs.look_every == 12 * LOOK_EVERY_OF_EACH > LOOK_EVERY
    for work in works:
        work.let(STEPS)
    assert all(runs.wait(run, PATIENCE) for run in asked)
    assert runs.look_every == LOOK_EVERY


def test_a_mistake_is_kept_as_it_is_and_tried_again_later():
    clock, tries = Clock(), []
    runs = RunScheduler(clock=clock)

    def refuse():
        tries.append(1)
        raise PuzzleError("no such puzzle")
        yield

    run = runs.ask("a", refuse, watcher="me")
    assert runs.wait(run, PATIENCE)
    assert str(run.error) == "no such puzzle" and not run.complete
    assert runs.ask("a", refuse, watcher="me") is run
    clock.now += FAILED_FOR + 1
    again = runs.ask("a", refuse, watcher="me")
    assert runs.wait(again, PATIENCE)
    assert again is not run and len(tries) == 2


@pytest.mark.parametrize(("fault", "says"), [(MemoryError(), "memory"), (RuntimeError("odd"), "log")])
def test_an_error_of_ours_is_one_line_and_does_not_end_the_others(fault, says):
    def fail():
        raise fault
        yield

    runs, work = RunScheduler(), quick()
    failed = runs.ask("a", fail, watcher="me")
    run = runs.ask("b", work, watcher="you")
    assert runs.wait(failed, PATIENCE) and runs.wait(run, PATIENCE)
    assert isinstance(failed.error, RunFailed) and says in str(failed.error)
    assert run.complete


def test_memory_is_bounded_and_the_run_asked_for_longest_ago_goes_first():
    cells = 1000
    one = Run("one", iter(()), 0, trace=trace(STEPS, cells=cells))
    runs = RunScheduler(cache_bytes=int(3.5 * one.size))
    works = {key: quick(mark=key, cells=cells) for key in range(4)}
    for key in (0, 1, 2, 0, 3):  # 1 is then the one asked for longest ago
        assert runs.wait(runs.ask(key, works[key], watcher="me"), PATIENCE)
    eventually(lambda: runs.look(1, watcher="me") is None)
    assert all(runs.look(key, watcher="me") for key in (0, 2, 3))


def test_paused_runs_are_bounded_too():
    runs = RunScheduler()
    works = [Work() for _ in range(MOST_PAUSED + 5)]
    for number, work in enumerate(works):
        run = runs.ask(number, work, watcher="me")
        work.let(1)
        eventually(lambda run=run: steps_of(run) == 1)
        work.let(1)
    last = quick()
    assert runs.wait(runs.ask("last", last, watcher="me"), PATIENCE)
    eventually(
        lambda: sum(runs.look(key, watcher="me") is not None for key in range(len(works))) <= MOST_PAUSED
    )
    assert runs.look(0, watcher="me") is None


def test_other_work_gives_way_while_somebody_waits():
    runs, work = RunScheduler(), Work()
    runs.give_way(0.0)  # nobody waits: no waiting
    run = runs.ask("a", work, watcher="me")
    began = time.monotonic()
    runs.give_way(0.05)
    assert time.monotonic() - began >= 0.04
    done = threading.Event()
    threading.Thread(target=lambda: (runs.give_way(PATIENCE), done.set()), daemon=True).start()
    assert not done.wait(0.03)
    work.let(STEPS)
    assert done.wait(PATIENCE) and run.done


def test_the_thread_ends_when_there_is_nothing_to_do():
    before = set(threading.enumerate())
    runs, work = RunScheduler(), quick()
    assert runs.wait(runs.ask("a", work, watcher="me"), PATIENCE)
    eventually(
        lambda: not {thread for thread in set(threading.enumerate()) - before if thread.name == "runs"}
    )
