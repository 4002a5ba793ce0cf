"""Solve Sudokus: place singles until none are left, then branch on a small group.

A single is a candidate that is alone in its group. It is a naked single if the group is a cell, and a hidden single if
the group is a digit in a row, column, or box. Singles are the only inference. If there are none, the solver tries each
candidate of a small group.
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
    """Raised if the search reaches its node limit before it is complete."""


@dataclass(slots=True)
class Position:
    """The possible candidates and the placed candidates of a partly solved grid.

    `placed` is a subset of `possible`, unless the position is contradictory.
    """

    possible: Candidates
    placed: Candidates = 0


def from_tokens(geometry: Geometry, tokens: UInt8[np.ndarray, "cells"]) -> list[int]:
    """Return the candidate numbers of the filled cells."""
    filled = np.flatnonzero(tokens >= FIRST_DIGIT)
    return ((tokens[filled].astype(int) - FIRST_DIGIT) * geometry.cells + filled).tolist()


def to_tokens(geometry: Geometry, placed: Candidates) -> UInt8[np.ndarray, "cells"]:
    """Convert placed candidates to tokens. Cells without a placed candidate are blank."""
    tokens = np.ones(geometry.cells, np.uint8)
    for candidate in members(placed):
        digit, cell = divmod(candidate, geometry.cells)
        tokens[cell] = FIRST_DIGIT + digit
    return tokens


def start(geometry: Geometry, givens: Iterable[int]) -> Position:
    """Return the position without the candidates that the givens rule out. Contradictory givens rule out each other."""
    possible = geometry.all_candidates
    compatible = geometry.compatible
    for candidate in givens:
        possible &= compatible[candidate]
    return Position(possible)


def place_singles(geometry: Geometry, position: Position, wanted: Candidates = 0) -> bool:
    """Place naked and hidden singles in `position` until none are left or all candidates in `wanted` are placed.

    Returns False, and leaves `position` unchanged, if a group has no candidate left. A contradiction is not always found
    if `wanted` is given.
    """
    compatible = geometry.compatible
    possible, placed = position.possible, position.placed
    idle = 0
    for firsts, shifts, whole in cycle(geometry.constraint_kinds):
        ones = twos = 0
        for shift in shifts:
            members_at_shift = possible >> shift & firsts
            twos |= ones & members_at_shift
            ones |= members_at_shift
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
    """Return the group to branch on: a group of two candidates if one exists, otherwise the cell with the fewest."""
    for firsts, shifts, whole in geometry.constraint_kinds:
        ones = twos = threes = 0
        for shift in shifts:
            members_at_shift = possible >> shift & firsts
            threes |= twos & members_at_shift
            twos |= ones & members_at_shift
            ones |= members_at_shift
        pairs = twos & ~threes
        if pairs:
            return (pairs & -pairs) * whole & possible
    groups = (possible & geometry.digits << cell for cell in range(geometry.cells))
    return min((group for group in groups if group.bit_count() > 1), key=int.bit_count)


class Search:
    """Depth-first search for solutions.

    `nodes` is the number of candidates tried in all branches. It is 0 if singles alone solve or refute the puzzle.
    """

    def __init__(
        self, geometry: Geometry, *, shuffle: random.Random | None = None, node_limit: int = MAX_GUESSES
    ) -> None:
        """`shuffle` randomises the order of candidates. `node_limit` is the maximum number of nodes, at 30 µs each."""
        self.geometry = geometry
        self.nodes = 0
        self._shuffle = shuffle
        self._node_limit = node_limit

    def solutions(self, position: Position) -> Iterator[Candidates]:
        """Yield every solution that extends `position`, as a set of candidates.

        Raises `SearchGivenUp` at the node limit, so that no user input keeps a server busy.
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
                    f"The search found no result within {self._node_limit:,} guesses. Add givens or check the existing ones."
                )
            below = Position(position.possible & self.geometry.compatible[candidate], position.placed)
            yield from self.solutions(below)
