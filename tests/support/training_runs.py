"""What the tests of training share: a schedule, a preset of 9x9 Sudoku, and a trainer of 4x4 Sudoku."""

from dataclasses import replace
from pathlib import Path

import torch

from trm.config import ModelConfig
from trm.tasks.sudoku import Sudoku
from trm.training.data import Puzzles, PuzzleStream
from trm.training.presets import PuzzleSpec, TrainingPreset
from trm.training.schedule import DepthPhase, Schedule
from trm.training.trainer import Trainer

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL, USUAL = Sudoku(2, 2), Sudoku()
CPU = torch.device("cpu")
SCHEDULE = Schedule(
    depth=(DepthPhase(0.5, n=1, T=1), DepthPhase(1.0, n=2, T=2)),
    reveal=0.8, reveal_until=0.5, learning_rate=5e-3, warm_up=4, decay_from=0.5, decay_to=0.1,
)  # fmt: skip


def trainer_of(preset: TrainingPreset, puzzles: Puzzles) -> Trainer:
    return Trainer(preset, [PuzzleStream(SMALL, puzzles)], CPU)


def usual_preset(config: ModelConfig) -> TrainingPreset:
    """9x9 Sudoku with few puzzles, for `train`, which generates them."""
    data = (PuzzleSpec(12, "easy", {"givens": (30, 42)}),)
    model = replace(config, vocab_size=11, sequence_length=81)
    return TrainingPreset("usual", model, SCHEDULE, minutes=0.03, data=data, held_out=4, batch=4)
