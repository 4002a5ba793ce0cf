"""Measures time: what a computation still needs, and what each person has used."""

import time
from collections.abc import Callable, Hashable

HALF = 0.15  # fraction of the work after which the weight of a measurement is halved
HALF_LIFE = 30.0  # seconds
MOST_PEOPLE = 1000  # above this number, people with negligible usage are dropped
NEGLIGIBLE = 0.01  # seconds


class Pace:
    """An estimate of the remaining time that weights recent progress most and decreases steadily between reports."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._at, self._share = clock(), 0.0
        self._seconds = self._gained = 0.0  # both decay at the same rate

    def reach(self, share: float) -> None:
        """Record the fraction of the work that is done, 0 to 1."""
        gained, now = share - self._share, self._clock()
        if gained <= 0:
            return
        fade = 0.5 ** (gained / HALF)
        self._seconds = self._seconds * fade + now - self._at
        self._gained = self._gained * fade + gained
        self._at, self._share = now, share

    @property
    def seconds_left(self) -> float | None:
        """Estimated remaining time, in seconds; None before any progress."""
        if not self._gained:
            return None
        left = (1 - self._share) * self._seconds / self._gained
        return max(left - (self._clock() - self._at), 0.0)


class Usage:
    """Processor time that each person has used lately. It is halved every `HALF_LIFE` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._used: dict[
            Hashable, tuple[float, float]
        ] = {}  # seconds used, and the time they were last updated

    def of(self, person: Hashable) -> float:
        """Seconds that this person has used."""
        seconds, at = self._used.get(person, (0.0, 0.0))
        return seconds * 0.5 ** ((self._clock() - at) / HALF_LIFE) if seconds else 0.0

    def add(self, person: Hashable, seconds: float) -> None:
        """Record that something was computed for this person."""
        self._used[person] = self.of(person) + seconds, self._clock()
        if len(self._used) > MOST_PEOPLE:
            self._used = {each: used for each, used in self._used.items() if self.of(each) > NEGLIGIBLE}
