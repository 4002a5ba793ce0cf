"""Walks made by hand: 4x4 Sudoku whose states and answers a test gives."""

import numpy as np

from probes.latents.trajectories import Made, Trajectories
from trm.config import ModelConfig
from trm.coordinates import F_H
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
SOLUTION = SMALL.parse("1234341221434321")
PUZZLE = SMALL.parse("1234341221430000")


def fake_trajectories(
    config: ModelConfig, states: dict[str, np.ndarray], *, right: np.ndarray, **changes
) -> Trajectories:
    """Walks of the f_H calls, where `right` (puzzle, answer) says which answers are right; wrong ones have the last cell wrong."""
    calls = tuple(
        at for step in range(1, config.N_sup + 1) for at in config.depth.calls(step) if at.kind == F_H
    )
    count, answers = right.shape
    inputs = np.tile(PUZZLE, (count, 1))
    shown = np.tile(SOLUTION, (count, answers, 1))
    shown[~right, -1] = SOLUTION[0] + 1
    return Trajectories(
        **{
            "made": Made("tiny", "0" * 16, config, "hand/made", "float32", "0", "2026-01-02"),
            "position": "mean",
            "calls": {"y": calls[:answers], "z": calls[:answers]},
            "states": {name: array.astype(np.float32) for name, array in states.items()},
            "inputs": inputs,
            "labels": np.tile(SOLUTION, (count, 1)),
            "answers": shown,
            "numbers": np.arange(count) * 2,
            "difficulty": ("",) * count,
        }
        | changes
    )
