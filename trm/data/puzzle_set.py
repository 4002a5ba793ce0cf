"""The puzzle set that all readers return and all writers accept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float64, Int, UInt8

from trm.tasks.base import Task

BLOCK = 4096
"""Number of puzzles that are processed at a time, so that a set larger than memory can stay on disk."""


@dataclass(frozen=True, eq=False)
class PuzzleSet:
    """Puzzles of one task, in file order. The arrays may be memory-mapped and must not be changed."""

    name: str
    task: str
    inputs: UInt8[np.ndarray, "count cells"]
    labels: UInt8[np.ndarray, "count cells"]
    """Tokens of the solutions; 0 (padding) in cells that are not scored and in all cells of puzzles without a label."""
    labelled: Bool[np.ndarray, "count"]
    """Whether each puzzle has a label (a known solution). Otherwise, answers are only checked against the rules."""
    givens: Int[np.ndarray, "count"]
    """Number of given cells in each puzzle."""
    difficulty: tuple[str, ...]
    """Difficulty of each puzzle: a value of `Difficulty`, or "" if it is unknown."""
    rating: Float64[np.ndarray, "count"]
    """Difficulty of each puzzle on the source's own scale, or NaN. For bundled Sudokus: number of solver guesses."""
    puzzle_identifiers: Int[np.ndarray, "count"]
    """Puzzle id of each puzzle: its row in the model's puzzle embedding, or 0 (the blank id)."""
    names: tuple[str, ...] = ()
    """Name of each puzzle in the source, such as `<task>, test 1` for ARC, or "" for an unnamed puzzle.

    The tuple is empty if no puzzle has a name. The part of a name before the first comma determines the puzzle id.
    """
    notes: tuple[str, ...] = ()
    """Notes for the user about parts of the file that were skipped."""

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
        """Create a set. `labelled` and `givens` are computed from `labels` and `inputs`."""
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
        """Return a set of the puzzles at the indices `rows`, in the order of `rows`."""
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
        """Return the name of each puzzle's group in reports: "<difficulty>, <stratum>", without an empty part."""
        strata = task.strata(self.inputs)
        return np.array(
            [", ".join(filter(None, names)) for names in zip(self.difficulty, strata, strict=True)]
        )


def _of_each(
    puzzles: UInt8[np.ndarray, "count cells"], of: Callable[[np.ndarray], np.ndarray], dtype: type
) -> np.ndarray:
    """Apply `of` to blocks of puzzles and concatenate the results, one value per puzzle."""
    values = np.zeros(len(puzzles), dtype)
    for begin in range(0, len(puzzles), BLOCK):
        values[begin : begin + BLOCK] = of(puzzles[begin : begin + BLOCK])
    return values
