"""What the scheduler computes: work that goes step by step, and a job for each thing that sessions have requested."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import IntEnum
from typing import Any, ClassVar, Self

from app.server.pace import Pace
from trm.errors import UserError
from trm.progress import Progress

Work = Callable[[Progress], Any]
"""A function that reports its progress and returns its result."""

RESULT_BYTES = 512 << 20  # limit for all results of analyses in memory
SMALLEST_RESULT = 1 << 16  # bytes that a result counts at least


class Priority(IntEnum):
    """What is computed first."""

    DOWNLOAD = 0  # a file that somebody waits for
    MODEL = 1  # a model that somebody waits for
    RUN = 2  # a person waits for the next step of a run
    ANALYSIS = 3  # a person waits, for seconds to minutes, and sees the progress
    BACKGROUND = 4


class Cancelled(Exception):
    """Raised inside work to stop it."""


class JobFailed(UserError):
    """A job failed with an internal error or ran out of memory."""


class Steps(ABC):
    """Work that goes step by step. Sessions may use `result` after every step."""

    group: Hashable = None  # steps of the same group are computed together; None: this work is computed alone
    most_together: int = 64  # maximum number of steps that are computed together
    nbytes: int = 0  # memory that a step needs until it is complete
    held: int = 0  # memory that the work needs between two steps, in addition to `result`
    result: Any = None
    is_complete: bool = False
    lasting: ClassVar[bool] = True  # whether work that was stopped can be resumed at the last complete step
    too_large: ClassVar[str] = "This needs more memory than the server has. Use fewer puzzles or calls."
    failed: ClassVar[str] = "This failed on the server; its log has the reason. Try other settings."

    @abstractmethod
    def advance(self, together: list[Self], progress: Progress) -> None:
        """Compute the next step of each work in `together`, which contains this work, and set their results.

        `progress` must be called often, from any thread. It blocks while other work goes first, and raises Cancelled if
        nobody needs this step any more. If an error is raised, `advance` is called again, separately, for each work
        that has no new result.
        """

    def user_error(self, error: BaseException) -> UserError:
        """Convert an error to the error shown to the user. Internal errors are logged."""
        if isinstance(error, UserError):
            return error
        if isinstance(error, MemoryError):
            return JobFailed(self.too_large)
        logging.getLogger(__name__).error("a job failed", exc_info=error)
        return JobFailed(self.failed)


class OneStep(Steps):
    """A function as work of a single step."""

    lasting = False

    def __init__(self, function: Work):
        self._function = function

    def advance(self, together: list[Self], progress: Progress) -> None:
        progress(0.0, "starting")
        self.result = self._function(progress)
        self.is_complete = True


@dataclass(eq=False)
class Job:
    """Requested work with its progress and result. Pages may read it; only `Jobs` changes it."""

    key: Hashable
    work: Steps | None  # None once the job is done, to free the objects that it refers to
    priority: Priority
    number: int  # number of jobs requested before this job
    pace: Pace
    share: float = 0.0  # fraction of the work done
    words: str = "starting"  # description of the current stage
    result: Any = None
    error: UserError | None = None
    done: bool = False  # whether the job has succeeded, failed or been cancelled
    cancelled: bool = False
    since: float = 0.0  # end of the last step, or time when somebody began to wait for the next step
    took: float = 0.0  # seconds that people waited for the steps so far
    ended: float = 0.0
    nbytes: int = 0  # size of the result, once the job is done
    seen: dict[str | None, float] = field(default_factory=dict)  # when each session last asked for the job
    left: set[str | None] = field(default_factory=set)  # sessions that cancelled the job

    most: ClassVar[int] = RESULT_BYTES  # total size of the jobs of this class in memory
    retry_after: ClassVar[float] = 0.0  # seconds until a request for a failed job tries again

    def can_be_retried(self, now: float) -> bool:
        """Whether a request starts the job again."""
        return self.cancelled or (self.error is not None and now - self.ended >= self.retry_after)

    def cancelled_by(self, asker: str) -> bool:
        """Whether the session `asker` cancelled the job, or the job was cancelled for all sessions."""
        return self.cancelled or asker in self.left

    def given_up_by(self, asker: str) -> bool:
        """Whether the job failed or was cancelled, so that the session `asker` will get no result."""
        return self.cancelled_by(asker) or self.error is not None

    @property
    def size(self) -> int:
        """Memory that counts for the limit, in bytes."""
        return max(self.nbytes, SMALLEST_RESULT)

    @property
    def seconds_left(self) -> float | None:
        """Estimated remaining time, in seconds; None if the job is done or no estimate is possible yet."""
        return None if self.done else self.pace.seconds_left


@dataclass(eq=False)
class Batch:
    """Jobs whose next step is computed together, in a thread of its own."""

    priority: Priority
    jobs: list[Job]
    computes: bool = True  # whether it is the batch's turn

    @property
    def nbytes(self) -> int:
        return sum(job.work.nbytes for job in self.jobs)


def nbytes_of(result: Any) -> int:
    """Return the size of all arrays and texts in a result, in bytes. An array that occurs twice counts once."""
    seen: dict[int, Any] = {}

    def size(value: Any) -> int:
        if id(value) in seen:
            return 0
        seen[id(value)] = value
        if isinstance(value, bytes | str):
            return len(value)
        if isinstance(nbytes := getattr(value, "nbytes", None), int):
            return nbytes
        if isinstance(value, Mapping):
            return sum(map(size, value.values()))
        if isinstance(value, list | tuple):
            return sum(map(size, value))
        if is_dataclass(value) and not isinstance(value, type):
            return sum(size(getattr(value, each.name)) for each in fields(value))
        return 0

    return size(result)
