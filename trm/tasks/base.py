"""The interface of a task: a kind of puzzle with a grid of tokens and rules.

A model only sees tokens. Everything else belongs to the task, which parses, formats, checks, solves, rates, and
generates puzzles.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
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
from trm.progress import Progress, no_progress
from trm.tasks.puzzle_text import PuzzleText, numbered_lines

PADDING = 0
"""Token for cells outside the puzzle, in every task. In labels, it marks cells that are not scored."""
CHUNK = 32
"""Number of puzzles per random stream in `generate_many`. It is fixed, so that results do not depend on `workers`."""
EXCLUDED_IN_A_ROW = 1000
"""Number of consecutive excluded puzzles after which `generate_many` stops: a small task may have no other puzzles."""

MAX_GUESSES = 100_000
"""Default maximum number of guesses of a solver. Reaching it takes a few seconds."""


class Difficulty(StrEnum):
    """Difficulty level of a puzzle. Each task defines its levels by the reasoning that a puzzle needs."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"

    @classmethod
    def _missing_(cls, value: object) -> Difficulty:
        raise PuzzleError(f"Unknown difficulty {value!r}. Choose one of: {', '.join(cls)}.")


@dataclass(frozen=True)
class Rating:
    """Difficulty of a puzzle, a sentence that explains it, and the number of solutions.

    `solutions` is 0, 1, or 2, where 2 means at least two. `difficulty` is None unless `solutions` is 1. `search_nodes` is
    the number of guesses that the solver made in all branches; for a maze, it is the number of cells that the search
    visited.
    """

    difficulty: Difficulty | None
    sentence: str
    search_nodes: int
    solutions: int


@dataclass(frozen=True, eq=False)
class Puzzle:
    """A generated puzzle. `labels` holds the tokens of its solution, or of one solution if a maze has several."""

    inputs: UInt8[np.ndarray, "cells"]
    labels: UInt8[np.ndarray, "cells"]
    difficulty: Difficulty


@dataclass(frozen=True)
class Deduction:
    """How a person derives the token of a cell from the puzzle by the rules of its task."""

    rule: str
    """Sudoku: naked, row, column or box (a hidden single). Maze: path, dead_end, detour or unreachable."""
    place: int
    """Number of the row, column or box, from 1; 0 for a naked single. Maze: steps from the start."""
    token: int
    round: int
    """The round in which the rule decides the cell, from 1, if each round decides all cells that it can."""
    cells: tuple[int, ...]
    """Cells on which the rule rests: givens, and cells decided in an earlier round."""
    techniques: tuple[str, ...] = ()
    """Sudoku: what else has to rule out candidates first, locked or pairs."""


@dataclass(frozen=True, eq=False)
class Symmetries:
    """Index arrays that define one symmetry of the task's rules for each grid of a batch."""

    source: Integer[np.ndarray, "batch cells"]  # index of the cell whose token moves to this position
    token_map: UInt8[np.ndarray, "batch vocab"]  # token that replaces each token

    def apply(self, grids: UInt8[np.ndarray, "batch cells"]) -> UInt8[np.ndarray, "batch cells"]:
        """Transform each grid by its symmetry."""
        moved = np.take_along_axis(grids, self.source, 1)
        return np.take_along_axis(self.token_map, moved.astype(np.intp), 1)

    def undo(self, grids: UInt8[np.ndarray, "batch cells"]) -> UInt8[np.ndarray, "batch cells"]:
        """Invert `apply`: restore the original grids."""
        named = np.take_along_axis(self.token_map.argsort(1).astype(np.uint8), grids.astype(np.intp), 1)
        return np.take_along_axis(named, self.source.argsort(1), 1)


