"""The scheduler of everything that the server computes: runs, analyses, self-checks and the loading of models.

A job is requested under a key by any number of sessions, which share its result. The key must therefore contain
everything that the result depends on. The jobs of one priority are computed one after the other (but see `AT_ONCE`),
because two simultaneous forward passes would only compete for the cores. Jobs of different priorities may compute at the
same time, because a job can spend seconds in a library that cannot be interrupted. At each progress report, however, a
job of low priority waits while somebody waits for a run.

- Jobs of one group that wait at the same time are computed together, one step at a time, as a batch.
- Within a priority, the next turn belongs to the person who has used the least time lately (`Usage`). A run passes its
  turn on between two calls; an analysis keeps it to the end, because its states take memory.
- A job is computed only while a session asks for it. After `GONE` seconds without a request, a run stops at its last
  complete step, and an analysis pauses at its next report. A paused analysis ends after `FORSAKEN` more seconds.
- Waiting jobs of a session, steps in progress and results in memory are bounded.

Each batch has its own thread. The threads are not daemons, because ending a thread inside torch at shutdown crashes the
process; they stop after the main thread has stopped.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from app.server.pace import Pace, Usage
from app.server.work import Batch, Cancelled, Job, OneStep, Priority, Steps, Work, nbytes_of

AT_ONCE = {Priority.DOWNLOAD: 4}  # jobs that are computed at the same time; 1 for all other priorities
PATIENCE = {Priority.ANALYSIS: 2.0, Priority.BACKGROUND: 5.0}
"""Maximum seconds that a job waits for runs at each progress report."""

QUANTUM = 1.0  # seconds of processor time by which two people may differ before the turn passes on
GONE = (
    15.0  # seconds after the last request until a session counts as gone; a hidden tab may ask once a minute
)
FORSAKEN = 900.0  # further seconds until a paused analysis ends
LOOK_EVERY = 0.5  # maximum seconds between two looks of a batch that waits for its turn
MOST_WAITING = 4  # analyses of one session that wait; a page requests two at once
BATCH_BYTES = 512 << 20  # limit for a step of a batch
HELD_BYTES = 1 << 30  # limit for all steps in progress; above it, no other step begins


class Jobs:
    """All jobs of a server. Methods may be called from any thread."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.thread_time,
    ):
        self._clock, self._processor = clock, processor
        self._thread = (
            threading.local()
        )  # `charged`: processor time of this thread that has been charged so far
        self._changed = threading.Condition()  # guards everything below
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()  # least recently requested first
        self._unfinished: dict[
            Job, Batch | None
        ] = {}  # jobs that are not done, with the step that is in progress
        self._usage = Usage(clock)
        self._count = 0

    def ask(
        self,
        key: Hashable,
        work: Work | Steps,
        *,
        asker: str | None,
        priority: Priority = Priority.ANALYSIS,
        kind: type[Job] = Job,
        instead: bool = False,
    ) -> Job:
        """Return the job with this key, started if there is none, or if it was cancelled or has failed.

        A session may have at most `MOST_WAITING` analyses that wait: a further request cancels the oldest. `asker` None
        is the server itself, which never leaves and has no such limit. With `instead`, the session waits for no other job of this kind any more.
        """
        with self._changed:
            job = self._jobs.get(key)
            if job is None or job.can_be_retried(self._clock()):
                steps = work if isinstance(work, Steps) else OneStep(work)
                job = self._jobs[key] = kind(key, steps, priority, self._count, Pace(self._clock))
                self._unfinished[job] = None
                self._count += 1
            self._jobs.move_to_end(key)
            job.left.discard(asker)
            if instead:
                self._look_away(asker, kind, but=job)
            self._see(job, asker)
            if asker is not None:
                self._leave_oldest(asker)
            return job

    def find(self, key: Hashable) -> Job | None:
        """Return the job with this key, or None if there is none. No job is started."""
        with self._changed:
            return self._jobs.get(key)

    def look(self, job: Job, *, asker: str | None) -> None:
        """Record that the session `asker` waits for the job, unless it has cancelled the job."""
        with self._changed:
            if asker not in job.left:
                self._see(job, asker)

    def look_away(self, asker: str, kind: type[Job]) -> None:
        """Record that the session `asker` waits for no job of this kind any more. The jobs are not cancelled."""
        with self._changed:
            self._look_away(asker, kind)

    def leave(self, job: Job, *, asker: str) -> None:
        """Cancel the job for the session `asker`. The job ends if no other session waits for it."""
        with self._changed:
            self._leave(job, asker)

    def before(self, job: Job) -> Job | None:
        """Return the job that must run before `job`; None if it is the turn of `job`."""
        with self._changed:
            first = next(iter(self._computing(job.priority)), None) or self._next(job.priority)
            jobs = first.jobs if isinstance(first, Batch) else [first]
            return None if job in jobs else jobs[0]

    def wait(self, job: Job, seconds: float) -> bool:
        """Wait for a job to end, at most `seconds` seconds. Returns whether the job is done."""
        with self._changed:
            return self._changed.wait_for(lambda: job.done, seconds)

    def waiting(self, priority: Priority) -> int:
        """Number of jobs of this priority that somebody waits for."""
        with self._changed:
            return self._waiting(priority)

    # ---- call the methods below only while holding the lock

    def _unseen(self, job: Job) -> float:
        """Seconds since a session last asked for the job."""
        now = self._clock()
        times = [now if asker is None else at for asker, at in job.seen.items()]
        return now - max(times, default=-float("inf"))

    def _is_wanted(self, job: Job) -> bool:
        return self._unseen(job) < GONE and not job.cancelled

    def _see(self, job: Job, asker: str | None) -> None:
        if not self._is_wanted(job):
            job.since = self._clock()
        job.seen[asker] = self._clock()
        if not job.done:
            self._dispatch(job.priority)

    def _look_away(self, asker: str, kind: type[Job], but: Job | None = None) -> None:
        for job in self._unfinished:
            if isinstance(job, kind) and job is not but:
                job.seen.pop(asker, None)

    def _leave(self, job: Job, asker: str) -> None:
        job.seen.pop(asker, None)
        job.left.add(asker)
        if not job.seen and not job.done:
            job.cancelled = True
            if self._unfinished[job] is None:
                self._end(job)
            self._changed.notify_all()

    def _leave_oldest(self, asker: str) -> None:
        """Cancel the oldest waiting analyses of a session that has more than `MOST_WAITING`."""
        waiting = [
            job
            for job, batch in self._unfinished.items()
            if asker in job.seen and not job.work.lasting and not (batch and batch.computes)
        ]
        for job in waiting[:-MOST_WAITING]:
            self._leave(job, asker)

    def _waiting(self, priority: Priority) -> int:
        return sum(job.priority is priority and self._is_wanted(job) for job in self._unfinished)

    def _batches(self) -> list[Batch]:
        return list(dict.fromkeys(filter(None, self._unfinished.values())))

    def _computing(self, priority: Priority) -> list[Batch]:
        return [batch for batch in self._batches() if batch.computes and batch.priority is priority]

    def _queue(self, priority: Priority) -> list[Job]:
        """Jobs that wait for their next step to begin, in the order of their turns."""
        jobs = [job for job, batch in self._unfinished.items() if batch is None and job.priority is priority]
        return sorted(filter(self._is_wanted, jobs), key=self._rank)

    def _next(self, priority: Priority) -> Batch | Job | None:
        """Return what should compute now: a step in progress, or a job whose next step begins. None if no turn is free."""
        batches = self._batches()
        if len(self._computing(priority)) >= AT_ONCE.get(priority, 1):
            return None
        paused = [batch for batch in batches if batch.priority is priority and not batch.computes]
        paused = [batch for batch in paused if any(map(self._is_wanted, batch.jobs))]
        is_full = paused and sum(batch.nbytes for batch in batches) > HELD_BYTES
        return min([*paused, *([] if is_full else self._queue(priority)[:1])], key=self._rank, default=None)

    def _rank(self, item: Batch | Job) -> tuple[float, ...]:
        """Sort key of what waits for a turn. Among people with equal use, those without a result go first."""
        is_fresh = isinstance(item, Job)
        jobs = [item] if is_fresh else item.jobs
        used = min((self._usage.of(asker) for job in jobs for asker in job.seen), default=0.0) // QUANTUM
        has_result = all(job.result is not None for job in jobs)
        place = (used, has_result, is_fresh) if jobs[0].work.lasting else (is_fresh, used)
        return *place, min(job.number for job in jobs)

    def _dispatch(self, priority: Priority) -> None:
        """If a turn is free, start a thread for the next job, or wake the batch whose turn it is."""
        if (batch := self._begin(priority)) is None:
            return
        try:
            threading.Thread(target=self._work, args=(batch,), name="jobs", daemon=False).start()
        except (RuntimeError, MemoryError):  # the system allows no more threads; the next look tries again
            logging.getLogger(__name__).exception("no thread for a job")
            self._unfinished.update(dict.fromkeys(batch.jobs))

    def _begin(self, priority: Priority) -> Batch | None:
        """If a job should begin its next step, return it as a new batch, together with other jobs of its group."""
        first = self._next(priority)
        if isinstance(first, Batch):
            self._changed.notify_all()
        if not isinstance(first, Job):
            return None
        jobs = [first]
        if (group := first.work.group) is not None:
            room = min(first.work.most_together, BATCH_BYTES // max(first.work.nbytes, 1))
            jobs = [job for job in self._queue(priority) if job.work.group == group][: max(room, 1)]
        batch = Batch(priority, jobs)
        for job in jobs:
            self._unfinished[job] = batch
            job.pace = Pace(self._clock)  # excludes the time in the queue
        return batch

    def _charge(self, batch: Batch) -> None:
        """Charge what this thread has computed to the people who wait for the batch, in equal parts."""
        now = self._processor()
        askers = [asker for job in batch.jobs for asker in job.seen]
        for asker in askers:
            self._usage.add(asker, (now - getattr(self._thread, "charged", 0.0)) / len(askers))
        self._thread.charged = now

    def _finish(self, batch: Batch) -> None:
        """End a step: jobs that are not done wait for their next step."""
        self._charge(batch)
        for job in batch.jobs:
            job.took, job.since = job.took + self._clock() - job.since, self._clock()
            job.result = job.work.result
            self._unfinished[job] = None
            if job.work.is_complete or job.error or job.cancelled:
                self._end(job)
        if any(job.done for job in batch.jobs):
            self._drop_oldest()
        self._changed.notify_all()

    def _end(self, job: Job) -> None:
        del self._unfinished[job]
        job.work, job.done, job.ended = None, True, self._clock()
        job.nbytes = nbytes_of(job.result)
        job.seen.pop(None, None)  # the server does not look at results
        if job.result is None and not job.error and not job.cancelled:
            del self._jobs[job.key]

    def _drop_oldest(self) -> None:
        """Drop the least recently requested jobs that nobody waits for, to keep within the memory limits."""
        for kind in {type(job) for job in self._jobs.values()}:
            jobs = [job for job in self._jobs.values() if type(job) is kind]
            excess = sum(job.size for job in jobs) - kind.most
            for job in jobs:
                is_idle = not self._is_wanted(job) and (job.done or self._unfinished[job] is None)
                if excess > 0 and is_idle:
                    excess -= job.size
                    del self._jobs[job.key]
                    if not job.done:
                        job.cancelled = True
                        self._end(job)

    # ---- the computing threads; call the methods below without the lock

    def _work(self, batch: Batch | None) -> None:
        self._thread.charged = self._processor()
        while batch is not None:
            self._advance(batch, batch.jobs)
            with self._changed:
                self._finish(batch)
                batch = self._begin(batch.priority) if threading.main_thread().is_alive() else None

    def _advance(self, batch: Batch, jobs: list[Job]) -> None:
        """Compute a step of these jobs of a batch. If it fails, each job without a new result is computed alone."""

        def progress(share: float, words: str) -> None:
            for job in jobs:
                job.share, job.words = min(max(share, 0.0), 1.0), words
                job.pace.reach(job.share)
            self._wait_for_turn(batch)

        work, before = jobs[0].work, [job.work.result for job in jobs]
        try:
            work.advance([job.work for job in jobs], progress)
        except Cancelled:
            jobs[0].cancelled |= not work.lasting
        except BaseException as error:  # libraries written in Rust raise others than Exception
            if len(jobs) == 1:
                jobs[0].error = work.user_error(error)
                return
            for job, result in zip(jobs, before, strict=True):
                if job.work.result is result:
                    self._advance(batch, [job])

    def _wait_for_turn(self, batch: Batch) -> None:
        """Block until it is the batch's turn. Raises Cancelled if nobody needs its step any more."""
        with self._changed:
            self._charge(batch)
            batch.computes = False
            deadline = self._clock() + PATIENCE.get(batch.priority, 0.0)
            while threading.main_thread().is_alive() and not self._is_over(batch):
                if batch.computes:  # another thread of this batch has taken the turn
                    return
                if self._clock() >= deadline or not self._gives_way(batch.priority):
                    if self._next(batch.priority) is batch:
                        batch.computes = True
                        return
                    self._dispatch(batch.priority)
                self._changed.wait(LOOK_EVERY)
        raise Cancelled

    def _gives_way(self, priority: Priority) -> bool:
        """Whether jobs of this priority wait for runs, and somebody waits for a run."""
        return priority > Priority.RUN and self._waiting(Priority.RUN) > 0

    def _is_over(self, batch: Batch) -> bool:
        longest = GONE if batch.jobs[0].work.lasting else GONE + FORSAKEN
        return all(job.cancelled or self._unseen(job) > longest for job in batch.jobs)
