"""Sudoku as an exact cover of one big integer.

A *candidate* is the statement "digit d stands in cell c"; a 9x9 Sudoku has 9 x 81 = 729 of them, and a set of
candidates is one Python integer with bit `d * cells + c` set. Four families of *groups* (cells; digits in
rows, in columns, in boxes) each cut the candidates into `cells` disjoint groups, and a solution takes
exactly one candidate from each group.

Within a family the k-th members of all groups are one common shift away from the first members. So a
handful of shifts and ands looks at all 81 groups at once: this is what makes a solver in plain Python fast
enough to dig puzzles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

BLANK = 1
"""Token of a blank cell; 0 is padding, 2 and up are the digits 1 and up."""
FIRST_DIGIT = 2

Candidates = int
"""A set of candidates: bit `digit * cells + cell`, digit counted from 0."""


class ConstraintKind(NamedTuple):
    """Disjoint groups; `firsts` holds one member of each, the others lie at `firsts << shift`."""

    firsts: Candidates
    shifts: tuple[int, ...]
    whole: int
    """Sum of `1 << shift`: `first * whole` is the group of `first`, also for several groups at once."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """The groups and masks of one box shape; made once by `geometry` and shared."""

    box_rows: int
    box_columns: int
    side: int
    cells: int
    units: Int[np.ndarray, "units side"]
    """Cells of every row, then every column, then every box."""
    peers: Int[np.ndarray, "cells peers"]
    """Cells that share a unit with the cell."""
    constraint_kinds: tuple[ConstraintKind, ...]
    """Boxes, rows, columns, cells: the order in which singles are most often found."""
    all_candidates: Candidates
    digits: Candidates
    """All digits of cell 0; shifted left by c: of cell c."""
    compatible: tuple[Candidates, ...]
    """For each candidate: what is left when it is placed (itself and all that share no group with it)."""
    unit_masks: tuple[Candidates, ...]
    """For each unit: the candidates of the first digit in it; shifted left by d * cells: of digit d."""


@cache
def geometry(box_rows: int, box_columns: int) -> Geometry:
    """Geometry of a Sudoku with boxes of `box_rows` x `box_columns` cells (3, 3 for the usual 9x9)."""
    side = box_rows * box_columns
    cells = side * side
    units = _units(box_rows, box_columns)
    groups = [
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
        peers=np.array(groups),
        constraint_kinds=tuple(constraint_kinds),
        all_candidates=all_candidates,
        digits=digits,
        compatible=tuple(
            all_candidates & ~(digits << cell) & ~sum(1 << digit + peer for peer in groups[cell])
            | 1 << digit + cell
            for digit in every_digit
            for cell in range(cells)
        ),
        unit_masks=tuple(sum(1 << int(cell) for cell in unit) for unit in units),
    )


def members(candidates: Candidates) -> list[int]:
    """The candidates' numbers, ascending."""
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
