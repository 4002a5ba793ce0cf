"""Derive each cell of a Sudoku as a person would, and say which rule decides it and on which cells the rule rests.

Each round decides all cells that a single decides: a naked single, which is the only digit left for a cell, or a hidden
single, whose digit has only one cell left in a row, column or box. If there is none, locked candidates or pairs rule out
candidates first. Of several singles for a cell, the one that rests on the fewest cells is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt8

from trm.tasks.base import Deduction
from trm.tasks.sudoku.geometry import FIRST_DIGIT, Candidates, Geometry, members
from trm.tasks.sudoku.logic import locked_candidates, pairs
from trm.tasks.sudoku.solver import from_tokens, start

TECHNIQUES = {"locked": locked_candidates, "pairs": pairs}
UNITS = ("row", "column", "box")


def deductions(board: Geometry, tokens: UInt8[np.ndarray, "cells"]) -> tuple[Deduction | None, ...]:
    """Return how each blank cell is decided; None for givens and where singles, locked candidates and pairs do not suffice.

    The deductions end where the puzzle contradicts itself.
    """
    return tuple(_Deducer(board, tokens).run())


class _Deducer:
    """The candidates that are left, the digits that are placed, and the deductions so far."""

    def __init__(self, board: Geometry, tokens: UInt8[np.ndarray, "cells"]):
        givens = from_tokens(board, tokens)
        self.board = board
        self.possible = start(board, givens).possible
        self.digits = {given % board.cells: given // board.cells for given in givens}  # of placed cells
        self.rounds = dict.fromkeys(self.digits, 0)
        self.ruled_out = dict.fromkeys(TECHNIQUES, 0)  # candidates, by technique
        self.found: list[Deduction | None] = [None] * board.cells

    def run(self) -> list[Deduction | None]:
        while self._is_consistent():
            if new := self._round(1 + max(self.rounds.values(), default=0)):
                for deduction in new:
                    self._place(*deduction)
            elif not self._rule_out():
                break
        return self.found

    def _is_consistent(self) -> bool:
        """Whether every cell, and every digit in every unit, has a candidate left."""
        board = self.board
        cells = all(self.possible >> cell & board.digits for cell in range(board.cells))
        shifts = range(0, board.side * board.cells, board.cells)
        return cells and all(self.possible >> shift & mask for shift in shifts for mask in board.unit_masks)

    def _round(self, number: int) -> list[tuple[int, Deduction]]:
        """Return the cells that singles decide now, with the simplest deduction of each."""
        options: dict[int, list[Deduction]] = {}
        for cell, deduction in self._singles(number):
            options.setdefault(cell, []).append(deduction)
        return [
            (cell, min(found, key=lambda each: (len(each.techniques), len(each.cells))))
            for cell, found in options.items()
        ]

    def _singles(self, number: int) -> Iterator[tuple[int, Deduction]]:
        board, side = self.board, self.board.side
        for unit, (cells, mask) in enumerate(zip(board.units.tolist(), board.unit_masks, strict=True)):
            for digit in range(side):
                places = self.possible >> digit * board.cells & mask
                cell = places.bit_length() - 1
                if places.bit_count() == 1 and cell not in self.digits:
                    rests_on, techniques = self._hidden(cells, cell, digit)
                    name, place = UNITS[unit // side], unit % side + 1
                    yield cell, Deduction(name, place, FIRST_DIGIT + digit, number, rests_on, techniques)
        for cell in set(range(board.cells)) - self.digits.keys():
            digits = members(self.possible >> cell & board.digits)
            if len(digits) == 1:
                digit = digits[0] // board.cells
                rests_on, techniques = self._naked(cell, digit)
                yield cell, Deduction("naked", 0, FIRST_DIGIT + digit, number, rests_on, techniques)

    def _naked(self, cell: int, digit: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Return one placed peer for each other digit, and the techniques that ruled out the remaining digits."""
        peers = [peer for peer in self.board.peers[cell].tolist() if peer in self.digits]
        rests_on, missing = [], 0
        for other in set(range(self.board.side)) - {digit}:
            holders = [peer for peer in peers if self.digits[peer] == other]
            if holders:
                rests_on.append(min(holders, key=self.rounds.__getitem__))
            else:
                missing |= 1 << other * self.board.cells + cell
        return tuple(sorted(rests_on)), self._techniques(missing)

    def _hidden(self, unit: list[int], cell: int, digit: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Return placed cells that leave the digit no other cell of the unit, and the techniques that ruled out the rest."""
        left, rests_on, missing = set(unit) - {cell}, [], 0
        holders = [each for each, placed in self.digits.items() if placed == digit]
        seen = {each: left.intersection(self.board.peers[each].tolist()) for each in holders}
        while left and seen:
            best = min(seen, key=lambda each: (-len(seen[each] & left), self.rounds[each], each))
            if not (covered := seen.pop(best) & left):
                break
            if covered - self.digits.keys():  # a filled cell excludes the digit by itself
                left -= covered
                rests_on.append(best)
        for each in left:
            if each in self.digits:
                rests_on.append(each)
            else:
                missing |= 1 << digit * self.board.cells + each
        return tuple(sorted(rests_on)), self._techniques(missing)

    def _techniques(self, missing: Candidates) -> tuple[str, ...]:
        return tuple(name for name, ruled_out in self.ruled_out.items() if ruled_out & missing)

    def _place(self, cell: int, deduction: Deduction) -> None:
        digit = deduction.token - FIRST_DIGIT
        self.found[cell], self.digits[cell], self.rounds[cell] = deduction, digit, deduction.round
        self.possible &= self.board.compatible[digit * self.board.cells + cell]

    def _rule_out(self) -> bool:
        """Rule out candidates by the first technique that finds any. Returns whether there are any."""
        for name, technique in TECHNIQUES.items():
            if ruled_out := technique(self.board, self.possible):
                self.possible &= ~ruled_out
                self.ruled_out[name] |= ruled_out
                return True
        return False
