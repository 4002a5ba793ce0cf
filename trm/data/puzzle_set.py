"""A puzzle set in memory: what every reader returns and every writer takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float64, Int, UInt8

from trm.tasks.base import Task

BLOCK = 4096
"""Puzzles looked at in one go, so that a set that is larger than memory stays on disk."""


@dataclass(frozen=True, eq=False)
class PuzzleSet:
    """Puzzles of one task, in file order. The arrays may be memory-mapped: treat them as read-only."""

    name: str
    task: str
    inputs: UInt8[np.ndarray, "count cells"]
    labels: UInt8[np.ndarray, "count cells"]
    """The solution; 0 (padding) in cells that are not to be scored, everywhere where there is no label."""
    labelled: Bool[np.ndarray, "count"]
    """False where the puzzle has not exactly one solution: such an answer is judged by the rules alone."""
    givens: Int[np.ndarray, "count"]
    """Number of cells that each puzzle fixes."""
    difficulty: tuple[str, ...]
    """Value of `Difficulty`; "" where the source does not say."""
    rating: Float64[np.ndarray, "count"]
    """The source's own measure of hardness (bundled Sudoku: guesses of the solver); NaN where it has none."""
    puzzle_identifiers: Int[np.ndarray, "count"]
    """Rows of a model's puzzle embedding; 0 where it has none."""
    names: tuple[str, ...] = ()
    """What the source calls each puzzle: `<task>, test 1` for ARC, "" for a puzzle without one; () where it names none.

    What stands before the first comma is the name of its puzzle id.
    """
    notes: tuple[str, ...] = ()
    """What the reader passed over in the file, for whoever gave it."""

    @classmethod
    def of(
        cls,
        name: str,
        task: Task,
        inputs: UInt8[np.ndarray, "count cells"],
        labels: UInt8[np.ndarray, "count cells"],
        *,
        difficulty: tuple[str, ...] | None = None,
        rating: Float64[np.ndarray, "count"] | None = None,
        puzzle_identifiers: Int[np.ndarray, "count"] | None = None,
        names: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> PuzzleSet:
        """A set with what follows from inputs and labels filled in."""
        count = len(inputs)
        return cls(
            name=name,
            task=task.name,
            inputs=inputs,
            labels=labels,
            labelled=_of_each(labels, lambda part: part.any(-1), bool),
            givens=_of_each(inputs, lambda part: task.givens(part).sum(-1), np.int64),
            difficulty=("",) * count if difficulty is None else difficulty,
            rating=np.full(count, np.nan) if rating is None else rating,
            puzzle_identifiers=np.zeros(count, np.int32)
            if puzzle_identifiers is None
            else puzzle_identifiers,
            names=names,
            notes=notes,
        )

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: Int[np.ndarray, "taken"]) -> PuzzleSet:
        """The puzzles of these rows, in this order."""
        arrays = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        return replace(
            self,
            **arrays,
            difficulty=tuple(self.difficulty[row] for row in rows),
            names=tuple(self.names[row] for row in rows) if self.names else (),
        )

    def groups(self, task: Task) -> np.ndarray:
        """The group that each puzzle's result is reported under: difficulty and stratum of the task."""
        strata = task.strata(self.inputs)
        return np.array(
            [", ".join(filter(None, names)) for names in zip(self.difficulty, strata, strict=True)]
        )


def _of_each(
    puzzles: UInt8[np.ndarray, "count cells"], of: Callable[[np.ndarray], np.ndarray], dtype: type
) -> np.ndarray:
    """What `of` says of each puzzle, a block at a time."""
    found = np.zeros(len(puzzles), dtype)
    for begin in range(0, len(puzzles), BLOCK):
        found[begin : begin + BLOCK] = of(puzzles[begin : begin + BLOCK])
    return found
