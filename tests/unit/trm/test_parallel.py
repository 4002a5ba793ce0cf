"""Parts in parallel: all are done, progress is called in the caller's thread, and an exception ends the work."""

import threading

import pytest
import torch

from trm.parallel import WorkStopped, run_parallel, split_rows

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


def test_a_batch_is_split_evenly(threads):
    assert [list(part) for part in split_rows(range(4, 9), CPU)] == {
        1: [[4, 5, 6, 7, 8]],
        2: [[4, 5], [6, 7, 8]],
    }[threads]
    assert split_rows(range(3, 4), CPU) == [range(3, 4)]  # one puzzle is one part
    assert split_rows(range(4, 9), torch.device("cuda")) == [range(4, 9)]


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
