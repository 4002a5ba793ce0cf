"""Training puzzles: generated once in the run's folder or read from an official dataset, with random symmetries."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from trm.arrays import Header, read_npz
from trm.data import bundled_sets, bundled_test_set, load_puzzles
from trm.errors import DataError
from trm.files import atomic_file, reading
from trm.tasks import task_of
from trm.tasks.base import Task
from trm.training.presets import TrainingPreset

LOG_EVERY = 2000  # generated puzzles between log messages
LARGEST_PUZZLES = 1 << 30  # bytes


@dataclass(frozen=True)
class Puzzles:
    """Puzzles as tokens, with their solutions and puzzle ids."""

    inputs: UInt8[np.ndarray, "count cells"]
    labels: UInt8[np.ndarray, "count cells"]
    puzzle_ids: Int[np.ndarray, "count"] | None = None


class PuzzleStream:
    """An endless stream of training puzzles: random symmetries of random puzzles from a set."""

    def __init__(self, task: Task, puzzles: Puzzles):
        self.task, self.puzzles = task, puzzles

    def draw(
        self, count: int, reveal: float, rng: np.random.Generator
    ) -> tuple[Int[Tensor, "count cells"], Int[Tensor, "count cells"], Int[Tensor, "count"]]:
        """Draw inputs, labels, and puzzle ids. A fraction of each puzzle's blanks, drawn from [0, reveal], is filled in."""
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
    """The memory-mapped train split of an official dataset folder, and the first puzzles in its test split as held-out set.

    If the model has puzzle ids, the model in the returned preset has a row for each puzzle id in the folder. Raises
    `DataError`.
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
    """The file with a run's generated puzzles of one size."""
    return folder / f"puzzles-{cells}.npz"


def generated_puzzles(
    preset: TrainingPreset, cells: int, folder: Path, log: Callable[[str], None]
) -> tuple[PuzzleStream, Puzzles]:
    """Generated puzzles of one size, as training stream and held-out set. They are generated once, then read from disk.

    Raises `DataError` if the file is damaged.
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
    """Generate the preset's puzzles, in random order, without symmetric versions of bundled test puzzles."""
    task = task_of(preset.model)
    exclude = test_keys(task)
    total = sum(part.puzzles for part in preset.data)
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
                progress=lambda done, count=count: (
                    log(f"generated {done} of {count} puzzles") if done % LOG_EVERY < 32 else None
                ),
                **part.options,
            )
        )
    inputs, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.random.default_rng(preset.data_seed).permutation(len(inputs))
    with atomic_file(path) as temporary:
        np.savez_compressed(temporary, inputs=inputs[order], labels=labels[order])


def test_keys(task: Task) -> set[bytes]:
    """Symmetry keys of the bundled test puzzles; empty if no test puzzles have this size."""
    name = bundled_test_set(task)
    if name not in bundled_sets():
        return set()
    try:
        test = load_puzzles(name, task)
    except DataError:  # of a different size
        return set()
    return {task.symmetry_key(solution) for solution in test.labels[test.labelled]}
