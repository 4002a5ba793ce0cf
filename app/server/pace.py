"""Estimates the time left from recent progress."""

import time
from collections.abc import Callable

HALF = 0.15  # share of the work after which an older measurement has half the weight


class Pace:
    """Estimates the time left, weighting recent progress most. Between two reports the estimate decreases with the
    clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._at, self._share = clock(), 0.0
        self._seconds = self._gained = 0.0  # both decay at the same rate

    def reach(self, share: float) -> None:
        """Record that this share of the work, from 0 to 1, is done."""
        gained, now = share - self._share, self._clock()
        if gained <= 0:
            return
        fade = 0.5 ** (gained / HALF)
        self._seconds = self._seconds * fade + now - self._at
        self._gained = self._gained * fade + gained
        self._at, self._share = now, share

    @property
    def seconds_left(self) -> float | None:
        """Estimated time left, in seconds; None before any progress."""
        if not self._gained:
            return None
        left = (1 - self._share) * self._seconds / self._gained
        return max(left - (self._clock() - self._at), 0.0)
