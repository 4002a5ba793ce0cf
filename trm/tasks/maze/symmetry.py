"""The eight symmetries of the square. A rotated or mirrored maze is also a valid maze."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from jaxtyping import Int, UInt8

from trm.tasks.base import Symmetries


@cache
def turns(side: int) -> Int[np.ndarray, "eight cells"]:
    """Return, for each symmetry and cell, the index of the cell that its token comes from; shape [8, cells]."""
    grid = np.arange(side * side).reshape(side, side)
    table = np.stack([np.rot90(one, quarter).ravel() for one in (grid, grid.T) for quarter in range(4)])
    table.setflags(write=False)
    return table


def random_symmetries(side: int, count: int, rng: np.random.Generator, *, vocab_size: int) -> Symmetries:
    """Draw one of the eight rotations and reflections for each of `count` mazes."""
    tokens = np.arange(vocab_size, dtype=np.uint8)
    return Symmetries(turns(side)[rng.integers(0, 8, count)], np.tile(tokens, (count, 1)))


def symmetry_key(side: int, solution: UInt8[np.ndarray, "cells"]) -> bytes:
    """Return a hash of the smallest of the eight versions. Two solutions share it if and only if they are symmetric."""
    smallest = min(version.tobytes() for version in solution[turns(side)])
    return hashlib.blake2b(smallest, digest_size=16).digest()
