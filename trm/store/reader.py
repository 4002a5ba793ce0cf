"""Read a trace store without torch, reading no more chunks than necessary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from jaxtyping import Float32, Int, Int16, Int32, Num, UInt8

from trm.config import SHORT
from trm.coordinates import Coordinates
from trm.errors import StoreError, UserError
from trm.store.folder import MANIFEST, finished_shards, is_store, marker_of, read_manifest
from trm.store.layout import ArrayPlan, Layout
from trm.store.manifest import FORMAT

Rows = int | slice | Sequence[int] | Int[np.ndarray, "_"] | None
"""A selection on an axis: indices from 0, or None for all."""
Calls = Coordinates | Sequence[Coordinates] | None
"""A selection of calls by their coordinates, or None for all stored calls."""


class TopLogits(NamedTuple):
    """The k largest logits of each cell, largest first, and their tokens."""

    logits: Float32[np.ndarray, "puzzles calls cells k"]
    tokens: UInt8[np.ndarray, "puzzles calls cells k"]


class Halting(NamedTuple):
    """Logits of the halting head after every supervision step. `ModelConfig.halting` says which of them are used."""

    q_halt: Float32[np.ndarray, "puzzles steps"]
    q_continue: Float32[np.ndarray, "puzzles steps"]


@dataclass(frozen=True, eq=False)
class LazyArray:
    """An array that reads only the indexed elements: `array[rows, ...]` with integers, slices, or lists for each axis.

    The first axis is the puzzles that were in the store when it was opened. Lists select on each axis independently, as
    with `numpy.ix_`. Raises StoreError if a chunk is missing or damaged, and IndexError for an index out of bounds.
    """

    path: Path
    puzzles: Int[np.ndarray, "count"]  # numbers of the finished puzzles
    plan: ArrayPlan
    bfloat16: bool
    stored: zarr.Array

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.puzzles), *self.plan.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """The dtype that is returned: bfloat16, which NumPy lacks, becomes float32."""
        return np.dtype(np.float32 if self.bfloat16 else self.plan.dtype)

    def __len__(self) -> int:
        return len(self.puzzles)

    def __getitem__(self, key: Any) -> np.ndarray:
        key = key if isinstance(key, tuple) else (key,)
        if len(key) > len(self.shape):
            raise IndexError(f"{len(key)} indices for an array of {len(self.shape)} axes")
        key += (slice(None),) * (len(self.shape) - len(key))
        chosen = [indices(selection, length) for selection, length in zip(key, self.shape, strict=True)]
        single = tuple(
            0 if isinstance(selection, int | np.integer) else slice(None) for selection in key
        )  # axes that NumPy drops
        return self.read(*chosen)[single]

    def read(self, *chosen: Int[np.ndarray, "_"]) -> np.ndarray:
        """The values at these indices of each axis."""
        numbers = (self.puzzles[chosen[0]], *chosen[1:])
        if not all(len(part) for part in numbers):
            return np.zeros([len(part) for part in numbers], self.dtype)
        self._check_chunks(numbers)
        # Sorted, so that zarr reads each chunk once; contiguous ranges as slices, which it copies without an index.
        unique = [np.unique(part, return_inverse=True) for part in numbers]
        selection = tuple(
            slice(int(part[0]), int(part[-1]) + 1) if part[-1] - part[0] + 1 == len(part) else part
            for part, _ in unique
        )
        try:
            values = np.asarray(self.stored.oindex[selection])
        except (ValueError, OSError, RuntimeError) as error:
            raise StoreError(
                f"{self.path} is damaged ({SHORT.repr(str(error))}). Record the store again."
            ) from None
        for axis, (part, back) in enumerate(unique):
            if not np.array_equal(back, np.arange(len(part))):
                values = values.take(back, axis)
        return from_bfloat16(values) if self.bfloat16 else values

    def _check_chunks(self, numbers: Sequence[np.ndarray]) -> None:
        """Raises StoreError for a missing or incomplete chunk, which zarr would read as zeros."""
        grid = [
            np.unique(part // length).tolist() for part, length in zip(numbers, self.plan.chunks, strict=True)
        ]
        for chunk in product(*grid):
            file = self.path / ".".join(("c", *map(str, chunk)))
            remedy = (
                f"Remove {marker_of(self.path.parent, chunk[0]).parent} and run the same command again: "
                "only that shard is recorded."
            )
            if not file.is_file():
                raise StoreError(f"{file} is missing. {remedy}")
            if file.stat().st_size != self.plan.chunk_bytes:
                size, expected = file.stat().st_size, self.plan.chunk_bytes
                raise StoreError(f"{file} has {size} bytes instead of {expected}. {remedy}")


class TraceStore:
    """A snapshot of a store when opened, with the puzzles in its finished shards. Reopen a growing store to see more.

    Methods take `rows`, which index these puzzles from 0; `puzzles[row]` is the puzzle's number in the set.
    """

    def __init__(self, path: Path, manifest: Mapping[str, Any], layout: Layout):
        self.path, self.manifest, self.layout = path, manifest, layout
        self.depth = layout.config.depth  # as run
        self.positions = layout.positions.names
        """Names along the position axis: p1, p2, ... (prefix), r1c1, ... (cells), mean (over all cells)."""
        finished = [layout.rows(shard) for shard in finished_shards(path) if shard < layout.shards]
        self.puzzles = np.array([number for rows in finished for number in rows], np.int64)
        """Numbers, from 0, of the readable puzzles in the recorded set."""
        bfloat16 = layout.settings.dtype == "bfloat16"
        group = zarr.open_group(path, mode="r")
        self.arrays = {
            name: LazyArray(
                path=path / name,
                puzzles=self.puzzles,
                plan=plan,
                bfloat16=bfloat16 and name in (*layout.states, "logits", "top_logits"),
                stored=_checked(group, name, plan),
            )
            for name, plan in layout.arrays().items()
        }

    def __len__(self) -> int:
        return len(self.puzzles)

    @property
    def count(self) -> int:
        """Number of puzzles that can be read."""
        return len(self.puzzles)

    @property
    def complete(self) -> bool:
        """Whether the store has all puzzles in the set."""
        return self.count == self.layout.puzzles

    def coordinates(self, name: str) -> tuple[Coordinates, ...]:
        """The calls stored for y, z, or the logits (the logits have the same calls as y)."""
        return self.layout.coordinates(name)

    def states(
        self, name: str, rows: Rows = None, *, at: Calls = None, positions: Rows = None
    ) -> Float32[np.ndarray, "puzzles calls positions dim"]:
        """States y or z (`name`) after the calls `at`, in float32. `positions` are indices into `self.positions`.

        Raises StoreError if the store does not contain them.
        """
        if name not in self.layout.states:
            stored = " and ".join(self.layout.states) or "no states"
            raise StoreError(f"{self.path} contains {stored}, not {name}. Record it with --states {name}.")
        return self._read_calls(name, rows, at, indices(positions, len(self.positions))).astype(np.float32)

    def logits(
        self, rows: Rows = None, *, at: Calls = None
    ) -> Float32[np.ndarray, "puzzles calls cells vocab"]:
        """Logits of the answer at f_H calls. Raises StoreError if only the largest logits, or none, are stored."""
        if "logits" not in self.arrays:
            raise StoreError(f"{self.path} does not contain all logits. Record it with --logits all.")
        return self._read_calls("logits", rows, at).astype(np.float32)

    def top_logits(self, rows: Rows = None, *, at: Calls = None) -> TopLogits:
        """The largest logits of each cell at f_H calls. Raises StoreError if the store does not contain them."""
        if "top_logits" not in self.arrays:
            raise StoreError(
                f"{self.path} does not contain the largest logits. Record it with --logits top5."
            )
        return TopLogits(
            self._read_calls("top_logits", rows, at).astype(np.float32),
            self._read_calls("top_tokens", rows, at),
        )

    def answers(self, rows: Rows = None, *, at: Calls = None) -> UInt8[np.ndarray, "puzzles calls cells"]:
        """The most likely token of each cell at f_H calls. Raises StoreError if no logits are stored."""
        if "top_tokens" in self.arrays:
            return self._read_calls("top_tokens", rows, at)[..., 0]
        return self.logits(rows, at=at).argmax(-1).astype(np.uint8)

    def halting(self, rows: Rows = None) -> Halting:
        """Halting logits after every supervision step."""
        return Halting(self._read_rows("q_halt", rows), self._read_rows("q_continue", rows))

    def inputs(self, rows: Rows = None) -> UInt8[np.ndarray, "puzzles cells"]:
        """Tokens of the puzzles."""
        return self._read_rows("inputs", rows)

    def labels(self, rows: Rows = None) -> UInt8[np.ndarray, "puzzles cells"]:
        """Solutions of the puzzles; 0 in cells that are not scored, and in all cells without a unique solution."""
        return self._read_rows("labels", rows)

    def puzzle_ids(self, rows: Rows = None) -> Int32[np.ndarray, "puzzles"]:
        """Puzzle ids, the rows of the model's puzzle table."""
        return self._read_rows("puzzle_ids", rows)[:, 0]

    def facts(self, rows: Rows = None) -> dict[str, Int16[np.ndarray, "puzzles cells"]]:
        """Facts about each cell, by name (`trm.store.layout.cell_facts`); -1 where a fact is undefined."""
        values = self._read_rows("facts", rows)
        return {name: values[:, number] for number, name in enumerate(self.layout.facts)}

    def _read_rows(self, name: str, rows: Rows) -> np.ndarray:
        array = self.arrays[name]
        return array.read(indices(rows, len(self)), *map(np.arange, array.shape[1:]))

    def _read_calls(self, name: str, rows: Rows, at: Calls, *more: np.ndarray) -> np.ndarray:
        array, stored = self.arrays[name], self.coordinates(name)
        wanted = stored if at is None else [at] if isinstance(at, Coordinates) else at
        number = {call: index for index, call in enumerate(stored)}
        for call in wanted:
            if call not in number:
                raise StoreError(
                    f"{self.path} does not contain {name} after call {call.supervision_step}.{call.cycle}.{call.call} "
                    f"({call.kind}): it was recorded with --calls {self.layout.settings.calls}."
                )
        calls = np.array([number[call] for call in wanted], np.int64)
        rest = [*more, *map(np.arange, array.shape[2 + len(more) :])]
        return array.read(indices(rows, len(self)), calls, *rest)


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
        return TraceStore(path, manifest, Layout.of(manifest))
    except StoreError:
        raise
    except (UserError, KeyError, TypeError, ValueError, OSError) as error:
        raise StoreError(
            f"{path} is damaged ({type(error).__name__}: {SHORT.repr(str(error))}). Record it again."
        ) from None


def indices(selection: Rows, length: int) -> Int[np.ndarray, "_"]:
    """Indices of a selection, from 0. As in NumPy, negative indices count from the end. Raises IndexError."""
    everything = np.arange(length)
    if selection is None:
        return everything
    simple = isinstance(selection, int | np.integer | slice)
    return np.atleast_1d(everything[selection if simple else np.asarray(selection, int)])


def from_bfloat16(bits: Num[np.ndarray, "*any"]) -> Float32[np.ndarray, "*any"]:
    """Convert the bits of bfloat16, which are the upper half of a float32, to float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _checked(group: zarr.Group, name: str, plan: ArrayPlan) -> zarr.Array:
    """An array of the group. Raises StoreError unless it matches the manifest."""
    array = group[name]
    if not isinstance(array, zarr.Array) or (array.shape, array.chunks, array.dtype) != (
        plan.shape,
        plan.chunks,
        np.dtype(plan.dtype),
    ):
        raise StoreError(f"{group.store_path}/{name} does not match the manifest. Record the store again.")
    return array
