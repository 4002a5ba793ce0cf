"""Recording many puzzles into a store: batches run through the recursion while a thread writes what came before."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trm.data import PuzzleSet
from trm.errors import UserError
from trm.files import OutputError
from trm.grading import caveat
from trm.model import Model
from trm.parallel import Done, shares, side_by_side
from trm.progress import CountProgress
from trm.recursion import deep_supervision
from trm.store.folder import (
    StoreFolder,
    check_place,
    finished_shards,
    free_bytes,
    needed_bytes,
    store_bytes,
)
from trm.store.gather import Gatherer, Joiner
from trm.store.layout import Layout, Settings, cell_facts
from trm.store.manifest import make_manifest
from trm.store.writer import Writer
from trm.tasks.base import Task

Say = Callable[[str], None]


@dataclass(frozen=True)
class Part:
    """Which shards are this process's: number `rank` of `size`, every size-th. They need not know of each other."""

    rank: int = 0
    size: int = 1

    @classmethod
    def of_this_process(cls) -> "Part":
        """As `torchrun` says."""
        return cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))

    @property
    def leads(self) -> bool:
        """Whether this process speaks."""
        return self.rank == 0


def take_gpu_of_this_process() -> None:
    """Under `torchrun` the processes of a machine spread over its GPUs."""
    if "LOCAL_RANK" in os.environ and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())


def record_store(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    out: Path,
    settings: Settings | None = None,
    *,
    part: Part | None = None,
    force: bool = False,
    recorded: date | None = None,
    command: str = "",
    say: Say = print,
    progress: CountProgress | None = None,
) -> dict[str, Any]:
    """Record the puzzles into the store `out`, or go on with it: only shards that are not whole are run.

    `recorded` dates a new store (today), `command` says how it was made; `force` removes a store that is there.
    Returns `out`, `puzzles` (of the set), `recorded` (puzzles run now), `count` (puzzles that the store has),
    `complete`, `bytes` (of a complete store on the disk), `seconds`, and a `note` where the states mean less than they
    seem to. Raises PuzzleError when the puzzles are not the model's, StoreError when the folder holds something else, or
    a recording with other settings, and OutputError when the disk has no room.
    """
    part, began = part or Part(), time.perf_counter()
    model.config.check_puzzles(puzzles.inputs.shape[1], task.vocab_size)
    largest_id = int(puzzles.puzzle_identifiers.max(initial=0))
    model.config.check_puzzle_id(largest_id)
    if force and part.size > 1:
        raise UserError(f"Several processes cannot start over at once. Remove {out}, then start them again.")
    manifest = make_manifest(
        model,
        puzzles,
        settings or Settings(),
        facts=tuple(cell_facts(task, puzzles.inputs[0])) if len(puzzles) else (),
        recorded=(recorded or date.today()).isoformat(),
        command=command,
    )
    layout = Layout.of(manifest)
    check_place(out, manifest, force=force)
    check_room(out, layout, say=say, force=force)
    folder = StoreFolder.prepare(out, manifest, force=force)
    try:
        unfinished = folder.unfinished()
        mine = [shard for shard in unfinished if shard % part.size == part.rank]
        there = layout.shards - len(unfinished)
        if there == layout.shards:
            say(f"{out} is complete with {layout.puzzles} puzzles: nothing is left to do.")
        elif there:
            say(f"going on: {there} of {layout.shards} shards are there.")
        run = _Run(
            model, task, puzzles, folder, progress, total=sum(len(layout.rows(shard)) for shard in mine)
        )
        with reported(out, folder, say), Writer(folder) as writer:
            for shard in mine:
                run.shard(shard, writer)
    finally:
        folder.close()
    count = sum(len(layout.rows(shard)) for shard in finished_shards(folder.path))
    note = caveat(task, largest_id)
    return {
        "out": str(out),
        "puzzles": layout.puzzles,
        "recorded": run.done,
        "count": count,
        "complete": count == layout.puzzles,
        "bytes": needed_bytes(layout, layout.shards),
        **({"note": note} if note else {}),
        "seconds": round(time.perf_counter() - began, 2),
    }


