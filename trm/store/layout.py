"""The contents of a store, determined before a run: calls, positions, facts about cells, arrays and their sizes."""

import io
import re
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from jaxtyping import Int16, UInt8

from trm.config import ModelConfig
from trm.coordinates import F_H, Coordinates
from trm.errors import UserError
from trm.store.positions import Positions
from trm.tasks.base import Task

STATES = ("y", "z")
DTYPES = {"float16": "float16", "float32": "float32", "bfloat16": "uint16"}
"""Dtype of states and logits -> NumPy dtype in the store. NumPy has no bfloat16, so its 16 bits are stored."""
BLOCK = 4096
"""Block size of common file systems in bytes. The disk space of a file is a multiple of the block size."""


@dataclass(frozen=True)
class StoredStates:
    """What is stored of each run. The attributes are options of `trm trace`."""

    states: str = "y,z"
    """y, z, both (y,z), or none"""
    calls: str = F_H
    """after which calls: f_H, all, last (of each supervision step), or a list of supervision step.cycle.call such as 1.3.7,16.*.7; y is stored only at f_H calls, which update it"""
    positions: str = "cells"
    """positions of the states: cells, mean (over all cells), prefix, all, or cells such as r1c1,r5c5; several separated by commas"""
    logits: str = "top5"
    """logits of the answers at f_H calls: none, all, or top<k>"""
    dtype: Literal["float16", "float32", "bfloat16"] = "float16"
    """dtype of states and logits"""


@dataclass(frozen=True)
class StoreSettings(StoredStates):
    """Settings of a store. Raises UserError for an invalid dtype, batch or shard."""

    batch: int = 32  # puzzles per forward pass and core
    shard: int = 64  # puzzles per shard

    def __post_init__(self):
        if self.dtype not in DTYPES:
            raise UserError(
                f"There is no dtype {self.dtype!r} for states. Choose one of: {', '.join(DTYPES)}."
            )
        if min(self.batch, self.shard) < 1:
            raise UserError(
                f"Batches of {self.batch} and shards of {self.shard} puzzles are not possible. Give 1 or more."
            )


def chosen_calls(text: str, config: ModelConfig) -> tuple[Coordinates, ...]:
    """Parse the setting `--calls` and return the selected calls in the order of the run.

    The entries of a list are `supervision step.cycle.call`, counted from 1; `*` matches every number. Raises UserError,
    naming the invalid entry.
    """
    depth = config.depth
    every = [at for step in range(1, depth.N_sup + 1) for at in depth.calls(step)]
    if text == "all":
        return tuple(every)
    if text == F_H:
        return tuple(at for at in every if at.kind == F_H)
    if text == "last":
        return tuple(at for at in every if (at.cycle, at.kind) == (depth.T, F_H))
    selected: set[Coordinates] = set()
    for part in text.replace(" ", "").split(","):
        if not re.fullmatch(r"(\d{1,6}|\*)(\.(\d{1,6}|\*)){2}", part):
            raise UserError(
                f"{part!r} is not a call. Choose f_H, all, last, or calls such as 1.3.7,16.*.7 "
                "(supervision step, cycle, call)."
            )
        numbers = part.split(".")
        matching = {
            at
            for at in every
            if all(
                number in ("*", str(here))
                for number, here in zip(numbers, (at.supervision_step, at.cycle, at.call), strict=True)
            )
        }
        if not matching:
            raise UserError(
                f"There is no call {part}: the run has {depth.N_sup} supervision steps of {depth.T} cycles "
                f"of {depth.n + 1} calls."
            )
        selected |= matching
    return tuple(at for at in every if at in selected)


def cell_facts(task: Task, inputs: UInt8[np.ndarray, "cells"]) -> dict[str, Int16[np.ndarray, "cells"]]:
    """Compute facts about every cell, by name: `given` (0 or 1), `row`, `column` (from 1), and `Task.cell_features`.

    Facts are integers, which probes try to decode from states. A fact is -1 for cells where it is undefined.
    """
    row, column = np.divmod(np.arange(task.cells), task.columns)
    facts = {"given": task.givens(inputs), "row": row + 1, "column": column + 1} | task.cell_features(inputs)
    return {name: fact.astype(np.int16) for name, fact in facts.items()}


