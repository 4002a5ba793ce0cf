"""Training, validation and test puzzles: whole puzzles, never cells.

The cells of one puzzle share its state: a probe that is trained on some of them and tested on others can know the puzzle
again and so seem to read what it has only remembered.
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
    """Puzzles that cannot be split as asked for."""


@dataclass(frozen=True, eq=False)
class Split:
    """Indices of the puzzles of each part. Raises SplitError where a part is empty or a puzzle is in two."""

    train: Puzzles
    validation: Puzzles
    test: Puzzles

    def __post_init__(self) -> None:
        parts = [getattr(self, part) for part in PARTS]
        together = np.concatenate(parts)
        if not all(map(len, parts)):
            raise SplitError("Training, validation and test need a puzzle each. Give more puzzles.")
        if len(np.unique(together)) != len(together) or together.min() < 0:
            raise SplitError(
                "A puzzle of this split is in it twice, or its index is negative. Name each puzzle once."
            )


def split_puzzles(
    count: int,
    *,
    shares: tuple[float, float, float] = (0.6, 0.15, 0.25),
    seed: int = 0,
    strata: Sequence | Shaped[np.ndarray, "_"] | None = None,
) -> Split:
    """Draw training, validation and test puzzles out of `count`, at random; `strata`, one label a puzzle, keeps the shares
    within every stratum too, up to two puzzles.

    Raises SplitError where shares are not positive or do not sum to 1, or puzzles are too few.
    """
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise SplitError(f"Shares of {shares} are no split. Give three positive ones that sum to 1.")
    if strata is not None and len(strata) != count:
        raise SplitError(f"There are {len(strata)} strata for {count} puzzles. Give one for each.")
    order = np.random.default_rng(seed).permutation(count)
    if strata is not None:
        order = order[np.argsort(np.unique(strata, return_inverse=True)[1][order], kind="stable")]
    # Each puzzle goes where most are owed, so that every run of the order, and so every stratum, has the shares.
    owed = np.zeros(3)
    parts: tuple[list[int], ...] = ([], [], [])
    for puzzle in order.tolist():
        owed += shares
        part = int(owed.argmax())
        owed[part] -= 1
        parts[part].append(puzzle)
    return Split(*(np.sort(np.array(part, int)) for part in parts))