def check_room(out: Path, layout: Layout, *, say: Say, force: bool = False) -> None:
    """Say how much will be written. Raises OutputError when the disk will not hold it."""
    left = layout.shards - (0 if force else len(finished_shards(out)))
    if not left:
        return
    needed, free = needed_bytes(layout, left), free_bytes(out) + (store_bytes(out) if force else 0)
    if needed > free:
        raise OutputError(
            f"{out} needs {readable_bytes(needed)}, and its disk has {readable_bytes(free)} left. "
            "Choose fewer puzzles, calls or positions, or another place."
        )
    say(
        f"{layout.puzzles} puzzles, shards of {layout.settings.shard}: {readable_bytes(needed)} to write into {out}, "
        f"{readable_bytes(free)} free"
    )


def readable_bytes(count: int) -> str:
    """A size in the unit that fits, powers of 1000 as disks are sold."""
    size, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} bytes" if units[0] == "bytes" else f"{size:.1f} {units[0]}"


class _Run:
    """The model over the puzzles, a shard at a time."""

    def __init__(
        self,
        model: Model,
        task: Task,
        puzzles: PuzzleSet,
        folder: StoreFolder,
        progress: CountProgress | None,
        *,
        total: int,
    ):
        self.model, self.task, self.puzzles, self.folder = model, task, puzzles, folder
        self.layout, self.progress, self.total = folder.layout, progress, total
        self.done = 0  # puzzles run and written

    def shard(self, shard: int, writer: Writer) -> None:
        if not writer.begin(shard):
            return
        rows = self.layout.rows(shard)
        for begin in range(rows.start, rows.stop, self.layout.settings.batch):
            self._batch(range(begin, min(begin + self.layout.settings.batch, rows.stop)), writer)
        writer.finish(shard)
        self.done += len(rows)

    def _batch(self, rows: range, writer: Writer) -> None:
        """Run a batch, its parts side by side; what they put is written for all of them together."""
        layout, device = self.layout, self.model.device
        taken = slice(rows.start, rows.stop)
        inputs = np.asarray(self.puzzles.inputs[taken])
        ids = np.asarray(self.puzzles.puzzle_identifiers[taken])
        parts = shares(range(len(rows)), device)
        joiner = Joiner(len(parts), partial(writer.put, rows))
        halting: list[Tensor] = [torch.empty(0)] * len(parts)

        def run(place: int, done: Done) -> None:
            part = parts[place]
            few = slice(part.start, part.stop)
            tokens, puzzle_ids = (
                torch.from_numpy(array[few].astype(np.int64)).to(device) for array in (inputs, ids)
            )
            gatherer = Gatherer(self.model, layout, joiner.part(place))
            logits = []
            for step in deep_supervision(
                self.model, tokens, puzzle_ids, depth=layout.config.depth, after_call=gatherer
            ):
                logits.append(torch.stack((step.heads.q_halt, step.heads.q_continue)))
                done(len(part))
            halting[place] = torch.stack(logits, dim=-1)

        before = rows.start - layout.rows(rows.start // layout.settings.shard).start + self.done

        def hear(steps: int) -> None:
            if self.progress:
                self.progress(before + steps // layout.config.N_sup, self.total)

        side_by_side(run, range(len(parts)), device=device, progress=hear)
        q_halt, q_continue = torch.cat(halting, dim=1)  # (2, B, N_sup)
        writer.put_all(
            rows,
            lambda: {
                "inputs": inputs,
                "labels": np.asarray(self.puzzles.labels[taken]),
                "puzzle_ids": ids[:, None].astype(np.int32),
                "facts": np.stack([np.stack([*cell_facts(self.task, one).values()]) for one in inputs]),
                "q_halt": q_halt.cpu().numpy(),
                "q_continue": q_continue.cpu().numpy(),
            },
        )


@contextmanager
def reported(out: Path, folder: StoreFolder, say: Say) -> Iterator[None]:
    """Say how to go on where a recording is stopped, or cannot write."""
    try:
        yield
    except KeyboardInterrupt:
        there = folder.layout.shards - len(folder.unfinished())
        say(f"stopped with {there} of {folder.layout.shards} shards whole; the same command goes on")
        raise
    except OSError as error:
        raise OutputError(
            f"{out} cannot be written: {error.strerror or error}. Make room, then the same command goes on."
        ) from None
