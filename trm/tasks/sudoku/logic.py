"""Sudoku techniques beyond singles (locked candidates and pairs), and the rating based on them.

- Locked candidates: If all candidates for a digit in a box lie in one row or column, the digit is eliminated from the
  other cells of this row or column, and vice versa.
- Naked pair: If two cells of a unit have the same two candidates, both digits are eliminated from its other cells.
- Hidden pair: If two digits of a unit are possible only in the same two cells, all other digits are eliminated from
  these cells.

These are the usual names of the techniques.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
from jaxtyping import UInt8

from trm.tasks.base import MAX_GUESSES, Difficulty, Rating
from trm.tasks.sudoku.geometry import Candidates, Geometry
from trm.tasks.sudoku.solver import Position, Search, from_tokens, place_singles, start

Elimination = Callable[[Geometry, Candidates], Candidates]
"""A technique, as a function that maps the remaining candidates to the candidates that it rules out."""


def locked_candidates(geometry: Geometry, possible: Candidates) -> Candidates:
    """Return the candidates ruled out because a digit of one unit must lie in its overlap with another unit."""
    side, cells, masks = geometry.side, geometry.cells, geometry.unit_masks
    lines, boxes = masks[: 2 * side], masks[2 * side :]
    grid = (1 << cells) - 1
    ruled_out = 0
    for shift in range(0, side * cells, cells):
        places = possible >> shift & grid
        eliminated = 0
        for box in boxes:
            in_box = places & box
            for line in lines:
                overlap = in_box & line
                if overlap:
                    in_line = places & line
                    if overlap == in_box:
                        eliminated |= in_line ^ overlap
                    if overlap == in_line:
                        eliminated |= in_box ^ overlap
        ruled_out |= eliminated << shift
    return ruled_out


def pairs(geometry: Geometry, possible: Candidates) -> Candidates:
    """Return the candidates that naked or hidden pairs rule out."""
    cells, digits = geometry.cells, geometry.digits
    shifts = range(0, geometry.side * cells, cells)
    ruled_out = 0
    for unit, mask in zip(geometry.units.tolist(), geometry.unit_masks, strict=True):
        in_unit = possible & mask * digits
        for first, second in _twins([in_unit >> cell & digits for cell in unit]):
            held = in_unit >> unit[first] & digits
            ruled_out |= in_unit & held * mask & ~(digits << unit[first] | digits << unit[second])
        for first, second in _twins([in_unit >> shift & mask for shift in shifts]):
            places = in_unit >> shifts[first] & mask
            ruled_out |= in_unit & places * digits & ~(mask << shifts[first] | mask << shifts[second])
    return ruled_out


def _twins(groups: Sequence[Candidates]) -> list[tuple[int, int]]:
    """Return the positions of each pair of equal groups with two members."""
    twins, seen = [], {}
    for position, group in enumerate(groups):
        if group.bit_count() == 2:
            if group in seen:
                twins.append((seen[group], position))
            seen[group] = position
    return twins


def place_by_logic(
    geometry: Geometry, position: Position, eliminations: Sequence[Elimination] = (locked_candidates, pairs)
) -> None:
    """Place all digits that singles and `eliminations` derive in `position`, or those before a contradiction."""
    while place_singles(geometry, position):
        if position.placed.bit_count() == geometry.cells:
            return
        steps = (eliminate(geometry, position.possible) for eliminate in eliminations)
        ruled_out = next((step for step in steps if step), 0)
        if not ruled_out:
            return
        position.possible &= ~ruled_out


LOGIC: tuple[tuple[Difficulty, str, tuple[Elimination, ...]], ...] = (
    (Difficulty.EASY, "naked and hidden singles suffice", ()),
    (Difficulty.MEDIUM, "the puzzle needs locked candidates in addition to singles", (locked_candidates,)),
    (Difficulty.MEDIUM, "the puzzle needs naked or hidden pairs in addition to singles", (pairs,)),
    (
        Difficulty.MEDIUM,
        "the puzzle needs locked candidates and pairs in addition to singles",
        (locked_candidates, pairs),
    ),
)
"""Difficulty, reason, and techniques, simplest first. The first techniques that solve a puzzle determine its rating."""


def rate(geometry: Geometry, tokens: UInt8[np.ndarray, "cells"], *, max_guesses: int = MAX_GUESSES) -> Rating:
    """Rate a puzzle by the simplest techniques that solve it.

    Easy puzzles need naked and hidden singles, medium puzzles also need locked candidates or pairs, and hard puzzles need
    a search. `search_nodes` is the number of guesses after which a search that places only singles has ruled out a second
    solution; it depends on the orientation of the grid. Raises `PuzzleError` if the search exceeds `max_guesses`.
    """
    givens = from_tokens(geometry, tokens)
    first = start(geometry, givens).possible
    if any(not first >> given & 1 for given in givens):
        return Rating(None, "No solution: a digit occurs twice in a row, column or box.", 0, 0)
    search = Search(geometry, node_limit=max_guesses)
    count = len(list(islice(search.solutions(Position(first)), 2)))
    if count == 0:
        return Rating(None, "No solution: the givens contradict each other.", search.nodes, 0)
    if count == 2:
        return Rating(None, "More than one solution: there are too few givens.", search.nodes, 2)
    if len(givens) == geometry.cells:
        return Rating(Difficulty.EASY, "Easy: the puzzle is already solved; no cell is blank.", 0, 1)
    for difficulty, reason, eliminations in LOGIC:
        position = start(geometry, givens)
        place_by_logic(geometry, position, eliminations)
        if position.placed.bit_count() == geometry.cells:
            return Rating(difficulty, f"{difficulty.capitalize()}: {reason}.", search.nodes, 1)
    reason = f"singles, locked candidates and pairs do not suffice; a search makes {search.nodes:,} guesses"
    return Rating(Difficulty.HARD, f"Hard: {reason}.", search.nodes, 1)
