"""Latent trajectories: y and z of many puzzles after the selected calls, at one position, with the answers.

A trajectory is the sequence of states of one puzzle, in the order of the calls. The position is one cell or the mean
over all cells, so a state is a vector of D values and all puzzles share one space. `read_trajectories` reads a trace
store without torch. `record_trajectories` runs a model, writes a temporary store and reads it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from probes.latents.projection import MEAN
from probes.states import bundled_difficulty
from trm.config import ModelConfig
from trm.coordinates import F_L, Coordinates, Depth
from trm.data.files.spread import evenly_spread
from trm.errors import StoreError, UserError
from trm.progress import Progress, no_progress
from trm.provenance import Provenance
from trm.store.layout import StoreSettings
from trm.store.reader import TraceStore
from trm.tasks import task_of
from trm.tasks.base import PADDING, Task

if TYPE_CHECKING:
    from trm.data import PuzzleSet
    from trm.model import Model

READ_AT_ONCE = 64 << 20  # bytes of states read at a time to average over cells
BATCH = 16  # puzzles per batch: progress is reported after every supervision step of a batch
LARGEST_TRAJECTORIES = 1 << 30  # maximum bytes of states in memory


class TrajectoriesError(UserError):
    """The position does not exist, or the trajectories are too large."""


@dataclass(frozen=True, eq=False)
class Trajectories:
    """States of many puzzles at one position, with the answers along the run."""

    provenance: Provenance
    config: ModelConfig
    position: str  # mean, or a cell such as r5c5
    calls: Mapping[str, tuple[Coordinates, ...]]  # y or z -> calls after which it was recorded
    states: Mapping[str, Float32[np.ndarray, "puzzle _ dim"]]  # y or z -> states after these calls
    inputs: UInt8[np.ndarray, "puzzle cells"]
    labels: UInt8[np.ndarray, "puzzle cells"]  # 0 in cells that are not scored; all 0 without a solution
    answers: UInt8[np.ndarray, "puzzle answer cells"]  # answers after the calls recorded for y
    puzzle_numbers: Int[np.ndarray, "puzzle"]  # index of each puzzle in the puzzle set, from 0
    difficulty: tuple[str, ...]  # rating of each puzzle; "" if the set is not rated

    def __len__(self) -> int:
        return len(self.puzzle_numbers)

    @cached_property
    def task(self) -> Task:
        return task_of(self.config)

    @property
    def cell(self) -> int | None:
        """Index of the cell, from 0; None for the mean over all cells."""
        return None if self.position == MEAN else cell_index(self.position, self.task)

    @cached_property
    def solved(self) -> Bool[np.ndarray, "puzzle answer"]:
        """Whether each answer is correct, by the rules of the task if they suffice, otherwise by the solution."""
        if self.task.checkable_by_rules:
            return self.task.is_solved(
                np.broadcast_to(self.inputs[:, None], self.answers.shape), self.answers
            )
        scored = self.labels[:, None] != PADDING
        return ((self.answers == self.labels[:, None]) | ~scored).all(-1) & scored.any(-1)

    def state_updates(
        self, state: str
    ) -> tuple[tuple[Coordinates, ...], Float32[np.ndarray, "puzzle time dim"]]:
        """Return the calls that update a state, and the state after each of these calls.

        Only f_L calls update z, unless y and z are the same state. If only f_H calls were recorded, all of them are
        returned: z then includes all f_L updates since the previous f_H call.
        """
        calls, states = self.calls[state], self.states[state]
        updates = [index for index, at in enumerate(calls) if at.kind == F_L]
        if state == "y" or not updates or not self.config.latents:
            return calls, states
        return tuple(calls[index] for index in updates), states[:, updates]

    def answer_indices(self, state: str) -> Int[np.ndarray, "time"]:
        """For each time point of a state, return the current answer's index in `answers`; -1 before the first answer."""
        answer_calls = self.calls["y"]
        return np.array(
            [sum(at <= time_point for at in answer_calls) - 1 for time_point in self.calls[state]], int
        )


def cell_index(position: str, task: Task) -> int:
    """Convert a cell name such as r5c5 to an index from 0. Raises TrajectoriesError if the grid has no such cell."""
    parsed = re.fullmatch(r"r(\d{1,3})c(\d{1,3})", position)
    row, column = (int(parsed[1]) - 1, int(parsed[2]) - 1) if parsed else (-1, -1)
    if not (0 <= row < task.rows and 0 <= column < task.columns):
        raise TrajectoriesError(
            f"There is no position {position!r} on a grid of {task.rows}x{task.columns}. Choose {MEAN} (over all cells) "
            f"or a cell such as r1c1 or r{task.rows}c{task.columns}."
        )
    return row * task.columns + column


