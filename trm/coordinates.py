"""The coordinates of a state in the recursion.

A run consists of three nested loops. A state is addressed by its position in these loops, never by a module name:

    supervision step s   1..N_sup
      cycle t            1..T
        call l           1..n are f_L (they update z), call n+1 is f_H (it updates y)

All indices start at 1, as on screen.
"""

from collections.abc import Iterator
from dataclasses import dataclass

F_L = "f_L"
F_H = "f_H"


@dataclass(frozen=True, order=True)
class Coordinates:
    """The coordinates of a call in the recursion. They address the state after this call."""

    supervision_step: int
    cycle: int
    call: int
    kind: str  # F_L or F_H


@dataclass(frozen=True)
class Depth:
    """The depth of a model's recursion.

    Raises ValueError if n is below 0, or T or N_sup is below 1.
    """

    n: int  # f_L calls in a latent recursion; 0 if every call updates the answer
    T: int  # latent recursions (cycles) in a supervision step
    N_sup: int  # maximum number of supervision steps

    def __post_init__(self):
        if min(self.n + 1, self.T, self.N_sup) < 1:
            raise ValueError(
                f"n must be at least 0, T and N_sup at least 1, not {self.n}, {self.T}, {self.N_sup}"
            )

    @property
    def calls_per_step(self) -> int:
        """Number of net calls in one supervision step: T x (n + 1)."""
        return self.T * (self.n + 1)

    def calls_left(self, at: Coordinates) -> int:
        """Number of net calls from the call `at` to the end of its supervision step, including the call `at`."""
        return (self.T - at.cycle + 1) * (self.n + 1) - at.call + 1

    def calls(self, supervision_step: int) -> Iterator[Coordinates]:
        """Yield the coordinates of all calls in one supervision step, in order."""
        for cycle in range(1, self.T + 1):
            for call in range(1, self.n + 1):
                yield Coordinates(supervision_step, cycle, call, F_L)
            yield Coordinates(supervision_step, cycle, self.n + 1, F_H)
