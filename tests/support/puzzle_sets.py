"""What tests of puzzle sets share."""

import numpy as np

from trm.data import PuzzleSet


def same(one: PuzzleSet, other: PuzzleSet) -> bool:
    """Whether both hold the same puzzles, answers and ids."""
    return (
        np.array_equal(one.inputs, other.inputs)
        and np.array_equal(one.labels, other.labels)
        and np.array_equal(one.labelled, other.labelled)
        and np.array_equal(one.givens, other.givens)
        and np.array_equal(one.puzzle_identifiers, other.puzzle_identifiers)
    )