@dataclass(frozen=True)
class ArrayPlan:
    """An array of a shard. States and logits have the calls as first axis, so that one call is read in one piece."""

    calls: int | None  # length of the call axis; None without one
    axes: dict[str, int]  # the axes after the puzzles, with their lengths
    dtype: str  # NumPy dtype in the file

    def shape(self, puzzles: int) -> tuple[int, ...]:
        """Shape for a number of puzzles: [calls, puzzles, ...] or [puzzles, ...]."""
        first = () if self.calls is None else (self.calls,)
        return (*first, puzzles, *self.axes.values())

    def header(self, puzzles: int) -> bytes:
        """The beginning of its .npy file."""
        stream = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            stream,
            {
                "descr": np.lib.format.dtype_to_descr(np.dtype(self.dtype)),
                "fortran_order": False,
                "shape": self.shape(puzzles),
            },
        )
        return stream.getvalue()

    def file_bytes(self, puzzles: int) -> int:
        """Length of its .npy file."""
        return len(self.header(puzzles)) + prod(self.shape(puzzles)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Layout:
    """The arrays in a store and their axes. Raises UserError if the settings do not fit the model."""

    config: ModelConfig  # with the depth of the run
    puzzles: int
    settings: StoreSettings
    facts: tuple[str, ...]

    def __post_init__(self):
        if self.puzzles < 1:
            raise UserError("There are no puzzles to record.")
        names = self.states
        if len(set(names)) != len(names) or not set(names) <= set(STATES):
            raise UserError(f"{self.settings.states!r} is not a choice of states. Choose y, z, y,z or none.")
        if self.top < 0:
            raise UserError(f"{self.settings.logits!r} is not a choice of logits. Choose none, all, or top5.")
        if ("y" in names or self.settings.logits != "none") and not self.coordinates("y"):
            raise UserError(
                f"y changes only at f_H calls (call {self.config.n + 1} of a cycle), and --calls has none. "
                "Add one, or choose --states z --logits none."
            )

    @property
    def states(self) -> tuple[str, ...]:
        text = self.settings.states.replace(" ", "")
        return () if text == "none" else tuple(text.split(","))

    @property
    def top(self) -> int:
        """Number of logits stored for each cell: V for all, 0 for none, -1 if the setting is invalid."""
        text, vocab_size = self.settings.logits, self.config.vocab_size
        if text in ("none", "all"):
            return vocab_size if text == "all" else 0
        match = re.fullmatch(r"top([1-9]\d{0,4})", text)
        return min(int(match[1]), vocab_size) if match else -1

    @property
    def positions(self) -> Positions:
        return Positions.of(self.settings.positions, self.config)

    def coordinates(self, name: str) -> tuple[Coordinates, ...]:
        """Calls on the call axis of an array: all selected calls for z, the selected f_H calls for y and logits."""
        calls = chosen_calls(self.settings.calls, self.config)
        return calls if name == "z" else tuple(at for at in calls if at.kind == F_H)

    @property
    def shards(self) -> int:
        return -(-self.puzzles // self.settings.shard)

    def rows(self, shard: int) -> range:
        """Indices of the puzzles in a shard."""
        return range(shard * self.settings.shard, min((shard + 1) * self.settings.shard, self.puzzles))

    def arrays(self) -> dict[str, ArrayPlan]:
        """Plans of all arrays, by name."""
        config, number = self.config, DTYPES[self.settings.dtype]
        cells, V = config.sequence_length, config.vocab_size
        plans = {
            "inputs": ArrayPlan(None, {"cell": cells}, "uint8"),
            "labels": ArrayPlan(None, {"cell": cells}, "uint8"),
            "puzzle_ids": ArrayPlan(None, {}, "int32"),
            "facts": ArrayPlan(None, {"fact": len(self.facts), "cell": cells}, "int16"),
            "q_halt": ArrayPlan(None, {"supervision_step": config.N_sup}, "float32"),
            "q_continue": ArrayPlan(None, {"supervision_step": config.N_sup}, "float32"),
        }
        for name in self.states:
            axes = {"position": len(self.positions.names), "D": config.hidden_size}
            plans[name] = ArrayPlan(len(self.coordinates(name)), axes, number)
        answers = len(self.coordinates("y"))
        if self.settings.logits == "all":
            plans["logits"] = ArrayPlan(answers, {"cell": cells, "V": V}, number)
        elif self.top:
            axes = {"cell": cells, "k": self.top}
            plans["top_logits"] = ArrayPlan(answers, axes, number)
            plans["top_tokens"] = ArrayPlan(answers, axes, "uint8")
        return plans

    def shard_bytes(self, shard: int) -> int:
        """Bytes that a shard takes on disk, in whole blocks of a common file system."""
        puzzles = len(self.rows(shard))
        files = [plan.file_bytes(puzzles) for plan in self.arrays().values()]
        marker_and_folder = 2 * BLOCK
        return sum(-(-length // BLOCK) * BLOCK for length in files) + marker_and_folder
