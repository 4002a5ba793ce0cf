"""The control task of Hewitt & Liang 2019 (arXiv:1909.03368): how much can a probe of this capacity memorise?

Each type of cell, defined by its input symbol and its position, gets a random label drawn from the distribution of the
true labels. The label is the same in all puzzles, so only memorisation can predict it. Selectivity is the probe's score
minus its score on the control task. It is high if the probe decodes what the states encode. It depends on a single draw
of labels, and more so for rare classes.
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
    """The control label of each cell: for each type, one random value from the training puzzles at that time point.

    The same seed and training values give a type the same label in all puzzles. A type has the same rank among the values
    at every time point, so its label changes only if the class proportions do.
    """
    rank = np.random.default_rng(seed).random(int(types.max()) + 1)
    labels = np.zeros((len(types), values.shape[1], types.shape[1]), values.dtype)
    for time_point in range(values.shape[1]):
        training = np.sort(values[train, time_point][defined[train, time_point]])
        if len(training):
            labels[:, time_point] = training[(rank * len(training)).astype(int)][types]
    return labels
