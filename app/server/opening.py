"""Loads models in the background. A server has one `Models` object.

Importing torch takes seconds, and downloading a model takes minutes. A page therefore requests a model, shows what it
can show without the model, and polls. Sessions that request the same source share one opening. All bundled models and
the `MOST_MODELS` most recently requested other models stay in memory.
"""

import logging
import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.server.importing import freeze_libraries
from app.server.jobs import Jobs
from app.server.models import ModelSource
from app.server.work import Cancelled, Job, Priority
from trm.errors import CheckpointError, UserError

if TYPE_CHECKING:
    from trm.model import Model

MOST_MODELS = 8
MOST_DOWNLOADS = 16  # that wait or are in progress; four are in progress at once
ASK_ABOVE = 100 << 20  # bytes; larger downloads need the user's consent
FAILED_FOR = 20.0  # seconds until a request for a model that could not be opened tries again
TOO_MANY = "{model} was not downloaded, because too many other downloads are waiting. Try again in a minute."


@dataclass(eq=False)
class Opening:
    """A model that is loading or has been loaded. Pages may read it; only `Models` changes it."""

    source: ModelSource
    model: "Model | None" = None
    error: UserError | None = None
    folder: Path | None = None  # folder of the model's files, once it is loaded
    fetched: tuple[int, int] | None = None  # (bytes done, total bytes) during a download
    asks: int | None = None  # size of a download that waits for consent
    agreed: bool = False  # whether a user has consented to a download of any size
    cancelled: bool = False
    ended: threading.Event = field(default_factory=threading.Event)
    """Set when the model is loaded, has failed, or waits for consent."""
    ended_at: float = 0.0
    job: Job | None = None  # what is done now or was done last

    def wait(self, seconds: float) -> bool:
        """Wait for `ended`, at most `seconds` seconds. Returns whether it is set."""
        return self.ended.wait(seconds)

    def _progress(self, done: int, total: int) -> None:
        if self.cancelled or not threading.main_thread().is_alive():
            raise Cancelled
        if total > ASK_ABOVE and not self.agreed:
            self.asks = total
            raise Cancelled
        self.fetched = (done, total)

    def _end(self, model: "Model | None" = None, error: UserError | None = None) -> None:
        self.model, self.error, self.fetched = model, error, None
        self.ended_at = time.monotonic()
        self.ended.set()


class Models:
    """All loading and loaded models of a server. Methods may be called from any thread."""

    def __init__(self, jobs: Jobs | None = None):
        self._jobs = jobs or Jobs()
        self._lock = threading.Lock()
        self._openings: OrderedDict[ModelSource, Opening] = OrderedDict()  # least recently requested first

    def ask(self, source: ModelSource, *, after: float = 0.0) -> Opening:
        """Return the opening of a model, and start it if the model was not requested before or failed some time ago.

        `after` is a delay in seconds before torch is imported, so that the page reaches the browser first.
        """
        with self._lock:
            opening = self._openings.get(source)
            if opening is None or (opening.error and time.monotonic() - opening.ended_at > FAILED_FOR):
                opening = self._openings[source] = Opening(source)
                self._begin(opening, after)
            elif not opening.ended.is_set():
                self._jobs.look(opening.job, asker=None)
            self._openings.move_to_end(source)
            self._drop_oldest()
            return opening

    def ready(self, source: ModelSource) -> bool:
        """Whether the model is loaded or has failed, so that a page need not wait any longer."""
        opening = self._openings.get(source)
        return opening is not None and (opening.model is not None or opening.error is not None)

    def fetch(self, opening: Opening) -> None:
        """Start a large download to which a user has consented."""
        with self._lock:
            if opening.asks is not None:
                opening.agreed, opening.asks = True, None
                opening.ended.clear()
                self._begin(opening, 0.0)

    def cancel(self, opening: Opening) -> None:
        """Cancel an opening. The next request starts a new one, which resumes a download from the part on disk."""
        opening.cancelled = True
        with self._lock:
            if self._openings.get(opening.source) is opening:
                del self._openings[opening.source]

    def _begin(self, opening: Opening, after: float) -> None:
        if opening.source.kind != "hub":
            self._start(Priority.MODEL, _open, opening, opening.source.spec, after)
        elif self._downloads() > MOST_DOWNLOADS:
            opening._end(error=CheckpointError(TOO_MANY.format(model=opening.source.name)))
        else:
            self._start(Priority.DOWNLOAD, self._fetch, opening)

    def _downloads(self) -> int:
        """Number of hub models that wait or are in progress."""
        return sum(each.source.kind == "hub" and not each.ended.is_set() for each in self._openings.values())

    def _start(
        self, priority: Priority, work: Callable[..., None], opening: Opening, *arguments: Any
    ) -> None:
        """Start a part of an opening, which several pages may wait for, as a job of the server."""
        opening.job = self._jobs.ask(
            object(), lambda progress: work(opening, *arguments), asker=None, priority=priority
        )

    def _fetch(self, opening: Opening) -> None:
        """Download a model from the hub, then open it like a local file."""
        os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # plain HTTP downloads can be stopped
        try:
            from trm.public.hub import hub_weights

            weights = hub_weights(
                opening.source.spec,
                progress=opening._progress,
                token=None if opening.source.token else False,
            )
        except Cancelled:
            stopped = CheckpointError(f"The download of {opening.source.name} was stopped.")
            opening._end(error=None if opening.asks else stopped)
        except BaseException as error:  # see `_open`
            opening._end(error=_user_error(error, opening.source))
        else:
            self._start(Priority.MODEL, _open, opening, str(weights), 0.0)

    def _drop_oldest(self) -> None:
        ended = [
            source
            for source, opening in self._openings.items()
            if opening.ended.is_set() and not source.is_bundled
        ]
        for source in ended[: max(len(ended) - MOST_MODELS, 0)]:
            del self._openings[source]


def _open(opening: Opening, spec: str, after: float) -> None:
    if "torch" not in sys.modules:
        time.sleep(after)
    source = opening.source
    try:
        from trm.checkpoint import load_model
        from trm.tasks import task_of

        model = load_model(spec, force=source.forced or None, accept_unknown=source.accepted)
        task_of(model.config)  # raises if no task has this size, so that no puzzle could be shown
        model.name = source.name
        freeze_libraries(many=1)
        opening.folder = None if source.is_bundled else Path(spec).parent
    except BaseException as error:  # libraries written in Rust raise others than Exception
        opening._end(error=_user_error(error, source))
    else:
        opening._end(model)


def _user_error(error: BaseException, source: ModelSource) -> UserError:
    """Convert an error to the error shown to the user. Internal errors are logged."""
    if isinstance(error, UserError):
        if source.base:
            error.args = (str(error).replace(source.base, ""),)
        return error
    if isinstance(error, MemoryError):
        return CheckpointError(f"{source.name} needs more memory than the server has.")
    logging.getLogger(__name__).error("opening %s failed", source.name, exc_info=error)
    return CheckpointError(f"{source.name} could not be opened; the server's log has the reason.")
