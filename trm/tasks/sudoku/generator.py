"""Sudoku generator: fill a grid at random, then blank out cells as long as the puzzle keeps a property.

The property (singles suffice, or the solution is unique) holds as long as the blank cells can still be derived, and a
cell that cannot be blanked now cannot be blanked later. So a single pass over the cells in random order yields a puzzle
in which no further cell can be blanked. Cells are tried in blocks, and one by one only if a block fails: the result is
the same as cell by cell, with far fewer tests.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from trm.errors import PuzzleError
from trm.tasks.base import Difficulty
from trm.tasks.sudoku.geometry import Candidates, Geometry, members
from trm.tasks.sudoku.logic import place_by_logic
from trm.tasks.sudoku.solver import Search, SearchGivenUp, place_singles, start

TRIES = 1000
"""Number of grids tried before `generate` gives up: about 10 seconds."""
GIVENS_SHARE = {Difficulty.EASY: (0.3, 0.5), Difficulty.MEDIUM: (0.3, 0.37), Difficulty.HARD: (0.29, 0.34)}
"""Default range of the number of givens, as fractions of the cells; for 81 cells: 24-40, 24-30, and 23-27."""

Derivable = Callable[[Geometry, list[int], Candidates], bool]
"""Whether the given candidates imply the blanked ones with the techniques of a difficulty."""


def random_solution(geometry: Geometry, rng: random.Random) -> list[int]:
    """A complete grid as candidate numbers: random boxes on the diagonal, then a search in random order.

    Boxes on the diagonal share no row or column, so any contents are valid. Every grid can occur, though not with
    exactly equal probability.
    """
    side, cells = geometry.side, geometry.cells
    bands, stacks = geometry.box_columns, geometry.box_rows
    while True:
        diagonal = []
        for band in range(min(bands, stacks)):
            box = geometry.units[2 * side + band * stacks + band].tolist()
            diagonal += [
                digit * cells + cell for digit, cell in zip(rng.sample(range(side), side), box, strict=True)
            ]
        try:
            return members(
                next(Search(geometry, shuffle=rng, node_limit=500).solutions(start(geometry, diagonal)))
            )
        except (SearchGivenUp, StopIteration):
            continue


def by_singles(geometry: Geometry, givens: list[int], dug: Candidates) -> bool:
    """Easy: naked and hidden singles fill every blank cell."""
    position = start(geometry, givens)
    place_singles(geometry, position, wanted=dug)
    return position.placed & dug == dug


def by_logic(geometry: Geometry, givens: list[int], dug: Candidates) -> bool:
    """Medium: singles, locked candidates, and pairs fill every blank cell."""
    position = start(geometry, givens)
    place_by_logic(geometry, position)
    return position.placed & dug == dug


def by_search(geometry: Geometry, givens: list[int], dug: Candidates) -> bool:
    """Hard: the givens allow no second solution."""
    solutions = Search(geometry).solutions(start(geometry, givens))
    return next(solutions, 0) != 0 and next(solutions, 0) == 0


def dig(
    geometry: Geometry, order: list[int], derivable: Derivable, floor: int
) -> tuple[list[int], list[int]]:
    """Blank out cells of a complete grid in the given order, down to `floor` givens or until no cell can be blanked.

    `order` holds all candidates in a solution. Returns (givens, dug); `dug` is in the order of blanking.
    """
    givens = set(order)
    dug: list[int] = []
    blocks = [order[at : at + size] for at, size in _block_plan(len(order))]
    blocks.reverse()
    while blocks and len(givens) > floor:
        block = blocks.pop()
        room = len(givens) - floor
        if len(block) > room:
            blocks.append(block[room:])
            block = block[:room]
        rest = givens.difference(block)
        if derivable(geometry, list(rest), sum(1 << candidate for candidate in block)):
            givens = rest
            dug += block
        elif len(block) > 1:
            half = len(block) // 2
            blocks += [block[half:], block[:half]]
    return sorted(givens), dug


def _block_plan(cells: int) -> list[tuple[int, int]]:
    """(start, size) of the blocks, in order: large blocks first, because later cells fail more often."""
    plan, at = [], 0
    for size, until in ((cells * 3 // 8, cells // 2), (max(1, cells // 20), cells * 2 // 3), (1, cells)):
        while at < until:
            plan.append((at, min(size, cells - at)))
            at += size
    return plan


def usual_givens(geometry: Geometry, difficulty: Difficulty) -> tuple[int, int]:
    """Default minimum and maximum number of givens for this difficulty."""
    fewest, most = GIVENS_SHARE[difficulty]
    return int(fewest * geometry.cells), int(most * geometry.cells)


def generate(
    geometry: Geometry, rng: random.Random, difficulty: Difficulty, givens: tuple[int, int]
) -> tuple[list[int], list[int]]:
    """Generate a puzzle with one solution and exactly this difficulty: (givens, dug) as candidate numbers.

    The number of givens is drawn uniformly from the range (inclusive), and grids are tried until one reaches it. Raises
    `PuzzleError` if none does.
    """
    fewest, most = givens
    if not 0 <= fewest <= most <= geometry.cells:
        raise PuzzleError(
            f"Givens {fewest}-{most} is not a range within 0-{geometry.cells}. Give the smaller number first."
        )
    target = rng.randint(fewest, most)
    derivable = by_singles if difficulty is Difficulty.EASY else by_search
    for _ in range(TRIES):
        order = random_solution(geometry, rng)
        rng.shuffle(order)
        remaining, dug = dig(geometry, order, derivable, target)
        if len(remaining) == target and _level(geometry, remaining, dug) is difficulty:
            return remaining, dug
    raise PuzzleError(
        f"No {difficulty} puzzle with {target} givens was found in {TRIES:,} tries. "
        f"The default is {'-'.join(map(str, usual_givens(geometry, difficulty)))} givens."
    )


def _level(geometry: Geometry, givens: list[int], dug: list[int]) -> Difficulty:
    wanted = sum(1 << candidate for candidate in dug)
    if by_singles(geometry, givens, wanted):
        return Difficulty.EASY
    return Difficulty.MEDIUM if by_logic(geometry, givens, wanted) else Difficulty.HARD
