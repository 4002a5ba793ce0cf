"""The eight symmetries of the square: a turned or mirrored maze is as good a maze."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from jaxtyping import Int, UInt8


@cache
def turns(side: int) -> Int[np.ndarray, "eight cells"]:
    """For each symmetry and each cell: the cell that its token comes from."""
    grid = np.arange(side * side).reshape(side, side)
    table = np.stack([np.rot90(one, quarter).ravel() for one in (grid, grid.T) for quarter in range(4)])
    table.setflags(write=False)
    return table


def random_symmetries(
    side: int,
    inputs: UInt8[np.ndarray, "batch cells"],
    labels: UInt8[np.ndarray, "batch cells"],
    rng: np.random.Generator,
) -> tuple[UInt8[np.ndarray, "batch cells"], UInt8[np.ndarray, "batch cells"]]:
    """Give each maze and its solution one random symmetry, the same for both."""
    source = turns(side)[rng.integers(0, 8, len(inputs))]
    return np.take_along_axis(inputs, source, 1), np.take_along_axis(labels, source, 1)


def symmetry_key(side: int, solution: UInt8[np.ndarray, "cells"]) -> bytes:
    """A key of the smallest of the eight versions, so that exactly symmetric solutions share it."""
    smallest = min(version.tobytes() for version in solution[turns(side)])
    return hashlib.blake2b(smallest, digest_size=16).digest()
