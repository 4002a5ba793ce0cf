"""Build a bundled test set: `python -m scripts.build_test_sets NAME`.

    sudoku/test       1,000 puzzles, spread evenly over the numbers of givens within each stratum
    maze/test         500 depth-first mazes of 15x15, spread evenly over ranges of the shortest path's length
    maze/test-30x30   200 depth-first mazes of 30x30, in the same way

No two puzzles of a set are symmetric copies of each other (mazes: rotated or mirrored). The result depends only on this file,
the generators and the seeds.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from trm.data.bundled import PUZZLES
from trm.data.puzzle_set import PuzzleSet
from trm.data.write import write_csv
from trm.errors import DataError
from trm.tasks.base import Difficulty, Task
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku

SUDOKU_SEED, MAZE_SEED, LARGE_MAZE_SEED = 2025, 2026, 2030
MAZE_SIDE, LARGE_MAZE_SIDE = 15, 30


class Stratum(NamedTuple):
    """A range of one difficulty: Sudokus with `least` to `most` givens, or mazes with shortest paths of that many steps."""

    difficulty: Difficulty
    least: int
    most: int


SUDOKU_STRATA = (
    Stratum(Difficulty.EASY, 24, 29),
    Stratum(Difficulty.EASY, 30, 35),
    Stratum(Difficulty.EASY, 36, 45),
    Stratum(Difficulty.MEDIUM, 24, 32),
    Stratum(Difficulty.HARD, 22, 28),
)
MAZE_STRATA = (
    Stratum(Difficulty.EASY, 15, 29),
    Stratum(Difficulty.MEDIUM, 30, 44),
    Stratum(Difficulty.HARD, 45, 59),
    Stratum(Difficulty.HARD, 60, 74),
    Stratum(Difficulty.HARD, 75, 89),
)
LARGE_MAZE_STRATA = tuple(
    Stratum(Difficulty.HARD, shortest, longest)
    for shortest, longest in ((110, 149), (150, 179), (180, 209), (210, 239), (240, 299))
)
"""Shortest paths of 110 steps or more, as in the public Maze-Hard."""


def sudoku_set(
    per_stratum: int = 200, *, strata: tuple[Stratum, ...] = SUDOKU_STRATA, workers: int = 1
) -> PuzzleSet:
    """`per_stratum` puzzles of each stratum. The result does not depend on the number of workers."""
    kinds = []
    for number, (difficulty, fewest, most) in enumerate(strata):
        counts = np.bincount(np.arange(per_stratum) % (most - fewest + 1)).tolist()
        for givens, count in enumerate(counts, fewest):
            seed = SUDOKU_SEED * 1000 + number * 100 + givens
            kinds.append(SetKind(count, difficulty, seed, {"givens": (givens, givens)}))
    return without_twins(Sudoku(), kinds, workers=workers)


def maze_set(
    per_stratum: int = 100,
    *,
    side: int = MAZE_SIDE,
    strata: tuple[Stratum, ...] = MAZE_STRATA,
    seed: int = MAZE_SEED,
    workers: int = 1,
) -> PuzzleSet:
    """`per_stratum` mazes of each stratum. The result does not depend on the number of workers."""
    kinds = (
        SetKind(
            per_stratum,
            difficulty,
            seed * 1000 + number,
            {"style": "depth-first", "min_path": shortest, "max_path": longest},
        )
        for number, (difficulty, shortest, longest) in enumerate(strata)
    )
    return without_twins(Maze(side), kinds, workers=workers)


def large_maze_set(per_stratum: int = 40, *, workers: int = 1) -> PuzzleSet:
    """`per_stratum` mazes of 30x30 of each stratum."""
    return maze_set(
        per_stratum, side=LARGE_MAZE_SIDE, strata=LARGE_MAZE_STRATA, seed=LARGE_MAZE_SEED, workers=workers
    )


class SetKind(NamedTuple):
    """`count` puzzles from `Task.generate_many` with these arguments."""

    count: int
    difficulty: Difficulty
    seed: int
    options: dict[str, Any]


def without_twins(task: Task, kinds: Iterable[SetKind], *, workers: int = 1) -> PuzzleSet:
    """The puzzles of all kinds in order, without symmetric copies, rated by the work of the task's solver.

    The result does not depend on the number of workers. Between kinds, symmetric copies are left out; within one kind they raise
    `DataError`.
    """
    seen: set[bytes] = set()
    inputs, labels, difficulty = [], [], []
    for kind in kinds:
        part_inputs, part_labels = task.generate_many(
            kind.count,
            difficulty=kind.difficulty,
            seed=kind.seed,
            workers=workers,
            exclude=seen,
            **kind.options,
        )
        keys = set(map(task.symmetry_key, part_labels))
        if len(keys) < kind.count:
            raise DataError(
                f"Two {kind.difficulty} puzzles of seed {kind.seed} have the same symmetry key. Change the seed."
            )
        seen |= keys
        inputs.append(part_inputs)
        labels.append(part_labels)
        difficulty += [str(kind.difficulty)] * kind.count
        print(f"{kind.difficulty}, {kind.options}: {kind.count}", file=sys.stderr)
    puzzles = np.concatenate(inputs)
    return PuzzleSet.of(
        f"{task.name}/test",
        task,
        puzzles,
        np.concatenate(labels),
        difficulty=tuple(difficulty),
        rating=np.array([task.rate(puzzle).search_nodes for puzzle in puzzles], float),
    )


SETS: dict[str, tuple[Task, Callable[..., PuzzleSet]]] = {
    "sudoku/test": (Sudoku(), sudoku_set),
    "maze/test": (Maze(MAZE_SIDE), maze_set),
    "maze/test-30x30": (Maze(LARGE_MAZE_SIDE), large_maze_set),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build a bundled test set.")
    parser.add_argument("name", choices=SETS)
    name = parser.parse_args().name
    task, build = SETS[name]
    write_csv(build(workers=os.cpu_count() or 1), PUZZLES / f"{name}.csv", task)
