"""Parts in parallel: all are done, progress is called in the caller's thread, and an exception ends the work."""

import threading

import pytest
import torch

from trm.engine.choice import with_engine
from trm.inspection import flops
from trm.parallel import WorkStopped, run_parallel, threads_for, torch_threads, usable_threads

CPU = torch.device("cpu")


def test_every_part_is_done_with_one_thread_each(threads):
    seen, heard, here = {}, [], []

    def work(part: int, done) -> None:
        seen[part] = (torch.get_num_threads(), threading.current_thread())
        done(part)

    def progress(total: int) -> None:
        heard.append(total)
        here.append(threading.current_thread())

    run_parallel(work, range(1, 6), device=CPU, progress=progress)
    assert sorted(seen) == [1, 2, 3, 4, 5] and {count for count, _ in seen.values()} == {1}
    assert heard == sorted(heard) and heard[-1] == 15
    assert set(here) == {threading.main_thread()}
    assert torch.get_num_threads() == threads
    alone = {thread for _, thread in seen.values()} == {threading.main_thread()}
    assert alone == (threads == 1)


@pytest.mark.parametrize("threads", [2], indirect=True)
def test_parts_run_at_the_same_time(threads):
    meeting = threading.Barrier(2, timeout=30)
    run_parallel(lambda part, done: meeting.wait(), [1, 2], device=CPU)


def test_an_exception_in_a_part_is_raised_and_stops_the_others(threads):
    started = []

    def work(part: int, done) -> None:
        started.append(part)
        if part == 0:
            raise ValueError("broken")
        while True:
            done(1)

    with pytest.raises(ValueError, match="broken"):
        run_parallel(work, range(9), device=CPU)
    assert len(started) < 9


def test_the_caller_can_stop_the_work(threads):
    ended = []

    def work(part: int, done) -> None:
        try:
            while True:
                done(1)
        except (WorkStopped, KeyboardInterrupt):
            ended.append(part)
            raise

    def enough(total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_parallel(work, [0, 1], device=CPU, progress=enough)
    assert len(ended) == threads
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("cores, parts", [(1, [0, 1]), (4, [0])])
def test_on_one_core_or_with_one_part_the_caller_does_the_work(monkeypatch, cores, parts):
    monkeypatch.setattr("trm.parallel.threads_of", lambda device: cores)
    threads, totals = [], []

    def work(part: int, done) -> None:
        threads.append(threading.get_ident())
        done(2)

    run_parallel(work, parts, device=CPU, progress=totals.append)
    assert set(threads) == {threading.get_ident()} and totals == [2, 4][: len(parts)]


def test_torch_has_one_thread_for_small_models_and_beside_another_engine(tiny_model, monkeypatch):
    monkeypatch.setattr("trm.parallel.usable_threads", lambda: 4)
    model = tiny_model()
    assert threads_for(model) == 1 and threads_for(model, rows=2) == 4
    monkeypatch.setattr("trm.parallel.SMALL_CALL", flops.f_L_call(model.config) + 1)
    assert threads_for(model) == 1
    monkeypatch.setattr("trm.parallel.SMALL_CALL", flops.f_L_call(model.config))
    assert threads_for(model) == 4
    assert threads_for(with_engine(model, "onnx"), rows=2) == 1


@pytest.mark.parametrize(("limit", "expected"), [("1", 1), ("0", 2), ("64", 2), ("all", 2), ("", 2)])
def test_usable_threads_are_the_cores_unless_limited(limit, expected, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {3, 7}, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert usable_threads() == expected


def test_threads_are_as_before_afterwards(tiny_model):
    before = torch.get_num_threads()
    with torch_threads(tiny_model()):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
