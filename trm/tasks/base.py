"""The interface of a task: a grid of tokens with rules.

A model only sees tokens. Its task knows everything else about a puzzle: how to parse and print it, which cells
conflict, whether an answer is correct, how hard it is, and how to generate a new one.
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
"""Token, in every task, for cells outside the puzzle; in labels, for cells that are not scored."""
CHUNK = 32
"""Puzzles per random stream in `generate_many`; fixed, so that the result does not depend on the number of workers."""
EXCLUDED_IN_A_ROW = 1000
"""Consecutive excluded puzzles after which `generate_many` gives up: a small task may have no other puzzles."""

PuzzleProgress = Callable[[int], None]
"""Called with the number of puzzles done."""
MAX_GUESSES = 100_000
"""Maximum number of guesses before a solver gives up: a few seconds."""


class Difficulty(StrEnum):
    """How much reasoning a puzzle needs; each task defines its levels."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"

    @classmethod
    def _missing_(cls, value: object) -> Difficulty:
        raise PuzzleError(f"Unknown difficulty {value!r}. Choose one of: {', '.join(cls)}.")


@dataclass(frozen=True)
class Rating:
    """How hard a puzzle is, and whether it has exactly one solution.

    `solutions` is 0, 1, or 2 for "at least two"; `difficulty` is None unless `solutions` is 1. `search_nodes` is the
    number of guesses that the task's solver made over all branches (0: no guesses were needed); for a maze, the number
    of cells that the search visited.
    """

    difficulty: Difficulty | None
    sentence: str
    search_nodes: int
    solutions: int


@dataclass(frozen=True, eq=False)
class Puzzle:
    """A generated puzzle: its inputs, its solution (one of the solutions if a maze has several), and its difficulty."""

    inputs: UInt8[np.ndarray, "cells"]
    labels: UInt8[np.ndarray, "cells"]
    difficulty: Difficulty


@dataclass(frozen=True, eq=False)
class Symmetries:
    """One symmetry of the task's rules per grid, as index arrays; `undo` inverts the symmetries."""

    source: Integer[np.ndarray, "batch cells"]  # the cell that moves to this position
    token_map: UInt8[np.ndarray, "batch vocab"]  # the new value of each token

    def apply(self, grids: UInt8[np.ndarray, "batch cells"]) -> UInt8[np.ndarray, "batch cells"]:
        """Apply to each grid its symmetry."""
        moved = np.take_along_axis(grids, self.source, 1)
        return np.take_along_axis(self.token_map, moved.astype(np.intp), 1)

    def undo(self, grids: UInt8[np.ndarray, "batch cells"]) -> UInt8[np.ndarray, "batch cells"]:
        """The inverse of `apply`."""
        named = np.take_along_axis(self.token_map.argsort(1).astype(np.uint8), grids.astype(np.intp), 1)
        return np.take_along_axis(named, self.source.argsort(1), 1)


