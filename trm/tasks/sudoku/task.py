"""The Sudoku task: rules, text formats, solver, and generator behind the `Task` interface."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from jaxtyping import Bool, Shaped, UInt8

from trm.compiled import find_cache
from trm.errors import PuzzleError
from trm.tasks.base import MAX_GUESSES, Deduction, Difficulty, Puzzle, Rating, Symmetries, Task
from trm.tasks.puzzle_text import PuzzleText
from trm.tasks.sudoku import deduction, generator, logic, symmetry, text
from trm.tasks.sudoku.geometry import BLANK, FIRST_DIGIT, Geometry, geometry
from trm.tasks.sudoku.solver import Search, from_tokens, start, to_tokens

STRATUM = 6
"""Width of the ranges of givens by which results are grouped: 24-29, 30-35, ..."""
CLIMBS = 100
"""Number of climbs without a suitable puzzle after which `Sudoku.puzzles` gives up, after half a minute."""


@dataclass(frozen=True)
class Sudoku(Task):
    """Sudoku with boxes of `box_rows` x `box_columns` cells: 3x3 for standard Sudoku, 2x2 and 2x3 for teaching.

    Tokens (uint8) are 0 for padding, 1 for a blank, and 2 and up for the digits from 1, as in the public datasets.
    Raises `PuzzleError` unless both numbers are 2 or 3.
    """

    box_rows: int = 3
    box_columns: int = 3

    name = "sudoku"
    blank = BLANK
    generator_options = frozenset({"givens", "guesses"})

    def __post_init__(self) -> None:
        if not (2 <= self.box_rows <= 3 and 2 <= self.box_columns <= 3):
            raise PuzzleError(
                f"Sudokus with {self.box_rows}x{self.box_columns} boxes are not supported. Choose 2 or 3 for each."
            )

    @property
    def _geometry(self) -> Geometry:
        return geometry(self.box_rows, self.box_columns)

    @property
    def rows(self) -> int:
        return self.box_rows * self.box_columns

    @property
    def columns(self) -> int:
        return self.rows

    @property
    def vocab_size(self) -> int:
        return FIRST_DIGIT + self.rows

    @property
    def writable(self) -> tuple[int, ...]:
        return tuple(range(BLANK, self.vocab_size))

    @property
    def symbols(self) -> tuple[str, ...]:
        return (".", ".", *map(str, range(1, self.rows + 1)))

    @property
    def symbol_names(self) -> tuple[str, ...]:
        return ("pad", "blank", *self.symbols[FIRST_DIGIT:])

    @property
    def looks(self) -> tuple[str, ...]:
        return ("",) * self.vocab_size

    def parse(self, puzzle: str, *, unfinished: bool = False) -> UInt8[np.ndarray, "cells"]:
        """Parse a Sudoku in any format of `trm.tasks.sudoku.text`. `unfinished` has no effect: no given is required."""
        return text.parse(puzzle, self.rows)

    def find_puzzles(self, lines: Iterable[str]) -> Iterator[PuzzleText]:
        return text.find_puzzles(lines, self.rows)

    def format(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        return "".join(self.symbols[token] for token in tokens)

    def pretty(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        return text.pretty(self.format(tokens), self.box_rows, self.box_columns)

    def givens(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        return inputs > BLANK

    def conflicts(self, tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Mask of the cells whose digit is repeated in their row, column, or box."""
        repeated = np.zeros(tokens.shape, bool)
        for peer in self._geometry.peers.T:
            repeated |= tokens == tokens[..., peer]
        return repeated & (tokens > BLANK)

    def is_solved(
        self, inputs: UInt8[np.ndarray, "*batch cells"], answer: UInt8[np.ndarray, "*batch cells"]
    ) -> Bool[np.ndarray, "*batch"]:
        keeps_givens = (inputs == answer) | ~self.givens(inputs)
        is_digit = (answer > BLANK) & (answer < self.vocab_size)
        return np.asarray((keeps_givens & is_digit & ~self.conflicts(answer)).all(-1))

    def solutions(
        self, inputs: UInt8[np.ndarray, "cells"], limit: int = 2
    ) -> list[UInt8[np.ndarray, "cells"]]:
        board = self._geometry
        solutions = Search(board).solutions(start(board, from_tokens(board, inputs)))
        return [to_tokens(board, solution) for solution in islice(solutions, limit)]

    def rate(self, inputs: UInt8[np.ndarray, "cells"], *, max_guesses: int = MAX_GUESSES) -> Rating:
        return logic.rate(self._geometry, inputs, max_guesses=max_guesses)

    def generate(
        self,
        rng: np.random.Generator,
        difficulty: Difficulty | str = Difficulty.EASY,
        *,
        givens: tuple[int, int] | None = None,
    ) -> Puzzle:
        """Generate a puzzle with one solution and exactly this difficulty.

        The number of givens is drawn uniformly from the range `givens`, which includes both ends. Raises `PuzzleError` if
        no puzzle is found. Hard 9x9 puzzles with more than 32 givens are rare, and puzzles with 22 givens take seconds.
        """
        difficulty = Difficulty(difficulty)
        board = self._geometry
        remaining, removed = generator.generate(
            board,
            random.Random(int(rng.integers(2**63))),
            difficulty,
            givens or generator.usual_givens(board, difficulty),
        )
        inputs = to_tokens(board, sum(1 << candidate for candidate in remaining))
        labels = to_tokens(board, sum(1 << candidate for candidate in remaining + removed))
        return Puzzle(inputs, labels, difficulty)

    def puzzles(
        self,
        rng: np.random.Generator,
        difficulty: Difficulty | str = Difficulty.EASY,
        *,
        guesses: tuple[int, int] | None = None,
        **options: Any,
    ) -> Iterator[Puzzle]:
        """Yield puzzles of this difficulty endlessly.

        With `guesses`, puzzles are minimal, and a complete search makes this number of guesses (a range that includes
        both ends). Raises `PuzzleError` if this is not possible or no such puzzle is found.
        """
        if guesses is None:
            yield from super().puzzles(rng, difficulty, **options)
            return
        if self.cells != 81 or Difficulty(difficulty) is not Difficulty.HARD or options:
            raise PuzzleError(
                "A number of guesses can be chosen only for hard 9x9 Sudokus, without a number of givens."
            )
        fewest, most = guesses
        if fewest > most:
            raise PuzzleError(f"Guesses {fewest}-{most} is not a range. Give the smaller number first.")
        find_cache("trm.tasks.sudoku")
        from trm.tasks.sudoku.hardest import climb

        in_vain = 0
        while in_vain < CLIMBS:
            in_vain += 1
            for inputs, labels, made in zip(*climb(int(rng.integers(2**31))), strict=True):
                puzzle = Puzzle(inputs + BLANK, labels + BLANK, Difficulty.HARD)
                if fewest <= made <= most and self.rate(puzzle.inputs).difficulty is Difficulty.HARD:
                    in_vain = 0
                    yield puzzle
        raise PuzzleError(
            f"No hard puzzle with {fewest}-{most} guesses was found in {CLIMBS} attempts. Most need between 10 and 500."
        )

    def strata(self, inputs: UInt8[np.ndarray, "count cells"]) -> list[str]:
        lowest = self.givens(inputs).sum(-1) // STRATUM * STRATUM
        return [f"{low}-{low + STRATUM - 1} givens" for low in lowest.tolist()]

    def symmetries(self, count: int, rng: np.random.Generator) -> Symmetries:
        return symmetry.random_symmetries(count, rng, box_rows=self.box_rows, box_columns=self.box_columns)

    def symmetry_key(self, solution: UInt8[np.ndarray, "cells"]) -> bytes:
        return symmetry.symmetry_key(solution, box_rows=self.box_rows, box_columns=self.box_columns)

    def deductions(self, inputs: UInt8[np.ndarray, "cells"]) -> tuple[Deduction | None, ...]:
        """How singles, locked candidates and pairs decide each blank cell; None where they do not suffice."""
        return deduction.deductions(self._geometry, inputs)

    def cell_features(self, inputs: UInt8[np.ndarray, "cells"]) -> dict[str, Shaped[np.ndarray, "cells"]]:
        """Return properties of each cell, keyed by name:

        - `box`: number of the cell's box, counted row by row from 1
        - `candidates_left`: number of digits that the givens in the cell's row, column and box allow; -1 for givens
        - `candidates`: bit mask of these digits (1 for digit 1, 2 for digit 2, 4 for digit 3, ...); -1 for givens
        """
        board = self._geometry
        box = np.empty(board.cells, int)
        box[board.units[2 * board.side :]] = np.arange(1, board.side + 1)[:, None]
        possible = start(board, from_tokens(board, inputs)).possible
        digits = np.array(
            [[possible >> digit * board.cells + cell & 1 for cell in range(board.cells)]
             for digit in range(board.side)]
        )  # fmt: skip
        given = self.givens(inputs)
        weights = 1 << np.arange(board.side)
        return {
            "box": box,
            "candidates_left": np.where(given, -1, digits.sum(0)),
            "candidates": np.where(given, -1, weights @ digits),
        }
