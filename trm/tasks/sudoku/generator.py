"""Generator: fill a grid at random, then dig cells out while the puzzle keeps its property.

A property (singles suffice; the solution is unique) is kept under digging only as long as the dug
cells can still be derived, and a cell that cannot be dug now cannot be dug later. So one pass over the
cells in random order reaches a puzzle from which nothing more can be taken. Cells are tried in blocks first
and singly only where a block fails: the same puzzle as cell by cell, with far fewer tests.
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
"""Grids dug before a wish is given up: about 10 seconds."""
GIVENS_SHARE = {Difficulty.EASY: (0.3, 0.5), Difficulty.MEDIUM: (0.3, 0.37), Difficulty.HARD: (0.29, 0.34)}
"""Usual numbers of givens as shares of the cells; of 81: 24 to 40, 24 to 30, 23 to 27."""

Derivable = Callable[[Geometry, list[int], Candidates], bool]
"""Whether the given candidates imply the dug ones by the means of a difficulty."""


def random_solution(geometry: Geometry, rng: random.Random) -> list[int]:
    """A full grid as candidate numbers: random boxes on the diagonal, then search in random order.

    Boxes on the diagonal share no row or column, so any filling of them is a fair start. Every grid can
    occur, though not all exactly equally often.
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
    """Easy: naked and hidden singles place every dug cell."""
    position = start(geometry, givens)
    place_singles(geometry, position, wanted=dug)
    return position.placed & dug == dug


def by_logic(geometry: Geometry, givens: list[int], dug: Candidates) -> bool:
    """Medium: singles, locked candidates and pairs place every dug cell."""
    position = start(geometry, givens)
    place_by_logic(geometry, position)
    return position.placed & dug == dug


def by_search(geometry: Geometry, givens: list[int], dug: Candidates) -> bool:
    """Hard: the givens leave no second solution."""
    solutions = Search(geometry).solutions(start(geometry, givens))
    return next(solutions, 0) != 0 and next(solutions, 0) == 0


def dig(
    geometry: Geometry, order: list[int], derivable: Derivable, floor: int
) -> tuple[list[int], list[int]]:
    """Dig the cells of a full grid in the given order, down to `floor` givens or until none can be dug.

    `order`: all candidates of a solution. Returns (givens, dug), the dug ones in the order of digging.
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
    """(start, size) of blocks in digging order: large first, as later cells ever more often fail."""
    plan, at = [], 0
    for size, until in ((cells * 3 // 8, cells // 2), (max(1, cells // 20), cells * 2 // 3), (1, cells)):
        while at < until:
            plan.append((at, min(size, cells - at)))
            at += size
    return plan


def usual_givens(geometry: Geometry, difficulty: Difficulty) -> tuple[int, int]:
    """Fewest and most givens of a puzzle of this difficulty, unless asked otherwise."""
    fewest, most = GIVENS_SHARE[difficulty]
    return int(fewest * geometry.cells), int(most * geometry.cells)


def generate(
    geometry: Geometry, rng: random.Random, difficulty: Difficulty, givens: tuple[int, int]
) -> tuple[list[int], list[int]]:
    """A puzzle with one solution, of exactly this difficulty: (givens, dug) as candidate numbers.

    The number of givens is drawn evenly from the range, both ends included, and kept until a grid yields it.
    Raises `PuzzleError` when none does.
    """
    fewest, most = givens
    if not 0 <= fewest <= most <= geometry.cells:
        raise PuzzleError(
            f"Givens {fewest}-{most} is no range within 0-{geometry.cells}. Give the fewest first."
        )
    target = rng.randint(fewest, most)
    derivable = by_singles if difficulty is Difficulty.EASY else by_search
    for _ in range(TRIES):
        order = random_solution(geometry, rng)
        rng.shuffle(order)
        left, dug = dig(geometry, order, derivable, target)
        if len(left) == target and _level(geometry, left, dug) is difficulty:
            return left, dug
    raise PuzzleError(
        f"No {difficulty} puzzle with {target} givens turned up in {TRIES:,} tries. "
        f"Usual are {'-'.join(map(str, usual_givens(geometry, difficulty)))}."
    )


def _level(geometry: Geometry, givens: list[int], dug: list[int]) -> Difficulty:
    wanted = sum(1 << candidate for candidate in dug)
    if by_singles(geometry, givens, wanted):
        return Difficulty.EASY
    return Difficulty.MEDIUM if by_logic(geometry, givens, wanted) else Difficulty.HARD
