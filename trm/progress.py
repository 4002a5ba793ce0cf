"""Progress of long work: the callbacks that report it. Whatever a callback raises ends the work."""

import sys
import time
from collections.abc import Callable

from trm.terminal import log, write

ENOUGH_TO_GUESS = 1.0  # seconds of work before the time left is estimated

Progress = Callable[[float, str], None]
"""Called with the share of the work that is done, from 0 to 1, and what is being done."""

ShareProgress = Callable[[float], None]
"""Called with the share of the work that is done, from 0 to 1."""

CountProgress = Callable[[int, int], None]
"""Called with how many are done and how many there are: puzzles, supervision steps, bytes."""


def no_progress(share: float, text: str) -> None:
    """Report nothing."""


class ProgressLine:
    """Progress on one line of a terminal, with an estimate of the time left. Writes nothing if stderr is not a terminal."""

    def __init__(self, what: str, total: int | None = None):
        self.what, self.total = what, total
        self.began = time.monotonic()
        self.shown = False

    def count(self, done: int, total: int | None = None) -> None:
        if not sys.stderr.isatty():
            return
        total = total or self.total
        of = f" of {total}" if total else ""
        write(f"\r{done}{of} {self.what}{self._left(done, total)}\033[K")
        self.shown = True

    def _left(self, done: int, total: int | None) -> str:
        spent = time.monotonic() - self.began
        if not total or not done or spent < ENOUGH_TO_GUESS:
            return ""
        return f", {spent * (total - done) / done:.0f} s left"

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *error: object) -> None:
        if self.shown:
            log("")
