"""Splits puzzles into training, validation and test puzzles. All cells of a puzzle are in the same part.

The states of the cells of a puzzle depend on each other. A probe that is trained on some cells of a puzzle and tested
on other cells can recognise the puzzle, and then seems to decode labels that it has memorised.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from trm.errors import UserError

PARTS = ("train", "validation", "test")
SHARES = (0.6, 0.15, 0.25)  # proportions of the parts
Puzzles = Int[np.ndarray, "_"]
"""Indices of puzzles, in ascending order."""


class SplitError(UserError):
    """The puzzles cannot be split as requested."""


@dataclass(frozen=True, eq=False)
class Split:
    """Indices of the training, validation and test puzzles. Raises SplitError if a part is empty or parts overlap."""

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


def split_puzzles(count: int, *, seed: int = 0) -> Split:
    """Split `count` puzzles at random into training, validation and test puzzles, in the proportions SHARES.

    Raises SplitError if there are too few puzzles.
    """
    # Each puzzle goes to the part with the largest deficit, so the proportions are kept as closely as possible.
    deficit = np.zeros(3)
    parts: tuple[list[int], ...] = ([], [], [])
    for puzzle in np.random.default_rng(seed).permutation(count).tolist():
        deficit += SHARES
        part = int(deficit.argmax())
        deficit[part] -= 1
        parts[part].append(puzzle)
    return Split(*(np.sort(np.array(part, int)) for part in parts))