class Task(ABC):
    """A grid of `rows` x `columns` tokens, flattened row by row, and its rules. Immutable; can be pickled."""

    name: str
    rows: int
    columns: int
    vocab_size: int
    symbols: tuple[str, ...]
    """Printed character for each token."""
    symbol_names: tuple[str, ...]
    """Name of each token, for legends and screen readers."""
    looks: tuple[str, ...]
    """How a cell with each token is drawn: "" (as its symbol), one of the player's drawings ("wall", "open", "start",
    "goal", "path", "pad", "border"), or a colour as #rrggbb."""
    generator_options: frozenset[str] = frozenset()
    """Names of the options of `generate`."""
    checkable_by_rules: bool = True
    """Whether the rules alone determine if an answer is correct. If not, `is_solved` is always false."""
    needs_puzzle_id: bool = False
    """Whether a model needs the puzzle id to know the rule: with the blank id it scores 0."""
    scored_cells: str = ""
    """The cells that a count of correct cells covers: "" for all, else the word for cells that are not given. Most cells
    of a maze are walls, which every answer copies, so a count over all cells would hardly change."""
    rule_score: str | None = None
    """Name of a second score, the fraction of answers that `is_solved` accepts; None if it always equals exact accuracy."""
    writable: tuple[int, ...]
    """Tokens that a person can enter in a puzzle. The first is the token of a cleared cell."""
    unique_tokens: tuple[int, ...] = ()
    """The tokens in `writable` that occur exactly once in a complete puzzle."""

    @property
    def cells(self) -> int:
        """Number of cells in a grid, which is the number of tokens."""
        return self.rows * self.columns

    @abstractmethod
    def parse(self, puzzle: str, *, unfinished: bool = False) -> UInt8[np.ndarray, "cells"]:
        """Parse a puzzle as typed by a person. Raises `PuzzleError`, which names the mistake and its place.

        `unfinished` also accepts a puzzle that lacks a required part (a maze without a start) but is a valid input to a
        model.
        """

    def find_puzzles(self, lines: Iterable[str]) -> Iterator[PuzzleText]:
        """Locate the puzzles in a text of any length, in order, without checking them. By default, there is one per
        line, except on lines that start with #.
        """
        for number, line in numbered_lines(lines):
            if line.strip() and not line.startswith("#"):
                yield PuzzleText(line, number)

    @abstractmethod
    def format(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """One character per cell, without separators; `parse` reads it back."""

    def public_text(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """Like `format`, with the characters of the public CSV files; `parse` reads it back."""
        return self.format(tokens)

    @abstractmethod
    def pretty(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """A grid as readable lines; `parse` reads it back."""

    @abstractmethod
    def givens(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Mask of the cells that the puzzle fixes."""

    def crop(
        self, tokens: UInt8[np.ndarray, "*batch cells"]
    ) -> tuple[Int[np.ndarray, "*batch"], Int[np.ndarray, "*batch"]] | None:
        """Rows and columns, from the top left, of the part of each grid that is scored; None for the whole grid."""
        return None

    @abstractmethod
    def conflicts(self, tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Mask of the cells that break a rule in this (possibly incomplete) answer."""

    @abstractmethod
    def is_solved(
        self, inputs: UInt8[np.ndarray, "*batch cells"], answer: UInt8[np.ndarray, "*batch cells"]
    ) -> Bool[np.ndarray, "*batch"]:
        """Whether the answer is complete, obeys the rules and preserves the givens. Needs no label."""

    @abstractmethod
    def solutions(
        self, inputs: UInt8[np.ndarray, "cells"], limit: int = 2
    ) -> list[UInt8[np.ndarray, "cells"]]:
        """Up to `limit` solutions. Raises `PuzzleError` if the search gives up."""

    @abstractmethod
    def rate(self, inputs: UInt8[np.ndarray, "cells"], *, max_guesses: int = MAX_GUESSES) -> Rating:
        """Rate the difficulty, with a sentence that gives the reason. Raises `PuzzleError` if the search gives up."""

    @abstractmethod
    def generate(self, rng: np.random.Generator, difficulty: Difficulty | str, **options: Any) -> Puzzle:
        """Generate a puzzle with its solution, which is unique unless the options allow more (mazes with loops).

        Raises `PuzzleError` if no puzzle with these options is found.
        """

    @abstractmethod
    def strata(self, inputs: UInt8[np.ndarray, "count cells"]) -> list[str]:
        """The stratum of each puzzle: the label by which results are grouped within a difficulty."""

    def random_symmetries(
        self,
        inputs: UInt8[np.ndarray, "batch cells"],
        labels: UInt8[np.ndarray, "batch cells"],
        rng: np.random.Generator,
    ) -> tuple[UInt8[np.ndarray, "batch cells"], UInt8[np.ndarray, "batch cells"]]:
        """Apply an independent random symmetry of the rules to each puzzle and its solution."""
        drawn = self.symmetries(len(inputs), rng)
        return drawn.apply(inputs), drawn.apply(labels)

    @abstractmethod
    def symmetries(self, count: int, rng: np.random.Generator) -> Symmetries:
        """Draw random symmetries of the rules for `count` grids."""

    @abstractmethod
    def symmetry_key(self, solution: UInt8[np.ndarray, "cells"]) -> bytes:
        """A key that all symmetric versions of a solution share. Solutions with different keys are not symmetric."""

    def cell_features(self, inputs: UInt8[np.ndarray, "cells"]) -> dict[str, Shaped[np.ndarray, "cells"]]:
        """Properties of each cell that follow from the rules, by name: targets for probes."""
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
        """Generate `count` puzzles with their solutions: (inputs, labels).

        The result depends only on `seed` and the options, not on `workers` (processes; 1 uses the current process).
        A larger count with the same seed starts with the same puzzles. No solution has a `symmetry_key` in `exclude`,
        so that no training puzzle is a symmetric version of a test puzzle. Takes the `options` of `generate`.

        Raises `PuzzleError` if no puzzle with these options is found.
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
            # Spawned, not forked: the caller may have torch threads running, and forking them can hang.
            with ProcessPoolExecutor(
                min(workers, len(sizes)), get_context("spawn"), initializer=_end_with_parent
            ) as pool:
                collect(pool.map(chunk, range(len(sizes)), sizes))
        return inputs, labels


def _end_with_parent() -> None:
    """Exit this worker when its parent is killed; otherwise it would wait for work forever."""
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
                f"{excluded} {task.name} puzzles in a row are symmetric versions of excluded ones. Exclude fewer."
            )
    return np.stack([puzzle.inputs for puzzle in puzzles]), np.stack([puzzle.labels for puzzle in puzzles])
