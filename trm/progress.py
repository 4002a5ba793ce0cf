"""Callbacks that report the progress of long-running work. An exception raised by a callback stops the work."""

import sys
import time
from collections.abc import Callable

from trm.terminal import log, write

MIN_SECONDS = 1.0  # seconds of work before the remaining time is estimated

Progress = Callable[[float, str], None]
"""Callback that receives the fraction of the work done, from 0 to 1, and a description of the current work."""


def no_progress(share: float, text: str) -> None:
    """A `Progress` callback that does nothing."""


def part_of(progress: Progress, begin: float, end: float, text: str = "") -> Progress:
    """A callback for part of the work, from the fraction `begin` to `end`. `text` replaces the part's own text."""
    return lambda share, own: progress(begin + (end - begin) * share, text or own)


class ProgressLine:
    """A progress line on stderr with an estimate of the remaining time; its instances are `Progress` callbacks.

    Writes nothing if stderr is not a terminal.
    """

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.is_drawn = False

    def __call__(self, share: float, text: str) -> None:
        if not sys.stderr.isatty():
            return
        percent = f"{share:.0%} " if share else ""
        write(f"\r{percent}{text}{self._time_left(share)}\033[K")
        self.is_drawn = True

    def _time_left(self, share: float) -> str:
        spent = time.monotonic() - self.started
        if share <= 0 or spent < MIN_SECONDS:
            return ""
        return f", {spent * (1 - share) / share:.0f} s left"

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *error: object) -> None:
        if self.is_drawn:
            log("")
