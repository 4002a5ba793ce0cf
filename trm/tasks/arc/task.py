"""The ARC task: grids of colours, whose rule is given only by a few examples.

A model of this task does not see the examples of a puzzle. It has learned one vector per puzzle id, which represents
the rule. So this class cannot check an answer, solve a grid, or generate one: an answer is correct if it equals the
output published with its task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Bool, Int, UInt8

from trm.errors import PuzzleError
from trm.tasks.arc import text
from trm.tasks.arc.grid import (
    COLOURS,
    FIRST_COLOUR,
    SIDE,
    VOCAB_SIZE,
    broken_border,
    crop_sizes,
    decode,
    encode,
    is_colour,
)
from trm.tasks.base import MAX_GUESSES, Difficulty, Rating, Symmetries, Task

NAMES = ("black", "blue", "red", "green", "yellow", "grey", "magenta", "orange", "sky blue", "maroon")
PALETTE = (
    "#000000", "#0074D9", "#FF4136", "#2ECC40", "#FFDC00", "#AAAAAA", "#F012BE", "#FF851B", "#7FDBFF", "#870C25",
)  # fmt: skip
"""Colours 0-9 as on the ARC website."""

STRATUM = 10
"""Width of the bands of grid sizes by which results are reported."""


@dataclass(frozen=True)
class Arc(Task):
    """ARC grids on 30x30 tokens: 0 padding, 1 border, 2-11 the colours 0-9, as in the public datasets."""

    name = "arc"
    checkable_by_rules = False
    needs_puzzle_id = True
    rows = SIDE
    columns = SIDE
    vocab_size = VOCAB_SIZE
    symbols = (".", "|", *map(str, range(COLOURS)))
    symbol_names = ("pad", "border", *NAMES)
    looks = ("pad", "border", *PALETTE)
    writable = tuple(range(FIRST_COLOUR, VOCAB_SIZE))

    def parse(self, puzzle: str, *, unfinished: bool = False) -> UInt8[np.ndarray, "cells"]:
        """Parse one grid (see `trm.tasks.arc.text`). Every grid is complete, so `unfinished` has no effect."""
        return encode(text.parse(puzzle))

    def format(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """Rows of digits separated by /: the grid that `decode` returns, which is the part of an answer that is scored.

        "" without a grid. `parse` reads it back with its border; tokens beyond the crop are lost.
        """
        return text.in_lines(decode(tokens), text.ROW_SEPARATOR)

    def pretty(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """The grid of `format`, one line per row."""
        return text.in_lines(decode(tokens), "\n")

    def givens(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """No cells: input and output are different grids, often of different sizes."""
        return np.zeros(inputs.shape, bool)

    def crop(
        self, tokens: UInt8[np.ndarray, "*batch cells"]
    ) -> tuple[Int[np.ndarray, "*batch"], Int[np.ndarray, "*batch"]]:
        """Rows and columns of the grid that `decode` returns."""
        return crop_sizes(tokens)

    def conflicts(self, tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Mask of the cells next to the crop that are not border tokens, so that the answer is not a cleanly bordered grid.

        The rule for the colours is unknown, so colours never conflict. Cells beyond the border are not marked: training
        does not score them, so trained models output anything there.
        """
        return broken_border(tokens)

    def is_solved(
        self, inputs: UInt8[np.ndarray, "*batch cells"], answer: UInt8[np.ndarray, "*batch cells"]
    ) -> Bool[np.ndarray, "*batch"]:
        """Always False, because there are no rules to check. Compare the answer with the label instead."""
        return np.zeros(inputs.shape[:-1], bool)

    def solutions(
        self, inputs: UInt8[np.ndarray, "cells"], limit: int = 2
    ) -> list[UInt8[np.ndarray, "cells"]]:
        """Always empty: the rule is unknown."""
        return []

    def rate(self, inputs: UInt8[np.ndarray, "cells"], *, max_guesses: int = MAX_GUESSES) -> Rating:
        """A rating without a difficulty; its sentence describes the grid."""
        grid = decode(inputs)
        rows, columns = grid.shape
        colours = len(np.unique(grid))
        return Rating(
            difficulty=None,
            sentence=f"A {rows}x{columns} grid with {colours} colour{'s' if colours != 1 else ''}. "
            "An ARC answer can only be checked against the published output of its task.",
            search_nodes=0,
            solutions=0,
        )

    def generate(self, rng: np.random.Generator, difficulty: Difficulty | str, **options: Any) -> NoReturn:
        """Always raises `PuzzleError`: without a known rule, no puzzle can be generated."""
        raise PuzzleError("ARC puzzles cannot be generated. Give a folder of ARC task files.")

    def strata(self, inputs: UInt8[np.ndarray, "count cells"]) -> list[str]:
        """Bands of the input's longer side, wherever the input lies in the 30x30 cells (training sets translate it)."""
        colours = is_colour(inputs).reshape(-1, SIDE, SIDE)
        side = np.maximum(colours.any(1).sum(-1), colours.any(2).sum(-1))
        highest = -(-np.maximum(side, 1) // STRATUM) * STRATUM
        return [f"side {high - STRATUM + 1}-{high}" for high in highest.tolist()]

    def symmetries(self, count: int, rng: np.random.Generator) -> Symmetries:
        """Only the identity: in public models, a rotated or recoloured grid has a different rule and puzzle id."""
        tokens = np.arange(self.vocab_size, dtype=np.uint8)
        return Symmetries(np.tile(np.arange(self.cells), (count, 1)), np.tile(tokens, (count, 1)))

    def symmetry_key(self, solution: UInt8[np.ndarray, "cells"]) -> bytes:
        return solution.tobytes()
