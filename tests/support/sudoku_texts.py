"""Three Sudokus of three sizes, and their rows, for tests of text."""

import pytest

from trm.tasks.sudoku import Sudoku

NINE, SIX, FOUR = Sudoku(), Sudoku(2, 3), Sudoku(2, 2)
PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
SMALL = "12..3...2.1....4"
MIDDLE = "1...5..3.2.6.4..1.5.2..63....4.2..1."
BY_SIZE = {9: (NINE, PUZZLE), 6: (SIX, MIDDLE), 4: (FOUR, SMALL)}
SIZES = pytest.mark.parametrize("side", BY_SIZE)


def rows(puzzle: str, blank: str = ".") -> list[str]:
    side = int(len(puzzle) ** 0.5)
    return [puzzle[at : at + side].replace(".", blank) for at in range(0, len(puzzle), side)]
