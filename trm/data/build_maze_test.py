"""Build the bundled maze test set: `python -m trm.data.build_maze_test`.

500 depth-first mazes of 15x15, evenly over bands of the shortest way's length, no two of them turned or mirrored
versions of each other. The result depends on nothing but this file, the generator and the seed.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from trm.data.bundled import PUZZLES
from trm.data.puzzle_set import PuzzleSet
from trm.data.test_set import Kind, without_twins
from trm.data.write import write_csv
from trm.tasks.base import Difficulty
from trm.tasks.maze import Maze

SEED = 2026
SIDE = 15


class Stratum(NamedTuple):
    """Mazes of one difficulty with ways of `shortest` to `longest` steps."""

    difficulty: Difficulty
    shortest: int
    longest: int


STRATA = (
    Stratum(Difficulty.EASY, 15, 29),
    Stratum(Difficulty.MEDIUM, 30, 44),
    Stratum(Difficulty.HARD, 45, 59),
    Stratum(Difficulty.HARD, 60, 74),
    Stratum(Difficulty.HARD, 75, 89),
)
PER_STRATUM = 100


def build(per_stratum: int, *, workers: int = 1) -> PuzzleSet:
    """`per_stratum` mazes of each stratum. The number of workers changes nothing."""
    return without_twins(
        Maze(SIDE),
        (
            Kind(
                per_stratum,
                difficulty,
                SEED * 1000 + number,
                {"style": "depth-first", "min_path": shortest, "max_path": longest},
            )
            for number, (difficulty, shortest, longest) in enumerate(STRATA)
        ),
        workers=workers,
    )


if __name__ == "__main__":
    write_csv(build(PER_STRATUM, workers=os.cpu_count() or 1), PUZZLES / "maze" / "test.csv", Maze(SIDE))
