"""Runs of models on puzzles, computed in the background and shared by all sessions that request the same one.

A run is an iterator of growing traces, one after each supervision step. One thread advances all of them, a step at a
time, because two simultaneous forward passes would only compete for the cores. It schedules like an operating system: a
run moves back one queue with every `QUANTUM` seconds of processor time it has used, so long runs take turns. Within a
step, a run pauses between two calls in favour of one that has used a `QUANTUM` less, so a Sudoku never waits for a
whole step of a maze.

The thread is not a daemon: killing a thread inside torch at shutdown crashes the process. It stops after the main
thread does.

A run that no session watches pauses. It resumes when it is requested again, and is dropped when the traces take more
memory than `CACHE_BYTES`. What a user sees depends only on the key that is requested.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field

from app.server.slices import Pause
from trm.errors import UserError
from trm.trace import Trace

QUANTUM = 1.0  # seconds of processor time after which other runs go first
GONE = 15.0  # seconds without a poll after which a watcher is gone; a hidden browser tab polls once a minute
LOOK_EVERY = 0.5  # minimum seconds between polls of a growing run
LOOK_EVERY_OF_EACH = 0.15  # the same per waiting run; the longer of the two applies
HELD_BYTES = 1 << 30  # limit for the states of paused steps; beyond it no step is paused
CACHE_BYTES = 256 << 20  # for traces: two thousand Sudokus, or two hundred 30x30 mazes
FAILED_FOR = 20.0  # seconds until a failed run is tried again
MOST_PAUSED = 16  # unfinished runs without a watcher; each holds the states to resume from

Begin = Callable[[], Iterator[Trace | Pause]]


class RunFailed(UserError):
    """A run ended in an internal error or ran out of memory."""


@dataclass(eq=False)
class Run:
    """One run and its trace so far. Pages read it; only `RunScheduler` writes it."""

    key: Hashable
    steps: Iterator[Trace | Pause]
    number: int  # number of runs started before this one
    trace: Trace | None = None  # the trace so far; None before the first supervision step
    complete: bool = False
    error: UserError | None = None
    held: int = 0  # bytes of the states of a paused step
    spent: float = 0.0  # seconds of processor time
    took: float = 0.0  # wall time of its completed steps, in seconds
    slices: float = 0.0  # wall time of the current step, in seconds
    failed_at: float = 0.0  # time of the last error, if any
    watchers: dict[str, float] = field(default_factory=dict)  # time of the last poll of each watcher

    @property
    def done(self) -> bool:
        """Whether the trace is final."""
        return self.complete or self.error is not None

    @property
    def size(self) -> int:
        """Bytes of its trace and of the states to resume from."""
        return self.held + (0 if self.trace is None else self.trace.nbytes)


class RunScheduler:
    """All runs of a server. Methods may be called from any thread."""

    def __init__(
        self,
        *,
        cache_bytes: int = CACHE_BYTES,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.thread_time,
    ):
        self._cache_bytes, self._clock, self._processor = cache_bytes, clock, processor
        self._changed = threading.Condition()  # guards everything below
        self._runs: OrderedDict[Hashable, Run] = OrderedDict()  # least recently requested first
        self._started = 0
        self._working = False
        self._in_hand: tuple[Run, float] | None = None  # the running run, and the processor time at its start

    def ask(self, key: Hashable, begin: Begin, *, watcher: str) -> Run:
        """The run with this key, started if there is none. The watcher leaves the run that it watched before.

        Call again to keep watching: a run pauses once none of its watchers has called this for `GONE` seconds.
        """
        with self._changed:
            self._leave(watcher)
            run = self._runs.get(key)
            if run is None or (run.error and self._clock() - run.failed_at > FAILED_FOR):
                run = self._runs[key] = Run(key, begin(), self._started)
                self._started += 1
            self._runs.move_to_end(key)
            run.watchers[watcher] = self._clock()
            if not self._working and not run.done:
                self._working = True
                threading.Thread(target=self._work, name="runs", daemon=False).start()
            self._changed.notify_all()
            return run

    def look(self, key: Hashable, *, watcher: str) -> Run | None:
        """The run with this key, without requesting more steps: the watcher leaves its run. None if the run was
        dropped.
        """
        with self._changed:
            self._leave(watcher)
            return self._runs.get(key)

    def wait(self, run: Run, seconds: float) -> bool:
        """Wait up to `seconds` for a run. Returns whether the run is done."""
        with self._changed:
            return self._changed.wait_for(lambda: run.done, seconds)

    def seconds_left(self, run: Run) -> float | None:
        """Estimated time left, in seconds, from the steps so far and the number of waiting runs; None before the first
        step.
        """
        with self._changed:
            if run.trace is None:
                return None
            waiting = self._waiting()
            return run.took / run.trace.steps * (run.trace.depth.N_sup - run.trace.steps) * max(waiting, 1)

    @property
    def look_every(self) -> float:
        """Seconds between a page's polls of a growing run; longer when many runs wait, because polling costs processor
        time.
        """
        with self._changed:
            return max(LOOK_EVERY, LOOK_EVERY_OF_EACH * self._waiting())

    def gives_way(self) -> bool:
        """Whether the current run should pause between two calls: in favour of one that has used a `QUANTUM` less, or
        because no session watches it any more.
        """
        run, began = self._in_hand
        had = run.spent + self._processor() - began
        if had < QUANTUM:
            return False
        with self._changed:
            if sum(each.held for each in self._runs.values()) > HELD_BYTES:
                return False
            if not self._is_wanted(run):
                return True
            others = (each for each in self._runs.values() if each is not run and self._is_wanted(each))
            return any(each.spent < had - QUANTUM for each in others)

    def give_way(self, seconds: float) -> None:
        """Called by other work: wait until no run is waiting, at most `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._next() is None, seconds)

    # ---- the computing thread; the methods below need the lock, except `_advance`

    def _work(self) -> None:
        while True:
            with self._changed:
                run = (
                    self._next() if threading.main_thread().is_alive() else None
                )  # otherwise the server is shutting down
                if run is None:
                    self._working = False
                    self._changed.notify_all()
                    return
            made, error, seconds = self._advance(run)
            with self._changed:
                run.slices += seconds
                run.error, run.failed_at = error, self._clock()
                run.held = made.nbytes if isinstance(made, Pause) else 0
                if isinstance(made, Trace):
                    run.took, run.slices = run.took + run.slices, 0.0
                    run.trace = made
                    run.complete = made.steps == made.depth.N_sup
                if run.done:
                    run.steps = iter(())  # free the model and the states
                self._drop_oldest()
                self._changed.notify_all()

    def _advance(self, run: Run) -> tuple[Trace | Pause | None, UserError | None, float]:
        """Run one supervision step, or part of one, without the lock."""
        began, self._in_hand = self._clock(), (run, self._processor())
        made, error = None, None
        try:
            made = next(run.steps)
        except UserError as mistake:
            error = mistake
        except MemoryError:
            error = RunFailed("This run needs more memory than the server has. Take fewer steps or cycles.")
        except Exception:
            logging.getLogger(__name__).exception("a run failed")
            error = RunFailed(
                "This run failed on the server; its log has the reason. Choose another puzzle or model."
            )
        run.spent += self._processor() - self._in_hand[1]
        return made, error, self._clock() - began

    def _next(self) -> Run | None:
        """The next run: the one that has used the least processor time, oldest first."""
        wanted = filter(self._is_wanted, self._runs.values())
        return min(wanted, key=lambda run: (run.spent // QUANTUM, run.number), default=None)

    def _waiting(self) -> int:
        return sum(map(self._is_wanted, self._runs.values()))

    def _is_wanted(self, run: Run) -> bool:
        now = self._clock()
        return not run.done and any(now - seen < GONE for seen in run.watchers.values())

    def _leave(self, watcher: str) -> None:
        for run in self._runs.values():
            run.watchers.pop(watcher, None)

    def _drop_oldest(self) -> None:
        """Free memory: drop the least recently requested runs that no session watches."""
        idle = [run for run in self._runs.values() if not self._is_wanted(run)]
        paused = [run for run in idle if not run.done]
        dropped = paused[: max(len(paused) - MOST_PAUSED, 0)]
        excess = sum(run.size for run in self._runs.values()) - self._cache_bytes
        for run in idle:
            if excess <= 0:
                break
            excess -= run.size
            dropped.append(run)
        for run in dropped:
            self._runs.pop(run.key, None)
