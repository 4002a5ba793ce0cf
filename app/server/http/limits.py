"""A bound on how often each person may ask a route for something."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

MOST_PEOPLE = 10_000  # the least recently seen are forgotten


class RateLimit:
    """A token bucket for each person: `burst` requests at once, and `rate` requests a second in the long run.

    The class is not thread-safe: only the event loop of the server uses it.
    """

    def __init__(
        self,
        *,
        rate: float,
        burst: float,
        most: int = MOST_PEOPLE,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._rate, self._burst, self._most, self._clock = rate, burst, most, clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # tokens left, and when

    def allows(self, person: Hashable) -> bool:
        """Count a request of a person, and return whether it may be answered."""
        now = self._clock()
        tokens, then = self._buckets.pop(person, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        allowed = tokens >= 1
        self._buckets[person] = (tokens - allowed, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return allowed
