"""Solver: singles to a fixed point, then branch on the smallest group.

The only rule of inference is "a group with one candidate left takes it": in a cell that is a naked single,
in a row, column or box a hidden single. When it is exhausted, the candidates of the smallest group are tried.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from jaxtyping import UInt8

from trm.errors import PuzzleError
from trm.tasks.base import MAX_GUESSES
from trm.tasks.sudoku.geometry import FIRST_DIGIT, Candidates, Geometry, members


class SearchGivenUp(PuzzleError):
    """The search met its limit before it could decide."""


@dataclass(slots=True)
class Position:
    """What is still possible, and what is placed (a part of it while no contradiction is met)."""

    possible: Candidates
    placed: Candidates = 0


def from_tokens(geometry: Geometry, tokens: UInt8[np.ndarray, "cells"]) -> list[int]:
    """Candidate numbers of the filled cells."""
    filled = np.flatnonzero(tokens >= FIRST_DIGIT)
    return ((tokens[filled].astype(int) - FIRST_DIGIT) * geometry.cells + filled).tolist()


def to_tokens(geometry: Geometry, placed: Candidates) -> UInt8[np.ndarray, "cells"]:
    """Tokens of the placed candidates; cells without one are blank."""
    tokens = np.ones(geometry.cells, np.uint8)
    for candidate in members(placed):
        digit, cell = divmod(candidate, geometry.cells)
        tokens[cell] = FIRST_DIGIT + digit
    return tokens


def start(geometry: Geometry, givens: Iterable[int]) -> Position:
    """Position after the givens alone. Givens that contradict each other strike each other out."""
    possible = geometry.all_candidates
    compatible = geometry.compatible
    for candidate in givens:
        possible &= compatible[candidate]
    return Position(possible)


def place_singles(geometry: Geometry, position: Position, wanted: Candidates = 0) -> bool:
    """Place naked and hidden singles, in place, until none is left or all of `wanted` is placed.

    Returns False as soon as a group has no candidate left. A contradiction may go unnoticed when `wanted`
    is met first.
    """
    compatible = geometry.compatible
    possible, placed = position.possible, position.placed
    idle = 0
    for firsts, shifts, whole in cycle(geometry.constraint_kinds):
        ones = twos = 0
        for shift in shifts:
            found = possible >> shift & firsts
            twos |= ones & found
            ones |= found
        if ones != firsts:
            return False
        singles = (ones ^ twos) * whole & possible & ~placed
        if singles:
            idle = 0
            placed |= singles
            for candidate in members(singles):
                possible &= compatible[candidate]
            if wanted and placed & wanted == wanted:
                break
        else:
            idle += 1
            if idle == len(geometry.constraint_kinds):
                break
    position.possible, position.placed = possible, placed
    return True


def smallest_group(geometry: Geometry, possible: Candidates) -> Candidates:
    """Candidates of an open group: one with two candidates if there is any, else the first smallest cell."""
    for firsts, shifts, whole in geometry.constraint_kinds:
        ones = twos = threes = 0
        for shift in shifts:
            found = possible >> shift & firsts
            threes |= twos & found
            twos |= ones & found
            ones |= found
        pairs = twos & ~threes
        if pairs:
            return (pairs & -pairs) * whole & possible
    groups = (possible & geometry.digits << cell for cell in range(geometry.cells))
    return min((group for group in groups if group.bit_count() > 1), key=int.bit_count)


class Search:
    """Depth-first search for solutions.

    `nodes` counts the candidates tried, in all branches: 0 means that singles alone decide the puzzle.
    """

    def __init__(
        self, geometry: Geometry, *, shuffle: random.Random | None = None, node_limit: int = MAX_GUESSES
    ) -> None:
        """`shuffle` randomises the order of trying; `node_limit` bounds the work, 30 microseconds a node."""
        self.geometry = geometry
        self.nodes = 0
        self._shuffle = shuffle
        self._node_limit = node_limit

    def solutions(self, position: Position) -> Iterator[Candidates]:
        """Yield every solution below `position` as a set of candidates.

        Raises `SearchGivenUp` when the node limit is reached, so that no text a person types can keep a
        server busy.
        """
        if not place_singles(self.geometry, position):
            return
        if position.placed.bit_count() == self.geometry.cells:
            yield position.placed
            return
        group = smallest_group(self.geometry, position.possible)
        choices = members(group)
        if self._shuffle:
            self._shuffle.shuffle(choices)
        for candidate in choices:
            self.nodes += 1
            if self.nodes > self._node_limit:
                raise SearchGivenUp(
                    f"Still undecided after {self._node_limit:,} guesses. Add givens or check those there."
                )
            below = Position(position.possible & self.geometry.compatible[candidate], position.placed)
            yield from self.solutions(below)
