"""Sites: the calls at which an intervention acts, written as `supervision step.cycle.call`.

Each part is a number, `*` for every number, or a range such as `4-6` or `4-`:

    3.2.7     one call              3        same as 3.*.*: every call of step 3
    4-.1.1    the first call of step 4 and of every later step
    3.2.7+    this call and every later call of the run

Steps, cycles and calls are counted from 1. Call n + 1 of a cycle is the f_H call.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from trm.coordinates import Coordinates, Depth
from trm.errors import UserError

ALL = (1, None)  # every number
_PART = re.compile(r"(\d{1,5})(-(\d{1,5})?)?|\*")


class InterventionError(UserError):
    """The intervention is invalid or does not apply to the run."""


@dataclass(frozen=True)
class Site:
    """A set of calls, given by one range (first, last) for each of the three loops. In an open range, last is None.

    With `onwards`, all three ranges are open, and the set is the first of their calls and every later call of the run.
    """

    steps: tuple[int, int | None] = ALL
    cycles: tuple[int, int | None] = ALL
    calls: tuple[int, int | None] = ALL
    onwards: bool = False

    @classmethod
    def parse(cls, text: str) -> "Site":
        """Parse the text `step.cycle.call`. Raises InterventionError if it is invalid."""
        onwards = text.endswith("+")
        parts = text.removesuffix("+").split(".")
        if onwards and not (len(parts) == 3 and all(part.isdecimal() for part in parts)):
            raise InterventionError(f"{text!r} is not a call. Write one call before the +, such as 3.2.7+.")
        if len(parts) > 3 or not all(_PART.fullmatch(part) for part in parts):
            raise InterventionError(
                f"{text!r} is not a call. Write supervision step.cycle.call, such as 3.2.7, 3.*.* or 4-.1.1."
            )
        ranges = [_range(part) for part in parts] + [ALL] * (3 - len(parts))
        if any(first < 1 or (last is not None and last < first) for first, last in ranges):
            raise InterventionError(
                f"{text!r} is not a call: numbers start at 1, and ranges must be ascending, such as 4-6."
            )
        return cls(*((first, None) for first, _ in ranges), onwards=True) if onwards else cls(*ranges)

    @classmethod
    def of(cls, at: Coordinates) -> "Site":
        """Return the site that consists of a single call."""
        return cls(*((number, number) for number in (at.supervision_step, at.cycle, at.call)))

    def __contains__(self, at: Coordinates) -> bool:
        numbers = (at.supervision_step, at.cycle, at.call)
        if self.onwards:
            return numbers >= (self.steps[0], self.cycles[0], self.calls[0])
        return all(
            first <= number and (last is None or number <= last)
            for number, (first, last) in zip(numbers, (self.steps, self.cycles, self.calls), strict=True)
        )

    def __str__(self) -> str:
        if self.onwards:
            return f"{self.steps[0]}.{self.cycles[0]}.{self.calls[0]}+"
        parts = [_written(*span) for span in (self.steps, self.cycles, self.calls)]
        return parts[0] if parts[1:] == ["*", "*"] else ".".join(parts)

    def within(self, depth: Depth) -> Iterator[Coordinates]:
        """Yield the calls of the site in a run of this depth, in the order of the run."""
        first, last = self.steps
        for step in range(first, min(last or depth.N_sup, depth.N_sup) + 1):
            yield from (at for at in depth.calls(step) if at in self)

    def first(self, depth: Depth) -> Coordinates:
        """Return the first call of the site in a run of this depth. Raises InterventionError if there is no such call."""
        call = next(self.within(depth), None)
        if call is None:
            raise InterventionError(
                f"There is no call {self}: the run has {depth.N_sup} supervision steps of {depth.T} cycles of "
                f"{depth.n + 1} calls."
            )
        return call


def one_call(text: str, depth: Depth) -> Coordinates:
    """Parse the site of one call, such as 3.2.7. Raises InterventionError if the run has no or several such calls."""
    calls = list(Site.parse(text).within(depth))
    if len(calls) != 1:
        Site.parse(text).first(depth)  # raises if the run has none
        raise InterventionError(f"{text!r} names {len(calls)} calls. Name one, such as {_name(calls[0])}.")
    return calls[0]


def _name(at: Coordinates) -> str:
    return f"{at.supervision_step}.{at.cycle}.{at.call}"


def _range(part: str) -> tuple[int, int | None]:
    if part == "*":
        return ALL
    first, dash, last = _PART.fullmatch(part).groups()
    return int(first), int(last) if last else (None if dash else int(first))


def _written(first: int, last: int | None) -> str:
    if last is None:
        return "*" if first == 1 else f"{first}-"
    return str(first) if first == last else f"{first}-{last}"
