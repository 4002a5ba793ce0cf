"""Runs of models on puzzles: jobs whose result is the trace so far. Sessions that request the same run share it.

A run grows by one supervision step at a time, and runs of the same model and depth grow together. A run pauses if no
session watches it, and resumes when it is requested again. Traces that nobody watches are dropped when all traces
together take more memory than `CACHE_BYTES`.
"""

from collections.abc import Hashable

from app.server.jobs import Jobs
from app.server.work import Job, Priority, Steps
from trm.trace import Trace

LOOK_EVERY = 0.5  # minimum seconds between polls of a growing run
LOOK_EVERY_OF_EACH = 0.15  # minimum seconds between polls for each waiting run; the longer time applies
CACHE_BYTES = 256 << 20  # limit for all traces: two thousand Sudokus, or two hundred 30x30 mazes
FAILED_FOR = 20.0  # seconds until a request for a failed run tries again


class Run(Job):
    """A run and its trace so far. Pages may read it; only `Jobs` changes it."""

    most = CACHE_BYTES
    retry_after = FAILED_FOR

    @property
    def trace(self) -> Trace | None:
        """The trace so far; None before the first supervision step."""
        return self.result

    @property
    def size(self) -> int:
        """Size of the trace and of the state to resume from, in bytes."""
        return (0 if self.trace is None else self.trace.nbytes) + (self.work.held if self.work else 0)


class RunScheduler:
    """All runs of a server. Methods may be called from any thread."""

    def __init__(self, jobs: Jobs | None = None):
        self._jobs = jobs or Jobs()

    def ask(self, key: Hashable, steps: Steps, *, watcher: str) -> Run:
        """Return the run with this key, started if there is none. The watcher leaves the run that it watched before.

        To keep watching, call this method or `poll` again and again.
        """
        return self._jobs.ask(key, steps, asker=watcher, priority=Priority.RUN, kind=Run, instead=True)

    def look(self, key: Hashable, *, watcher: str) -> Run | None:
        """Return the run with this key without requesting more steps, or None if there is no such run.

        The watcher leaves the run that it watched before.
        """
        self._jobs.look_away(watcher, Run)
        return self._jobs.find(key)

    def poll(self, key: Hashable, *, watcher: str) -> Run | None:
        """Record that the watcher still watches the run with this key, and return the run.

        Returns None if there is no such run, or if the watcher has left it.
        """
        run = self._jobs.find(key)
        if run is None or watcher not in run.seen:
            return None
        self._jobs.look(run, asker=watcher)
        return run

    def wait(self, run: Run, seconds: float) -> bool:
        """Wait for a run to end, at most `seconds` seconds. Returns whether the run is done."""
        return self._jobs.wait(run, seconds)

    def seconds_left(self, run: Run) -> float | None:
        """Estimate the remaining time in seconds from the steps so far; None before the first step is complete."""
        if run.trace is None:
            return None
        return run.took / run.trace.steps * (run.trace.depth.N_sup - run.trace.steps)

    @property
    def look_every(self) -> float:
        """Seconds between polls of a growing run. Polling costs processor time, so it is rarer if many runs wait."""
        return max(LOOK_EVERY, LOOK_EVERY_OF_EACH * self._jobs.waiting(Priority.RUN))
