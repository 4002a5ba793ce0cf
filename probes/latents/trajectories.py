"""Latent trajectories: y and z of many puzzles at one position after the selected calls, with the answers.

A trajectory is the sequence of states of one puzzle, in the order of the calls. The position is one cell, or the mean
over all cells: a vector of D values either way, so all puzzles of a model share one space. Reading from a trace store
needs no torch; `record_trajectories` writes a store to a temporary folder and reads it, so that there is only one
recording path.
"""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from probes.latents.projection import MEAN
from trm.config import ModelConfig
from trm.coordinates import F_L, Coordinates
from trm.errors import StoreError, UserError
from trm.progress import CountProgress
from trm.store.layout import StoreSettings
from trm.store.reader import TraceStore, open_store
from trm.tasks import task_of
from trm.tasks.base import PADDING, Task

if TYPE_CHECKING:
    from trm.data import PuzzleSet
    from trm.model import Model

READ_AT_ONCE = 64 << 20  # bytes of states read at a time to average over cells
BATCH = 16  # puzzles per batch: progress is reported after every supervision step of a batch
LARGEST_TRAJECTORIES = 1 << 30  # bytes of states in memory


class TrajectoriesError(UserError):
    """The position does not exist, or the trajectories are too large."""


@dataclass(frozen=True)
class TrajectoryMetadata:
    """What the trajectories were recorded from."""

    model: str
    fingerprint: str  # of the weights
    config: ModelConfig
    data: str  # name of the puzzle set
    dtype: str  # of the computation
    version: str  # of this library
    recorded: str  # date, ISO 8601


@dataclass(frozen=True, eq=False)
class Trajectories:
    """States of puzzles at one position, with the answers along the run."""

    metadata: TrajectoryMetadata
    position: str  # mean, or a cell such as r5c5
    calls: Mapping[str, tuple[Coordinates, ...]]  # by state, y and z: the calls after which it was read
    states: Mapping[str, Float32[np.ndarray, "puzzle _ dim"]]  # by state, after its own calls
    inputs: UInt8[np.ndarray, "puzzle cells"]
    labels: UInt8[np.ndarray, "puzzle cells"]  # 0 in cells that are not scored; all 0 without a solution
    answers: UInt8[np.ndarray, "puzzle answer cells"]  # after the calls of y
    puzzle_numbers: Int[np.ndarray, "puzzle"]  # in the set, from 0
    difficulty: tuple[str, ...]  # "" if the set is not rated

    def __len__(self) -> int:
        return len(self.puzzle_numbers)

    @cached_property
    def task(self) -> Task:
        return task_of(self.metadata.config)

    @property
    def cell(self) -> int | None:
        """Index of the cell; None for the mean over all cells."""
        return None if self.position == MEAN else cell_index(self.position, self.task)

    @cached_property
    def solved(self) -> Bool[np.ndarray, "puzzle answer"]:
        """Whether each answer is correct: by the rules of the task if they determine it, else by the solution."""
        if self.task.checkable_by_rules:
            return self.task.is_solved(
                np.broadcast_to(self.inputs[:, None], self.answers.shape), self.answers
            )
        scored = self.labels[:, None] != PADDING
        return ((self.answers == self.labels[:, None]) | ~scored).all(-1) & scored.any(-1)

    def state_updates(
        self, state: str
    ) -> tuple[tuple[Coordinates, ...], Float32[np.ndarray, "puzzle time dim"]]:
        """The calls that update a state, and the state after each. Only f_L updates z, unless y and z are the same
        state.

        If only f_H calls were recorded, z is as the last f_L call left it, so each f_H call stands for all updates of z
        since the previous one.
        """
        calls, states = self.calls[state], self.states[state]
        updates = [index for index, at in enumerate(calls) if at.kind == F_L]
        if state == "y" or not updates or not self.metadata.config.latents:
            return calls, states
        return tuple(calls[index] for index in updates), states[:, updates]

    def answer_indices(self, state: str) -> Int[np.ndarray, "time"]:
        """For each time point of a state, the current answer as an index into `answers`; -1 before the first."""
        answer_calls = self.calls["y"]
        return np.array(
            [sum(at <= time_point for at in answer_calls) - 1 for time_point in self.calls[state]], int
        )


def cell_index(position: str, task: Task) -> int:
    """Index of a cell such as r5c5, from 0. Raises TrajectoriesError if the grid has no such cell."""
    parsed = re.fullmatch(r"r(\d{1,3})c(\d{1,3})", position)
    row, column = (int(parsed[1]) - 1, int(parsed[2]) - 1) if parsed else (-1, -1)
    if not (0 <= row < task.rows and 0 <= column < task.columns):
        raise TrajectoriesError(
            f"There is no position {position!r} on a grid of {task.rows}x{task.columns}. Choose {MEAN} (over all cells) "
            f"or a cell such as r1c1 or r{task.rows}c{task.columns}."
        )
    return row * task.columns + column


