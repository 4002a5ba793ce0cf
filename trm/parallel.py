"""Run batches in parallel, one thread per core, instead of using all cores for each operation.

The nets are small, so splitting one operation across threads costs as much time as the operation itself. On two cores,
running two batches of 16 Sudokus in parallel took 0.6 to 0.8 times as long as running them one after the other.

Several processes, started by `torchrun` or by SLURM's `srun`, share work as a `Worker` each. Pieces of work are
independent, so the numbers are those of one process.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trm.inspection import flops

if TYPE_CHECKING:
    import torch

    from trm.model import Model

POLL_SECONDS = 0.1  # seconds between progress reports

# FLOPs of one call. Smaller calls of a single run use one thread: a second thread makes them only 10 % faster on an idle
# machine, and many times slower on a busy machine, where the two threads wait for each other a thousand times a second.
# In a batch of runs, the threads have different runs, and wait for each other only once in a supervision step.
SMALL_CALL = 5e8

Part = TypeVar("Part")
Item = TypeVar("Item")
ReportDone = Callable[[int], None]
"""Callback that receives the amount of work just done, in units that the caller chooses."""


class WorkStopped(Exception):
    """Raised in a part of the work that must stop because another part failed or the caller stopped the work."""


def run_parallel(
    work: Callable[[Part, ReportDone], None],
    parts: Sequence[Part],
    *,
    device: "torch.device",
    progress: ReportDone = lambda done: None,
) -> None:
    """Call `work(part, done)` for every part. On a CPU, as many parts run in parallel as torch has threads.

    `work` may call `done` with an amount of work at any time. `progress` is called with the total, always in the
    caller's thread. An exception in `work` or `progress` stops the work and reaches the caller.
    """
    count = threads_of(device)
    if count == 1 or len(parts) == 1:
        total = 0

        def add(more: int) -> None:
            nonlocal total
            total += more
            progress(total)

        for part in parts:
            work(part, add)
        return
    tally = _Tally()
    with _single_threads(count) as pool:
        running = {pool.submit(work, part, tally.add) for part in parts}
        try:
            while running:
                finished, running = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                progress(tally.total)
        finally:
            tally.is_stopped = True
            for future in running:
                future.cancel()


def threads_of(device: "torch.device") -> int:
    """Number of parts that run at once: torch's threads on a CPU, 1 on a GPU."""
    import torch

    return torch.get_num_threads() if device.type == "cpu" else 1


def threads_for(model: "Model", rows: int = 1) -> int:
    """Number of threads for torch in a live batch of `rows` runs.

    One for a single run of a small model, and where ONNX Runtime computes the nets.
    """
    is_small = rows == 1 and flops.f_L_call(model.config) < SMALL_CALL
    return 1 if is_small or model.engine == "onnx" else usable_threads()


@contextmanager
def torch_threads(model: "Model", rows: int = 1) -> Iterator[None]:
    """Make torch use as many threads as a live batch of `rows` runs needs (`threads_for`) within this context."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads_for(model, rows))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def usable_threads() -> int:
    """Number of threads that this process may use: its cores, or OMP_NUM_THREADS if this is smaller."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(int(limit), cores) if limit.isdecimal() and int(limit) else cores


class _Tally:
    """The total work done by all threads."""

    def __init__(self) -> None:
        self.total, self.is_stopped, self._guard = 0, False, threading.Lock()

    def add(self, more: int) -> None:
        if self.is_stopped:
            raise WorkStopped
        with self._guard:
            self.total += more


@contextmanager
def _single_threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Context manager for a pool of threads in which torch is single-threaded. It restores torch's setting on exit."""
    import torch

    try:
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(count)


# ---- processes


@dataclass(frozen=True)
class Worker:
    """One of `size` processes that share work."""

    rank: int = 0
    size: int = 1

    @classmethod
    def of_this_process(cls) -> "Worker":
        """Return the worker that `torchrun` or `srun` assigned to this process. Without them, it is the only one."""
        for rank, size in (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS")):
            if rank in os.environ and size in os.environ:
                return cls(int(os.environ[rank]), int(os.environ[size]))
        return cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))

    @property
    def is_lead(self) -> bool:
        """Whether this process writes the output."""
        return self.rank == 0

    def share_of(self, items: Sequence[Item]) -> list[Item]:
        """Return this process's share of the items."""
        return list(items[self.rank :: self.size])

    def gather(self, own: list[Any], folder: Path | None) -> list[Any] | None:
        """Collect the results of `share_of` from all processes, in the order of the items, in the lead process.

        Returns None in all other processes. Without `torchrun`, the processes find each other by a file in `folder`,
        which all of them must see.
        """
        if self.size == 1:
            return own
        from torch import distributed

        store = meeting = None
        if "MASTER_ADDR" not in os.environ:
            meeting = folder.resolve() / f".processes-{os.environ.get('SLURM_JOB_ID', '0')}"
            store = distributed.FileStore(str(meeting), self.size)
        distributed.init_process_group("gloo", store=store, rank=self.rank, world_size=self.size)
        try:
            parts: list[Any] | None = [None] * self.size if self.is_lead else None
            distributed.gather_object(own, parts)
        finally:
            distributed.destroy_process_group()
            if meeting and self.is_lead:  # all have met, and a store does not always remove its file
                meeting.unlink(missing_ok=True)
        if parts is None:
            return None
        results = [None] * sum(map(len, parts))
        for rank, part in enumerate(parts):
            results[rank :: self.size] = part
        return results


def take_gpu_of_this_process() -> None:
    """Select this process's GPU under `torchrun`, which starts one process per GPU."""
    import torch

    if "LOCAL_RANK" in os.environ and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
