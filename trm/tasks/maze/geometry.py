"""A set of cells of a maze as one big integer.

Cell (row, column) is bit `row * stride + column`, with `stride = side + 1`: every row ends in one bit that is
never part of the maze. So a shift by 1 or by `stride` moves a whole set one step, and what steps over an edge
falls on a bit outside the maze, to be masked away. A step of a breadth-first search is four shifts, however
many cells it reaches: that makes mazes fast in plain Python.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8

WALL, OPEN, START, GOAL, PATH = range(1, 6)
"""Tokens, as in the public data sets; 0 is padding."""

Cells = int
"""A set of cells."""


class Board(NamedTuple):
    """A maze. `start` and `goal` hold one cell each, and both are passable."""

    side: int
    passable: Cells
    start: Cells
    goal: Cells

    @property
    def stride(self) -> int:
        return self.side + 1


def board_of(side: int, tokens: UInt8[np.ndarray, "cells"]) -> Board:
    """The maze that the tokens show; a path drawn into it is open like any other cell."""
    return Board(
        side,
        passable=pack(side, (tokens >= OPEN) & (tokens <= PATH)),
        start=pack(side, tokens == START),
        goal=pack(side, tokens == GOAL),
    )


def tokens_of(board: Board, path: Cells = 0) -> UInt8[np.ndarray, "cells"]:
    """The maze as tokens, with the cells of `path` between start and goal marked."""
    tokens = np.full(board.side**2, WALL, np.uint8)
    tokens[unpack(board.side, board.passable)] = OPEN
    tokens[unpack(board.side, path)] = PATH
    tokens[unpack(board.side, board.start)] = START
    tokens[unpack(board.side, board.goal)] = GOAL
    return tokens


def pack(side: int, chosen: Bool[np.ndarray, "cells"]) -> Cells:
    padded = np.zeros((side, side + 1), bool)
    padded[:, :side] = chosen.reshape(side, side)
    return int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")


def unpack(side: int, cells: Cells) -> Bool[np.ndarray, "cells"]:
    bits = side * (side + 1)
    packed = np.frombuffer(cells.to_bytes(bits // 8 + 1, "little"), np.uint8)
    padded = np.unpackbits(packed, count=bits, bitorder="little").astype(bool)
    return padded.reshape(side, side + 1)[:, :side].ravel()


def neighbours(cells: Cells, stride: int) -> Cells:
    """Every cell one step from one of these, and bits outside the maze: mask them."""
    return cells << 1 | cells >> 1 | cells << stride | cells >> stride


def members(cells: Cells) -> list[int]:
    """The bits' numbers, ascending."""
    numbers = []
    while cells:
        lowest = cells & -cells
        numbers.append(lowest.bit_length() - 1)
        cells ^= lowest
    return numbers
