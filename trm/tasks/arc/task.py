"""The ARC task: transform a grid of colours by a rule that only a few examples show.

A model does not see these examples. It learns one vector for each puzzle id, and this vector represents the rule. This
class does not know the rule, so it cannot check an answer, solve a puzzle, or generate a puzzle. An answer is correct if
it equals the published output grid.
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
"""Colours 0-9 in the shades of the ARC website."""

STRATUM = 10
"""Width of the ranges of grid sizes by which results are grouped, in cells."""


@dataclass(frozen=True)
class Arc(Task):
    """ARC grids as 30x30 tokens: 0 is padding, 1 is border, and 2-11 are the colours 0-9, as in the public datasets."""

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
        """Parse a grid in any format of `trm.tasks.arc.text`. `unfinished` has no effect: every grid is complete."""
        return encode(text.parse(puzzle))

    def format(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """Format the decoded grid, which is the scored part of an answer, as rows of digits separated by /.

        The text is empty if there is no grid. `parse` restores the grid and its border, but no tokens beyond the border.
        """
        return text.in_lines(decode(tokens), text.ROW_SEPARATOR)

    def pretty(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """Format the decoded grid as one line of digits per row."""
        return text.in_lines(decode(tokens), "\n")

    def givens(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Return a mask that is False everywhere: input and output are different grids, so no output cell is given."""
        return np.zeros(inputs.shape, bool)

    def crop(
        self, tokens: UInt8[np.ndarray, "*batch cells"]
    ) -> tuple[Int[np.ndarray, "*batch"], Int[np.ndarray, "*batch"]]:
        """Return the numbers of rows and columns of the decoded grids, each of shape [*batch]."""
        return crop_sizes(tokens)

    def conflicts(self, tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Mask of the cells next to the decoded grid that should hold a border token but do not.

        The rule for the colours is unknown, so colours never conflict. Cells beyond the border are never marked: training
        does not score them, so trained models output arbitrary tokens there.
        """
        return broken_border(tokens)

    def is_solved(
        self, inputs: UInt8[np.ndarray, "*batch cells"], answer: UInt8[np.ndarray, "*batch cells"]
    ) -> Bool[np.ndarray, "*batch"]:
        """Return False for every answer, because the rule is unknown. Compare the answer with the label instead."""
        return np.zeros(inputs.shape[:-1], bool)

    def solutions(
        self, inputs: UInt8[np.ndarray, "cells"], limit: int = 2
    ) -> list[UInt8[np.ndarray, "cells"]]:
        """Return an empty list, because the rule is unknown."""
        return []

    def rate(self, inputs: UInt8[np.ndarray, "cells"], *, max_guesses: int = MAX_GUESSES) -> Rating:
        """Return a rating without a difficulty. Its sentence gives the size of the grid and the number of colours."""
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
        """Raise `PuzzleError`, because no puzzle can be generated without a known rule."""
        raise PuzzleError("ARC puzzles cannot be generated. Give a folder of ARC task files.")

    def strata(self, inputs: UInt8[np.ndarray, "count cells"]) -> list[str]:
        """Return the size range that the longer side of each input grid falls into, such as "side 1-10".

        The grid may lie anywhere in the 30x30 cells, because training sets contain translated grids.
        """
        colours = is_colour(inputs).reshape(-1, SIDE, SIDE)
        side = np.maximum(colours.any(1).sum(-1), colours.any(2).sum(-1))
        highest = -(-np.maximum(side, 1) // STRATUM) * STRATUM
        return [f"side {high - STRATUM + 1}-{high}" for high in highest.tolist()]

    def symmetries(self, count: int, rng: np.random.Generator) -> Symmetries:
        """Return identity symmetries: public models treat a rotated or recoloured grid as another puzzle."""
        tokens = np.arange(self.vocab_size, dtype=np.uint8)
        return Symmetries(np.tile(np.arange(self.cells), (count, 1)), np.tile(tokens, (count, 1)))

    def symmetry_key(self, solution: UInt8[np.ndarray, "cells"]) -> bytes:
        return solution.tobytes()
