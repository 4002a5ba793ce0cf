"""Runs without a model: steps that are let through one by one, and a clock that is set."""

import threading
import time
from collections.abc import Callable, Hashable

import numpy as np

from app.server.runs import Run
from app.server.work import Steps
from trm.coordinates import Depth
from trm.progress import Progress
from trm.provenance import Provenance
from trm.trace import Trace

PATIENCE = 20.0  # seconds: a busy machine
STEPS = 3


def trace(steps: int, *, of: int = STEPS, mark: int = 0, cells: int = 4) -> Trace:
    """A trace of some steps, the mark in all its cells."""
    depth = Depth(n=1, T=1, N_sup=of)
    provenance = Provenance("fake", "0" * 16, "trm", "sudoku", "cpu", "float32", "0", "")
    tokens = np.full((steps, cells), mark, np.uint8)
    numbers = np.zeros(steps, np.float32)
    return Trace(
        provenance,
        depth,
        depth,
        inputs=tokens[0],
        labels=None,
        answers=tokens,
        probabilities=np.zeros((steps, cells, 3), np.uint8),
        entropy=numbers,
        z_answers=np.zeros((2 * steps, cells), np.uint8),
        z_confidence=np.zeros((2 * steps, cells), np.uint8),
        halt_probability=numbers,
        residual_y=numbers,
        residual_z=np.zeros(2 * steps, np.float32),
    )


class Work(Steps):
    """A run whose steps are let through one by one, and which notes the order of what is computed.

    Works of one group are computed together: what is let through is then the first one's business.
    """

    def __init__(
        self,
        name: str = "",
        log: list[str] | None = None,
        *,
        mark: int = 0,
        steps: int = STEPS,
        cells: int = 4,
        group: Hashable = None,
        calls: int = 1,
        before_call: Callable[[], object] = lambda: None,
        most_together: int = 64,
    ):
        self.name, self.mark, self.steps, self.cells = name, mark, steps, cells
        self.log = [] if log is None else log
        self.group, self.calls, self.before_call = group, calls, before_call
        self.most_together = most_together
        self.gate = threading.Semaphore(0)
        self.result = None

    @property
    def step(self) -> int:
        """The step that is computed next, from 1."""
        return (self.result.steps if self.result else 0) + 1

    def advance(self, together: list["Work"], progress: Progress) -> None:
        for call in range(1, self.calls + 1):
            progress(0.0, "")
            at = f".{call}" if self.calls > 1 else ""
            self.log.append("+".join(f"{each.name}{each.step}{at}" for each in together))
            self.before_call()
            assert self.gate.acquire(timeout=PATIENCE)
        for each in together:
            each.result = trace(each.step, of=each.steps, mark=each.mark, cells=each.cells)
            each.is_complete = each.result.steps == each.steps

    def let(self, steps: int) -> None:
        self.gate.release(steps)


def quick(mark: int = 0, **options):
    work = Work(mark=mark, **options)
    work.let(work.steps)
    return work


def eventually(condition, what: str = "") -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.002)


def steps_of(run: Run) -> int:
    return run.trace.steps if run.trace else 0


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now
