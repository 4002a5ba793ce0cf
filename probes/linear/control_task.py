"""The control task of Hewitt & Liang 2019 (arXiv:1909.03368): how much could a probe of this capacity learn by heart?

Every type of cell, here its input symbol and its position, gets a label at random, drawn as the true labels are
distributed, and keeps it in all puzzles. Nothing but memory can read that. Selectivity is the score of the probe
minus its score on the control task: high where the probe reads what the states hold. It depends on the one draw of
labels, the more the rarer a class is.
"""

import numpy as np
from jaxtyping import Bool, Int, Int64, Num, UInt8


def control_types(inputs: UInt8[np.ndarray, "puzzle cell"]) -> Int64[np.ndarray, "puzzle cell"]:
    """The type of each cell: its input symbol and its position, as one number."""
    cells = inputs.shape[1]
    return inputs.astype(np.int64) * cells + np.arange(cells)


def control_values(
    types: Int64[np.ndarray, "puzzle cell"],
    values: Num[np.ndarray, "puzzle time cell"],
    defined: Bool[np.ndarray, "puzzle time cell"],
    train: Int[np.ndarray, "_"],
    *,
    seed: int,
) -> Num[np.ndarray, "puzzle time cell"]:
    """The control label of each cell: for each type one of the training puzzles' values at that time point, drawn at random.

    The same seed and training values give the same label to the same type, whichever puzzles it is in. A type has the
    same rank among the values of every time point, so that its label changes only as their proportions do.
    """
    rank = np.random.default_rng(seed).random(int(types.max()) + 1)
    labels = np.zeros((len(types), values.shape[1], types.shape[1]), values.dtype)
    for time_point in range(values.shape[1]):
        seen = np.sort(values[train, time_point][defined[train, time_point]])
        if len(seen):
            labels[:, time_point] = seen[(rank * len(seen)).astype(int)][types]
    return labels
