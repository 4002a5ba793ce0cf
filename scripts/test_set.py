"""What the builders of the bundled test sets share: puzzles of several kinds, no two of them symmetric versions."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from trm.data.puzzle_set import PuzzleSet
from trm.errors import DataError
from trm.tasks.base import Difficulty, Task


class Kind(NamedTuple):
    """`count` puzzles as `Task.generate_many` makes them with these arguments."""

    count: int
    difficulty: Difficulty
    seed: int
    options: dict[str, Any]


def without_twins(task: Task, kinds: Iterable[Kind], *, workers: int = 1) -> PuzzleSet:
    """The puzzles of all kinds in turn, rated by the work of the task's solver. The number of workers changes
    nothing.

    Raises `DataError` when two puzzles of one kind share a symmetry key; between kinds such are left out.
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
