"""Build the bundled Sudoku test set: `python -m scripts.build_sudoku_test`.

1,000 puzzles, evenly over the numbers of givens within each stratum, no two of them symmetric versions of
each other. The result depends on nothing but this file, the generator and the seed.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from scripts.test_set import Kind, without_twins
from trm.data.bundled import PUZZLES
from trm.data.puzzle_set import PuzzleSet
from trm.data.write import write_csv
from trm.tasks.base import Difficulty
from trm.tasks.sudoku import Sudoku

SEED = 2025


class Stratum(NamedTuple):
    """Puzzles of one difficulty, evenly over `fewest` to `most` givens."""

    difficulty: Difficulty
    fewest: int
    most: int


STRATA = (
    Stratum(Difficulty.EASY, 24, 29),
    Stratum(Difficulty.EASY, 30, 35),
    Stratum(Difficulty.EASY, 36, 45),
    Stratum(Difficulty.MEDIUM, 24, 32),
    Stratum(Difficulty.HARD, 22, 28),
)
PER_STRATUM = 200


def build(per_stratum: int, *, strata: tuple[Stratum, ...] = STRATA, workers: int = 1) -> PuzzleSet:
    """`per_stratum` puzzles of each stratum. The number of workers changes nothing."""
    kinds = []
    for number, (difficulty, fewest, most) in enumerate(strata):
        counts = np.bincount(np.arange(per_stratum) % (most - fewest + 1)).tolist()
        for givens, count in enumerate(counts, fewest):
            seed = SEED * 1000 + number * 100 + givens
            kinds.append(Kind(count, difficulty, seed, {"givens": (givens, givens)}))
    return without_twins(Sudoku(), kinds, workers=workers)


if __name__ == "__main__":
    write_csv(build(PER_STRATUM, workers=os.cpu_count() or 1), PUZZLES / "sudoku" / "test.csv", Sudoku())
