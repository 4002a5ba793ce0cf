"""Runs of models on puzzles: computed behind the pages, shared by everybody who asks for the same one.

A run is an iterator of growing traces, one after each supervision step. One thread advances all of them, a step at a
time, since two forward passes at once would only take turns on the cores. Its order is that of an operating system:
a run moves back a queue with every `QUANTUM` seconds of processor time it has had, so large ones take turns. Within a step it
pauses between two calls for one that has had a `QUANTUM` less, so a Sudoku waits for no step of a maze.

A thread that is ended inside torch ends the process with it, so the one here is none that Python would end: it stops by
itself when the main thread has.

A run that nobody watches pauses. It is gone on with when somebody asks for it again, and dropped when the traces take
more memory than `KEPT_BYTES`. What a person sees follows from the key they ask with and from nothing else.
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

QUANTUM = 1.0  # seconds of computing after which others go first
GONE = 15.0  # seconds without a look after which a watcher has left; a browser tab that is hidden looks once a minute
LOOK_EVERY = 0.5  # seconds between looks at a run that grows, or
LOOK_EVERY_OF_EACH = 0.15  # for every run that waits
HELD_BYTES = 1 << 30  # of the states of all steps that pause between calls; above it a step is not left
KEPT_BYTES = 256 << 20  # of traces: two thousand Sudokus, or two hundred 30x30 mazes
FAILED_FOR = 20.0  # seconds until a run that failed is tried again
PAUSED_KEPT = 16  # runs begun and not watched: each holds the states it would go on from

Begin = Callable[[], Iterator[Trace | Pause]]


class RunFailed(UserError):
    """A run that ended in an error of ours, or of the machine."""


@dataclass(eq=False)
class Run:
    """One run, as far as it has come. Pages read it; only `Runs` writes it."""

    key: Hashable
    steps: Iterator[Trace | Pause]
    number: int  # how many were begun before it
    trace: Trace | None = None  # so far; None before the first supervision step is done
    complete: bool = False
    error: UserError | None = None
    held: int = 0  # bytes of the states of a step that pauses between calls
    spent: float = 0.0  # seconds of processor time of the thread that computes
    took: float = 0.0  # seconds of the clock that its whole steps took, and
    slices: float = 0.0  # those of the step in hand
    failed_at: float = 0.0  # time of the error, if there is one
    watchers: dict[str, float] = field(default_factory=dict)  # who looks on, and when they last looked

    @property
    def done(self) -> bool:
        """Nothing more will come."""
        return self.complete or self.error is not None

    @property
    def size(self) -> int:
        """Bytes of its trace, and of what it holds to go on from."""
        return self.held + (0 if self.trace is None else self.trace.nbytes)


class Runs:
    """All runs of a server. Methods may be called from any thread."""

    def __init__(
        self,
        *,
        kept_bytes: int = KEPT_BYTES,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.thread_time,
    ):
        self._kept_bytes, self._clock, self._processor = kept_bytes, clock, processor
        self._changed = threading.Condition()  # guards everything below
        self._runs: OrderedDict[Hashable, Run] = OrderedDict()  # the one asked for last at the end
        self._started = 0
        self._working = False
        self._in_hand: tuple[Run, float] | None = (
            None  # the run that is advanced, and the processor time when that began
        )

    def ask(self, key: Hashable, begin: Begin, *, watcher: str) -> Run:
        """The run of this key, begun if there is none. The watcher leaves what they watched before.

        Ask again to go on looking: a run whose watchers have all been silent for `GONE` seconds pauses.
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
        """What there is of a run, without asking for more of it: the watcher leaves it. None when it is not kept."""
        with self._changed:
            self._leave(watcher)
            return self._runs.get(key)

    def wait(self, run: Run, seconds: float) -> bool:
        """Wait until a run is done, but not longer. Returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: run.done, seconds)

    def seconds_left(self, run: Run) -> float | None:
        """Until the run is complete, judged by its steps so far and by those who share the machine; None before any."""
        with self._changed:
            if run.trace is None:
                return None
            waiting = self._waiting()
            return run.took / run.trace.steps * (run.trace.depth.N_sup - run.trace.steps) * max(waiting, 1)

    @property
    def look_every(self) -> float:
        """Seconds between the looks of a page at a run that grows: rarer where many wait, since looking takes from all of them."""
        with self._changed:
            return max(LOOK_EVERY, LOOK_EVERY_OF_EACH * self._waiting())

    def gives_way(self) -> bool:
        """Asked by the run in hand between its calls: whether to pause there. It does so for one that has had a `QUANTUM` less, and once
        nobody looks at it any more.
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
        """For other work: wait until no run wants the machine, but not longer."""
        with self._changed:
            self._changed.wait_for(lambda: self._next() is None, seconds)

    # ---- the thread that computes; the methods below need the lock, but for `_advance`

    def _work(self) -> None:
        while True:
            with self._changed:
                run = self._next() if threading.main_thread().is_alive() else None  # else: the server ends
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
                    run.steps = iter(())  # lets go of the model and the states
                self._drop_oldest()
                self._changed.notify_all()

    def _advance(self, run: Run) -> tuple[Trace | Pause | None, UserError | None, float]:
        """One supervision step or a part of it, without the lock."""
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
                "This run failed on the server, whose log says why. Choose another puzzle or model."
            )
        run.spent += self._processor() - self._in_hand[1]
        return made, error, self._clock() - began

    def _next(self) -> Run | None:
        """Whose turn it is: the run that has had least, and of equal ones the oldest."""
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
        """Give back memory: of those that nobody waits for, the ones that were asked for longest ago."""
        idle = [run for run in self._runs.values() if not self._is_wanted(run)]
        paused = [run for run in idle if not run.done]
        dropped = paused[: max(len(paused) - PAUSED_KEPT, 0)]
        excess = sum(run.size for run in self._runs.values()) - self._kept_bytes
        for run in idle:
            if excess <= 0:
                break
            excess -= run.size
            dropped.append(run)
        for run in dropped:
            self._runs.pop(run.key, None)
