"""Computations behind pages: probes, projections, curves over a set. One at a time, with progress, and a way to stop.

A job is a function that tells how far it has come, `tell(share, words)`, which also lets people's runs go first and ends a
job that was cancelled. Its result is kept under a key and shared by everybody who asks with the same one, so a key holds all
that the result depends on: fingerprint of the weights, puzzles, settings.

Results live in memory, the ones asked for longest ago are forgotten. As in `app.server.runs`, the thread is none that Python would end.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from trm.errors import UserError

KEPT = 48
PATIENCE = 2.0  # seconds that a job lets runs go first each time it tells

Tell = Callable[[float, str], None]  # share done from 0 to 1, and what is being done
Work = Callable[[Tell], Any]


class Cancelled(Exception):
    """Raised inside a job to end it."""


class JobFailed(UserError):
    """A job that ended in an error of ours, or of the machine."""


@dataclass(eq=False)
class Job:
    """One computation, as far as it has come. Pages read it, and may cancel it; only `Jobs` writes the rest."""

    key: Hashable
    work: Work | None  # let go of at the end
    share: float = 0.0
    words: str = "waiting for other work"
    result: Any = None
    error: UserError | None = None
    done: bool = False  # with a result, an error, or because it was cancelled
    began: float | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def cancelled(self) -> bool:
        return self._stop.is_set()

    @property
    def given_up(self) -> bool:
        """Cancelled, or failed: there will be no result."""
        return self.cancelled or self.error is not None

    def cancel(self) -> None:
        self._stop.set()

    @property
    def seconds_left(self) -> float | None:
        """Judged by its pace so far; None before there is one."""
        if self.began is None or self.share < 0.02 or self.done:
            return None
        return (time.monotonic() - self.began) * (1 - self.share) / self.share


class Jobs:
    """All jobs of a server. Methods may be called from any thread. `give_way` waits while people wait for runs."""

    def __init__(self, give_way: Callable[[float], None] = lambda seconds: None, *, kept: int = KEPT):
        self._give_way, self._kept = give_way, kept
        self._changed = threading.Condition()  # guards everything below
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()  # the one asked for last at the end
        self._working = False

    def ask(self, key: Hashable, work: Work) -> Job:
        """The job of this key, begun if there is none, or if the last one was cancelled or failed."""
        with self._changed:
            job = self._jobs.get(key)
            if job is None or job.given_up:
                job = self._jobs[key] = Job(key, work)
            self._jobs.move_to_end(key)
            if not self._working and not job.done:
                self._working = True
                threading.Thread(target=self._work, name="jobs", daemon=False).start()
            return job

    def find(self, key: Hashable) -> Job | None:
        """The job of this key, begun by nobody here."""
        with self._changed:
            return self._jobs.get(key)

    def wait(self, job: Job, seconds: float) -> bool:
        """Wait until a job is done, but not longer. Returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: job.done, seconds)

    def _work(self) -> None:
        while True:
            with self._changed:
                job = next((job for job in self._jobs.values() if not job.done), None)
                if job is None or not threading.main_thread().is_alive():  # or the server ends
                    self._working = False
                    return
            result, error = self._run(job)
            with self._changed:
                job.result, job.error, job.work, job.done = result, error, None, True
                for key in [key for key, kept in self._jobs.items() if kept.done][: -self._kept]:
                    del self._jobs[key]
                self._changed.notify_all()

    def _run(self, job: Job) -> tuple[Any, UserError | None]:
        """The result or the error of a job; neither when it was cancelled."""

        def tell(share: float, words: str) -> None:
            job.share, job.words = min(max(share, 0.0), 1.0), words
            self._give_way(PATIENCE)
            if job.cancelled or not threading.main_thread().is_alive():
                raise Cancelled

        try:
            job.began = time.monotonic()
            tell(0.0, "beginning")
            return job.work(tell), None
        except Cancelled:
            job.cancel()
            return None, None
        except UserError as mistake:
            return None, mistake
        except MemoryError:
            return None, JobFailed("This needs more memory than the server has. Take fewer puzzles or calls.")
        except Exception:
            logging.getLogger(__name__).exception("a job failed")
            return None, JobFailed("This failed on the server, whose log says why. Try other settings.")
