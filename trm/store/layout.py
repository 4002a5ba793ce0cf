"""The contents of a store, determined before anything is run: calls, positions, facts about cells, arrays and their sizes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

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
CHUNK = 1 << 20
"""Minimum size of a chunk file in bytes, if there are enough calls: small states from several calls share a chunk."""
CHECKSUM = 4
"""Size in bytes of the CRC32C at the end of a chunk file."""
BLOCK = 4096
"""Block size of common file systems in bytes: the space that a file takes is a multiple of it."""


@dataclass(frozen=True)
class StoreSettings:
    """What to store; text values have the format of the command line. Raises UserError for an invalid value."""

    states: str = "y,z"  # y, z, both, or none
    calls: str = F_H  # f_H, all, last (of each supervision step), or a list such as 1.3.7,16.*.7
    positions: str = (
        "cells"  # cells, mean, prefix, all, or cells such as r1c1,r5c5; several separated by commas
    )
    logits: str = "top5"  # none, all, or top<k>
    dtype: str = "float16"  # dtype of states and logits
    batch: int = 64  # puzzles per forward pass
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
        if self.batch > self.shard:
            raise UserError(
                f"A batch of {self.batch} puzzles is larger than a shard of {self.shard}. "
                "Give a --shard of at least the batch."
            )


def chosen_calls(text: str, config: ModelConfig) -> tuple[Coordinates, ...]:
    """Parse the setting `--calls`; the calls are returned in the order of the run.

    A list has entries `supervision step.cycle.call`, counted from 1; `*` matches all. Raises UserError, naming the
    invalid part.
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
    """Facts about every cell, by name: `given` (0 or 1), `row` and `column` (from 1), and those of `Task.cell_features`.

    Facts are integers that probes try to decode from states; -1 where a fact is undefined for a cell.
    """
    row, column = np.divmod(np.arange(task.cells), task.columns)
    facts = {"given": task.givens(inputs), "row": row + 1, "column": column + 1} | task.cell_features(inputs)
    return {name: fact.astype(np.int16) for name, fact in facts.items()}


@dataclass(frozen=True)
class ArrayPlan:
    """An array in the store. The first axis is puzzles, chunked by shard; only the call axis is chunked further."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: str  # NumPy dtype in the store
    dimensions: tuple[str, ...]

    @property
    def chunk_bytes(self) -> int:
        """Length of each chunk file. The last ones are padded with zeros to the same length."""
        return prod(self.chunks) * np.dtype(self.dtype).itemsize + CHECKSUM

    def chunk_names(self, shard: int) -> list[str]:
        """File names of a shard's chunks."""
        calls = -(-self.shape[1] // self.chunks[1])
        rest = ".0" * (len(self.shape) - 2)
        return [f"c.{shard}.{group}{rest}" for group in range(calls)]


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

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Layout":
        """The layout that a manifest describes. Raises UserError, KeyError or TypeError if it is invalid."""
        settings = {name: manifest[name] for name in StoreSettings.__dataclass_fields__}
        for name, value in settings.items():
            if type(value) is not StoreSettings.__dataclass_fields__[name].type:
                raise TypeError(name)
        puzzles = manifest["data"]["puzzles"]
        if type(puzzles) is not int:
            raise TypeError("puzzles")
        return cls(
            config=ModelConfig.from_dict(manifest["config"]),
            puzzles=puzzles,
            settings=StoreSettings(**settings),
            facts=tuple(map(str, manifest["facts"])),
        )

    @property
    def states(self) -> tuple[str, ...]:
        text = self.settings.states.replace(" ", "")
        return () if text == "none" else tuple(text.split(","))

    @property
    def top(self) -> int:
        """Number of largest logits that are stored: 0 for none, V for all; -1 if the setting is invalid."""
        text, vocab_size = self.settings.logits, self.config.vocab_size
        if text in ("none", "all"):
            return vocab_size if text == "all" else 0
        match = re.fullmatch(r"top([1-9]\d{0,4})", text)
        return min(int(match[1]), vocab_size) if match else -1

    @property
    def positions(self) -> Positions:
        return Positions.of(self.settings.positions, self.config)

    def coordinates(self, name: str) -> tuple[Coordinates, ...]:
        """Calls along the axis of an array: all selected calls for z, and the f_H calls among them for y and its logits."""
        calls = chosen_calls(self.settings.calls, self.config)
        return calls if name == "z" else tuple(at for at in calls if at.kind == F_H)

    @property
    def shards(self) -> int:
        return -(-self.puzzles // self.settings.shard)

    def rows(self, shard: int) -> range:
        """Indices of the puzzles in a shard."""
        return range(shard * self.settings.shard, min((shard + 1) * self.settings.shard, self.puzzles))

    def arrays(self) -> dict[str, ArrayPlan]:
        """All arrays by name."""
        config, number = self.config, DTYPES[self.settings.dtype]
        cells, V = config.sequence_length, config.vocab_size
        positions = len(self.positions.names)
        plans = {
            "inputs": self._plan("uint8", cell=cells),
            "labels": self._plan("uint8", cell=cells),
            "puzzle_ids": self._plan("int32", id=1),
            "facts": self._plan("int16", fact=len(self.facts), cell=cells),
            "q_halt": self._plan("float32", supervision_step=config.N_sup),
            "q_continue": self._plan("float32", supervision_step=config.N_sup),
        }
        for name in self.states:
            calls = len(self.coordinates(name))
            plans[name] = self._plan(number, call=calls, position=positions, D=config.hidden_size)
        answers = len(self.coordinates("y"))
        if self.settings.logits == "all":
            plans["logits"] = self._plan(number, call=answers, cell=cells, V=V)
        elif self.top:
            plans["top_logits"] = self._plan(number, call=answers, cell=cells, k=self.top)
            plans["top_tokens"] = self._plan("uint8", call=answers, cell=cells, k=self.top)
        return plans

    def _plan(self, dtype: str, **axes: int) -> ArrayPlan:
        """Calls share a chunk until it has at least CHUNK bytes; they are spread evenly over as few files as possible."""
        lengths = list(axes.values())
        if "call" in axes:
            each = self.settings.shard * prod(lengths[1:]) * np.dtype(dtype).itemsize
            files = -(-lengths[0] // max(1, -(-CHUNK // each)))
            lengths[0] = -(-lengths[0] // files)
        return ArrayPlan(
            shape=(self.puzzles, *axes.values()),
            chunks=(self.settings.shard, *lengths),
            dtype=dtype,
            dimensions=("puzzle", *axes),
        )

    def shard_bytes(self) -> int:
        """Bytes that a shard takes on disk, in whole blocks of a common file system."""
        files = [
            length
            for plan in self.arrays().values()
            for length in [plan.chunk_bytes] * len(plan.chunk_names(0))
        ]
        marker_and_folder = 2 * BLOCK
        return sum(-(-length // BLOCK) * BLOCK for length in files) + marker_and_folder
