"""Puzzles for training: generated once into the run's folder, drawn with endless symmetries, in flight while trained on."""

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from trm.data import load_puzzles
from trm.errors import DataError
from trm.files import written_whole
from trm.presets import Preset
from trm.recursion import State
from trm.tasks import task_of
from trm.tasks.base import Difficulty, Task


@dataclass(frozen=True)
class Puzzles:
    """Puzzles with their solutions, token by token."""

    inputs: UInt8[np.ndarray, "count cells"]
    labels: UInt8[np.ndarray, "count cells"]


@dataclass
class Flight:
    """The puzzles in flight. `steps` counts the supervision steps each has had."""

    inputs: Int[Tensor, "batch cell"]
    labels: Int[Tensor, "batch cell"]
    state: State
    steps: Int[Tensor, "batch"]
    least_steps: Int[Tensor, "batch"]  # it may not halt before


class PuzzleStream:
    """Fresh training puzzles without end: each a random symmetry of a random base puzzle."""

    def __init__(self, task: Task, puzzles: Puzzles):
        self.task = task
        self.puzzles = puzzles

    def draw(self, count: int, reveal: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Inputs and labels (count, cells), int64. Each puzzle gets a share of its blanks filled in, from [0, reveal]."""
        chosen = rng.integers(0, len(self.puzzles.inputs), count)
        inputs, labels = self.task.random_symmetries(
            self.puzzles.inputs[chosen], self.puzzles.labels[chosen], rng
        )
        share = rng.random((count, 1)) * reveal
        inputs = np.where(rng.random(inputs.shape) < share, labels, inputs)
        return torch.from_numpy(inputs.astype(np.int64)), torch.from_numpy(labels.astype(np.int64))


def training_puzzles(
    preset: Preset, folder: Path, say: Callable[[str], None]
) -> tuple[PuzzleStream, Puzzles]:
    """The stream to train on and the held-out puzzles to watch; generated at the first call, then read back.

    Raises DataError when the file is damaged.
    """
    path = folder / "puzzles.npz"
    if not path.exists():
        generate_training_puzzles(preset, path, say)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            inputs, labels = arrays["inputs"], arrays["labels"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):
        raise DataError(f"{path} is damaged. Remove it: the same puzzles are generated again.") from None
    held_out = preset.data.held_out
    task = task_of(preset.model)
    return PuzzleStream(task, Puzzles(inputs[held_out:], labels[held_out:])), Puzzles(
        inputs[:held_out], labels[:held_out]
    )


def generate_training_puzzles(preset: Preset, path: Path, say: Callable[[str], None]) -> None:
    """Generate the preset's puzzles in random order, none a symmetric twin of a bundled test puzzle."""
    task, data = task_of(preset.model), preset.data
    count = data.puzzles + data.held_out
    tested = load_puzzles(f"{task.name}/test", task)
    inputs, labels = task.generate_many(
        count,
        difficulty=Difficulty.EASY,
        givens=data.givens,
        seed=data.seed,
        workers=os.cpu_count() or 1,
        exclude={task.symmetry_key(solution) for solution in tested.labels[tested.labelled]},
        progress=lambda done: say(f"generated {done} of {count} puzzles") if done % 2000 < 32 else None,
    )
    order = np.random.default_rng(data.seed).permutation(count)
    with written_whole(path) as temporary:
        np.savez_compressed(temporary, inputs=inputs[order], labels=labels[order])
