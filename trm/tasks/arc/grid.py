"""ARC grids and their encoding as 30x30 tokens.

A grid occupies the top left corner. Border tokens fill the row below it and the column to its right where they lie
within the 30x30 cells; the corner between them and everything beyond is padding:

    grid   colours  tokens
    0 1    2 3 1 .
    2 3    4 5 1 .
           1 1 . .
           . . . .

An answer is decoded as in the public evaluation: the largest rectangle of colours in the top left corner. Padding is
not scored in training, so a model may output anything beyond the border.
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
"""Colours 0-9, 1x1 to 30x30. The axes are unnamed because the input and output of a task differ in size."""


def checked_grid(rows: object) -> Grid:
    """Convert a list of rows, as in JSON, to a grid. Raises `PuzzleError`, which names the faulty row and column."""
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
    """Encode a grid as 900 tokens; `decode` inverts it. Raises `PuzzleError`, as `checked_grid` does."""
    colours = checked_grid(grid.tolist() if isinstance(grid, np.ndarray) else grid)
    rows, columns = colours.shape
    tokens = np.full((SIDE, SIDE), PADDING, np.uint8)
    tokens[:rows, :columns] = colours + FIRST_COLOUR
    tokens[rows : rows + 1, :columns] = BORDER  # empty if the grid reaches the edge
    tokens[:rows, columns : columns + 1] = BORDER
    return tokens.ravel()


def decode(tokens: UInt8[np.ndarray, "cells"]) -> Grid:
    """Decode 900 tokens: the largest rectangle of colours in the top left corner, 0x0 without colours.

    Among rectangles of equal area, the one with the fewest rows is used, as in the public evaluation.
    """
    rows, columns = crop_sizes(tokens)
    return tokens.reshape(SIDE, SIDE)[: int(rows), : int(columns)] - np.uint8(FIRST_COLOUR)


def crop_sizes(
    tokens: UInt8[np.ndarray, "*batch cells"],
) -> tuple[Int[np.ndarray, "*batch"], Int[np.ndarray, "*batch"]]:
    """Rows and columns of the grid that `decode` returns; 0, 0 without a grid."""
    # A rectangle of the first r rows is as wide as the shortest run of colours at the start of these rows.
    runs = np.logical_and.accumulate(is_colour(tokens).reshape(*tokens.shape[:-1], SIDE, SIDE), -1).sum(-1)
    widths = np.minimum.accumulate(runs, -1)
    best = (widths * np.arange(1, SIDE + 1)).argmax(-1)
    columns = np.take_along_axis(widths, best[..., None], -1)[..., 0]
    return np.where(columns > 0, best + 1, 0), np.asarray(columns)


def is_colour(tokens: UInt8[np.ndarray, "*shape"]) -> Bool[np.ndarray, "*shape"]:
    """Mask of the tokens that are colours."""
    return (tokens >= FIRST_COLOUR) & (tokens < VOCAB_SIZE)


def broken_border(tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
    """Mask of the cells next to the crop that should be border tokens but are not; the first cell without a crop.

    Cells beyond the border may hold anything, because training does not score them.
    """
    rows, columns = (size[..., None] for size in crop_sizes(tokens))
    row, column = np.divmod(np.arange(CELLS), SIDE)
    border = ((row == rows) & (column < columns)) | ((column == columns) & (row < rows))
    border[..., :1] |= rows == 0
    return border & (tokens != BORDER)
