"""Runs of one model and depth that wait together are computed as one batch, and end as they would alone."""

import pytest
from fake_runs import PATIENCE, STEPS, Clock, Work, eventually, steps_of

from app.server.jobs import GONE, Jobs
from app.server.runs import RunScheduler
from app.server.work import Priority


def test_runs_of_one_group_that_wait_together_are_computed_as_one_batch():
    runs, log = RunScheduler(), []
    first, *others = works = [Work(name, log, mark=place, group="trm") for place, name in enumerate("abc")]
    asked = [runs.ask("a", first, watcher="me")]
    eventually(lambda: log == ["a1"])  # the others come while this step is computed
    asked += [runs.ask(work.name, work, watcher=work.name) for work in others]
    for work in works:
        work.let(2 * STEPS)
    assert all(runs.wait(run, PATIENCE) for run in asked)
    assert log == ["a1", "b1+c1+a2", "a3+b2+c2", "b3+c3"]
    assert [set(run.trace.answers.flat) for run in asked] == [{0}, {1}, {2}]


def test_everybody_has_a_first_step_before_anybody_has_a_second_and_then_the_first_come_end_first():
    runs, log = RunScheduler(), []
    gate = Work("gate", log, steps=1)
    runs.ask("gate", gate, watcher="gate")
    eventually(lambda: log)
    works = [Work(name, log, group="trm", most_together=2) for name in "abcd"]
    asked = [runs.ask(work.name, work, watcher=work.name) for work in works]
    for work in (*works, gate):
        work.let(2 * STEPS)
    assert all(runs.wait(run, PATIENCE) for run in asked)
    assert log[1:] == ["a1+b1", "c1+d1", "a2+b2", "a3+b3", "c2+d2", "c3+d3"]


def test_runs_of_other_groups_are_not_in_the_batch():
    runs, log = RunScheduler(), []
    works = [
        Work(name, log, group=group)
        for name, group in (("a", 1), ("b", 2), ("c", 1), ("d", None), ("e", None))
    ]
    asked = [runs.ask(work.name, work, watcher=work.name) for work in works]
    for work in works:
        work.let(2 * STEPS)
    assert all(runs.wait(run, PATIENCE) for run in asked)
    names = {"".join(part[0] for part in line.split("+")) for line in log}
    assert names <= {"a", "ac", "ca", "c", "b", "d", "e"}


@pytest.mark.parametrize(
    "nbytes, batches", [(10, {"a1+b1", "c1+d1", "e1"}), (21, {"a1", "b1", "c1", "d1", "e1"})]
)
def test_a_batch_takes_only_as_many_runs_as_memory_allows_but_always_one(monkeypatch, nbytes, batches):
    monkeypatch.setattr("app.server.jobs.BATCH_BYTES", 20)
    runs, log = RunScheduler(), []
    gate = Work("gate", log)
    runs.ask("gate", gate, watcher="gate")
    eventually(lambda: log)
    works = [Work(name, log, group="trm", steps=1) for name in "abcde"]
    for work in works:
        work.nbytes = nbytes
        work.let(1)
    asked = [runs.ask(work.name, work, watcher=work.name) for work in works]
    gate.let(STEPS)
    assert all(runs.wait(run, PATIENCE) for run in asked)
    assert batches <= set(log)


def test_a_run_waits_until_its_last_watcher_is_gone():
    clock = Clock()
    jobs = Jobs(clock=clock, processor=clock)
    work = Work()
    run = RunScheduler(jobs).ask("a", work, watcher="me")
    clock.now = GONE - 0.5
    assert jobs.waiting(Priority.RUN) == 1
    clock.now = GONE
    assert jobs.waiting(Priority.RUN) == 0
    work.let(STEPS)
    jobs.leave(run, asker="me")


class Fragile(Work):
    """A run that fails in its second step, and with it the batch that it is in."""

    def advance(self, together, progress):
        for each in together:
            if each.name == "bad" and each.step == 2:
                raise MemoryError
        super().advance(together, progress)


def test_an_error_of_one_run_does_not_end_the_others_of_its_batch():
    runs, log = RunScheduler(), []
    gate = Work("gate", log)
    runs.ask("gate", gate, watcher="gate")
    eventually(lambda: log)
    works = [Fragile(name, log, group="trm") for name in ("a", "bad", "b")]
    asked = [runs.ask(work.name, work, watcher=work.name) for work in works]
    for work in (*works, gate):
        work.let(2 * STEPS)
    assert all(runs.wait(run, PATIENCE) for run in asked)
    assert [run.error is None for run in asked] == [True, False, True]
    assert "memory" in str(asked[1].error) and steps_of(asked[1]) == 1


class FailsLate(Work):
    """A run that fails once, after the others of its batch have got their steps."""

    failed_once = False

    def advance(self, together, progress):
        super().advance([each for each in together if each.name != "bad"] or together, progress)
        for each in together:
            if each.name == "bad" and each.step == 1 and not each.failed_once:
                each.failed_once = True
                raise MemoryError


def test_runs_that_have_got_their_step_before_an_error_do_not_get_it_again():
    runs, log = RunScheduler(), []
    gate = Work("gate", log)
    runs.ask("gate", gate, watcher="gate")
    eventually(lambda: log)
    works = [FailsLate(name, log, group="trm", steps=1) for name in ("a", "bad", "b")]
    asked = [runs.ask(work.name, work, watcher=work.name) for work in works]
    for work in (*works, gate):
        work.let(2 * STEPS)
    assert all(runs.wait(run, PATIENCE) for run in asked)
    assert [run.error for run in asked] == [None] * 3 and [steps_of(run) for run in asked] == [1] * 3
    assert [entry for entry in log if "gate" not in entry] == ["a1+b1", "bad1"]


def test_who_leaves_does_not_stop_the_others_of_the_batch():
    runs, log = RunScheduler(), []
    one, other = (Work(name, log, group="trm") for name in "ab")
    run = runs.ask("a", one, watcher="me")
    eventually(lambda: log == ["a1"])
    another = runs.ask("b", other, watcher="you")
    one.let(1)
    eventually(lambda: log == ["a1", "b1+a2"])
    assert runs.look("a", watcher="me") is run
    other.let(STEPS)
    assert runs.wait(another, PATIENCE)
    assert log == ["a1", "b1+a2", "b2", "b3"] and not run.done