def read_trajectories(
    store: TraceStore,
    *,
    position: str = MEAN,
    limit: int | None = None,
    difficulty: tuple[str, ...] | None = None,
) -> Trajectories:
    """Read the trajectories at one position from a store. The mean is computed here if all cells were recorded.

    At most `limit` puzzles are read, spread evenly over the store. `difficulty` contains a rating for each of them; by
    default, the ratings of a bundled set are used. Raises StoreError
    if the store has no finished shard, or the position, y, z or the answers were not recorded. Raises TrajectoriesError
    if the cell does not exist or the states exceed 1 GiB.
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
    rows = evenly_spread(store.count, store.count if limit is None else limit)
    size = 4 * len(rows) * config.hidden_size * sum(map(len, calls.values()))
    if size > LARGEST_TRAJECTORIES:
        raise TrajectoriesError(
            f"The states of {len(rows)} puzzles after {len(calls['z'])} calls take {size >> 20} MiB. "
            f"Use fewer puzzles (--limit), or record fewer calls (--calls)."
        )
    return Trajectories(
        provenance=store.provenance(len(rows)),
        config=config,
        position=position,
        calls=calls,
        states={state: _states(store, state, position, rows) for state in ("y", "z")},
        inputs=store.inputs(rows),
        labels=store.labels(rows),
        answers=store.answers(rows),
        puzzle_numbers=store.puzzles[rows],
        difficulty=difficulty or bundled_difficulty(store, task, rows),
    )


def _states(
    store: TraceStore, state: str, position: str, rows: Int[np.ndarray, "puzzle"]
) -> Float32[np.ndarray, "puzzle time dim"]:
    names = store.positions
    if position in names:
        return store.states(state, rows, positions=[names.index(position)])[:, :, 0]
    cells = [index for index, name in enumerate(names) if name.startswith("r")]
    if position != MEAN or len(cells) != store.layout.config.sequence_length:
        raise StoreError(
            f"{store.path} does not contain the position {position}: it was recorded with --positions "
            f"{store.layout.settings.positions}. Record with --positions {position}."
        )
    each = 4 * len(store.coordinates(state)) * len(cells) * store.layout.config.hidden_size
    most = max(1, READ_AT_ONCE // each)
    parts = [
        store.states(state, rows[start : start + most], positions=cells).mean(2)
        for start in range(0, len(rows), most)
    ]
    return np.concatenate(parts)


def record_trajectories(
    model: "Model",
    puzzles: "PuzzleSet",
    *,
    limit: int | None = None,
    calls: str = "f_H",
    position: str = MEAN,
    depth: Depth | None = None,
    progress: Progress = no_progress,
) -> Trajectories:
    """Run a model on a puzzle set and record its trajectories in float32.

    At most `limit` puzzles are run, spread evenly over the set. `calls` has the format of `trm trace --calls`, and
    `depth` defaults to the model's own. An
    exception raised by `progress` stops the run. Raises UserError as `record_store` does, and TrajectoriesError if the
    cell does not exist or the states exceed 1 GiB.
    """
    from trm.evaluate import evenly
    from trm.store.capture import record_in_memory
    from trm.store.layout import chosen_calls

    numbers = np.arange(len(puzzles))
    if limit is not None:
        numbers = evenly(len(puzzles), limit)
        puzzles = puzzles.take(numbers)
    config, task = model.config, task_of(model.config)
    if depth:
        config = config.with_depth(**vars(depth))
    if position != MEAN:
        cell_index(position, task)
    size = 4 * len(puzzles) * config.hidden_size * 2 * len(chosen_calls(calls, config))
    if size > LARGEST_TRAJECTORIES:
        raise TrajectoriesError(
            f"The states of {len(puzzles)} puzzles after these calls take up to {size >> 20} MiB. "
            "Choose fewer puzzles or calls."
        )
    settings = StoreSettings(calls=calls, positions=position, logits="top1", dtype="float32", batch=BATCH)
    store = record_in_memory(model, task, puzzles, settings, depth=depth, progress=progress)
    trajectories = read_trajectories(store, position=position, difficulty=puzzles.difficulty)
    return replace(trajectories, puzzle_numbers=numbers)
