"""ARC grids and their encoding as 30x30 tokens.

A grid occupies the top left corner of the 30x30 cells. Border tokens fill the cells directly below the grid and directly
to its right, as far as these exist. All other cells are padding:

    grid   colours  tokens
    0 1    2 3 1 .
    2 3    4 5 1 .
           1 1 . .
           . . . .

An answer is decoded to the largest rectangle of colours in the top left corner, as in the public evaluation. Training
does not score padding cells, so a model may output any tokens beyond the border.
"""

from __future__ import annotations

import reprlib

import numpy as np
from jaxtyping import Bool, Int, UInt8

from trm.errors import PuzzleError
from trm.tasks.base import PADDING

SIDE = 30
CELLS = SIDE * SIDE
BORDER, FIRST_COLOUR = 1, 2
COLOURS = 10
VOCAB_SIZE = FIRST_COLOUR + COLOURS

Grid = UInt8[np.ndarray, "_ _"]
"""A grid of colours 0-9 with 1x1 to 30x30 cells. Its axes are unnamed, because input and output may differ in size."""


def checked_grid(rows: object) -> Grid:
    """Convert a list of rows, as parsed from JSON, to a grid. Raises `PuzzleError` if the rows do not form a grid."""
    if not (isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows)):
        raise PuzzleError("Not a grid. Give a list of rows of colours, such as [[0,1],[2,3]].")
    if len(rows) > SIDE:
        raise PuzzleError(f"This grid has {len(rows)} rows; the maximum is {SIDE}. Give a smaller grid.")
    columns = len(rows[0])
    if columns == 0:
        raise PuzzleError("Row 1 is empty. Give each row at least one colour, 0-9.")
    if columns > SIDE:
        raise PuzzleError(f"Row 1 has {columns} cells; the maximum is {SIDE}. Give a smaller grid.")
    for number, row in enumerate(rows, 1):
        if len(row) != columns:
            raise PuzzleError(
                f"Row {number} has {len(row)} cells, but row 1 has {columns}. Give all rows the same length."
            )
        for column, colour in enumerate(row, 1):
            if type(colour) is not int or not 0 <= colour < COLOURS:  # a bool is not a colour
                raise PuzzleError(
                    f"Row {number}, column {column}: {reprlib.repr(colour)} is not a colour. Use integers 0-9."
                )
    return np.array(rows, np.uint8)


def encode(grid: Grid | list) -> UInt8[np.ndarray, "cells"]:
    """Encode a grid as 900 tokens, which `decode` converts back. Raises `PuzzleError` if the grid is invalid."""
    colours = checked_grid(grid.tolist() if isinstance(grid, np.ndarray) else grid)
    rows, columns = colours.shape
    tokens = np.full((SIDE, SIDE), PADDING, np.uint8)
    tokens[:rows, :columns] = colours + FIRST_COLOUR
    tokens[rows : rows + 1, :columns] = BORDER  # empty if the grid reaches the edge
    tokens[:rows, columns : columns + 1] = BORDER
    return tokens.ravel()


def decode(tokens: UInt8[np.ndarray, "cells"]) -> Grid:
    """Return the largest rectangle of colours in the top left corner, or a 0x0 grid if this corner has no colour.

    If several rectangles have the largest area, the rectangle with the fewest rows is returned, as in the public
    evaluation.
    """
    rows, columns = crop_sizes(tokens)
    return tokens.reshape(SIDE, SIDE)[: int(rows), : int(columns)] - np.uint8(FIRST_COLOUR)


def crop_sizes(
    tokens: UInt8[np.ndarray, "*batch cells"],
) -> tuple[Int[np.ndarray, "*batch"], Int[np.ndarray, "*batch"]]:
    """Return the numbers of rows and columns of the decoded grids, each of shape [*batch]; 0 without a grid."""
    # A rectangle of the first r rows is as wide as the shortest run of colours at the start of any of these rows.
    runs = np.logical_and.accumulate(is_colour(tokens).reshape(*tokens.shape[:-1], SIDE, SIDE), -1).sum(-1)
    widths = np.minimum.accumulate(runs, -1)
    best = (widths * np.arange(1, SIDE + 1)).argmax(-1)
    columns = np.take_along_axis(widths, best[..., None], -1)[..., 0]
    return np.where(columns > 0, best + 1, 0), np.asarray(columns)


def is_colour(tokens: UInt8[np.ndarray, "*shape"]) -> Bool[np.ndarray, "*shape"]:
    """Mask that is True where a token is a colour."""
    return (tokens >= FIRST_COLOUR) & (tokens < VOCAB_SIZE)


def broken_border(tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
    """Mask of the cells next to the decoded grid that should hold a border token but do not.

    If no grid can be decoded, the mask marks the first cell. Cells beyond the border are never marked, because training
    does not score them.
    """
    rows, columns = (size[..., None] for size in crop_sizes(tokens))
    row, column = np.divmod(np.arange(CELLS), SIDE)
    border = ((row == rows) & (column < columns)) | ((column == columns) & (row < rows))
    border[..., :1] |= rows == 0
    return border & (tokens != BORDER)
