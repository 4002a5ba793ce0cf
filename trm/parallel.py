"""Batches side by side: a thread on each core, instead of all cores on each operation.

The nets are tiny: their operations are over before several threads have shared them out, and half of the time goes into
waiting for each other. Two batches of 16 Sudokus on two cores took 0.6 to 0.8 of the time of one after the other on both.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch

POLL_SECONDS = 0.1  # seconds between two reports of progress

Part = TypeVar("Part")
ReportDone = Callable[[int], None]  # so much more work was done, in units of the caller's choice


class WorkStopped(Exception):
    """Raised in a part that is to end, as another one failed or the caller has had enough."""


def run_parallel(
    work: Callable[[Part, ReportDone], None],
    parts: Sequence[Part],
    *,
    device: torch.device,
    progress: ReportDone = lambda done: None,
) -> None:
    """Call `work(part, done)` for every part, on a CPU as many at once as there are threads for one.

    `done` may be called in `work` as often as is useful; the sums are handed to `progress`, always in the caller's thread.
    What either raises ends the work and is raised here.
    """
    count = torch.get_num_threads() if device.type == "cpu" else 1
    if count == 1 or len(parts) == 1:
        total = 0

        def told(more: int) -> None:
            nonlocal total
            total += more
            progress(total)

        for part in parts:
            work(part, told)
        return
    tally = _Tally()
    with _single_threads(count) as pool:
        running = {pool.submit(work, part, tally.add) for part in parts}
        try:
            while running:
                over, running = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in over:
                    future.result()
                progress(tally.total)
        finally:
            tally.is_stopped = True
            for future in running:
                future.cancel()


def split_rows(rows: range, device: torch.device) -> list[range]:
    """A batch in as many parts as are run side by side, alike in length."""
    count = min(torch.get_num_threads(), len(rows)) if device.type == "cpu" else 1
    ends = [rows.start + len(rows) * part // count for part in range(count + 1)]
    return [range(*ends[part : part + 2]) for part in range(count)]


class _Tally:
    """What all threads have done together."""

    def __init__(self) -> None:
        self.total, self.is_stopped, self._guard = 0, False, threading.Lock()

    def add(self, more: int) -> None:
        if self.is_stopped:
            raise WorkStopped
        with self._guard:
            self.total += more


@contextmanager
def _single_threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads in which torch uses no others; afterwards all is as before for the caller."""
    try:
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(count)
