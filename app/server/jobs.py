"""Background computations for pages, such as probes, projections and sweeps: one at a time, with progress and
cancellation.

A job is a function that reports its progress. Each report also lets users' runs go first, and ends the job if it was
cancelled. The result is cached under a key and shared by all sessions that request this key, so the key contains
everything that the result depends on: fingerprint of the weights, puzzles, settings.

Sessions that request the same job share it: it is cancelled once all of them have left it. A job that no session polls
(its users are on another page, or gone) yields to jobs that are being polled, and ends after `FORSAKEN` seconds.

Each job has its own thread, and only one of them runs at a time. Results live in memory; the least recently requested
are dropped. As in `app.server.runs`, the threads are not daemons.
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

MOST_RESULTS = 48
MOST_WAITING = 4  # per session; one page requests two at once
PATIENCE = 2.0  # maximum seconds that a job waits for runs at each progress report
LOOKED_AT = 15.0  # seconds after the last poll during which a job counts as being waited for
FORSAKEN = 900.0  # seconds without a poll after which a job is cancelled
LOOK_EVERY = 0.5  # seconds between checks of a job that waits for its turn

Work = Callable[[Progress], Any]


class Cancelled(Exception):
    """Raised inside a job to stop it."""


class JobFailed(UserError):
    """A job ended in an internal error or ran out of memory."""


@dataclass(eq=False)
class Job:
    """One computation and its progress. Pages read it; only `Jobs` writes it."""

    key: Hashable
    work: Work | None  # None once done, to free the objects it refers to
    number: int  # number of jobs requested before this one
    pace: Pace
    share: float = 0.0
    words: str = "starting"
    result: Any = None
    error: UserError | None = None
    done: bool = False  # ended with a result, with an error, or by cancellation
    cancelled: bool = False
    started: float | None = None  # start time
    looked: float = 0.0  # time of the last poll
    askers: set[str] = field(default_factory=set)  # sessions that wait for it
    left: set[str] = field(default_factory=set)  # sessions that cancelled it

    def cancelled_by(self, asker: str) -> bool:
        """Whether this session cancelled it, or the job as a whole was cancelled."""
        return self.cancelled or asker in self.left

    def given_up_by(self, asker: str) -> bool:
        """Whether it failed or was cancelled, so that this session will get no result."""
        return self.cancelled_by(asker) or self.error is not None

    @property
    def seconds_left(self) -> float | None:
        """Estimated time left, in seconds; None before an estimate is possible."""
        return None if self.done else self.pace.seconds_left


class Jobs:
    """All jobs of a server. Methods may be called from any thread. `give_way` blocks while users wait for runs."""

    def __init__(
        self,
        give_way: Callable[[float], None] = lambda seconds: None,
        *,
        most_results: int = MOST_RESULTS,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._give_way, self._most_results, self._clock = give_way, most_results, clock
        self._changed = threading.Condition()  # guards everything below
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()  # least recently requested first
        self._count = 0
        self._in_hand: Job | None = None  # the running job

    def ask(self, key: Hashable, work: Work, *, asker: str) -> Job:
        """The job with this key, started if there is none or the last one was cancelled or failed.

        At most `MOST_WAITING` jobs of a session wait: one more request cancels its oldest.
        """
        with self._changed:
            job = self._jobs.get(key)
            if job is None or job.cancelled or job.error is not None:
                job = self._jobs[key] = Job(key, work, self._count, Pace(self._clock))
                self._count += 1
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
        """The job with this key, or None. Does not start a job."""
        with self._changed:
            return self._jobs.get(key)

    def look(self, job: Job, *, asker: str) -> None:
        """Record that this session is waiting for the job."""
        with self._changed:
            job.looked = self._clock()
            job.askers |= {asker} - job.left
            self._start(self._turn())

    def leave(self, job: Job, *, asker: str) -> None:
        """Cancel the job for this session; the job ends if no other session waits for it."""
        with self._changed:
            self._leave(job, asker)

    def before(self, job: Job) -> Job | None:
        """The job that this one is waiting behind; None if it is this job's turn."""
        with self._changed:
            turn = self._turn()
            return None if turn is job else turn

    def wait(self, job: Job, seconds: float) -> bool:
        """Wait up to `seconds` for a job. Returns whether the job is done."""
        with self._changed:
            return self._changed.wait_for(lambda: job.done, seconds)

    # ---- the methods below need the lock, except `_work` and `_run`

    def _unfinished(self) -> list[Job]:
        return [job for job in self._jobs.values() if not job.done]

    def _turn(self) -> Job | None:
        """The next job to run: preferably one that is being polled, then one already started, then the oldest
        request.
        """
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
        done = [key for key, each in self._jobs.items() if each.done]
        for key in done[: -self._most_results]:
            del self._jobs[key]
        self._changed.notify_all()

    def _work(self, job: Job) -> None:
        result, error = self._run(job)
        with self._changed:
            self._end(job, result, error)
            if threading.main_thread().is_alive():  # otherwise the server is shutting down
                self._start(self._turn())

    def _wait_for_turn(self, job: Job) -> None:
        """Block until it is the job's turn. Raises Cancelled if the job is cancelled while waiting."""
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
        """The result of a job, or its error; (None, None) if it was cancelled."""

        def progress(share: float, words: str) -> None:
            job.share, job.words = min(max(share, 0.0), 1.0), words
            job.pace.reach(job.share)
            self._give_way(PATIENCE)
            self._wait_for_turn(job)

        try:
            job.pace = Pace(self._clock)  # exclude the time spent in the queue
            progress(0.0, "starting")
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
            return None, JobFailed("This failed on the server; its log has the reason. Try other settings.")
