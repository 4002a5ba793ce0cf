"""Generate Sudokus: fill a grid at random, then remove clues while the puzzle can still be solved.

For easy puzzles, singles must suffice to solve the puzzle. For all other puzzles, the solution must be unique. A clue
that cannot be removed now cannot be removed later either, because even fewer clues remain then. So a single pass over
the cells in random order yields a puzzle without removable clues. Clues are removed in blocks, and a block is halved if
it cannot be removed. The result is the same as if clues are removed one by one, but far fewer tests are needed.
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
"""Number of grids that `generate` tries before it fails, after about 10 seconds."""
GIVENS_SHARE = {Difficulty.EASY: (0.3, 0.5), Difficulty.MEDIUM: (0.3, 0.37), Difficulty.HARD: (0.29, 0.34)}
"""Default range of the number of givens, as fractions of the cells. For 81 cells: 24-40, 24-29, and 23-27 givens."""

Derivable = Callable[[Geometry, list[int], Candidates], bool]
"""Function that returns whether the techniques of a difficulty derive the removed candidates from the givens."""


def random_solution(geometry: Geometry, rng: random.Random) -> list[int]:
    """Generate a complete grid as a list of candidate numbers.

    Boxes on the diagonal share no row or column, so they are filled at random. A search in random order fills the other
    boxes. Every grid can occur, but the probabilities are not exactly equal.
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


def by_singles(geometry: Geometry, givens: list[int], removed: Candidates) -> bool:
    """Whether naked and hidden singles derive all removed candidates, as in easy puzzles."""
    position = start(geometry, givens)
    place_singles(geometry, position, wanted=removed)
    return position.placed & removed == removed


def by_logic(geometry: Geometry, givens: list[int], removed: Candidates) -> bool:
    """Whether singles, locked candidates, and pairs derive all removed candidates, as in medium puzzles."""
    position = start(geometry, givens)
    place_by_logic(geometry, position)
    return position.placed & removed == removed


def by_search(geometry: Geometry, givens: list[int], removed: Candidates) -> bool:
    """Whether the givens have exactly one solution: the test for medium and hard puzzles."""
    solutions = Search(geometry).solutions(start(geometry, givens))
    return next(solutions, 0) != 0 and next(solutions, 0) == 0


def remove_clues(
    geometry: Geometry, order: list[int], derivable: Derivable, floor: int
) -> tuple[list[int], list[int]]:
    """Remove clues from a complete grid in the given order, until `floor` givens remain or no clue can be removed.

    `order` holds all candidates of the grid. Returns the sorted givens and the removed candidates in order of removal.
    """
    givens = set(order)
    removed: list[int] = []
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
            removed += block
        elif len(block) > 1:
            half = len(block) // 2
            blocks += [block[half:], block[:half]]
    return sorted(givens), removed


def _block_plan(cells: int) -> list[tuple[int, int]]:
    """Return the (start, size) of each block. Early blocks are larger, because later clues can rarely be removed."""
    plan, at = [], 0
    for size, until in ((cells * 3 // 8, cells // 2), (max(1, cells // 20), cells * 2 // 3), (1, cells)):
        while at < until:
            plan.append((at, min(size, cells - at)))
            at += size
    return plan


def usual_givens(geometry: Geometry, difficulty: Difficulty) -> tuple[int, int]:
    """Return the default minimum and maximum number of givens for this difficulty."""
    fewest, most = GIVENS_SHARE[difficulty]
    return int(fewest * geometry.cells), int(most * geometry.cells)


def generate(
    geometry: Geometry, rng: random.Random, difficulty: Difficulty, givens: tuple[int, int]
) -> tuple[list[int], list[int]]:
    """Generate a puzzle with one solution and exactly this difficulty. Returns the given and the removed candidates.

    The number of givens is drawn uniformly from the range `givens`, which includes both ends. Grids are tried until one
    yields a puzzle with this number of givens. Raises `PuzzleError` if the range is invalid or no puzzle is found.
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
        remaining, removed = remove_clues(geometry, order, derivable, target)
        if len(remaining) == target and _level(geometry, remaining, removed) is difficulty:
            return remaining, removed
    raise PuzzleError(
        f"No {difficulty} puzzle with {target} givens was found in {TRIES:,} tries. "
        f"The default is {'-'.join(map(str, usual_givens(geometry, difficulty)))} givens."
    )


def _level(geometry: Geometry, givens: list[int], removed: list[int]) -> Difficulty:
    wanted = sum(1 << candidate for candidate in removed)
    if by_singles(geometry, givens, wanted):
        return Difficulty.EASY
    return Difficulty.MEDIUM if by_logic(geometry, givens, wanted) else Difficulty.HARD
