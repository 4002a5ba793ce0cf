"""What browsers fetch while something is computed: its progress, the steps of a run, why a cell changed, a map of states.

A page publishes a feed and gives its address to a component, which then fetches `/progress/KEY`, `/runs/KEY`,
`/why/KEY` or `/map/KEY` (`routes.py`) without a rerun of the page. A key is a hash of what is computed and of the session that waits for it, so
nobody else can guess it. Feeds refer to results by their keys, so that a forgotten feed keeps no result in memory.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import streamlit as st

from app.server.runs import Run
from app.server.work import Job

MOST_FEEDS = 4096  # the least recently used feeds are dropped; the pages that use them are rerun and publish them again
KEY_LENGTH = 32  # hexadecimal digits

Content = TypeVar("Content")


@dataclass(frozen=True)
class Progress:
    """The progress of a computation. The page is rerun when `stage` changes."""

    stage: str
    share: float | None = None  # fraction of the work done; None if there is no progress bar
    text: str = ""


@dataclass(frozen=True)
class Growth:
    """A run that is being computed, and the minimum number of seconds between two requests for it."""

    run: Run
    pause: float = 0.0


@dataclass(frozen=True)
class CellQuestion:
    """The answer of a run in a cell that is to be explained, with the token to contrast it with."""

    cell: int  # index from 0
    step: int
    cycle: int
    token: int
    versus: int | None = None


@dataclass(frozen=True)
class Answers:
    """How a browser gets its questions about a run answered. There is only one question about where its states lie: None."""

    ask: Callable[[CellQuestion | None], Job]
    """Start the job that answers a question. Other questions of the same session are dropped."""
    look: Callable[[Job], None]
    """Record that the browser still waits."""
    show: Callable[[CellQuestion | None, Any], dict[str, Any]]
    """The result of the job of a question, as JSON."""


class Feeds(Generic[Content]):
    """Functions that return the current content of feeds, by key. The class is thread-safe."""

    def __init__(self, most: int = MOST_FEEDS):
        self._most = most
        self._lock = threading.Lock()
        self._feeds: OrderedDict[str, Callable[[], Content | None]] = OrderedDict()

    def publish(self, about: Hashable, read: Callable[[], Content | None]) -> str:
        """Publish a feed about something and return its key.

        `read` returns the current content, or None if nothing is computed any more. It is called outside of sessions.
        """
        key = hashlib.sha256(repr(about).encode()).hexdigest()[:KEY_LENGTH]
        with self._lock:
            self._feeds[key] = read
            self._feeds.move_to_end(key)
            while len(self._feeds) > self._most:
                self._feeds.popitem(last=False)
        return key

    def find(self, key: str) -> Callable[[], Content | None] | None:
        """Return the function that reads the feed with this key; None if the key is unknown."""
        with self._lock:
            if key in self._feeds:
                self._feeds.move_to_end(key)
            return self._feeds.get(key)


RUNS: Feeds[Growth] = Feeds()
PROGRESS: Feeds[Progress] = Feeds()
WHY: Feeds[Answers] = Feeds()
MAPS: Feeds[Answers] = Feeds()


def tag(progress: Progress) -> str:
    """Return a short text that differs for different progress."""
    return hashlib.sha256(repr(progress).encode()).hexdigest()[:12]


def publish(about: Hashable, read: Callable[[], Progress | None]) -> str:
    """Publish the progress of a computation, and return the address of its feed."""
    return address("progress", PROGRESS.publish(about, read))


def address(route: str, key: str) -> str:
    """Return the address of a route of this server, as a path from the root of the host.

    The page's own address includes any prefix that a proxy has added.
    """
    path = urlsplit(st.context.url or "").path.rstrip("/")
    return f"{path.removesuffix(st.session_state.get('page', '')).rstrip('/')}/{route}/{key}"
