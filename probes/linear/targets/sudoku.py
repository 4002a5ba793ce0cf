"""Sudoku targets: digits, candidates, singles, blanks, and conflicts."""

from functools import partial

import numpy as np
from jaxtyping import Int, UInt8

from probes.linear.targets.base import Evidence, Level, RawValues, Target, binary, number
from probes.linear.targets.common import (
    all_cells,
    all_puzzles,
    correctness_targets,
    difficulty_target,
    run_targets,
    symbol_targets,
)
from trm.tasks.sudoku import Sudoku
from trm.tasks.sudoku.geometry import FIRST_DIGIT, geometry, members
from trm.tasks.sudoku.solver import from_tokens, start


def sudoku_targets(task: Sudoku) -> list[Target]:
    """Create all targets for Sudokus of this size."""
    return [
        *symbol_targets(task, FIRST_DIGIT, "digit"),
        binary("given", "This cell is given.", lambda evidence: (evidence.givens, all_cells(evidence))),
        *(
            binary(
                f"candidate_{digit}",
                f"The givens of its row, column and box allow the {digit} in this blank cell.",
                partial(_candidate, digit=digit),
            )
            for digit in range(1, task.rows + 1)
        ),
        number(
            "candidates_left",
            "The number of digits that the givens of its row, column and box allow in this blank cell.",
            _candidates_left,
        ),
        binary(
            "naked_single",
            "The givens of its row, column and box allow exactly one digit in this blank cell.",
            _naked_single,
        ),
        binary(
            "naked_single_now",
            "The current answers of the other cells in its row, column and box allow exactly one digit in this blank cell.",
            _naked_single_now,
            "now",
        ),
        binary(
            "conflict_now",
            "The digit of the current answer occurs again in its row, column or box.",
            lambda evidence: (evidence.task.conflicts(evidence.now), all_cells(evidence)),
            "now",
        ),
        number("blanks_in_row", "The number of blank cells in its row.", _blanks_in_row),
        number(
            "singles_round",
            "The round in which naked and hidden singles fill this cell, if every round fills all singles at once.",
            _singles_round,
        ),
        *correctness_targets(task),
        number(
            "blanks",
            "The number of blank cells in the puzzle.",
            lambda evidence: ((~evidence.givens).sum(-1), all_puzzles(evidence)),
            level=Level.PUZZLE,
        ),
        difficulty_target(),
        *run_targets(),
    ]


def _candidate(evidence: Evidence, *, digit: int) -> RawValues:
    bits = evidence.facts["candidates"]
    return bits >> (digit - 1) & 1, bits >= 0


def _candidates_left(evidence: Evidence) -> RawValues:
    count = evidence.facts["candidates_left"]
    return count, count >= 0


def _naked_single(evidence: Evidence) -> RawValues:
    count = evidence.facts["candidates_left"]
    return count == 1, count >= 0


def _naked_single_now(evidence: Evidence) -> RawValues:
    task = evidence.task
    around = evidence.now[:, geometry(task.box_rows, task.box_columns).peers]  # (puzzle, cell, peer)
    excluded = sum(
        (around == token).any(-1).astype(int) for token in range(FIRST_DIGIT, FIRST_DIGIT + task.rows)
    )
    return excluded == task.rows - 1, ~evidence.givens


def _blanks_in_row(evidence: Evidence) -> RawValues:
    task = evidence.task
    blanks = (~evidence.givens).reshape(-1, task.rows, task.columns).sum(-1)
    return np.repeat(blanks, task.columns, axis=1), all_cells(evidence)


def _singles_round(evidence: Evidence) -> RawValues:
    rounds = np.stack([singles(evidence.task, puzzle)[0] for puzzle in evidence.inputs])
    return rounds, rounds > 0


def singles(
    task: Sudoku, inputs: UInt8[np.ndarray, "cells"]
) -> tuple[Int[np.ndarray, "cells"], Int[np.ndarray, "cells"]]:
    """Return the round, counted from 1, in which a single fills each blank cell, and the digit of this single.

    Each round places all naked and hidden singles that exist at its start. Both arrays have the shape [cells]. They are 0
    for givens and for cells that singles do not fill. If the puzzle is contradictory, they are 0 for all cells.
    """
    board = geometry(task.box_rows, task.box_columns)
    givens = from_tokens(board, inputs)
    possible = start(board, givens).possible
    placed = sum(1 << given for given in givens)
    rounds, digits = np.zeros((2, board.cells), int)
    for round_ in range(1, board.cells + 1):
        new = 0
        for firsts, shifts, whole in board.constraint_kinds:
            ones = twos = 0
            for shift in shifts:
                option = possible >> shift & firsts
                twos |= ones & option
                ones |= option
            if ones != firsts:  # a group is left without a candidate
                return np.zeros(board.cells, int), np.zeros(board.cells, int)
            new |= (ones ^ twos) * whole & possible & ~placed
        if not new:
            break
        placed |= new
        for single in members(new):
            possible &= board.compatible[single]
            digit, cell = divmod(single, board.cells)
            rounds[cell], digits[cell] = round_, digit + 1
    return rounds, digits
