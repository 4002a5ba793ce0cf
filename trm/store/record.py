"""Record the states of many puzzles into a store. A thread writes finished batches while the next batch runs."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.errors import UserError
from trm.files import OutputError
from trm.grading import caveat
from trm.model import Model
from trm.parallel import Worker
from trm.progress import Progress, no_progress, part_of
from trm.store.capture import capture_states, check_puzzles, fact_names
from trm.store.layout import Layout, StoreSettings
from trm.store.manifest import make_manifest
from trm.store.shards import (
    ShardWriter,
    check_destination,
    finished_shards,
    free_bytes,
    prepare,
    remove_stale_locks,
    store_bytes,
)
from trm.tasks.base import Task

Log = Callable[[str], None]


def record_store(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    out: Path,
    settings: StoreSettings | None = None,
    *,
    worker: Worker | None = None,
    force: bool = False,
    depth: Depth | None = None,
    recorded: date | None = None,
    command: str = "",
    log: Log = print,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Record puzzles into the store `out`, or resume an unfinished store: only missing shards are run.

    `depth` defaults to the model's own. `recorded` is the date of a new store (default: today), and `command` is the command that creates it. `force`
    removes an existing store. `log` is called with messages, `progress` with the number of puzzles done.

    Returns a dictionary with `out`, `puzzles` (number in the set), `recorded` (number run now), `count` (number in the
    store), `complete`, `bytes` (size of the complete store on disk), `seconds`, and a `note` if the states do not
    reflect the model's ability (ARC with the blank puzzle id). Raises PuzzleError if the puzzles do not fit the model,
    StoreError if the folder is not a store or has different settings, and OutputError if the disk is too small.
    """
    worker, started = worker or Worker(), time.perf_counter()
    check_puzzles(model, task, puzzles)
    if force and worker.size > 1:
        raise UserError(f"--force does not work with several processes. Remove {out}, then start them again.")
    manifest = make_manifest(
        model,
        puzzles,
        settings or StoreSettings(),
        facts=fact_names(task, puzzles),
        depth=depth,
        recorded=recorded or date.today(),
        command=command,
    )
    layout = manifest.layout
    check_destination(out, manifest, force=force)
    check_room(out, layout, log=log, force=force)
    prepare(out, manifest, force=force)
    finished = set(finished_shards(out))
    if len(finished) == layout.shards:
        log(f"{out} is already complete, with {layout.puzzles} puzzles.")
    elif finished:
        log(f"resuming: {len(finished)} of {layout.shards} shards are complete.")
    mine = [
        shard
        for shard in range(layout.shards)
        if shard not in finished and shard % worker.size == worker.rank
    ]
    total, done = sum(len(layout.rows(shard)) for shard in mine), 0
    with reported(out, layout, log), _Finisher() as finisher:
        for shard in mine:
            rows = layout.rows(shard)
            writer = ShardWriter.open(out, shard, layout)
            if writer is None:
                continue
            with finisher.dropping(writer):
                capture_states(
                    model, task, puzzles.take(np.arange(rows.start, rows.stop)), layout, writer.arrays,
                    progress=part_of(
                        progress, done / total, (done + len(rows)) / total, f"{done:,} of {total:,} puzzles recorded"
                    ),
                )  # fmt: skip
            finisher.finish(writer)
            done += len(rows)
    remove_stale_locks(out)
    count = sum(len(layout.rows(shard)) for shard in finished_shards(out))
    note = caveat(task, int(puzzles.puzzle_identifiers.max(initial=0)))
    return {
        "out": str(out),
        "puzzles": layout.puzzles,
        "recorded": done,
        "count": count,
        "complete": count == layout.puzzles,
        "bytes": store_bytes(out),
        **({"note": note} if note else {}),
        "seconds": round(time.perf_counter() - started, 2),
    }


def check_room(out: Path, layout: Layout, *, log: Log, force: bool = False) -> None:
    """Log how much will be written. Raises OutputError if there is not enough disk space."""
    finished = set() if force else set(finished_shards(out))
    missing = set(range(layout.shards)) - finished
    if not missing:
        return
    needed, free = sum(map(layout.shard_bytes, missing)), free_bytes(out) + (store_bytes(out) if force else 0)
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
    """Format a size in bytes as text, in a suitable decimal unit."""
    size, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} bytes" if units[0] == "bytes" else f"{size:.1f} {units[0]}"


class _Finisher:
    """Finishes shards in a thread while the model runs on the next one; one at a time, which bounds the memory."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="trace-writer")
        self.pending: Future | None = None

    def __enter__(self) -> "_Finisher":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            self._wait()
        except Exception:
            if kind is None:  # otherwise the first error is the one to report
                raise
        finally:
            self.thread.shutdown()

    @contextmanager
    def dropping(self, writer: ShardWriter) -> Iterator[None]:
        """Context manager that removes the shard if filling it fails."""
        try:
            yield
        except BaseException:
            writer.drop()
            raise

    def finish(self, writer: ShardWriter) -> None:
        """Finish a shard once the one before is finished. Raises the error of the one before."""

        def work() -> None:
            with self.dropping(writer):
                writer.finish()

        with self.dropping(writer):
            self._wait()
        self.pending = self.thread.submit(work)

    def _wait(self) -> None:
        pending, self.pending = self.pending, None
        if pending:
            pending.result()


@contextmanager
def reported(out: Path, layout: Layout, log: Log) -> Iterator[None]:
    """Context manager for a recording. If the recording is stopped or cannot write, a message says how to resume it."""
    try:
        yield
    except KeyboardInterrupt:
        log(
            f"stopped with {len(finished_shards(out))} of {layout.shards} shards complete; run the same command to resume"
        )
        raise
    except OSError as error:
        raise OutputError(
            f"{out} cannot be written: {error.strerror or error}. Free some space, then run the same command to resume."
        ) from None
