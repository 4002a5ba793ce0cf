"""Generate minimal Sudokus that need many guesses: hill climbing over puzzles, rated by the solver.

Random minimal puzzles need few guesses: 2 in the median, where puzzles of public lists of hard ones need hundreds. A
climb therefore changes a random minimal puzzle step by step. A step removes one or two givens, takes one of the solutions
that are now possible, adds givens from it until it is the only one, and removes all givens that are not needed. The new
puzzle replaces the old one unless it needs fewer guesses.

A climb solves ten thousand puzzles. So this module has a second implementation of `solver.Search`, which makes the same
guesses in the same order and is compiled by numba. Its sets of cells are three numbers of 27 bits, one for each band of
three rows. Grids contain 0 for blank cells and the digits from 1.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from trm.tasks.sudoku.geometry import geometry

CELLS, DIGITS, BANDS, BAND_CELLS = 81, 9, 3, 27
WHOLE_BAND = (1 << BAND_CELLS) - 1
ROW = 0b111_111_111
"""The first row of a band."""
BOX = 0b111_000_000_111_000_000_111
"""The first box of a band."""

STEPS = 500
"""Number of steps of a climb."""
MOST_REMOVED = 2
"""Maximum number of givens that a step removes."""
NODE_LIMIT = 20_000
"""Number of guesses after which a search is given up."""
ANY = -1
"""No candidate is forbidden: see `search`."""


def _remaining_cells() -> np.ndarray:
    """For each cell, the cells where its digit is still possible after it is placed there. Shape [cell, band]."""
    remaining = np.ones((CELLS, CELLS), np.int64)
    np.put_along_axis(remaining, geometry(3, 3).peers, 0, axis=1)
    return (remaining.reshape(CELLS, BANDS, BAND_CELLS) << np.arange(BAND_CELLS)).sum(-1)


REMAINING = _remaining_cells()
UNIT_CELLS = geometry(3, 3).units[
    [*range(18, 27), *range(18)]
]  # boxes, rows, columns: the order of solver.Search
POSITION = np.zeros(29, np.int64)  # position of the only bit of a number: the powers of 2 differ modulo 29
POSITION[[2**position % 29 for position in range(BAND_CELLS)]] = np.arange(BAND_CELLS)


@njit(cache=True)
def _is_possible(possible, digit, cell):
    return possible[digit, cell // BAND_CELLS] >> cell % BAND_CELLS & 1


@njit(cache=True)
def _place(possible, placed, digit, cell):
    """Place a digit: other cells of its units lose the digit, and its cell loses the other digits."""
    band, bit = cell // BAND_CELLS, 1 << cell % BAND_CELLS
    for other in range(DIGITS):
        if other != digit:
            possible[other, band] &= ~bit
    for at in range(BANDS):
        possible[digit, at] &= REMAINING[cell, at]
    placed[band] |= bit


@njit(cache=True)
def _place_singles(possible, placed):
    """Place naked and hidden singles until none are left. Returns False if a group has no candidate left."""
    while True:
        before = placed.sum()
        for band in range(BANDS):  # cells with one digit
            ones = twos = 0
            for digit in range(DIGITS):
                twos |= ones & possible[digit, band]
                ones |= possible[digit, band]
            if ones != WHOLE_BAND:
                return False
            singles = ones & ~twos & ~placed[band]
            while singles:
                bit = singles & -singles
                singles ^= bit
                for digit in range(DIGITS):
                    if possible[digit, band] & bit:
                        _place(possible, placed, digit, band * BAND_CELLS + POSITION[bit % 29])
        for digit in range(DIGITS):
            ones = twos = 0
            for band in range(BANDS):
                for at in range(3):  # rows and boxes with one cell for the digit
                    for unit in (ROW << 9 * at, BOX << 3 * at):
                        group = possible[digit, band] & unit
                        if not group:
                            return False
                        if not group & group - 1 and not group & placed[band]:
                            _place(possible, placed, digit, band * BAND_CELLS + POSITION[group % 29])
                    row = possible[digit, band] >> 9 * at & ROW
                    twos |= ones & row
                    ones |= row
            if ones != ROW:
                return False
            singles = ones & ~twos
            while singles:  # columns with one cell for the digit
                bit = singles & -singles
                singles ^= bit
                for row in range(9):
                    cell = row * 9 + POSITION[bit % 29]
                    is_placed = placed[cell // BAND_CELLS] >> cell % BAND_CELLS & 1
                    if _is_possible(possible, digit, cell) and not is_placed:
                        _place(possible, placed, digit, cell)
        if placed.sum() == before:
            return True


@njit(cache=True)
def _choose(possible, choices):
    """Write the candidates to try into `choices`, as `solver.smallest_group` selects them. Returns their number."""
    for kind in range(3):
        for digit in range(DIGITS):
            for unit in UNIT_CELLS[9 * kind : 9 * kind + 9]:
                count = 0
                for cell in unit:
                    if _is_possible(possible, digit, cell):
                        choices[min(count, 2)] = digit * CELLS + cell
                        count += 1
                if count == 2:
                    return 2
    fewest, chosen = DIGITS + 1, 0
    for cell in range(CELLS):
        count = 0
        for digit in range(DIGITS):
            count += _is_possible(possible, digit, cell)
        if 1 < count < fewest:
            fewest, chosen = count, cell
    count = 0
    for digit in range(DIGITS):
        if _is_possible(possible, digit, chosen):
            choices[count] = digit * CELLS + chosen
            count += 1
    return count


@njit(cache=True)
def search(grid, solutions, shuffle=False, forbidden=ANY):
    """Search for solutions of a grid, as many as `solutions` has rows, and write them there.

    With `shuffle`, candidates are tried in random order. The candidate `forbidden` is excluded from the start: it is
    (digit - 1) * 81 + cell. Returns (number of solutions, number of guesses); the number of solutions is -1 if the search
    was given up.
    """
    possible = np.empty((CELLS + 1, DIGITS, BANDS), np.int64)  # by number of guesses that are in force
    placed = np.zeros((CELLS + 1, BANDS), np.int64)
    choices = np.empty((CELLS + 1, DIGITS), np.int64)
    counts, left = (
        np.zeros(CELLS + 1, np.int64),
        np.zeros(CELLS + 1, np.int64),
    )  # number of choices: all, not yet tried
    not_counted = np.zeros(BANDS, np.int64)
    possible[0] = WHOLE_BAND
    for cell in np.flatnonzero(grid):
        _place(possible[0], not_counted, grid[cell] - 1, cell)
    if forbidden != ANY:
        possible[0, forbidden // CELLS, forbidden % CELLS // BAND_CELLS] &= ~(
            1 << forbidden % CELLS % BAND_CELLS
        )
    found = nodes = depth = 0
    is_new = True
    while depth >= 0:
        if is_new:
            is_new = False
            if not _place_singles(possible[depth], placed[depth]):
                depth -= 1
            elif placed[depth].sum() == BANDS * WHOLE_BAND:
                for cell in range(CELLS):
                    for digit in range(DIGITS):
                        if _is_possible(possible[depth], digit, cell):
                            solutions[found, cell] = digit + 1
                found += 1
                if found == len(solutions):
                    return found, nodes
                depth -= 1
            else:
                counts[depth] = left[depth] = _choose(possible[depth], choices[depth])
                if shuffle:
                    np.random.shuffle(choices[depth, : left[depth]])
        elif left[depth]:
            nodes += 1
            if nodes > NODE_LIMIT:
                return -1, nodes
            digit, cell = divmod(choices[depth, counts[depth] - left[depth]], CELLS)
            left[depth] -= 1
            possible[depth + 1] = possible[depth]
            placed[depth + 1] = placed[depth]
            _place(possible[depth + 1], not_counted, digit, cell)
            depth += 1
            is_new = True
        else:
            depth -= 1
    return found, nodes


@njit(cache=True)
def _add_givens(grid, solution, two):
    """Add givens from `solution` until it is the only one. Returns False if a search is given up."""
    while True:
        found, _ = search(grid, two)
        if found < 0:
            return False
        if found == 1:
            return True
        other = two[1] if (two[0] == solution).all() else two[0]
        different = np.flatnonzero(other != solution)
        cell = different[np.random.randint(len(different))]
        grid[cell] = solution[cell]


@njit(cache=True)
def _minimise(grid, one):
    """Remove givens, in random order, that are not needed for a single solution."""
    for cell in np.random.permutation(np.flatnonzero(grid)):
        digit = int(grid[cell])
        grid[cell] = 0
        if search(grid, one, forbidden=(digit - 1) * CELLS + cell)[0]:
            grid[cell] = digit


@njit(cache=True)
def climb(seed):
    """Climb from a random minimal puzzle. Returns (puzzles, solutions, guesses) of all puzzles on the way.

    The arrays have the shapes [count, 81], [count, 81] and [count].
    """
    np.random.seed(seed)
    puzzles, solutions = np.zeros((STEPS + 1, CELLS), np.uint8), np.zeros((STEPS + 1, CELLS), np.uint8)
    guesses = np.full(STEPS + 1, -1)
    count = 0  # of puzzles on the way after the empty grid
    solution, two = np.empty((1, CELLS), np.uint8), np.empty((2, CELLS), np.uint8)
    for _ in range(STEPS):
        puzzle = puzzles[count].copy()
        givens = np.flatnonzero(puzzle)
        if len(givens):
            puzzle[np.random.permutation(givens)[: np.random.randint(1, MOST_REMOVED + 1)]] = 0
        if search(puzzle, solution, shuffle=True)[0] != 1 or not _add_givens(puzzle, solution[0], two):
            continue
        _minimise(puzzle, two[:1])
        rating = search(puzzle, two)[1]
        if rating >= guesses[count] and (puzzle != puzzles[count]).any():
            count += 1
            puzzles[count], solutions[count], guesses[count] = puzzle, solution[0], rating
    return puzzles[1 : count + 1], solutions[1 : count + 1], guesses[1 : count + 1]
