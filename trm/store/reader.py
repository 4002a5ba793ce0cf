"""Read a trace store without torch, reading no more chunks than necessary."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from jaxtyping import Float32, Int, Int16, Int32, Num, UInt8

from trm.config import SHORT
from trm.coordinates import Coordinates
from trm.errors import StoreError, UserError
from trm.files import strict_json
from trm.provenance import Provenance
from trm.store.layout import Layout
from trm.store.manifest import FORMAT, Manifest
from trm.store.shards import (
    CHECKSUMS,
    MANIFEST,
    checksum,
    finished_shards,
    is_store,
    read_manifest,
    shard_folder,
)

Rows = int | slice | Sequence[int] | Int[np.ndarray, "_"] | None
"""A selection on an axis: indices from 0, or None for all."""
Calls = Coordinates | Sequence[Coordinates] | None
"""A selection of calls by their coordinates, or None for all stored calls."""


class TopLogits(NamedTuple):
    """The k largest logits of each cell, largest first, and their tokens."""

    logits: Float32[np.ndarray, "puzzles calls cells k"]
    tokens: UInt8[np.ndarray, "puzzles calls cells k"]


class Halting(NamedTuple):
    """Logits of the halting head after every supervision step. `ModelConfig.halting` is the rule that uses them."""

    q_halt: Float32[np.ndarray, "puzzles steps"]
    q_continue: Float32[np.ndarray, "puzzles steps"]


class TraceStore:
    """A store, with the puzzles in the shards that are complete when it is opened. Reopen it to see later puzzles.

    The argument `rows` selects from these puzzles, from 0. `puzzles[row]` is the puzzle's number in the recorded set.
    """

    def __init__(self, path: Path, manifest: Manifest, layout: Layout):
        self.path, self.manifest, self.layout = path, manifest, layout
        self.depth = layout.config.depth  # depth of the run
        self.positions = layout.positions.names
        """Names along the position axis: p1, p2, ... (prefix), r1c1, ... (cells), mean (over all cells)."""
        finished = [layout.rows(shard) for shard in self._finished()]
        self.puzzles = np.array([number for rows in finished for number in rows], np.int64)
        """Numbers, from 0, of the readable puzzles in the recorded set."""
        self._shard_of = np.array([number // layout.settings.shard for number in self.puzzles], np.int64)
        self._plans = layout.arrays()
        self._checked: set[tuple[int, str, int]] = set()  # parts whose checksum was compared
        self._checksums: dict[int, dict[str, list[int]]] = {}

    def __len__(self) -> int:
        return len(self.puzzles)

    def provenance(self, count: int) -> Provenance:
        """What made the states of `count` puzzles."""
        return replace(self.manifest.provenance, count=count, command=None)

    @property
    def count(self) -> int:
        """Number of puzzles that can be read."""
        return len(self.puzzles)

    @property
    def complete(self) -> bool:
        """Whether all puzzles in the recorded set can be read."""
        return self.count == self.layout.puzzles

    def coordinates(self, name: str) -> tuple[Coordinates, ...]:
        """Calls stored for y, z, or the logits (`name`). The logits have the same calls as y."""
        return self.layout.coordinates(name)

    def states(
        self, name: str, rows: Rows = None, *, at: Calls = None, positions: Rows = None
    ) -> Float32[np.ndarray, "puzzles calls positions dim"]:
        """Read the states y or z (`name`) after the calls `at`. `positions` are indices into `self.positions`.

        Raises StoreError if the store does not contain these states or calls.
        """
        if name not in self.layout.states:
            stored = " and ".join(self.layout.states) or "no states"
            raise StoreError(f"{self.path} contains {stored}, not {name}. Record it with --states {name}.")
        return self._read_calls(name, rows, at, indices(positions, len(self.positions)))

    def logits(
        self, rows: Rows = None, *, at: Calls = None
    ) -> Float32[np.ndarray, "puzzles calls cells vocab"]:
        """Logits of the answer at f_H calls. Raises StoreError if only the largest logits, or none, are stored."""
        if "logits" not in self._plans:
            raise StoreError(f"{self.path} does not contain all logits. Record it with --logits all.")
        return self._read_calls("logits", rows, at)

    def top_logits(self, rows: Rows = None, *, at: Calls = None) -> TopLogits:
        """The largest logits of each cell at f_H calls. Raises StoreError if the store does not contain them."""
        if "top_logits" not in self._plans:
            raise StoreError(
                f"{self.path} does not contain the largest logits. Record it with --logits top5."
            )
        return TopLogits(
            self._read_calls("top_logits", rows, at),
            self._read_calls("top_tokens", rows, at, dtype=np.uint8),
        )

    def answers(self, rows: Rows = None, *, at: Calls = None) -> UInt8[np.ndarray, "puzzles calls cells"]:
        """The most likely token of each cell at f_H calls. Raises StoreError if no logits are stored."""
        if "top_tokens" in self._plans:
            return self._read_calls("top_tokens", rows, at, dtype=np.uint8)[..., 0]
        return self.logits(rows, at=at).argmax(-1).astype(np.uint8)

    def halting(self, rows: Rows = None) -> Halting:
        """Halting logits after every supervision step."""
        return Halting(self._read_rows("q_halt", rows), self._read_rows("q_continue", rows))

    def inputs(self, rows: Rows = None) -> UInt8[np.ndarray, "puzzles cells"]:
        """Input tokens of the puzzles."""
        return self._read_rows("inputs", rows)

    def labels(self, rows: Rows = None) -> UInt8[np.ndarray, "puzzles cells"]:
        """Tokens of the solutions; 0 in cells that are not scored, and in all cells if the solution is not unique."""
        return self._read_rows("labels", rows)

    def puzzle_ids(self, rows: Rows = None) -> Int32[np.ndarray, "puzzles"]:
        """Puzzle ids, the rows of the model's puzzle table."""
        return self._read_rows("puzzle_ids", rows)

    def facts(self, rows: Rows = None) -> dict[str, Int16[np.ndarray, "puzzles cells"]]:
        """Facts about each cell, by name (see `trm.store.layout.cell_facts`); -1 where a fact is undefined."""
        values = self._read_rows("facts", rows)
        return {name: values[:, number] for number, name in enumerate(self.layout.facts)}

    def _finished(self) -> list[int]:
        return finished_shards(self.path)

    def _array(self, number: int, name: str) -> np.ndarray:
        """An array of one shard, memory-mapped. Raises StoreError if the file is missing or damaged.

        The header must be the one that this layout writes, so that nothing else is parsed.
        """
        plan, puzzles = self._plans[name], len(self.layout.rows(number))
        file, header = shard_folder(self.path, number) / f"{name}.npy", plan.header(puzzles)
        try:
            with file.open("rb") as stream:
                size, start = os.fstat(stream.fileno()).st_size, stream.read(len(header))
        except OSError as error:
            raise self._damaged(number, f"{file} cannot be read: {error.strerror}") from None
        if size != plan.file_bytes(puzzles):
            raise self._damaged(number, f"{file} has {size} bytes instead of {plan.file_bytes(puzzles)}")
        if start != header:
            raise self._damaged(number, f"{file} does not match the manifest")
        shape = plan.shape(puzzles)
        if not prod(shape):
            return np.zeros(shape, plan.dtype)
        return np.memmap(file, plan.dtype, mode="r", offset=len(header), shape=shape)

    def _read_rows(self, name: str, rows: Rows) -> np.ndarray:
        plan = self._plans[name]
        return self._read(name, rows, [0], [np.arange(length) for length in plan.axes.values()])[0]

    def _read_calls(
        self, name: str, rows: Rows, at: Calls, *selections: np.ndarray, dtype: Any = np.float32
    ) -> np.ndarray:
        stored = self.coordinates("z" if name == "z" else "y")
        wanted = stored if at is None else [at] if isinstance(at, Coordinates) else at
        number = {call: index for index, call in enumerate(stored)}
        for call in wanted:
            if call not in number:
                raise StoreError(
                    f"{self.path} does not contain {name} after call {call.supervision_step}.{call.cycle}.{call.call} "
                    f"({call.kind}): it was recorded with --calls {self.layout.settings.calls}."
                )
        rest = list(self._plans[name].axes.values())[len(selections) :]
        chosen = [*selections, *map(np.arange, rest)]
        return self._read(name, rows, [number[call] for call in wanted], chosen, dtype).swapaxes(0, 1)

    def _read(
        self, name: str, rows: Rows, calls: Sequence[int], chosen: Sequence[np.ndarray], dtype: Any = None
    ) -> np.ndarray:
        """Values of an array, shape [calls, rows, ...]. Arrays without a call axis count as one call."""
        plan, selected = self._plans[name], indices(rows, len(self))
        is_bits = dtype == np.float32 and self.layout.settings.dtype == "bfloat16"
        result = np.empty((len(calls), len(selected), *map(len, chosen)), dtype or plan.dtype)
        first = tuple(
            slice(None) if np.array_equal(part, np.arange(length)) else part
            for part, length in zip(chosen, plan.axes.values(), strict=True)
        )
        for shard in np.unique(self._shard_of[selected]):
            array = self._array(int(shard), name)
            array = array if plan.calls is not None else array[None]
            places = np.flatnonzero(self._shard_of[selected] == shard)
            inside = self.puzzles[selected[places]] - self.layout.rows(int(shard)).start
            for index, call in enumerate(calls):
                self._check(int(shard), name, call, array[call])
                values = array[call][inside]
                for axis, part in enumerate(first, 1):
                    values = values if isinstance(part, slice) else values.take(part, axis)
                result[index, places] = from_bfloat16(values) if is_bits else values
        return result

    def _check(self, shard: int, name: str, call: int, values: np.ndarray) -> None:
        """Compare the checksum of a part when it is read first. Raises StoreError."""
        if (shard, name, call) in self._checked:
            return
        file = shard_folder(self.path, shard) / CHECKSUMS
        if shard not in self._checksums:
            try:
                self._checksums[shard] = strict_json(file.read_text("utf-8"))
            except (OSError, ValueError, RecursionError):
                raise self._damaged(shard, f"{file} is missing or damaged") from None
        try:
            expected = self._checksums[shard][name][call]
        except (KeyError, IndexError, TypeError):
            raise self._damaged(shard, f"{file} is damaged") from None
        if checksum(values) != expected:
            raise self._damaged(shard, f"{file.with_name(name + '.npy')} is damaged: its checksum differs")
        self._checked.add((shard, name, call))

    def _damaged(self, shard: int, what: str) -> StoreError:
        return StoreError(
            f"{what}. Remove {shard_folder(self.path, shard)} and run the same command again: only that shard is recorded."
        )