class Task(ABC):
    """Grid of `rows` x `columns` tokens, flattened row by row, and its rules. Tasks are immutable and picklable."""

    name: str
    rows: int
    columns: int
    vocab_size: int
    symbols: tuple[str, ...]
    """Printed character for each token."""
    symbol_names: tuple[str, ...]
    """Name of each token, for legends and screen readers."""
    looks: tuple[str, ...]
    """How the player draws each token: as the token's symbol (""), as a named drawing ("wall", "open", "start", "goal",
    "path", "pad", "border"), or in a colour (#rrggbb)."""
    generator_options: frozenset[str] = frozenset()
    """Names of the options that `generate` accepts."""
    checkable_by_rules: bool = True
    """Whether the rules alone determine if an answer is correct. If False, `is_solved` always returns False."""
    needs_puzzle_id: bool = False
    """Whether a model needs the puzzle id to know the rule. If True, a model with the blank puzzle id scores 0."""
    scored_cells: str = ""
    """Word for the cells that a count of correct cells covers, or "" if it covers all cells. Most cells of a maze are
    walls, which every answer copies, so a count over all cells would hardly change."""
    rule_score: str | None = None
    """Name of a second score, the fraction of answers that `is_solved` accepts. None if it equals exact accuracy."""
    writable: tuple[int, ...]
    """Tokens that a person can enter in a puzzle. The first token represents a cleared cell."""
    unique_tokens: tuple[int, ...] = ()
    """The tokens in `writable` that occur exactly once in a complete puzzle."""
    blank: int | None = None
    """Token of a cell without a given; None if every cell of a puzzle is given."""

    @property
    def cells(self) -> int:
        """Number of cells in a grid, and so the number of tokens."""
        return self.rows * self.columns

    @abstractmethod
    def parse(self, puzzle: str, *, unfinished: bool = False) -> UInt8[np.ndarray, "cells"]:
        """Parse a puzzle that a person typed. Raises a `PuzzleError` that names the mistake and its place.

        If `unfinished` is True, a required part of the puzzle may be missing, such as the start of a maze. The tokens
        are still a valid model input.
        """

    def find_puzzles(self, lines: Iterable[str]) -> Iterator[PuzzleText]:
        """Yield the puzzles in a text of any length, in order and unchecked. By default, every line holds one puzzle,
        except for empty lines and lines that start with #.
        """
        for number, line in numbered_lines(lines):
            if line.strip() and not line.startswith("#"):
                yield PuzzleText(line, number)

    @abstractmethod
    def format(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """Format a grid as one line of text that `parse` accepts."""

    def public_text(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """Format a grid as one line of text with the characters of the public CSV files. `parse` accepts the text."""
        return self.format(tokens)

    @abstractmethod
    def pretty(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """Format a grid as several readable lines of text that `parse` accepts."""

    @abstractmethod
    def givens(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Mask of the cells that the puzzle fixes."""

    def crop(
        self, tokens: UInt8[np.ndarray, "*batch cells"]
    ) -> tuple[Int[np.ndarray, "*batch"], Int[np.ndarray, "*batch"]] | None:
        """Return how many rows and columns of each grid are scored, from the top left, or None if all are scored."""
        return None

    @abstractmethod
    def conflicts(self, tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Mask of the cells that break a rule in each answer. Answers may be incomplete."""

    @abstractmethod
    def is_solved(
        self, inputs: UInt8[np.ndarray, "*batch cells"], answer: UInt8[np.ndarray, "*batch cells"]
    ) -> Bool[np.ndarray, "*batch"]:
        """Whether each answer is complete, obeys the rules, and preserves the givens. No label is needed."""

    @abstractmethod
    def solutions(
        self, inputs: UInt8[np.ndarray, "cells"], limit: int = 2
    ) -> list[UInt8[np.ndarray, "cells"]]:
        """Return at most `limit` solutions. Raises `PuzzleError` if the search exceeds `MAX_GUESSES` guesses."""

    @abstractmethod
    def rate(self, inputs: UInt8[np.ndarray, "cells"], *, max_guesses: int = MAX_GUESSES) -> Rating:
        """Rate the difficulty of a puzzle. Raises `PuzzleError` if the search exceeds `max_guesses` guesses."""

    @abstractmethod
    def generate(self, rng: np.random.Generator, difficulty: Difficulty | str, **options: Any) -> Puzzle:
        """Generate a puzzle and its solution. Some options of mazes allow several solutions; otherwise, it is unique.

        Raises `PuzzleError` if no puzzle with these options is found.
        """

    @abstractmethod
    def strata(self, inputs: UInt8[np.ndarray, "count cells"]) -> list[str]:
        """Return the stratum of each puzzle, which is a label by which results are grouped within a difficulty."""

    def random_symmetries(
        self,
        inputs: UInt8[np.ndarray, "batch cells"],
        labels: UInt8[np.ndarray, "batch cells"],
        rng: np.random.Generator,
    ) -> tuple[UInt8[np.ndarray, "batch cells"], UInt8[np.ndarray, "batch cells"]]:
        """Transform each puzzle and its solution by a random symmetry of the rules. Returns (inputs, labels)."""
        drawn = self.symmetries(len(inputs), rng)
        return drawn.apply(inputs), drawn.apply(labels)

    @abstractmethod
    def symmetries(self, count: int, rng: np.random.Generator) -> Symmetries:
        """Draw one random symmetry of the rules for each of `count` grids."""

    @abstractmethod
    def symmetry_key(self, solution: UInt8[np.ndarray, "cells"]) -> bytes:
        """Return a key that is equal for all symmetric versions of a solution. Different keys rule out a symmetry."""

    def deductions(self, inputs: UInt8[np.ndarray, "cells"]) -> tuple[Deduction | None, ...] | None:
        """How the rules decide each cell; None for givens and for cells that no rule decides.

        Returns None as a whole if the task has no such rules.
        """
        return None

    def cell_features(self, inputs: UInt8[np.ndarray, "cells"]) -> dict[str, Shaped[np.ndarray, "cells"]]:
        """Return properties of each cell that follow from the rules, keyed by name. Probes use them as targets."""
        return {}

    def puzzles(
        self, rng: np.random.Generator, difficulty: Difficulty | str, **options: Any
    ) -> Iterator[Puzzle]:
        """Yield puzzles of this difficulty endlessly. `options` are those of `generate`."""
        while True:
            yield self.generate(rng, difficulty, **options)

    def generate_many(
        self,
        count: int,
        *,
        difficulty: Difficulty | str = Difficulty.EASY,
        seed: int = 0,
        workers: int = 1,
        exclude: Collection[bytes] = frozenset(),
        progress: Progress = no_progress,
        **options: Any,
    ) -> tuple[UInt8[np.ndarray, "count cells"], UInt8[np.ndarray, "count cells"]]:
        """Generate `count` puzzles and their solutions. Returns (inputs, labels), each of shape [count, cells].

        The number of processes, `workers`, does not change the result. A larger `count` with the same seed only
        appends puzzles. Puzzles whose solution has a `symmetry_key` in `exclude` are skipped, so that no training
        puzzle is a symmetric version of a test puzzle. `options` are passed to `generate`.

        Raises `PuzzleError` if too few puzzles with these options are found.
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
                progress((start + size) / count, f"{start + size:,} of {count:,} puzzles generated")

        if workers <= 1 or len(sizes) <= 1:
            collect(map(chunk, range(len(sizes)), sizes))
        else:
            # Processes are spawned, not forked: the caller may run torch threads, and a fork of these can hang.
            with ProcessPoolExecutor(
                min(workers, len(sizes)), get_context("spawn"), initializer=_end_with_parent
            ) as pool:
                collect(pool.map(chunk, range(len(sizes)), sizes))
        return inputs, labels


def _end_with_parent() -> None:
    """Exit this worker process when its parent process ends; otherwise it would wait for work forever."""
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
    stream = task.puzzles(rng, difficulty, **options)
    while len(puzzles) < size:
        puzzle = next(stream)
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