def read_trajectories(
    store: TraceStore, *, position: str = MEAN, difficulty: tuple[str, ...] | None = None
) -> Trajectories:
    """Read the trajectories in a store. The mean over cells is computed here if all cells were recorded.

    `difficulty` rates the store's puzzles; by default, the rating of a bundled set is used. Raises StoreError if the
    position, y, z or the answers were not recorded, TrajectoriesError if the cell does not exist or the states exceed 1
    GiB.
    """
    config, task = store.layout.config, task_of(store.layout.config)
    if position != MEAN:
        cell_index(position, task)
    if not store.count:
        raise StoreError(f"{store.path} has no finished shard yet. Wait, or record with a smaller --shard.")
    if "y" not in store.layout.states or "z" not in store.layout.states or not store.layout.top:
        raise StoreError(
            f"{store.path} was recorded with --states {store.layout.settings.states} --logits "
            f"{store.layout.settings.logits}; y, z and the answers are needed. Record with --states y,z --logits top1."
        )
    calls = {state: store.coordinates(state) for state in ("y", "z")}
    size = 4 * store.count * config.hidden_size * sum(map(len, calls.values()))
    if size > LARGEST_TRAJECTORIES:
        raise TrajectoriesError(
            f"The states of {store.count} puzzles after {len(calls['z'])} calls take {size >> 20} MiB. "
            f"Record fewer puzzles (--limit) or calls (--calls)."
        )
    manifest = store.manifest
    return Trajectories(
        metadata=TrajectoryMetadata(
            model=str(manifest["model"]),
            fingerprint=str(manifest["fingerprint"]),
            config=config,
            data=str(manifest["data"]["name"]),
            dtype=str(manifest["compute_dtype"]),
            version=str(manifest["versions"]["recursion-lens"]),
            recorded=str(manifest["recorded"]),
        ),
        position=position,
        calls=calls,
        states={state: _states(store, state, position) for state in ("y", "z")},
        inputs=store.inputs(),
        labels=store.labels(),
        answers=store.answers(),
        puzzle_numbers=store.puzzles,
        difficulty=difficulty or bundled_difficulty(store, task),
    )


def _states(store: TraceStore, state: str, position: str) -> Float32[np.ndarray, "puzzle time dim"]:
    names = store.positions
    if position in names:
        return store.states(state, positions=[names.index(position)])[:, :, 0]
    cells = [index for index, name in enumerate(names) if name.startswith("r")]
    if position != MEAN or len(cells) != store.layout.config.sequence_length:
        raise StoreError(
            f"{store.path} does not contain the position {position}: it was recorded with --positions "
            f"{store.layout.settings.positions}. Record with --positions {position}."
        )
    each = 4 * len(store.coordinates(state)) * len(cells) * store.layout.config.hidden_size
    rows = max(1, READ_AT_ONCE // each)
    parts = [
        store.states(state, slice(start, start + rows), positions=cells).mean(2)
        for start in range(0, store.count, rows)
    ]
    return np.concatenate(parts)


def bundled_difficulty(store: TraceStore, task: Task) -> tuple[str, ...]:
    """Difficulty of each puzzle in a store that was recorded from a bundled set; "" for others."""
    from trm.data import load_puzzles
    from trm.data.bundled import bundled_sets

    name = store.manifest["data"]["name"]
    if name not in bundled_sets():
        return ("",) * store.count
    puzzles = load_puzzles(name, task)
    by_puzzle = {
        inputs.tobytes(): level for inputs, level in zip(puzzles.inputs, puzzles.difficulty, strict=True)
    }
    return tuple(by_puzzle.get(inputs.tobytes(), "") for inputs in store.inputs())


def record_trajectories(
    model: "Model",
    puzzles: "PuzzleSet",
    *,
    limit: int | None = None,
    calls: str = "f_H",
    position: str = MEAN,
    progress: CountProgress | None = None,
) -> Trajectories:
    """Run a model over a puzzle set and record its trajectories in float32. An exception raised by `progress` stops the run.

    `limit` takes this many puzzles, spread evenly over the set. `calls` is as for `trm trace --calls`. Raises UserError
    as `record_store` does, and TrajectoriesError if the cell does not exist or the states exceed 1 GiB.
    """
    from trm.evaluate import evenly
    from trm.store.layout import chosen_calls
    from trm.store.record import record_store

    numbers = np.arange(len(puzzles))
    if limit is not None:
        numbers = evenly(len(puzzles), limit)
        puzzles = puzzles.take(numbers)
    config, task = model.config, task_of(model.config)
    if position != MEAN:
        cell_index(position, task)
    size = 4 * len(puzzles) * config.hidden_size * 2 * len(chosen_calls(calls, config))
    if size > LARGEST_TRAJECTORIES:
        raise TrajectoriesError(
            f"The states of {len(puzzles)} puzzles after these calls take up to {size >> 20} MiB. "
            "Choose fewer puzzles or calls."
        )
    settings = StoreSettings(calls=calls, positions=position, logits="top1", dtype="float32", batch=BATCH)
    with tempfile.TemporaryDirectory(prefix="recursion-lens-") as folder:
        out = Path(folder) / "trajectories"
        record_store(model, task, puzzles, out, settings, log=lambda text: None, progress=progress)
        trajectories = read_trajectories(open_store(out), position=position, difficulty=puzzles.difficulty)
    return replace(trajectories, puzzle_numbers=numbers)