class MemoryStore(TraceStore):
    """Recorded states that are held in memory, as a single shard, with the same methods as a store on disk."""

    def __init__(self, manifest: Manifest, layout: Layout, arrays: Mapping[str, np.ndarray]):
        super().__init__(Path(manifest.provenance.model), manifest, layout)
        self._arrays = arrays

    def _finished(self) -> list[int]:
        return [0]

    def _array(self, number: int, name: str) -> np.ndarray:
        return self._arrays[name]

    def _check(self, shard: int, name: str, call: int, values: np.ndarray) -> None:
        """Arrays in memory have no checksum."""


def open_store(path: str | Path) -> TraceStore:
    """Open a store, finished or still growing. Raises StoreError if it is missing or damaged."""
    path = Path(path)
    if not is_store(path):
        raise StoreError(
            f"{path} is not a trace store: it has no {MANIFEST}. Create one with `trm trace --out {path}`."
        )
    manifest = read_manifest(path)
    if manifest.get("format") != FORMAT:
        raise StoreError(
            f"{path / MANIFEST} has the format {SHORT.repr(manifest.get('format'))}, not {FORMAT}. "
            "Open it with the version that wrote it."
        )
    try:
        converted = msgspec.convert(manifest, Manifest)
        return TraceStore(path, converted, converted.layout)
    except StoreError:
        raise
    except (UserError, KeyError, TypeError, ValueError, OSError) as error:
        raise StoreError(
            f"{path} is damaged ({type(error).__name__}: {SHORT.repr(str(error))}). Record it again."
        ) from None


def indices(selection: Rows, length: int) -> Int[np.ndarray, "_"]:
    """Convert a selection to indices from 0. As in NumPy, negative indices count from the end.

    Raises IndexError for an index out of bounds.
    """
    everything = np.arange(length)
    if selection is None:
        return everything
    simple = isinstance(selection, int | np.integer | slice)
    return np.atleast_1d(everything[selection if simple else np.asarray(selection, int)])


def from_bfloat16(bits: Num[np.ndarray, "*any"]) -> Float32[np.ndarray, "*any"]:
    """Convert the bits of bfloat16, which are the upper half of a float32, to float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)
