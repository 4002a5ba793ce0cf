"""Targets of a Sudoku: digits, candidates, singles and conflicts."""

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
    """All targets of a Sudoku of this size."""
    return [
        *symbol_targets(task, FIRST_DIGIT, "digit"),
        binary("given", "This cell is given.", lambda known: (known.givens, all_cells(known))),
        *(
            binary(
                f"candidate_{digit}",
                f"The givens of its row, column and box leave the {digit} to this blank cell.",
                partial(_candidate, digit=digit),
            )
            for digit in range(1, task.rows + 1)
        ),
        number(
            "candidates_left",
            "How many digits the givens of its row, column and box leave to this blank cell.",
            _candidates_left,
        ),
        binary(
            "naked_single",
            "The givens of its row, column and box leave one digit to this blank cell.",
            _naked_single,
        ),
        binary(
            "naked_single_now",
            "The other answers now in its row, column and box leave one digit to this blank cell.",
            _naked_single_now,
            "now",
        ),
        binary(
            "conflict_now",
            "The digit answered now stands in its row, column or box once more.",
            lambda known: (known.task.conflicts(known.now), all_cells(known)),
            "now",
        ),
        number("blanks_in_row", "How many cells of its row are blank.", _blanks_in_row),
        number(
            "singles_round",
            "The round in which naked and hidden singles fill this cell, all of a round at once.",
            _singles_round,
        ),
        *correctness_targets(task),
        number(
            "blanks",
            "How many cells of the puzzle are blank.",
            lambda known: ((~known.givens).sum(-1), all_puzzles(known)),
            level=Level.PUZZLE,
        ),
        difficulty_target(),
        *run_targets(),
    ]


def _candidate(evidence: Evidence, *, digit: int) -> RawValues:
    bits = evidence.facts["candidates"]
    return bits >> (digit - 1) & 1, bits >= 0


def _candidates_left(evidence: Evidence) -> RawValues:
    left = evidence.facts["candidates_left"]
    return left, left >= 0


def _naked_single(evidence: Evidence) -> RawValues:
    left = evidence.facts["candidates_left"]
    return left == 1, left >= 0


def _naked_single_now(evidence: Evidence) -> RawValues:
    task = evidence.task
    around = evidence.now[:, geometry(task.box_rows, task.box_columns).peers]  # (puzzle, cell, peer)
    seen = sum((around == token).any(-1).astype(int) for token in range(FIRST_DIGIT, FIRST_DIGIT + task.rows))
    return seen == task.rows - 1, ~evidence.givens


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
    """The round, from 1, in which each blank cell is filled when every round places all naked and hidden singles that
    it begins with; and the digit. 0 for givens, for cells that singles do not reach, and where they meet a contradiction.
    """
    board = geometry(task.box_rows, task.box_columns)
    givens = from_tokens(board, inputs)
    possible = start(board, givens).possible
    placed = sum(1 << given for given in givens)
    rounds, digits = np.zeros((2, board.cells), int)
    for round_ in range(1, board.cells + 1):
        found_now = 0
        for firsts, shifts, whole in board.families:
            ones = twos = 0
            for shift in shifts:
                found = possible >> shift & firsts
                twos |= ones & found
                ones |= found
            if ones != firsts:  # a group is left without a candidate
                return np.zeros(board.cells, int), np.zeros(board.cells, int)
            found_now |= (ones ^ twos) * whole & possible & ~placed
        if not found_now:
            break
        placed |= found_now
        for single in members(found_now):
            possible &= board.keep[single]
            digit, cell = divmod(single, board.cells)
            rounds[cell], digits[cell] = round_, digit + 1
    return rounds, digits
