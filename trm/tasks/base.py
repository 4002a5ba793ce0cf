"""What a task is: a grid of tokens with rules.

A model only sees tokens. Everything else about a puzzle (how it is typed and printed, which cells break a
rule, when an answer is right, how hard it is, how a new one is made) is known by its task, and the rest of
the library asks it through this one interface.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from trm.errors import PuzzleError

CHUNK = 32
"""Puzzles that share a random stream in `generate_many`; fixed, so the number of workers changes nothing."""
EXCLUDED_IN_A_ROW = 1000
"""Excluded puzzles in a row after which a small task is taken to have no others."""

Progress = Callable[[int], None]
"""Called with the number of puzzles done."""


class Difficulty(StrEnum):
    """How much reasoning a puzzle needs; each task says what its levels mean."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"

    @classmethod
    def _missing_(cls, value: object) -> Difficulty:
        raise PuzzleError(f"There is no difficulty {value!r}. Choose one of: {', '.join(cls)}.")


@dataclass(frozen=True)
class Rating:
    """How hard a puzzle is, and whether it has exactly one solution.

    `solutions` is 0, 1, or 2 for "at least two"; `difficulty` is None unless it is 1. `search_nodes` counts
    the guesses that the task's solver tried in all branches until that was settled (0: none was needed).
    """

    difficulty: Difficulty | None
    sentence: str
    search_nodes: int
    solutions: int


@dataclass(frozen=True, eq=False)
class Puzzle:
    """A generated puzzle: inputs, its only solution, and the rating that it was made for."""

    inputs: UInt8[np.ndarray, "cells"]
    labels: UInt8[np.ndarray, "cells"]
    difficulty: Difficulty


class Task(ABC):
    """A grid of `rows` x `columns` tokens, flattened row by row, and its rules. Immutable; can be pickled."""

    name: str
    rows: int
    columns: int
    vocab_size: int
    symbols: tuple[str, ...]
    """Printed character of each token."""
    symbol_names: tuple[str, ...]
    """Name of each token, for legends and screen readers."""

    @property
    def cells(self) -> int:
        """Tokens of a puzzle."""
        return self.rows * self.columns

    @abstractmethod
    def parse(self, text: str) -> UInt8[np.ndarray, "cells"]:
        """Tokens of a puzzle as a person types it. Raises `PuzzleError` that says what is wrong and where."""

    @abstractmethod
    def format(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """One character a cell, without separators; `parse` reads it back."""

    @abstractmethod
    def pretty(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """A grid in lines, for reading; `parse` reads it back."""

    @abstractmethod
    def givens(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Cells that the puzzle fixes."""

    @abstractmethod
    def conflicts(self, tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Cells that break a rule in this (possibly unfinished) answer."""

    @abstractmethod
    def is_solved(
        self, inputs: UInt8[np.ndarray, "*batch cells"], answer: UInt8[np.ndarray, "*batch cells"]
    ) -> Bool[np.ndarray, "*batch"]:
        """Whether the answer is complete, obeys the rules and keeps the givens. No label is needed."""

    @abstractmethod
    def solutions(
        self, inputs: UInt8[np.ndarray, "cells"], limit: int = 2
    ) -> list[UInt8[np.ndarray, "cells"]]:
        """Up to `limit` solutions. Raises `PuzzleError` when the search is given up."""

    @abstractmethod
    def rate(self, inputs: UInt8[np.ndarray, "cells"]) -> Rating:
        """Difficulty with a sentence that names its reason."""

    @abstractmethod
    def generate(self, rng: np.random.Generator, difficulty: Difficulty | str, **options: Any) -> Puzzle:
        """A new puzzle with exactly one solution. Raises `PuzzleError` when there is none as asked."""

    @abstractmethod
    def strata(self, inputs: UInt8[np.ndarray, "count cells"]) -> list[str]:
        """For each puzzle the kind, within its difficulty, that results are reported by."""

    @abstractmethod
    def random_symmetries(
        self,
        inputs: UInt8[np.ndarray, "batch cells"],
        labels: UInt8[np.ndarray, "batch cells"],
        rng: np.random.Generator,
    ) -> tuple[UInt8[np.ndarray, "batch cells"], UInt8[np.ndarray, "batch cells"]]:
        """Each puzzle and its solution under a random symmetry of the rules of its own."""

    @abstractmethod
    def symmetry_key(self, solution: UInt8[np.ndarray, "cells"]) -> bytes:
        """A key that all symmetric versions of a solution share. Different keys: certainly not symmetric."""

    def generate_many(
        self,
        count: int,
        *,
        difficulty: Difficulty | str = Difficulty.EASY,
        seed: int = 0,
        workers: int = 1,
        exclude: Collection[bytes] = frozenset(),
        progress: Progress | None = None,
        **options: Any,
    ) -> tuple[UInt8[np.ndarray, "count cells"], UInt8[np.ndarray, "count cells"]]:
        """`count` puzzles and their solutions: (inputs, labels).

        The result depends on `seed` and the options alone, not on `workers` (processes; 1 stays in this
        one); more puzzles of the same seed start with the same ones. No solution has a `symmetry_key` in
        `exclude`, so that training and test puzzles cannot be versions of each other. `options` go to
        `generate`.

        Raises `PuzzleError` when no puzzle is found as asked.
        """
        chunk = partial(
            _chunk,
            self,
            difficulty=Difficulty(difficulty),
            seed=seed,
            exclude=frozenset(exclude),
            options=options,
        )
        starts = range(0, count, CHUNK)
        sizes = [min(CHUNK, count - start) for start in starts]
        inputs = np.zeros((count, self.cells), np.uint8)
        labels = np.zeros((count, self.cells), np.uint8)

        def collect(parts: Any) -> None:
            for start, size, (part_inputs, part_labels) in zip(starts, sizes, parts, strict=True):
                inputs[start : start + size], labels[start : start + size] = part_inputs, part_labels
                if progress:
                    progress(start + size)

        if workers <= 1 or len(sizes) <= 1:
            collect(map(chunk, range(len(sizes)), sizes))
        else:
            # Spawned, not forked: the caller may hold torch's threads, and forking those can hang.
            with ProcessPoolExecutor(
                min(workers, len(sizes)), get_context("spawn"), initializer=_end_with_parent
            ) as pool:
                collect(pool.map(chunk, range(len(sizes)), sizes))
        return inputs, labels


def _end_with_parent() -> None:
    """A worker whose parent is killed would wait for work for ever; this one ends too."""
    parent = parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _chunk(
    task: Task,
    index: int,
    size: int,
    *,
    difficulty: Difficulty,
    seed: int,
    exclude: frozenset[bytes],
    options: dict[str, Any],
) -> tuple[UInt8[np.ndarray, "size cells"], UInt8[np.ndarray, "size cells"]]:
    rng = np.random.default_rng([seed, index])
    puzzles: list[Puzzle] = []
    excluded = 0
    while len(puzzles) < size:
        puzzle = task.generate(rng, difficulty, **options)
        if not exclude or task.symmetry_key(puzzle.labels) not in exclude:
            puzzles.append(puzzle)
            excluded = 0
            continue
        excluded += 1
        if excluded == EXCLUDED_IN_A_ROW:
            raise PuzzleError(
                f"All of {excluded} {task.name} puzzles are versions of excluded ones. Exclude fewer."
            )
    return np.stack([puzzle.inputs for puzzle in puzzles]), np.stack([puzzle.labels for puzzle in puzzles])
