"""Computations behind pages: probes, projections, curves over a set. One at a time, with progress, and a way to stop.

A job is a function that tells how far it has come, `tell(share, words)`, which also lets people's runs go first and ends a
job that was cancelled. Its result is kept under a key and shared by everybody who asks with the same one, so a key holds all
that the result depends on: fingerprint of the weights, puzzles, settings.

Who asks for a job shares it: it is cancelled once all of them have left it. One that nobody looks at, whose people are on another page or
gone, stands back for those that somebody waits for, and ends after `FORSAKEN` seconds without a look.

Each job has a thread, and only the one whose turn it is goes on. Results live in memory, the ones asked for longest ago are
forgotten. As in `app.server.runs`, the threads are none that Python would end.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from app.server.pace import Pace
from trm.errors import UserError
from trm.progress import Progress

KEPT = 48
MOST_WAITING = 4  # of one person; a page asks for two at once
PATIENCE = 2.0  # seconds that a job lets runs go first each time it tells
LOOKED_AT = 15.0  # seconds after a look in which somebody waits for a job
FORSAKEN = 900.0  # seconds without a look after which a job is given up
LOOK_EVERY = 0.5  # seconds between looks of a job that waits for its turn

Work = Callable[[Progress], Any]


class Cancelled(Exception):
    """Raised inside a job to end it."""


class JobFailed(UserError):
    """A job that ended in an error of ours, or of the machine."""


@dataclass(eq=False)
class Job:
    """One computation, as far as it has come. Pages read it; only `Jobs` writes it."""

    key: Hashable
    work: Work | None  # let go of at the end
    number: int  # how many were asked for before it
    pace: Pace
    share: float = 0.0
    words: str = "beginning"
    result: Any = None
    error: UserError | None = None
    done: bool = False  # with a result, an error, or because it was cancelled
    cancelled: bool = False
    started: float | None = None  # when
    looked: float = 0.0  # when somebody last did
    askers: set[str] = field(default_factory=set)  # who waits for it
    left: set[str] = field(default_factory=set)  # who cancelled it

    def cancelled_by(self, asker: str) -> bool:
        """Whether this person gave it up, or it ended without a result."""
        return self.cancelled or asker in self.left

    def given_up_by(self, asker: str) -> bool:
        """Cancelled, or failed: there will be no result for this person."""
        return self.cancelled_by(asker) or self.error is not None

    @property
    def seconds_left(self) -> float | None:
        """Judged by its pace; None before there is one."""
        return None if self.done else self.pace.seconds_left


class Jobs:
    """All jobs of a server. Methods may be called from any thread. `give_way` waits while people wait for runs."""

    def __init__(
        self,
        give_way: Callable[[float], None] = lambda seconds: None,
        *,
        kept: int = KEPT,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._give_way, self._kept, self._clock = give_way, kept, clock
        self._changed = threading.Condition()  # guards everything below
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()  # the one asked for last at the end
        self._asked = 0
        self._in_hand: Job | None = None  # the one that computes

    def ask(self, key: Hashable, work: Work, *, asker: str) -> Job:
        """The job of this key, begun if there is none, or if the last one was cancelled or failed.

        Of one person at most `MOST_WAITING` wait: to ask for another is to leave the one asked for longest ago.
        """
        with self._changed:
            job = self._jobs.get(key)
            if job is None or job.cancelled or job.error is not None:
                job = self._jobs[key] = Job(key, work, self._asked, Pace(self._clock))
                self._asked += 1
            job.left.discard(asker)
            job.askers.add(asker)
            job.looked = self._clock()
            self._jobs.move_to_end(key)
            waiting = [each for each in self._unfinished() if each.started is None and asker in each.askers]
            for each in waiting[:-MOST_WAITING]:
                self._leave(each, asker)
            self._start(self._turn())
            return job

    def find(self, key: Hashable) -> Job | None:
        """The job of this key, begun by nobody here."""
        with self._changed:
            return self._jobs.get(key)

    def look(self, job: Job, *, asker: str) -> None:
        """This person waits for it."""
        with self._changed:
            job.looked = self._clock()
            job.askers |= {asker} - job.left
            self._start(self._turn())

    def leave(self, job: Job, *, asker: str) -> None:
        """Give it up for this person; it ends when nobody is left who asked for it."""
        with self._changed:
            self._leave(job, asker)

    def before(self, job: Job) -> Job | None:
        """The job that this one waits for; None where it is its turn."""
        with self._changed:
            turn = self._turn()
            return None if turn is job else turn

    def wait(self, job: Job, seconds: float) -> bool:
        """Wait until a job is done, but not longer. Returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: job.done, seconds)

    # ---- the methods below need the lock, but for `_work` and `_run`

    def _unfinished(self) -> list[Job]:
        return [job for job in self._jobs.values() if not job.done]

    def _turn(self) -> Job | None:
        """Which one goes on: one that somebody waits for, then one that was begun, then the one asked for first."""
        now = self._clock()
        return min(
            (job for job in self._unfinished() if not job.cancelled),
            key=lambda job: (now - job.looked > LOOKED_AT, job.started is None, job.number),
            default=None,
        )

    def _start(self, job: Job | None) -> None:
        if job is not None and job.started is None:
            job.started = self._clock()
            threading.Thread(target=self._work, args=(job,), name="jobs", daemon=False).start()

    def _leave(self, job: Job, asker: str) -> None:
        job.askers.discard(asker)
        job.left.add(asker)
        if not job.askers and not job.done:
            job.cancelled = True
            if job.started is None:
                self._end(job)
            self._changed.notify_all()

    def _put_down(self, job: Job) -> None:
        if self._in_hand is job:
            self._in_hand = None
            self._changed.notify_all()

    def _end(self, job: Job, result: Any = None, error: UserError | None = None) -> None:
        self._put_down(job)
        job.result, job.error, job.work, job.done = result, error, None, True
        for key in [key for key, kept in self._jobs.items() if kept.done][: -self._kept]:
            del self._jobs[key]
        self._changed.notify_all()

    def _work(self, job: Job) -> None:
        result, error = self._run(job)
        with self._changed:
            self._end(job, result, error)
            if threading.main_thread().is_alive():  # else the server ends
                self._start(self._turn())

    def _wait_for_turn(self, job: Job) -> None:
        """Raises Cancelled where it never comes."""
        with self._changed:
            self._put_down(job)
            while not job.cancelled and threading.main_thread().is_alive():
                if self._clock() - max(job.looked, job.started) > FORSAKEN:
                    break
                turn = self._turn()
                if turn is job and self._in_hand is None:
                    self._in_hand = job
                    return
                self._start(turn)
                self._changed.wait(LOOK_EVERY)
        raise Cancelled

    def _run(self, job: Job) -> tuple[Any, UserError | None]:
        """The result or the error of a job; neither when it was cancelled."""

        def progress(share: float, words: str) -> None:
            job.share, job.words = min(max(share, 0.0), 1.0), words
            job.pace.reach(job.share)
            self._give_way(PATIENCE)
            self._wait_for_turn(job)

        try:
            job.pace = Pace(self._clock)  # the wait before it is none of its own
            progress(0.0, "beginning")
            return job.work(progress), None
        except Cancelled:
            job.cancelled = True
            return None, None
        except UserError as mistake:
            return None, mistake
        except MemoryError:
            return None, JobFailed("This needs more memory than the server has. Take fewer puzzles or calls.")
        except Exception:
            logging.getLogger(__name__).exception("a job failed")
            return None, JobFailed("This failed on the server, whose log says why. Try other settings.")
