"""Six small puzzles and single runs on them, for tests of batched runs."""

import numpy as np
import torch

from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.recursion import State, deep_supervision
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
DEPTH = Depth(n=2, T=2, N_sup=3)
MLP = {"mixing": "mlp", "mixing_width": 20, "heads": 0, "positions": "none"}
"""Changes to the tiny model's configuration so that it mixes positions by an MLP."""


def six_puzzles() -> PuzzleSet:
    inputs, labels = SMALL.generate_many(6, seed=3)
    return PuzzleSet.of("six", SMALL, inputs, labels)


def answers_of(model, inputs: np.ndarray, state: State | None = None) -> list[np.ndarray]:
    """Answers of one puzzle after every supervision step, from another initial state if given."""
    tokens = torch.from_numpy(inputs.astype(np.int64))[None]
    if state is not None:
        model = _Started(model, state)
    steps = deep_supervision(model, tokens, torch.zeros(1, dtype=torch.long), depth=DEPTH)
    return [step.heads.logits[0].argmax(-1).numpy().astype(np.uint8) for step in steps]


class _Started:
    """A model with another initial state."""

    def __init__(self, model, state: State):
        self.model, self.state = model, state

    def __getattr__(self, name):
        return getattr(self.model, name)

    def initial_state(self, x):
        return self.state
