"""Loads models in the background. A server has one `Models`.

Importing torch takes seconds, and downloading a model minutes. A page therefore requests a model, shows what it can,
and polls. Equal sources share one opening. Bundled models stay loaded, as do the last `MOST_MODELS` others.
"""

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.server.importing import freeze_libraries
from app.server.models import ModelSource
from trm.errors import CheckpointError, UserError

if TYPE_CHECKING:
    from trm.model import Model

MOST_MODELS = 8
DOWNLOADS = 4  # at the same time
ASK_ABOVE = 100 << 20  # bytes; larger downloads need the user's consent
FAILED_FOR = 20.0  # seconds until a model that could not be opened is tried again

# FLOPs of a net call. Below it a second thread gains a tenth on an idle machine and loses manyfold on a busy one, where
# the two wait for each other a thousand times a second.
SMALL_CALL = 5e8


class _Stopped(Exception):
    """Raised inside a download to stop it."""


class Opening:
    """A model that is loading or loaded. Pages read it and may call `fetch` and `cancel`; `Models` writes it."""

    def __init__(self, source: ModelSource):
        self.source = source
        self.model: Model | None = None
        self.error: UserError | None = None
        self.folder: Path | None = None  # of its files, once it is open
        self.fetched: tuple[int, int] | None = None  # (bytes done, total bytes) during a download
        self.asks: int | None = None  # size of a download that waits for consent
        self.ended = threading.Event()  # set when loaded, failed, or waiting for consent
        self.ended_at = 0.0
        self._agreed = self._cancelled = False

    def fetch(self) -> None:
        """Consent to a download of any size."""
        self._agreed = True
        self.asks = None
        self.ended.clear()

    def cancel(self) -> None:
        """Stop the download. The next request resumes it from the part already downloaded."""
        self._cancelled = True

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` until the model is loaded, has failed, or waits for consent. Returns whether it has."""
        return self.ended.wait(seconds)

    def _progress(self, done: int, total: int) -> None:
        if self._cancelled:
            raise _Stopped
        if total > ASK_ABOVE and not self._agreed:
            self.asks = total
            raise _Stopped
        self.fetched = (done, total)

    def _end(self, model: "Model | None" = None, error: UserError | None = None) -> None:
        self.model, self.error, self.fetched = model, error, None
        self.ended_at = time.monotonic()
        self.ended.set()


class Models:
    """All models of a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._openings: OrderedDict[ModelSource, Opening] = OrderedDict()  # least recently requested first
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="model-loader")
        self._downloads = threading.Semaphore(DOWNLOADS)

    def ask(self, source: ModelSource, *, after: float = 0.0) -> Opening:
        """Start opening a model unless it was requested before. `after` is a delay in seconds, so that the page reaches
        the browser first.
        """
        with self._lock:
            opening = self._openings.get(source)
            if opening is None or (opening.error and time.monotonic() - opening.ended_at > FAILED_FOR):
                opening = self._openings[source] = Opening(source)
                self._begin(opening, after)
            self._openings.move_to_end(source)
            self._drop_oldest()
            return opening

    def ready(self, source: ModelSource) -> bool:
        """Whether the model is loaded or has failed, so that there is nothing left to wait for."""
        opening = self._openings.get(source)
        return opening is not None and (opening.model is not None or opening.error is not None)

    def fetch(self, opening: Opening) -> None:
        """Start a large download that a user consented to."""
        with self._lock:
            if opening.asks is None:
                return
            opening.fetch()
            self._begin(opening, 0.0)

    def cancel(self, opening: Opening) -> None:
        """Cancel an opening. The next request starts a new one."""
        opening.cancel()
        with self._lock:
            if self._openings.get(opening.source) is opening:
                del self._openings[opening.source]

    def _begin(self, opening: Opening, after: float) -> None:
        if opening.source.kind == "hub":
            threading.Thread(target=self._fetch, args=(opening,), name="hub", daemon=True).start()
        else:
            self._loader.submit(_open, opening, opening.source.spec, after)

    def _fetch(self, opening: Opening) -> None:
        """Download a model from the hub, then open it like any other."""
        os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # plain HTTP downloads can be stopped
        try:
            with self._downloads:
                from trm.public.hub import hub_weights

                weights = hub_weights(
                    opening.source.spec,
                    progress=opening._progress,
                    token=None if opening.source.token else False,
                )
        except _Stopped:
            stopped = CheckpointError(f"The download of {opening.source.name} was stopped.")
            opening._end(error=None if opening.asks else stopped)
        except Exception as error:
            opening._end(error=_user_error(error, opening.source))
        else:
            self._loader.submit(_open, opening, str(weights), 0.0)

    def _drop_oldest(self) -> None:
        ended = [
            source
            for source, opening in self._openings.items()
            if opening.ended.is_set() and not source.is_bundled
        ]
        for source in ended[: max(len(ended) - MOST_MODELS, 0)]:
            del self._openings[source]


def _open(opening: Opening, spec: str, after: float) -> None:
    time.sleep(after)
    source = opening.source
    try:
        from trm.checkpoint import load_model
        from trm.tasks import task_of

        model = load_model(spec, force=source.forced or None, accept_unknown=source.accepted)
        task_of(model.config)  # raises if no task has this size, since nothing could be shown
        model.name = source.name
        freeze_libraries(many=1)
        opening.folder = None if source.is_bundled else Path(spec).parent
    except Exception as error:
        opening._end(error=_user_error(error, source))
    else:
        opening._end(model)


def _user_error(error: Exception, source: ModelSource) -> UserError:
    """The error as shown to the user. Internal errors are logged."""
    if isinstance(error, UserError):
        if source.base:
            error.args = (str(error).replace(source.base, ""),)
        return error
    if isinstance(error, MemoryError):
        return CheckpointError(f"{source.name} needs more memory than the server has.")
    logging.getLogger(__name__).error("opening %s failed", source.name, exc_info=error)
    return CheckpointError(f"{source.name} could not be opened; the server's log has the reason.")


@contextmanager
def torch_threads(model: "Model") -> Iterator[None]:
    """Context manager: one thread for a small model, all cores for a large one. The previous number is restored
    afterwards.
    """
    import torch

    from trm import flops

    before = torch.get_num_threads()
    torch.set_num_threads(1 if flops.f_L_call(model.config) < SMALL_CALL else _all_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _all_threads() -> int:
    """Threads that this process may use: its cores, or OMP_NUM_THREADS if that is less."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(int(limit), cores) if limit.isdecimal() and int(limit) else cores
