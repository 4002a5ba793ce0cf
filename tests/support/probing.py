"""What the tests of probing experiments share: 4x4 Sudoku, forty puzzles, and a search of few regularisations."""

import numpy as np

from probes.linear.probe import ProbeSettings
from trm.data import PuzzleSet
from trm.tasks.sudoku import Sudoku

FEW = ProbeSettings(C=(1e-2, 1.0), alpha=(1e2, 1.0), resamples=50)
TASK = Sudoku(2, 2)


def forty_puzzles() -> PuzzleSet:
    rng = np.random.default_rng(0)
    made = [TASK.generate(rng, "easy") for _ in range(40)]
    return PuzzleSet.of(
        "made", TASK, np.stack([one.inputs for one in made]), np.stack([one.labels for one in made])
    )
