"""Build the bundled maze test sets: `python -m scripts.build_maze_test`.

500 depth-first mazes of 15x15 and 200 of 30x30, each evenly over bands of the shortest way's length, no two of them
turned or mirrored versions of each other. The result depends on nothing but this file, the generator and the seeds.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from scripts.test_set import Kind, without_twins
from trm.data.bundled import PUZZLES
from trm.data.puzzle_set import PuzzleSet
from trm.data.write import write_csv
from trm.tasks.base import Difficulty
from trm.tasks.maze import Maze

SEED, LARGE_SEED = 2026, 2030
SIDE, LARGE_SIDE = 15, 30


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

LARGE_STRATA = tuple(
    Stratum(Difficulty.HARD, shortest, longest)
    for shortest, longest in ((110, 149), (150, 179), (180, 209), (210, 239), (240, 299))
)
"""From 110 steps on, as in the public Maze-Hard."""
LARGE_PER_STRATUM = 40


def build(
    per_stratum: int,
    *,
    side: int = SIDE,
    strata: tuple[Stratum, ...] = STRATA,
    seed: int = SEED,
    workers: int = 1,
) -> PuzzleSet:
    """`per_stratum` mazes of each stratum. The number of workers changes nothing."""
    return without_twins(
        Maze(side),
        (
            Kind(
                per_stratum,
                difficulty,
                seed * 1000 + number,
                {"style": "depth-first", "min_path": shortest, "max_path": longest},
            )
            for number, (difficulty, shortest, longest) in enumerate(strata)
        ),
        workers=workers,
    )


def build_large(per_stratum: int, *, workers: int = 1) -> PuzzleSet:
    """The same of 30x30."""
    return build(per_stratum, side=LARGE_SIDE, strata=LARGE_STRATA, seed=LARGE_SEED, workers=workers)


if __name__ == "__main__":
    cores = os.cpu_count() or 1
    write_csv(build(PER_STRATUM, workers=cores), PUZZLES / "maze" / "test.csv", Maze(SIDE))
    large = build_large(LARGE_PER_STRATUM, workers=cores)
    write_csv(large, PUZZLES / "maze" / f"test-{LARGE_SIDE}x{LARGE_SIDE}.csv", Maze(LARGE_SIDE))
