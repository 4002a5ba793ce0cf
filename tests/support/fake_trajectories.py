"""Trajectories made by hand: a 4x4 Sudoku with the states and answers of a test."""

import numpy as np

from probes.latents.trajectories import Trajectories
from trm.config import ModelConfig
from trm.coordinates import F_H
from trm.provenance import Provenance
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
SOLUTION = SMALL.parse("1234341221434321")
PUZZLE = SMALL.parse("1234341221430000")


def fake_trajectories(
    config: ModelConfig, states: dict[str, np.ndarray], *, right: np.ndarray, **changes
) -> Trajectories:
    """Trajectories of f_H calls. `right` (puzzle, answer): which answers are correct; the others have the last cell wrong."""
    calls = tuple(
        at for step in range(1, config.N_sup + 1) for at in config.depth.calls(step) if at.kind == F_H
    )
    count, answers = right.shape
    inputs = np.tile(PUZZLE, (count, 1))
    predicted = np.tile(SOLUTION, (count, answers, 1))
    predicted[~right, -1] = SOLUTION[0] + 1
    return Trajectories(
        **{
            "provenance": Provenance(
                "tiny",
                "0" * 16,
                config.kind,
                config.task,
                "cpu",
                "float32",
                "0",
                "2026-01-02",
                data="hand/made",
            ),
            "config": config,
            "position": "mean",
            "calls": {"y": calls[:answers], "z": calls[:answers]},
            "states": {name: array.astype(np.float32) for name, array in states.items()},
            "inputs": inputs,
            "labels": np.tile(SOLUTION, (count, 1)),
            "answers": predicted,
            "puzzle_numbers": np.arange(count) * 2,
            "difficulty": ("",) * count,
        }
        | changes
    )
