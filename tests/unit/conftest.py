"""What the unit tests share: a small preset, its puzzles, a trainer that is ready; a number of threads."""

import pytest
import torch
from training_runs import SCHEDULE, SMALL, trainer_of

from trm.training.data import Puzzles
from trm.training.presets import PuzzleSpec, TrainingPreset
from trm.training.trainer import Trainer


@pytest.fixture
def small_preset(tiny_config) -> TrainingPreset:
    """4x4 Sudoku, for a trainer that is given its puzzles."""
    config = tiny_config(hidden_size=16, mixing="mlp", mixing_width=20, heads=0, positions="none")
    data = (PuzzleSpec(40, "easy", {"givens": (8, 12)}),)
    return TrainingPreset("small", config, SCHEDULE, minutes=1.0, data=data, held_out=8, batch=8, explore=0.5)


@pytest.fixture(scope="module")
def small_puzzles() -> Puzzles:
    return Puzzles(*SMALL.generate_many(40, givens=(6, 10), seed=3))


@pytest.fixture
def trainer(small_preset, small_puzzles) -> Trainer:
    return trainer_of(small_preset, small_puzzles)


@pytest.fixture(params=[1, 2])
def threads(request) -> int:
    """So many threads for torch, while the test runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)
