"""Splits into training, validation and test puzzles. Whole puzzles are split, never the cells of a puzzle.

The cells of a puzzle share its state. A probe trained on some of them and tested on others can recognise the puzzle, and
so appear to decode what it has memorised.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Shaped

from trm.errors import UserError

PARTS = ("train", "validation", "test")
Puzzles = Int[np.ndarray, "_"]
"""Indices of puzzles, ascending."""


class SplitError(UserError):
    """The puzzles cannot be split as requested."""


@dataclass(frozen=True, eq=False)
class Split:
    """Indices of the puzzles of each part. Raises SplitError if a part is empty or a puzzle is in two parts."""

    train: Puzzles
    validation: Puzzles
    test: Puzzles

    def __post_init__(self) -> None:
        parts = [getattr(self, part) for part in PARTS]
        together = np.concatenate(parts)
        if not all(map(len, parts)):
            raise SplitError(
                "Training, validation and test each need at least one puzzle. Give more puzzles."
            )
        if len(np.unique(together)) != len(together) or together.min() < 0:
            raise SplitError(
                "A puzzle occurs twice in this split, or its index is negative. Use each puzzle once."
            )


def split_puzzles(
    count: int,
    *,
    shares: tuple[float, float, float] = (0.6, 0.15, 0.25),
    seed: int = 0,
    strata: Sequence | Shaped[np.ndarray, "_"] | None = None,
) -> Split:
    """Split `count` puzzles at random into training, validation and test puzzles.

    With `strata`, one label per puzzle, every stratum is split in the same proportions, to within two puzzles. Raises
    SplitError if shares are not positive or do not sum to 1, or there are too few puzzles.
    """
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise SplitError(f"The shares {shares} are invalid. Give three positive numbers that sum to 1.")
    if strata is not None and len(strata) != count:
        raise SplitError(f"There are {len(strata)} strata for {count} puzzles. Give one stratum per puzzle.")
    order = np.random.default_rng(seed).permutation(count)
    if strata is not None:
        order = order[np.argsort(np.unique(strata, return_inverse=True)[1][order], kind="stable")]
    # Each puzzle goes to the part with the largest deficit, so each stratum gets these shares.
    deficit = np.zeros(3)
    parts: tuple[list[int], ...] = ([], [], [])
    for puzzle in order.tolist():
        deficit += shares
        part = int(deficit.argmax())
        deficit[part] -= 1
        parts[part].append(puzzle)
    return Split(*(np.sort(np.array(part, int)) for part in parts))
