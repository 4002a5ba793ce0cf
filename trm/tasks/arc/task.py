"""The ARC task: grids of colours whose rule is not written down anywhere but in a few examples.

A model of this task does not see the examples of the puzzle it is asked. It has learned one vector per training
puzzle (its puzzle id) and reads the rule from that. So nothing here can judge an answer, solve a grid or make new
ones: an answer is right when it equals the output published with its task.
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
"""Colours 0-9 as the ARC site draws them."""

STRATUM = 10
"""Width of the bands of grid sizes that results are reported by."""


@dataclass(frozen=True)
class Arc(Task):
    """ARC grids on 30x30 tokens: 0 padding, 1 border, 2-11 the colours 0-9, as in the public data sets."""

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
        """Every grid is whole, so `unfinished` changes nothing."""
        return encode(text.parse(puzzle))

    def format(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """Rows of digits with / between them: the grid that `decode` cuts out, which is all of an answer that counts.

        "" where there is none. `parse` reads it back, border and all; what tokens held beyond the crop is not told.
        """
        return text.in_lines(decode(tokens), text.ROW_SEPARATOR)

    def pretty(self, tokens: UInt8[np.ndarray, "cells"]) -> str:
        """The same grid, one line a row."""
        return text.in_lines(decode(tokens), "\n")

    def givens(self, inputs: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """None: input and output are different grids, often of different sizes."""
        return np.zeros(inputs.shape, bool)

    def crop(
        self, tokens: UInt8[np.ndarray, "*batch cells"]
    ) -> tuple[Int[np.ndarray, "*batch"], Int[np.ndarray, "*batch"]]:
        """Of the grid that `decode` cuts out."""
        return crop_sizes(tokens)

    def conflicts(self, tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
        """Cells that keep the answer from being one clean grid: those of the crop's border that are no border.

        The colours themselves can break no rule that is known here. Cells beyond the border are never scored, so
        trained models leave anything there; they are not marked.
        """
        return broken_border(tokens)

    def is_solved(
        self, inputs: UInt8[np.ndarray, "*batch cells"], answer: UInt8[np.ndarray, "*batch cells"]
    ) -> Bool[np.ndarray, "*batch"]:
        """Always False: without the task's published output nobody can tell. Compare with the label instead."""
        return np.zeros(inputs.shape[:-1], bool)

    def solutions(
        self, inputs: UInt8[np.ndarray, "cells"], limit: int = 2
    ) -> list[UInt8[np.ndarray, "cells"]]:
        """None can be found: the rule is not known."""
        return []

    def rate(self, inputs: UInt8[np.ndarray, "cells"], *, max_guesses: int = MAX_GUESSES) -> Rating:
        """No difficulty; the sentence describes the grid."""
        grid = decode(inputs)
        rows, columns = grid.shape
        colours = len(np.unique(grid))
        return Rating(
            difficulty=None,
            sentence=f"A grid of {rows}x{columns} in {colours} colour{'s' if colours != 1 else ''}: "
            "an ARC answer can only be judged with the task's published output.",
            search_nodes=0,
            solutions=0,
        )

    def generate(self, rng: np.random.Generator, difficulty: Difficulty | str, **options: Any) -> NoReturn:
        """Raises `PuzzleError`: a new grid without a rule is no puzzle."""
        raise PuzzleError("ARC puzzles cannot be generated. Give a folder with the ARC task files.")

    def strata(self, inputs: UInt8[np.ndarray, "count cells"]) -> list[str]:
        """By the longer side of the input, wherever on the 30x30 it stands (training sets move it about)."""
        colours = is_colour(inputs).reshape(-1, SIDE, SIDE)
        side = np.maximum(colours.any(1).sum(-1), colours.any(2).sum(-1))
        highest = -(-np.maximum(side, 1) // STRATUM) * STRATUM
        return [f"side {high - STRATUM + 1}-{high}" for high in highest.tolist()]

    def symmetries(self, count: int, rng: np.random.Generator) -> Symmetries:
        """Only that which changes nothing: a turned or recoloured grid follows another rule, and in public models has
        another puzzle id.
        """
        tokens = np.arange(self.vocab_size, dtype=np.uint8)
        return Symmetries(np.tile(np.arange(self.cells), (count, 1)), np.tile(tokens, (count, 1)))

    def symmetry_key(self, solution: UInt8[np.ndarray, "cells"]) -> bytes:
        return solution.tobytes()
