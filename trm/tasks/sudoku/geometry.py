"""Represent Sudoku as an exact cover problem on one big integer.

A *candidate* is the statement "cell c holds digit d". A 9x9 Sudoku has 9 x 81 = 729 candidates, and a set of candidates
is one Python integer with bits `d * cells + c`. There are four kinds of constraint: each cell holds one digit, and each
row, column, and box holds each digit once. Each kind partitions the candidates into `cells` *groups*, and a solution
has exactly one candidate in each group.

Within a kind of constraint, the k-th members of all groups are the first members, shifted by the same number of bits. So
a few bitwise operations process all 81 groups at once. This makes a solver in plain Python fast enough to generate
puzzles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

BLANK = 1
"""Token for a blank cell. Token 0 is padding, and tokens from 2 are the digits from 1."""
FIRST_DIGIT = 2

Candidates = int
"""A set of candidates. Each candidate is bit `digit * cells + cell`, with digits counted from 0."""


class ConstraintKind(NamedTuple):
    """The disjoint groups of one kind of constraint. For each shift, `firsts << shift` has one member of each group."""

    firsts: Candidates
    shifts: tuple[int, ...]
    whole: int
    """Sum of `1 << shift` over all shifts, so that `first * whole` is the group of `first`, or of several such bits."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """The groups and masks for one box shape. Instances are created by `geometry`, which caches them."""

    box_rows: int
    box_columns: int
    side: int
    cells: int
    units: Int[np.ndarray, "units side"]
    """Cells of each unit: all rows, then all columns, then all boxes."""
    peers: Int[np.ndarray, "cells peers"]
    """For each cell, the other cells in its row, column and box."""
    constraint_kinds: tuple[ConstraintKind, ...]
    """Constraint kinds in the order boxes, rows, columns, cells, by how often they yield singles."""
    all_candidates: Candidates
    digits: Candidates
    """All candidates of cell 0, so that `digits << c` are all candidates of cell c."""
    compatible: tuple[Candidates, ...]
    """For each candidate, the candidates that remain once it is placed: itself and all that share no group with it."""
    unit_masks: tuple[Candidates, ...]
    """For each unit, its candidates for the first digit, so that `mask << d * cells` are its candidates for digit d."""


@cache
def geometry(box_rows: int, box_columns: int) -> Geometry:
    """Return the geometry of a Sudoku with boxes of `box_rows` x `box_columns` cells (3, 3 for 9x9)."""
    side = box_rows * box_columns
    cells = side * side
    units = _units(box_rows, box_columns)
    peers = [
        sorted({int(other) for unit in units if cell in unit for other in unit} - {cell})
        for cell in range(cells)
    ]
    every_digit = range(0, side * cells, cells)
    offsets = {
        "box": (sum(1 << int(box[0]) for box in units[2 * side :]), tuple(int(c) for c in units[2 * side])),
        "row": (sum(1 << side * row for row in range(side)), tuple(range(side))),
        "column": (sum(1 << column for column in range(side)), tuple(range(0, cells, side))),
    }
    constraint_kinds = [
        ConstraintKind(
            sum(firsts << digit for digit in every_digit), shifts, sum(1 << shift for shift in shifts)
        )
        for firsts, shifts in offsets.values()
    ]
    digits = sum(1 << digit for digit in every_digit)
    constraint_kinds.append(ConstraintKind((1 << cells) - 1, tuple(every_digit), digits))
    all_candidates = (1 << side * cells) - 1
    return Geometry(
        box_rows=box_rows,
        box_columns=box_columns,
        side=side,
        cells=cells,
        units=units,
        peers=np.array(peers),
        constraint_kinds=tuple(constraint_kinds),
        all_candidates=all_candidates,
        digits=digits,
        compatible=tuple(
            all_candidates & ~(digits << cell) & ~sum(1 << digit + peer for peer in peers[cell])
            | 1 << digit + cell
            for digit in every_digit
            for cell in range(cells)
        ),
        unit_masks=tuple(sum(1 << int(cell) for cell in unit) for unit in units),
    )


def members(candidates: Candidates) -> list[int]:
    """Return the numbers of the candidates in a set, in ascending order."""
    numbers = []
    while candidates:
        lowest = candidates & -candidates
        numbers.append(lowest.bit_length() - 1)
        candidates ^= lowest
    return numbers


def _units(box_rows: int, box_columns: int) -> Int[np.ndarray, "units side"]:
    side = box_rows * box_columns
    grid = np.arange(side * side).reshape(side, side)
    boxes = grid.reshape(box_columns, box_rows, box_rows, box_columns).swapaxes(1, 2).reshape(side, side)
    return np.concatenate([grid, grid.T, boxes])
