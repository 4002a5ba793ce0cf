"""Callbacks that report the progress of long-running work. An exception raised by a callback stops the work."""

import sys
import time
from collections.abc import Callable

from trm.terminal import log, write

MIN_SECONDS = 1.0  # seconds of work before the remaining time is estimated

Progress = Callable[[float, str], None]
"""Called with the fraction of the work done, from 0 to 1, and a description of the current work."""

ShareProgress = Callable[[float], None]
"""Called with the fraction of the work done, from 0 to 1."""

CountProgress = Callable[[int, int], None]
"""Called with the number done and the total: puzzles, supervision steps, or bytes."""


def no_progress(share: float, text: str) -> None:
    """A `Progress` callback that does nothing."""


class ProgressLine:
    """A progress line on stderr with an estimate of the remaining time. Writes nothing if stderr is not a terminal."""

    def __init__(self, unit: str, total: int | None = None):
        self.unit, self.total = unit, total
        self.started = time.monotonic()
        self.is_drawn = False

    def count(self, done: int, total: int | None = None) -> None:
        """Draw the line; a `CountProgress` callback."""
        if not sys.stderr.isatty():
            return
        total = total or self.total
        of = f" of {total}" if total else ""
        write(f"\r{done}{of} {self.unit}{self._time_left(done, total)}\033[K")
        self.is_drawn = True

    def _time_left(self, done: int, total: int | None) -> str:
        spent = time.monotonic() - self.started
        if not total or not done or spent < MIN_SECONDS:
            return ""
        return f", {spent * (total - done) / done:.0f} s left"

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *error: object) -> None:
        if self.is_drawn:
            log("")
