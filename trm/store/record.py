"""Record the states for many puzzles into a store: one batch runs while a thread writes the previous ones."""

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
from trm.parallel import ReportDone, run_parallel, split_rows
from trm.progress import CountProgress
from trm.recursion import deep_supervision
from trm.store.folder import (
    StoreFolder,
    check_destination,
    finished_shards,
    free_bytes,
    needed_bytes,
    store_bytes,
)
from trm.store.gather import Gatherer, Joiner
from trm.store.layout import Layout, StoreSettings, cell_facts
from trm.store.manifest import make_manifest
from trm.store.writer import Writer
from trm.tasks.base import Task

Log = Callable[[str], None]


@dataclass(frozen=True)
class Worker:
    """One of `size` processes that record into the same store. It records every size-th shard; no communication is needed."""

    rank: int = 0
    size: int = 1

    @classmethod
    def of_this_process(cls) -> "Worker":
        """The worker that `torchrun` assigned to this process; the only worker without `torchrun`."""
        return cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))

    @property
    def is_lead(self) -> bool:
        """Whether this process writes the output."""
        return self.rank == 0


def take_gpu_of_this_process() -> None:
    """Select this process's GPU under `torchrun`, which starts one process per GPU."""
    if "LOCAL_RANK" in os.environ and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())


def record_store(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    out: Path,
    settings: StoreSettings | None = None,
    *,
    worker: Worker | None = None,
    force: bool = False,
    recorded: date | None = None,
    command: str = "",
    log: Log = print,
    progress: CountProgress | None = None,
) -> dict[str, Any]:
    """Record puzzles into the store `out`, or resume an unfinished store: only missing shards are run.

    `recorded` is the date of a new store (default: today), `command` the command that creates it. `force` removes an
    existing store. `log` is called with messages, `progress` with the number of puzzles done.

    Returns `out`, `puzzles` (in the set), `recorded` (run now), `count` (in the store), `complete`, `bytes` (size of
    the complete store on disk), `seconds`, and a `note` if the states do not reflect what the model can do. Raises
    PuzzleError if the puzzles do not fit the model, StoreError if the folder is not a store or has different settings,
    and OutputError if the disk is too small.
    """
    worker, started = worker or Worker(), time.perf_counter()
    model.config.check_puzzles(puzzles.inputs.shape[1], task.vocab_size)
    largest_id = int(puzzles.puzzle_identifiers.max(initial=0))
    model.config.check_puzzle_id(largest_id)
    if force and worker.size > 1:
        raise UserError(f"--force does not work with several processes. Remove {out}, then start them again.")
    manifest = make_manifest(
        model,
        puzzles,
        settings or StoreSettings(),
        facts=tuple(cell_facts(task, puzzles.inputs[0])) if len(puzzles) else (),
        recorded=(recorded or date.today()).isoformat(),
        command=command,
    )
    layout = Layout.of(manifest)
    check_destination(out, manifest, force=force)
    check_room(out, layout, log=log, force=force)
    folder = StoreFolder.prepare(out, manifest, force=force)
    try:
        unfinished = folder.unfinished()
        mine = [shard for shard in unfinished if shard % worker.size == worker.rank]
        finished = layout.shards - len(unfinished)
        if finished == layout.shards:
            log(f"{out} is already complete, with {layout.puzzles} puzzles.")
        elif finished:
            log(f"resuming: {finished} of {layout.shards} shards are complete.")
        recorder = _StoreRecorder(
            model, task, puzzles, folder, progress, total=sum(len(layout.rows(shard)) for shard in mine)
        )
        with reported(out, folder, log), Writer(folder) as writer:
            for shard in mine:
                recorder.shard(shard, writer)
    finally:
        folder.close()
    count = sum(len(layout.rows(shard)) for shard in finished_shards(folder.path))
    note = caveat(task, largest_id)
    return {
        "out": str(out),
        "puzzles": layout.puzzles,
        "recorded": recorder.done,
        "count": count,
        "complete": count == layout.puzzles,
        "bytes": needed_bytes(layout, layout.shards),
        **({"note": note} if note else {}),
        "seconds": round(time.perf_counter() - started, 2),
    }


def check_room(out: Path, layout: Layout, *, log: Log, force: bool = False) -> None:
    """Log how much will be written. Raises OutputError if there is not enough disk space."""
    missing = layout.shards - (0 if force else len(finished_shards(out)))
    if not missing:
        return
    needed, free = needed_bytes(layout, missing), free_bytes(out) + (store_bytes(out) if force else 0)
    if needed > free:
        raise OutputError(
            f"{out} needs {readable_bytes(needed)}, but its disk has {readable_bytes(free)} left. "
            "Choose fewer puzzles, calls or positions, or another disk."
        )
    log(
        f"{layout.puzzles} puzzles, shards of {layout.settings.shard}: {readable_bytes(needed)} to write into {out}, "
        f"{readable_bytes(free)} free"
    )


def readable_bytes(count: int) -> str:
    """A size in a suitable decimal unit, as text."""
    size, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} bytes" if units[0] == "bytes" else f"{size:.1f} {units[0]}"


class _StoreRecorder:
    """Runs the model on the puzzles, one shard at a time."""

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
        """Run a batch with its parts in parallel; their states are written together."""
        layout, device = self.layout, self.model.device
        taken = slice(rows.start, rows.stop)
        inputs = np.asarray(self.puzzles.inputs[taken])
        ids = np.asarray(self.puzzles.puzzle_identifiers[taken])
        parts = split_rows(range(len(rows)), device)
        joiner = Joiner(len(parts), partial(writer.put, rows))
        halting: list[Tensor] = [torch.empty(0)] * len(parts)

        def run(place: int, done: ReportDone) -> None:
            part = parts[place]
            in_batch = slice(part.start, part.stop)
            tokens, puzzle_ids = (
                torch.from_numpy(array[in_batch].astype(np.int64)).to(device) for array in (inputs, ids)
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

        def report(steps: int) -> None:
            if self.progress:
                self.progress(before + steps // layout.config.N_sup, self.total)

        run_parallel(run, range(len(parts)), device=device, progress=report)
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
def reported(out: Path, folder: StoreFolder, log: Log) -> Iterator[None]:
    """Context manager for a recording. If the recording is stopped or cannot write, a message says how to resume it."""
    try:
        yield
    except KeyboardInterrupt:
        finished = folder.layout.shards - len(folder.unfinished())
        log(
            f"stopped with {finished} of {folder.layout.shards} shards complete; run the same command to resume"
        )
        raise
    except OSError as error:
        raise OutputError(
            f"{out} cannot be written: {error.strerror or error}. Free some space, then run the same command to resume."
        ) from None
