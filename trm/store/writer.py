"""The thread that writes a store's shards while the model runs on.

What waits to be written is bounded, and so is memory, whatever the number of puzzles. One thread writes in order, so
that no file of a shard is there before the one before it is whole.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from trm.errors import UserError
from trm.store.folder import StoreFolder

WAITING = 8 << 20  # bytes of results that may wait to be written


class Writer:
    """Writes shards in a thread of its own. As a context manager: on leaving, all that was put is written, and a shard
    that was not finished is dropped.

    An error of the thread is raised at the next call, or on leaving.
    """

    def __init__(self, folder: StoreFolder):
        self.folder = folder
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="trace-writer")
        self.waiting: deque[tuple[Future, int]] = deque()  # with the bytes that each holds
        self.held = 0
        self.shard: int | None = None  # begun, and not handed over to be finished
        self.writes: list[Future] = []  # of that shard

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.thread.shutdown(wait=True)
        if kind is None:
            self._wait(bytes_left=-1)
        if self.shard is not None:
            self.folder.drop(self.shard)

    def begin(self, shard: int) -> bool:
        """Start a shard; False where another process has it."""
        if not self.folder.begin(shard):
            return False
        self.shard, self.writes = shard, []
        return True

    def put(self, rows: range, name: str, calls: range, block: Tensor) -> None:
        """Write numbers of an array, (B, calls, ...), once their time comes."""
        size = block.numel() * block.element_size()
        host, copied = on_host(block)

        def write() -> None:
            copied()
            numbers = host.numpy()
            self._check_finite(name, numbers)
            self.folder.write(name, rows, calls, numbers)

        self._submit(write, size)

    def put_all(self, rows: range, arrays: Callable[[], dict[str, np.ndarray]]) -> None:
        """Write whole rows of several arrays, which are made in the thread."""

        def write() -> None:
            for name, numbers in arrays().items():
                self.folder.write(name, rows, None, numbers)

        self._submit(write, 0)

    def finish(self, shard: int) -> None:
        """Mark the shard as whole when all of it is written."""
        writes, self.writes, self.shard = self.writes, [], None

        def mark() -> None:
            for written in writes:
                written.result()
            self.folder.finish(shard)

        self._submit(mark, 0)

    def _submit(self, work: Callable[[], None], size: int) -> None:
        done = self.thread.submit(work)
        self.writes.append(done)
        self.waiting.append((done, size))
        self.held += size
        self._wait(bytes_left=WAITING)

    def _wait(self, *, bytes_left: int) -> None:
        """Until no more than so many bytes wait to be written, apart from the newest."""
        while self.waiting and (
            self.waiting[0][0].done() or bytes_left < 0 or (self.held > bytes_left and len(self.waiting) > 1)
        ):
            done, size = self.waiting.popleft()
            self.held -= size
            done.result()

    def _check_finite(self, name: str, numbers: np.ndarray) -> None:
        """Raises UserError where a number was too large for float16."""
        if numbers.dtype == np.float16 and ((numbers.view(np.uint16) & 0x7C00) == 0x7C00).any():
            raise UserError(
                f"{name} holds numbers beyond 65,504, which float16 cannot. Record with --dtype bfloat16 or float32."
            )


def on_host(block: Tensor) -> tuple[Tensor, Callable[[], None]]:
    """A block in the machine's own memory, and what to call before it is read: a GPU copies it while it goes on."""
    if block.device.type != "cuda":
        return block, lambda: None
    host = torch.empty(block.shape, dtype=block.dtype, pin_memory=True)
    host.copy_(block, non_blocking=True)
    copied = torch.cuda.Event()
    copied.record()
    return host, copied.synchronize
