"""Published results on halting and on accuracy by supervision step, with sources, to compare with our own results."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One published result."""

    value: str
    of: str  # the model and its puzzles
    source: str


ANALYSES = "published analyses of public Sudoku checkpoints"

MONOTONE = (
    Published("19.7%", "HRM, Sudoku-Extreme", ANALYSES),
    Published("73.3%", "TRM, Sudoku-Extreme", ANALYSES),
)
"""Fraction of solved puzzles whose number of errors never increases from one step to the next."""

AUC_LAST_STEP = (Published("0.998 to 1.000", "four public Sudoku models", ANALYSES),)
"""AUROC of q_halt for "exactly correct now", after the last step."""

DEPTHS = (1, 2, 4, 8, 16, 32, 64)
EXACT_BY_DEPTH = {
    "hrm": (1.6, 8.0, 34.8, 48.6, 54.9, 58.0, 59.9),
    "trm": (29.5, 58.1, 70.1, 75.7, 79.1, 81.4, 83.5),
}
"""Exact accuracy in percent after DEPTHS supervision steps: public models on Sudoku-Extreme, trained with 16 steps."""

GROKKING = Published(
    "first flat, then solved in a single step", "HRM, Sudoku-Extreme", "Ren & Liu 2026, arXiv:2601.10679"
)
