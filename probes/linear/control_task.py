"""The control task of Hewitt & Liang 2019 (arXiv:1909.03368), which measures how much a probe can memorise.

Each type of cell, defined by its input symbol and its position, gets a random label drawn from the distribution of the
true labels. A type has the same label in all puzzles, so a probe can predict it only by memorising it. Selectivity is
the probe's score on the target minus its score on the control task. High selectivity means that the probe decodes
information in the states rather than memorising labels. Selectivity varies with the random labels, most for rare
classes.
"""

import numpy as np
from jaxtyping import Bool, Int, Int64, Num, UInt8


def control_types(inputs: UInt8[np.ndarray, "puzzle cell"]) -> Int64[np.ndarray, "puzzle cell"]:
    """Return the type of each cell, a number that encodes its input symbol and its position."""
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
    """Draw a control label for each type of cell at each time point, from the true values of the training puzzles.

    `train` holds the indices of the training puzzles. Each type has one random quantile at all time points, so its
    label changes between time points only if the distribution of the true values changes.
    """
    rank = np.random.default_rng(seed).random(int(types.max()) + 1)
    labels = np.zeros((len(types), values.shape[1], types.shape[1]), values.dtype)
    for time_point in range(values.shape[1]):
        training = np.sort(values[train, time_point][defined[train, time_point]])
        if len(training):
            labels[:, time_point] = training[(rank * len(training)).astype(int)][types]
    return labels
