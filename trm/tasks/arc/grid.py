"""ARC grids and the 30x30 tokens that models read them as.

A grid stands in the top left corner. Border tokens run along the row under it and the column right of it, where
these are still inside the 30x30; their corner and everything beyond is padding:

    grid   colours  tokens
    0 1    2 3 1 .
    2 3    4 5 1 .
           1 1 . .
           . . . .

An answer is read the way the public evaluation reads it: the largest rectangle of colours in the top left corner.
Padding is never scored in training, so a trained model may put anything beyond the border.
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
"""Colours 0-9, 1x1 to 30x30. The axes have no names: the input and output of a task differ in size."""


def checked_grid(rows: object) -> Grid:
    """The grid in a list of rows, as JSON holds it. Raises `PuzzleError` naming the row and column at fault."""
    if not (isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows)):
        raise PuzzleError("No grid: give a list of rows of colours, such as [[0,1],[2,3]].")
    if len(rows) > SIDE:
        raise PuzzleError(f"This grid has {len(rows)} rows, at most {SIDE} fit. Give a smaller one.")
    columns = len(rows[0])
    if columns == 0:
        raise PuzzleError("Row 1 is empty. Give each row its colours, 0-9.")
    if columns > SIDE:
        raise PuzzleError(f"Row 1 has {columns} cells, at most {SIDE} fit. Give a smaller grid.")
    for number, row in enumerate(rows, 1):
        if len(row) != columns:
            raise PuzzleError(
                f"Row {number} has {len(row)} cells, row 1 has {columns}. Make all rows equally long."
            )
        for column, colour in enumerate(row, 1):
            if type(colour) is not int or not 0 <= colour < COLOURS:  # True is no colour either
                raise PuzzleError(
                    f"Row {number}, column {column}: {reprlib.repr(colour)} is no colour. Use whole numbers 0-9."
                )
    return np.array(rows, np.uint8)


def encode(grid: Grid | list) -> UInt8[np.ndarray, "cells"]:
    """Tokens of a grid: (900,). Raises `PuzzleError` as `checked_grid` does; `decode` gives the grid back."""
    colours = checked_grid(grid.tolist() if isinstance(grid, np.ndarray) else grid)
    rows, columns = colours.shape
    tokens = np.full((SIDE, SIDE), PADDING, np.uint8)
    tokens[:rows, :columns] = colours + FIRST_COLOUR
    tokens[rows : rows + 1, :columns] = BORDER  # slices that begin at the edge are empty
    tokens[:rows, columns : columns + 1] = BORDER
    return tokens.ravel()


def decode(tokens: UInt8[np.ndarray, "cells"]) -> Grid:
    """The answer in 900 tokens: the largest rectangle of colours in the top left corner, 0x0 where there is none.

    Of equally large ones the one with the fewest rows, as in the public evaluation.
    """
    rows, columns = crop_sizes(tokens)
    return tokens.reshape(SIDE, SIDE)[: int(rows), : int(columns)] - np.uint8(FIRST_COLOUR)


def crop_sizes(
    tokens: UInt8[np.ndarray, "*batch cells"],
) -> tuple[Int[np.ndarray, "*batch"], Int[np.ndarray, "*batch"]]:
    """Rows and columns of what `decode` cuts out; 0, 0 where there is nothing."""
    # The rectangle of the first r rows is as wide as the shortest run of colours that begins one of them.
    runs = np.logical_and.accumulate(is_colour(tokens).reshape(*tokens.shape[:-1], SIDE, SIDE), -1).sum(-1)
    widths = np.minimum.accumulate(runs, -1)
    best = (widths * np.arange(1, SIDE + 1)).argmax(-1)
    columns = np.take_along_axis(widths, best[..., None], -1)[..., 0]
    return np.where(columns > 0, best + 1, 0), np.asarray(columns)


def is_colour(tokens: UInt8[np.ndarray, "*shape"]) -> Bool[np.ndarray, "*shape"]:
    return (tokens >= FIRST_COLOUR) & (tokens < VOCAB_SIZE)


def broken_border(tokens: UInt8[np.ndarray, "*batch cells"]) -> Bool[np.ndarray, "*batch cells"]:
    """Cells along the crop that should be its border and are not; the first cell where there is no crop.

    Cells beyond the border may hold anything: training does not score them.
    """
    rows, columns = (size[..., None] for size in crop_sizes(tokens))
    row, column = np.divmod(np.arange(CELLS), SIDE)
    border = ((row == rows) & (column < columns)) | ((column == columns) & (row < rows))
    border[..., :1] |= rows == 0
    return border & (tokens != BORDER)
