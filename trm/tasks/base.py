"""What a task is: a grid of tokens with rules.

A model only sees tokens. Everything else about a puzzle (how it is typed and printed, which cells break a
rule, when an answer is right, how hard it is, how a new one is made) is known by its task, and the rest of
the library asks it through this one interface.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Integer, Shaped, UInt8

from trm.errors import PuzzleError
from trm.tasks.puzzle_text import PuzzleText, numbered_lines

PADDING = 0
"""Token of every task for cells that are no part of a puzzle; in labels: cells that are not scored."""
CHUNK = 32
"""Puzzles that share a random stream in `generate_many`; fixed, so the number of workers changes nothing."""
EXCLUDED_IN_A_ROW = 1000
"""Excluded puzzles in a row after which a small task is taken to have no others."""

PuzzleProgress = Callable[[int], None]
"""Called with the number of puzzles done."""
MAX_GUESSES = 100_000
"""Guesses of a solver until it gives up: some seconds."""


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
    the guesses that the task's solver tried in all branches until that was settled (0: none was needed); for a maze
    the cells that a search visits.
    """

    difficulty: Difficulty | None
    sentence: str
    search_nodes: int
    solutions: int


@dataclass(frozen=True, eq=False)
class Puzzle:
    """A generated puzzle: inputs, its solution (mazes with several: one of them), the difficulty it was made for."""

    inputs: UInt8[np.ndarray, "cells"]
    labels: UInt8[np.ndarray, "cells"]
    difficulty: Difficulty


@dataclass(frozen=True, eq=False)
class Symmetries:
    """One symmetry of the task's rules for each of some grids, as data. They can be undone."""

    source: Integer[np.ndarray, "batch cells"]  # which cell comes to this place
    token_map: UInt8[np.ndarray, "batch vocab"]  # what each token becomes

    def apply(self, grids: UInt8[np.ndarray, "batch cells"]) -> UInt8[np.ndarray, "batch cells"]:
        """Each grid under its symmetry."""
        moved = np.take_along_axis(grids, self.source, 1)
        return np.take_along_axis(self.token_map, moved.astype(np.intp), 1)

    def undo(self, grids: UInt8[np.ndarray, "batch cells"]) -> UInt8[np.ndarray, "batch cells"]:
        """The grids that `apply` made these of."""
        named = np.take_along_axis(self.token_map.argsort(1).astype(np.uint8), grids.astype(np.intp), 1)
        return np.take_along_axis(named, self.source.argsort(1), 1)


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
    looks: tuple[str, ...]
    """How a cell with each token is drawn: "" (its symbol on paper), a thing that the player knows to draw ("wall",
    "open", "start", "goal", "path", "pad", "border"), or a colour as #rrggbb."""
    generator_options: frozenset[str] = frozenset()
    """Names of the options that `generate` takes."""
    checkable_by_rules: bool = True
    """Whether an answer can be judged without knowing the right one; `is_solved` is false for all where it cannot."""
    needs_puzzle_id: bool = False
    """Whether a model of the task knows puzzles by their ids alone: with the blank id it scores 0."""
    scored_cells: str = ""
    """Which cells a count of right ones is over: "" for all, else the word for those that are not given. Most of a maze
    are walls, which every answer copies, so that a count of all cells would hardly move."""
    rule_score: str | None = None
    """Name of a second score, the share of answers that `is_solved` accepts, where that is more than the exact ones."""
    writable: tuple[int, ...]
    """Tokens that a person writes puzzles with. The first is what an emptied cell holds."""
    unique_tokens: tuple[int, ...] = ()
    """Those of them that a finished puzzle has exactly once."""

    @property
    def cells(self) -> int:
        """Tokens of a puzzle."""
        return self.rows * self.columns

    @abstractmethod
    def parse(self, puzzle: str, *, unfinished: bool = False) -> UInt8[np.ndarray, "cells"]:
        """Tokens of a puzzle as a person types it. Raises `PuzzleError` that says what is wrong and where.

        `unfinished`: also one that lacks what a whole puzzle has (a maze its start), as long as a model can be shown it.
        """

    def find_puzzles(self, lines: Iterable[str]) -> Iterator[PuzzleText]:
        """The puzzles of a text of any length, in order, none checked yet. Here: one a line, but for comments."""
        for number, line in numbered_lines(lines):
            if line.strip() and not line.startswith("#"):
                yield PuzzleText(line, number)

    @abstractmethod
    def format(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """One character a cell, without separators; `parse` reads it back."""

    def public_text(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """The same in the characters of the public CSV files; `parse` reads it back."""
        return self.format(tokens)

    @abstractmethod
    def pretty(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """A grid in lines, for reading; `parse` reads it back."""

    @abstractmethod
    def givens(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Cells that the puzzle fixes."""

    def crop(
        self, tokens: UInt8[np.ndarray, "*batch cells"]
    ) -> tuple[Int[np.ndarray, "*batch"], Int[np.ndarray, "*batch"]] | None:
        """Rows and columns, from the top left, of what counts of each grid; None for a task whose grids count whole."""
        return None

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
    def rate(self, inputs: UInt8[np.ndarray, "cells"], *, max_guesses: int = MAX_GUESSES) -> Rating:
        """Difficulty with a sentence that names its reason. Raises `PuzzleError` when the search is given up."""

    @abstractmethod
    def generate(self, rng: np.random.Generator, difficulty: Difficulty | str, **options: Any) -> Puzzle:
        """A new puzzle with its solution, the only one unless the options say otherwise (mazes with loops).

        Raises `PuzzleError` when none is found as asked.
        """

    @abstractmethod
    def strata(self, inputs: UInt8[np.ndarray, "count cells"]) -> list[str]:
        """For each puzzle the kind, within its difficulty, that results are reported by."""

    def random_symmetries(
        self,
        inputs: UInt8[np.ndarray, "batch cells"],
        labels: UInt8[np.ndarray, "batch cells"],
        rng: np.random.Generator,
    ) -> tuple[UInt8[np.ndarray, "batch cells"], UInt8[np.ndarray, "batch cells"]]:
        """Each puzzle and its solution under a random symmetry of the rules of its own."""
        drawn = self.symmetries(len(inputs), rng)
        return drawn.apply(inputs), drawn.apply(labels)

    @abstractmethod
    def symmetries(self, count: int, rng: np.random.Generator) -> Symmetries:
        """Random symmetries of the rules, one for each of so many grids."""

    @abstractmethod
    def symmetry_key(self, solution: UInt8[np.ndarray, "cells"]) -> bytes:
        """A key that all symmetric versions of a solution share. Different keys: certainly not symmetric."""

    def cell_features(self, inputs: UInt8[np.ndarray, "cells"]) -> dict[str, Shaped[np.ndarray, "cells"]]:
        """What can be said of each cell by the task's own logic, by name: what probes ask the states for."""
        return {}

    def generate_many(
        self,
        count: int,
        *,
        difficulty: Difficulty | str = Difficulty.EASY,
        seed: int = 0,
        workers: int = 1,
        exclude: Collection[bytes] = frozenset(),
        progress: PuzzleProgress | None = None,
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
