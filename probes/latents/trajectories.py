"""Where the states of many puzzles went: y and z at one position after the chosen calls, and what is known of each puzzle.

A walk is the states of one puzzle in the order of the calls. The position is one cell, or the mean over all of them: a
vector of D numbers either way, so walks of any puzzles of a model lie in one space. Read from a trace store they need no
torch; `record_walks` makes a store in a temporary folder and reads that, so there is one way to record.
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
from trm.store.layout import Settings
from trm.store.reader import TraceStore, open_store
from trm.tasks import task_of
from trm.tasks.base import PADDING, Task

if TYPE_CHECKING:
    from trm.data import PuzzleSet
    from trm.model import Model

AT_ONCE = 64 << 20  # bytes of states read at a time where the mean over cells is taken here
FEW = 16  # puzzles run together: progress is heard of after every supervision step of so many
LARGEST_TRAJECTORIES = 1 << 30  # bytes of states held together


class TrajectoriesError(UserError):
    """States that cannot be followed in the way that was asked for."""


@dataclass(frozen=True)
class Made:
    """What made some walks."""

    model: str
    fingerprint: str  # of the weights
    config: ModelConfig
    data: str  # name of the puzzle set
    dtype: str  # that the model computed in
    version: str  # of this library
    recorded: str  # date, ISO 8601


@dataclass(frozen=True, eq=False)
class Trajectories:
    """States of puzzles at one position, with the answers on the way."""

    made: Made
    position: str  # mean, or a cell such as r5c5
    calls: Mapping[str, tuple[Coordinates, ...]]  # of y and of z: after which calls they were read
    states: Mapping[str, Float32[np.ndarray, "puzzle _ dim"]]  # y and z, each after its own calls
    inputs: UInt8[np.ndarray, "puzzle cells"]
    labels: UInt8[
        np.ndarray, "puzzle cells"
    ]  # 0 in cells that are not scored, everywhere where there is no solution
    answers: UInt8[np.ndarray, "puzzle answer cells"]  # after the calls of y
    numbers: Int[np.ndarray, "puzzle"]  # of the puzzles in their set, from 0
    difficulty: tuple[str, ...]  # "" where the set does not say

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def task(self) -> Task:
        return task_of(self.made.config)

    @property
    def cell(self) -> int | None:
        """The cell that is followed; None for the mean over all."""
        return None if self.position == MEAN else cell_number(self.position, self.task)

    @cached_property
    def solved(self) -> Bool[np.ndarray, "puzzle answer"]:
        """Whether the answer is right, after the calls of y: by the rules, or where these do not tell by the solution."""
        if self.task.checkable_by_rules:
            return self.task.is_solved(
                np.broadcast_to(self.inputs[:, None], self.answers.shape), self.answers
            )
        scored = self.labels[:, None] != PADDING
        return ((self.answers == self.labels[:, None]) | ~scored).all(-1) & scored.any(-1)

    def moving(self, state: str) -> tuple[tuple[Coordinates, ...], Float32[np.ndarray, "puzzle moment dim"]]:
        """The calls that rewrite a state, and the state after them: z by f_L alone, unless y is the same state.

        Where f_H calls alone were recorded z stands as f_L left it, so these tell of all that z does between them.
        """
        calls, states = self.calls[state], self.states[state]
        rewrites = [index for index, at in enumerate(calls) if at.kind == F_L]
        if state == "y" or not rewrites or not self.made.config.latents:
            return calls, states
        return tuple(calls[index] for index in rewrites), states[:, rewrites]

    def answer_at(self, state: str) -> Int[np.ndarray, "moment"]:
        """For each moment of a state the answer that stood then, as an index into `answers`; -1 before the first."""
        known = list(self.calls["y"])
        return np.array([sum(at <= time_point for at in known) - 1 for time_point in self.calls[state]], int)


def cell_number(position: str, task: Task) -> int:
    """The cell that r5c5 names, counted from 0. Raises TrajectoriesError where the grid has none."""
    found = re.fullmatch(r"r(\d{1,3})c(\d{1,3})", position)
    row, column = (int(found[1]) - 1, int(found[2]) - 1) if found else (-1, -1)
    if not (0 <= row < task.rows and 0 <= column < task.columns):
        raise TrajectoriesError(
            f"There is no position {position!r} on a grid of {task.rows}x{task.columns}. Choose {MEAN} (over all cells), "
            f"or one cell such as r1c1 or r{task.rows}c{task.columns}."
        )
    return row * task.columns + column


def read_trajectories(
    store: TraceStore, *, position: str = MEAN, difficulty: tuple[str, ...] | None = None
) -> Trajectories:
    """The walks that a store holds. The mean over cells is taken here where all cells were recorded.

    `difficulty` of the store's puzzles, where it is known. Raises StoreError where the position, y, z or the answers were not
    recorded, WalksError where there is no such cell, or the states would not fit into a GiB.
    """
    config, task = store.layout.config, task_of(store.layout.config)
    if position != MEAN:
        cell_number(position, task)
    if not store.count:
        raise StoreError(f"{store.path} has no finished shard yet. Wait, or record with a smaller --shard.")
    if "y" not in store.layout.states or "z" not in store.layout.states or not store.layout.top:
        raise StoreError(
            f"{store.path} was recorded with --states {store.layout.settings.states} --logits "
            f"{store.layout.settings.logits}: y, z and the answers are needed. Record with --states y,z --logits top1."
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
        made=Made(
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
        numbers=store.puzzles,
        difficulty=difficulty or known_difficulty(store, task),
    )


def _states(store: TraceStore, state: str, position: str) -> Float32[np.ndarray, "puzzle moment dim"]:
    names = store.positions
    if position in names:
        return store.states(state, positions=[names.index(position)])[:, :, 0]
    cells = [index for index, name in enumerate(names) if name.startswith("r")]
    if position != MEAN or len(cells) != store.layout.config.sequence_length:
        raise StoreError(
            f"{store.path} does not hold the position {position}: it was recorded with --positions "
            f"{store.layout.settings.positions}. Record with --positions {position}."
        )
    each = 4 * len(store.coordinates(state)) * len(cells) * store.layout.config.hidden_size
    rows = max(1, AT_ONCE // each)
    parts = [
        store.states(state, slice(start, start + rows), positions=cells).mean(2)
        for start in range(0, store.count, rows)
    ]
    return np.concatenate(parts)


def known_difficulty(store: TraceStore, task: Task) -> tuple[str, ...]:
    """Of each puzzle of a store, where it was recorded from a bundled set that says it."""
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
    """Run a model over a puzzle set and follow its states, in float32. What `progress` raises ends it.

    `limit` takes that many puzzles, evenly spread over the set, as `trm trace --limit` does. `calls` is a text as for `trm trace --calls`. Raises UserError as `record_store` does, and WalksError where there is no such
    cell, or the states would not fit into a GiB.
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
        cell_number(position, task)
    size = 4 * len(puzzles) * config.hidden_size * 2 * len(chosen_calls(calls, config))
    if size > LARGEST_TRAJECTORIES:
        raise TrajectoriesError(
            f"The states of {len(puzzles)} puzzles after these calls take up to {size >> 20} MiB. "
            "Choose fewer puzzles or calls."
        )
    settings = Settings(calls=calls, positions=position, logits="top1", dtype="float32", batch=FEW)
    with tempfile.TemporaryDirectory(prefix="recursion-lens-") as folder:
        out = Path(folder) / "walks"
        record_store(model, task, puzzles, out, settings, say=lambda text: None, progress=progress)
        trajectories = read_trajectories(open_store(out), position=position, difficulty=puzzles.difficulty)
    return replace(trajectories, numbers=numbers)
