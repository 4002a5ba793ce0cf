"""Run a model over many puzzles: the only such loop in the project.

Evaluation, recording, probes, halting, comparison and sweeps pass a `capture` that stores what they need after every
supervision step, and hooks if they read or replace states in between. Several batches run in parallel, one per core.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int, Num
from torch import Tensor

from trm.coordinates import Coordinates, Depth
from trm.errors import UserError
from trm.parallel import ReportDone, run_parallel, threads_of
from trm.progress import Progress, no_progress
from trm.recursion import Heads, RecursiveModel, State, deep_recursion

BATCH = 32  # rows per forward pass and core: larger batches are not faster on two cores
MEMORY = 3 << 30  # maximum size in bytes of the arrays that one analysis holds

Rows = Int[np.ndarray, "batch"]
"""Indices of the puzzles in a batch."""

RowHook = Callable[[Rows, Coordinates, State], State]
"""A hook of the recursion that is also given the rows of its batch. Its return value replaces the state."""


@dataclass(frozen=True, eq=False)
class BatchStep:
    """A supervision step of one batch. After early exits, the rows of a batch may be at different steps."""

    rows: Rows
    numbers: Int[np.ndarray, "batch"]  # supervision step of each row, from 1
    before: State  # at the start of the step
    state: State
    heads: Heads

    @property
    def index(self) -> tuple[np.ndarray, np.ndarray]:
        """Index of these results in an array whose first axes are supervision steps and rows."""
        return self.numbers - 1, self.rows


class MemoryLimitError(UserError):
    """The results of a run do not fit into memory."""


def run_batches(
    model: RecursiveModel,
    inputs: Num[np.ndarray, "row cell"],
    depth: Depth | None = None,
    *,
    puzzle_ids: Num[np.ndarray, "row"] | None = None,
    capture: Callable[[BatchStep], Any] | None = None,
    before_call: RowHook | None = None,
    after_call: RowHook | None = None,
    start: Callable[[Rows, State], State] | None = None,
    first_step: int = 1,
    stop_when: Callable[[BatchStep], Bool[Tensor, "batch"]] | None = None,
    batch: int = BATCH,
    progress: Progress = no_progress,
    message: str = "running the model",
) -> None:
    """Run every row through the supervision steps `first_step` to N_sup, without gradients.

    `puzzle_ids` defaults to 0 and `depth` to the model's own. `start` maps the initial states of some rows to the
    states in which they start step `first_step`. `capture` is called after every supervision step of a batch, in the
    thread that runs the batch; so are the hooks.

    By default every row runs all steps, as in the evaluation of both papers. With `stop_when`, rows for which it is
    true leave their batch. Without hooks, waiting rows take their places; with hooks, which need all rows of a batch
    at the same step, the batch shrinks.

    `progress` is called in the caller's thread with the fraction of calls done; an exception in it stops the run.
    """
    depth = depth or model.config.depth
    count = len(inputs)
    ids = np.zeros(count, np.int64) if puzzle_ids is None else puzzle_ids
    refills = stop_when is not None and before_call is None and after_call is None
    calls_per_row = (depth.N_sup - first_step + 1) * depth.calls_per_step

    def enter(rows: Rows) -> tuple[Tensor, State]:
        """The embedded inputs of some rows, and the states in which they start."""
        tokens, puzzle_id = (
            torch.from_numpy(np.asarray(array[rows]).astype(np.int64)).to(model.device)
            for array in (inputs, ids)
        )
        x = model.embed(tokens, puzzle_id)
        state = model.initial_state(x)
        return x, start(rows, state) if start else state

    def run(part: Rows, report: ReportDone) -> None:
        rows, waiting = part[:batch], part[batch:]
        numbers = np.full(len(rows), first_step)
        x, state = enter(rows)
        while len(rows):
            before = state

            def after(at: Coordinates, now: State, rows: Rows = rows) -> State:
                report(len(rows))
                return after_call(rows, at, now) if after_call else now

            hooks = {"after_call": after}
            if before_call:
                hooks["before_call"] = partial(before_call, rows)
            state = deep_recursion(model, x, state, depth=depth, step=int(numbers[0]), **hooks)
            step = BatchStep(rows, numbers, before, state, model.heads(state.y))
            if capture:
                capture(step)
            stays = numbers < depth.N_sup
            if stop_when:
                stays &= ~stop_when(step).cpu().numpy()
            if skipped := int((depth.N_sup - numbers[~stays]).sum()):
                report(skipped * depth.calls_per_step)
            numbers = numbers + 1
            if stays.all():
                continue
            new, waiting = waiting[: (~stays).sum()], waiting[(~stays).sum() :]
            staying = torch.from_numpy(np.flatnonzero(stays)).to(model.device)
            x, state = x[staying], State(state.y[staying], state.z[staying])
            rows, numbers = rows[stays], numbers[stays]
            if len(new):
                new_x, new_state = enter(new)
                x = torch.cat((x, new_x))
                state = State(*map(torch.cat, zip(state, new_state, strict=True)))
                rows = np.concatenate((rows, new))
                numbers = np.concatenate((numbers, np.full(len(new), first_step)))

    progress(0.0, message)
    threads = threads_of(model.device)
    parts = min(count, threads) if refills else batch_count(count, batch, threads)
    with torch.no_grad():
        run_parallel(
            torch.no_grad()(run),  # gradient mode is a setting of each thread
            [part for part in np.array_split(np.arange(count), max(1, parts)) if len(part)],
            device=model.device,
            progress=lambda calls: progress(calls / max(1, count * calls_per_row), message),
        )


def batch_count(count: int, batch: int, threads: int) -> int:
    """Number of batches: as few as `batch` rows allow, but a multiple of the cores if there are enough rows."""
    fewest = -(-count // batch)
    return min(count, -(-fewest // threads) * threads)


def allocate(shape: tuple[int, ...], dtype: Any = np.float32, *, axis: int = 0) -> np.ndarray:
    """Return zeros in which `axis` is puzzles. Raises MemoryLimitError, with the number of puzzles that fit."""
    check_memory(prod(shape) * np.dtype(dtype).itemsize, shape[axis])
    return np.zeros(shape, dtype)


def check_memory(size: int, puzzles: int) -> None:
    """Raises MemoryLimitError if arrays of `size` bytes for this many puzzles are too large."""
    if size > MEMORY:
        raise MemoryLimitError(
            f"The states of {puzzles:,} puzzles take {size / 2**30:.1f} GiB. "
            f"Use at most {int(MEMORY / size * puzzles):,} puzzles, or fewer steps."
        )
