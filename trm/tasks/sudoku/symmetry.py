"""Symmetries of Sudoku: transformations that preserve the rules, so that one puzzle yields many others.

A band is a row of boxes, and a stack is a column of boxes. A symmetry permutes the digits, the rows within each band, the
bands, the columns within each stack, and the stacks. If boxes are square, it may also transpose the grid.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import UInt8

from trm.tasks.base import Symmetries

FIRST_DIGIT = 2  # token of digit 1


def random_symmetries(
    batch: int, rng: np.random.Generator, *, box_rows: int = 3, box_columns: int = 3
) -> Symmetries:
    """Draw a random symmetry for each of `batch` grids."""
    side = box_rows * box_columns
    rows = _random_lines(batch, bands=box_columns, size=box_rows, rng=rng)
    columns = _random_lines(batch, bands=box_rows, size=box_columns, rng=rng)
    source = rows[:, :, None] * side + columns[:, None, :]
    if box_rows == box_columns:
        transposed = rng.random(batch) < 0.5
        source[transposed] = source[transposed].swapaxes(1, 2)
    source = source.reshape(batch, side * side)
    token_map = np.tile(np.arange(FIRST_DIGIT + side, dtype=np.uint8), (batch, 1))
    token_map[:, FIRST_DIGIT:] += rng.random((batch, side)).argsort(1).astype(np.uint8) - np.arange(
        side, dtype=np.uint8
    )
    return Symmetries(source, token_map)


def _random_lines(batch: int, *, bands: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a permutation of each grid's rows (or columns) that keeps bands together, shape [batch, bands * size]."""
    band_order = rng.random((batch, bands)).argsort(1)
    within = rng.random((batch, bands, size)).argsort(2)
    return (band_order[:, :, None] * size + within).reshape(batch, bands * size)


def symmetry_key(solution: UInt8[np.ndarray, "cells"], *, box_rows: int = 3, box_columns: int = 3) -> bytes:
    """Return a key that all symmetric versions of a complete grid share. Different keys rule out symmetry.

    Two rows of a band define a permutation of the digits, from the upper to the lower row. Its cycle lengths do not
    change if digits are permuted, columns are moved, or the two rows are swapped. The key contains the cycle lengths for
    all pairs of rows within bands and of columns within stacks, sorted wherever a symmetry may change their order.
    """
    side = box_rows * box_columns
    grid = solution.reshape(side, side).tolist()
    directions = [_band_key(grid, box_rows), _band_key(list(zip(*grid, strict=True)), box_columns)]
    if box_rows == box_columns:
        directions.sort()
    return b"".join(directions)


def _band_key(rows: Sequence[Sequence[int]], size: int) -> bytes:
    bands = [rows[at : at + size] for at in range(0, len(rows), size)]
    return b"".join(
        sorted(b"".join(sorted(_cycles(*pair) for pair in combinations(band, 2))) for band in bands)
    )


def _cycles(upper: Sequence[int], lower: Sequence[int]) -> bytes:
    """Return the cycle lengths of the permutation upper -> lower in ascending order, left-padded with zeros."""
    image = dict(zip(upper, lower, strict=True))
    lengths = []
    while image:
        first, at = image.popitem()
        length = 1
        while at != first:
            at = image.pop(at)
            length += 1
        lengths.append(length)
    return bytes(sorted(lengths)).rjust(len(upper), b"\0")
