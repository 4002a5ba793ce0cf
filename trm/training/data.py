"""Training puzzles, generated or read from an official dataset folder, and augmented with random symmetries."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from trm.data import bundled_sets, bundled_test_set, load_puzzles
from trm.data.files.npz import Header, read_npz
from trm.errors import DataError
from trm.files import atomic_file, reading
from trm.tasks import task_of
from trm.tasks.base import Task
from trm.training.presets import TrainingPreset

LOG_EVERY = 2000  # number of generated puzzles between log messages
LARGEST_PUZZLES = 1 << 30  # maximum size of an array of puzzles in bytes


@dataclass(frozen=True)
class Puzzles:
    """Tokens of puzzles (`inputs`) and of their solutions (`labels`), and the puzzle ids (None: all ids are 0)."""

    inputs: UInt8[np.ndarray, "count cells"]
    labels: UInt8[np.ndarray, "count cells"]
    puzzle_ids: Int[np.ndarray, "count"] | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def first(self, count: int) -> "Puzzles":
        """Return the first `count` puzzles."""
        ids = None if self.puzzle_ids is None else self.puzzle_ids[:count]
        return Puzzles(self.inputs[:count], self.labels[:count], ids)


class PuzzleStream:
    """An endless stream of training puzzles, drawn at random from a set, each with a random symmetry applied."""

    def __init__(self, task: Task, puzzles: Puzzles):
        self.task, self.puzzles = task, puzzles

    def draw(
        self, count: int, reveal: float, rng: np.random.Generator
    ) -> tuple[Int[Tensor, "count cells"], Int[Tensor, "count cells"], Int[Tensor, "count"]]:
        """Draw (inputs, labels, puzzle ids) for `count` puzzles.

        For each puzzle, a probability is drawn uniformly from 0 to `reveal`. Each blank cell is filled in with this
        probability.
        """
        chosen = rng.integers(0, len(self.puzzles.inputs), count)
        inputs, labels = self.task.random_symmetries(
            self.puzzles.inputs[chosen], self.puzzles.labels[chosen], rng
        )
        if reveal:
            share = rng.random((count, 1)) * reveal
            inputs = np.where(rng.random(inputs.shape) < share, labels, inputs)
        ids = np.zeros(count) if self.puzzles.puzzle_ids is None else self.puzzles.puzzle_ids[chosen]
        return tuple(torch.from_numpy(part.astype(np.int64)) for part in (inputs, labels, ids))


def official_puzzles(preset: TrainingPreset, folder: Path) -> tuple[TrainingPreset, PuzzleStream, Puzzles]:
    """Load an official dataset folder. Returns (preset, training stream, held-out set).

    The stream draws from the train split. The held-out set consists of the first `preset.held_out` puzzles in the test
    split. If the model has puzzle ids, its puzzle embedding in the returned preset has a row for each puzzle id in the
    folder. Raises `DataError` if the folder is invalid or lacks a split.
    """
    task = task_of(preset.model)
    train, test = (load_puzzles(folder, task, split=split) for split in ("train", "test"))
    if preset.model.puzzle_ids:
        largest = max(int(part.puzzle_identifiers.max(initial=0)) for part in (train, test))
        preset = replace(preset, model=replace(preset.model, puzzle_ids=largest + 1))
    held_out = test.take(np.arange(min(preset.held_out, len(test))))
    stream = PuzzleStream(task, Puzzles(train.inputs, train.labels, train.puzzle_identifiers))
    return preset, stream, Puzzles(held_out.inputs, held_out.labels, held_out.puzzle_identifiers)


def puzzle_file(folder: Path, cells: int) -> Path:
    """Return the path of the file with a run's generated puzzles of `cells` cells each."""
    return folder / f"puzzles-{cells}.npz"


def generated_puzzles(
    preset: TrainingPreset, cells: int, folder: Path, log: Callable[[str], None]
) -> tuple[PuzzleStream, Puzzles]:
    """Return (training stream, held-out set) of generated puzzles with `cells` cells each.

    The puzzles are generated on the first call and saved in `folder`; later calls read this file. Raises `DataError` if
    the file is damaged.
    """
    preset = replace(preset, model=replace(preset.model, sequence_length=cells))
    path = puzzle_file(folder, cells)
    if not path.exists():
        generate_puzzles(preset, path, log)

    def tokens(name: str, header: Header) -> bool:
        if header.dtype != np.uint8 or header.shape[1:] != (cells,) or header.nbytes > LARGEST_PUZZLES:
            raise ValueError("not puzzles of this size")
        return True

    with reading(path, DataError, "file of puzzles", "Remove it; the same puzzles will be generated again."):
        arrays = read_npz(path, tokens)
        inputs, labels = arrays["inputs"], arrays["labels"]
    held_out = preset.held_out
    stream = PuzzleStream(task_of(preset.model), Puzzles(inputs[held_out:], labels[held_out:]))
    return stream, Puzzles(inputs[:held_out], labels[:held_out])


def generate_puzzles(preset: TrainingPreset, path: Path, log: Callable[[str], None]) -> None:
    """Generate the preset's training and held-out puzzles and save them in random order as an .npz file.

    Symmetric versions of bundled test puzzles are excluded.
    """
    task = task_of(preset.model)
    exclude = test_keys(task)
    total = sum(part.puzzles for part in preset.data)
    log(
        f"generating {total + preset.held_out:,} puzzles of {task.cells} cells once, which does not count as training time"
    )
    parts = []
    for number, part in enumerate(preset.data):
        count = part.puzzles + round(preset.held_out * part.puzzles / total)
        parts.append(
            task.generate_many(
                count,
                difficulty=part.difficulty,
                seed=preset.data_seed + number,
                workers=os.cpu_count() or 1,
                exclude=exclude,
                progress=lambda share, text, count=count: (
                    log(text) if round(share * count) % LOG_EVERY < 32 else None
                ),
                **part.options,
            )
        )
    inputs, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.random.default_rng(preset.data_seed).permutation(len(inputs))
    with atomic_file(path) as temporary:
        np.savez_compressed(temporary, inputs=inputs[order], labels=labels[order])


def test_keys(task: Task) -> set[bytes]:
    """Return the symmetry keys of the bundled test puzzles; the set is empty if no test set has the task's size."""
    name = bundled_test_set(task)
    if name not in bundled_sets():
        return set()
    try:
        test = load_puzzles(name, task)
    except DataError:  # of a different size
        return set()
    return {task.symmetry_key(solution) for solution in test.labels[test.labelled]}
