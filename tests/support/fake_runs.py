"""Runs without a model: steps that are let through one by one, and a clock that is set."""

import threading
import time

import numpy as np

from app.server.runs import Run
from trm.coordinates import Depth
from trm.trace import Provenance, Trace

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


class Work:
    """A run whose steps are let through one by one, and which notes the order of what is computed."""

    def __init__(
        self,
        name: str = "",
        log: list[str] | None = None,
        *,
        mark: int = 0,
        steps: int = STEPS,
        cells: int = 4,
    ):
        self.name, self.log, self.mark, self.steps, self.cells = (
            name,
            log if log is not None else [],
            mark,
            steps,
            cells,
        )
        self.gate = threading.Semaphore(0)
        self.started = 0

    def __call__(self):
        self.started += 1
        for step in range(1, self.steps + 1):
            self.log.append(f"{self.name}{step}")
            assert self.gate.acquire(timeout=PATIENCE)
            yield trace(step, of=self.steps, mark=self.mark, cells=self.cells)

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
