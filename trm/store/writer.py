"""Write the shards of a store in a thread while the model keeps running.

The amount of data waiting to be written is limited, and so is memory use, regardless of the number of puzzles. A single
thread writes in order, so no file of a shard appears before the previous shard is complete.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from trm.errors import UserError
from trm.store.folder import StoreFolder

MAX_WAITING = 8 << 20  # maximum bytes of results that may wait to be written


class Writer:
    """Writes shards in its own thread. Use it as a context manager.

    On exit, all queued data has been written, and an unfinished shard is removed. An error in the thread is raised
    at the next call, or on exit.
    """

    def __init__(self, folder: StoreFolder):
        self.folder = folder
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="trace-writer")
        self.waiting: deque[tuple[Future, int]] = deque()  # each with its size in bytes
        self.held = 0
        self.shard: int | None = None  # shard that is started but not finished
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
        """Start a shard. Returns False if another process is writing or has written it."""
        if not self.folder.begin(shard):
            return False
        self.shard, self.writes = shard, []
        return True

    def put(self, rows: range, name: str, calls: range, block: Tensor) -> None:
        """Queue a block (B, calls, ...) of an array for writing."""
        size = block.numel() * block.element_size()
        host, copied = on_host(block)

        def write() -> None:
            copied()
            numbers = host.numpy()
            self._check_finite(name, numbers)
            self.folder.write(name, rows, calls, numbers)

        self._submit(write, size)

    def put_all(self, rows: range, arrays: Callable[[], dict[str, np.ndarray]]) -> None:
        """Queue whole rows of several arrays for writing; the arrays are created in the thread."""

        def write() -> None:
            for name, numbers in arrays().items():
                self.folder.write(name, rows, None, numbers)

        self._submit(write, 0)

    def finish(self, shard: int) -> None:
        """Mark the shard as complete once it has been fully written."""
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
        self._wait(bytes_left=MAX_WAITING)

    def _wait(self, *, bytes_left: int) -> None:
        """Wait until at most `bytes_left` bytes are queued, not counting the newest block."""
        while self.waiting and (
            self.waiting[0][0].done() or bytes_left < 0 or (self.held > bytes_left and len(self.waiting) > 1)
        ):
            done, size = self.waiting.popleft()
            self.held -= size
            done.result()

    def _check_finite(self, name: str, numbers: np.ndarray) -> None:
        """Raises UserError if a number was too large for float16."""
        if numbers.dtype == np.float16 and ((numbers.view(np.uint16) & 0x7C00) == 0x7C00).any():
            raise UserError(
                f"{name} contains numbers beyond 65,504, the limit of float16. Record with --dtype bfloat16 or float32."
            )


def on_host(block: Tensor) -> tuple[Tensor, Callable[[], None]]:
    """A block in host memory, and a function to call before reading it: a GPU copies it asynchronously."""
    if block.device.type != "cuda":
        return block, lambda: None
    host = torch.empty(block.shape, dtype=block.dtype, pin_memory=True)
    host.copy_(block, non_blocking=True)
    copied = torch.cuda.Event()
    copied.record()
    return host, copied.synchronize
