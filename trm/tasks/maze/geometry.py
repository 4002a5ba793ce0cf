"""Represent a set of maze cells as one big integer.

Cell (row, column) is bit `row * stride + column`. Because `stride` is `side + 1`, each row ends with one bit that is
never part of the maze. A shift by 1 or by `stride` moves a whole set by one step. Cells that leave the grid land on bits
outside the maze, and a mask removes them. One step of a breadth-first search takes four shifts, regardless of the number
of cells that it reaches. This makes maze computations fast in plain Python.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8

WALL, OPEN, START, GOAL, PATH = range(1, 6)
"""Tokens, as in the public datasets. Token 0 is padding."""

Cells = int
"""A set of cells, with one bit per cell."""


class Board(NamedTuple):
    """A maze. In a valid maze, `start` and `goal` are sets of one cell each. Both are subsets of `passable`."""

    side: int
    passable: Cells
    start: Cells
    goal: Cells

    @property
    def stride(self) -> int:
        """Number of bits per row."""
        return self.side + 1


def board_of(side: int, tokens: UInt8[np.ndarray, "cells"]) -> Board:
    """Convert tokens to a maze. Path cells become passable cells, like open cells."""
    return Board(
        side,
        passable=pack(side, (tokens >= OPEN) & (tokens <= PATH)),
        start=pack(side, tokens == START),
        goal=pack(side, tokens == GOAL),
    )


def tokens_of(board: Board, path: Cells = 0) -> UInt8[np.ndarray, "cells"]:
    """Convert a maze to tokens. All cells of `path` except start and goal become path tokens."""
    tokens = np.full(board.side**2, WALL, np.uint8)
    tokens[unpack(board.side, board.passable)] = OPEN
    tokens[unpack(board.side, path)] = PATH
    tokens[unpack(board.side, board.start)] = START
    tokens[unpack(board.side, board.goal)] = GOAL
    return tokens


def pack(side: int, mask: Bool[np.ndarray, "cells"]) -> Cells:
    """Convert a mask to a set of cells. `unpack` is the inverse function."""
    padded = np.zeros((side, side + 1), bool)
    padded[:, :side] = mask.reshape(side, side)
    return int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")


def unpack(side: int, cells: Cells) -> Bool[np.ndarray, "cells"]:
    """Convert a set of cells to a mask of shape [cells]."""
    bits = side * (side + 1)
    packed = np.frombuffer(cells.to_bytes(bits // 8 + 1, "little"), np.uint8)
    padded = np.unpackbits(packed, count=bits, bitorder="little").astype(bool)
    return padded.reshape(side, side + 1)[:, :side].ravel()


def neighbours(cells: Cells, stride: int) -> Cells:
    """Return the neighbours of all cells in `cells`. The result may contain bits outside the maze, so mask it."""
    return cells << 1 | cells >> 1 | cells << stride | cells >> stride


def members(cells: Cells) -> list[int]:
    """Return the bit numbers of the cells in a set, in ascending order."""
    numbers = []
    while cells:
        lowest = cells & -cells
        numbers.append(lowest.bit_length() - 1)
        cells ^= lowest
    return numbers
