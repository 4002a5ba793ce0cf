"""Runs a model on many puzzles and collects states and answers at chosen time points, in memory.

A time point is a call of the recursion, usually the last one of a supervision step, whose y and z are carried over to the
next step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Num, UInt8

from trm.coordinates import F_H, Coordinates, Depth
from trm.errors import UserError
from trm.model import Model
from trm.parallel import ReportDone, run_parallel
from trm.progress import ShareProgress
from trm.recursion import Hook, State, deep_supervision, unchanged
from trm.tasks.base import Task

BATCH = 16  # puzzles per forward pass: as fast as larger batches, and quicker to cancel
LARGEST = 3 << 30  # maximum size of the states, in bytes
CALLS = ("last", "cycles", "all")
"""Calls to collect in each supervision step: the last one, the f_H call of every cycle, or all."""
STATES = ("z", "y")
"""The states that can be collected."""


class CollectError(UserError):
    """The run lacks a time point, or the states exceed the memory limit."""


@dataclass(frozen=True, eq=False)
class CollectedRuns:
    """States and answers of many runs at chosen time points."""

    time_points: tuple[Coordinates, ...]
    states: dict[str, Float32[np.ndarray, "puzzle time cell dim"]]
    now: UInt8[np.ndarray, "puzzle time cell"]  # answers decoded from y at these time points
    halts: Bool[np.ndarray, "puzzle time"]  # whether the model would halt after that supervision step
    end: UInt8[np.ndarray, "puzzle cell"]  # answers after the last supervision step of the run


def time_points_of(depth: Depth, steps: Sequence[int], calls: str = "last") -> tuple[Coordinates, ...]:
    """Time points of these supervision steps, in order. Raises CollectError if the run lacks one of the steps."""
    if calls not in CALLS:
        raise CollectError(f"Calls cannot be {calls!r}. Choose one of: {', '.join(CALLS)}.")
    steps = sorted(set(steps))
    if not steps or steps[0] < 1 or steps[-1] > depth.N_sup:
        raise CollectError(
            f"This run does not have all of the supervision steps {', '.join(map(str, steps)) or '(none given)'}. "
            f"Choose from 1 to {depth.N_sup}."
        )
    points = [at for step in steps for at in depth.calls(step)]
    if calls == "last":
        return tuple(at for at in points if at.kind == F_H and at.cycle == depth.T)
    return tuple(at for at in points if calls == "all" or at.kind == F_H)


def check_puzzles(
    model: Model, task: Task, inputs: UInt8[np.ndarray, "puzzle cell"], largest_id: int
) -> None:
    """Check the size and ids of puzzles. Raises PuzzleError if they do not fit the model or `largest_id` is not in its
    embedding table.
    """
    model.config.check_puzzles(inputs.shape[1], task.vocab_size)
    model.config.check_puzzle_id(largest_id)


def collect(
    model: Model,
    inputs: UInt8[np.ndarray, "puzzle cell"],
    puzzle_ids: Num[np.ndarray, "puzzle"] | None = None,
    *,
    depth: Depth,
    time_points: Sequence[Coordinates],
    states: Sequence[str] = STATES,
    change: Hook = unchanged,
    progress: ShareProgress | None = None,
) -> CollectedRuns:
    """Run a model for `depth.N_sup` supervision steps and collect the cells' states at these time points.

    `change` is a hook that may replace a state after each call, before it is collected. `progress` is called with the share
    done after every call; an exception in it ends the run. Raises CollectError if the states would exceed the memory limit.
    """
    count, cells = inputs.shape
    dim = model.config.hidden_size
    if (size := 4 * count * len(time_points) * cells * dim * len(states)) > LARGEST:
        raise CollectError(
            f"The states of {count} puzzles at {len(time_points)} time points take {size / 2**30:.1f} GiB. "
            "Take fewer puzzles, or fewer steps."
        )
    collected = {name: np.zeros((count, len(time_points), cells, dim), np.float32) for name in states}
    now = np.zeros((count, len(time_points), cells), np.uint8)
    halts = np.zeros((count, len(time_points)), bool)
    end = np.zeros((count, cells), np.uint8)
    ids = np.zeros(count, np.int64) if puzzle_ids is None else puzzle_ids.astype(np.int64)
    index = {at: number for number, at in enumerate(time_points)}
    of_step = [at.supervision_step for at in time_points]
    prefix, all_calls = model.config.prefix_length, max(1, count * depth.N_sup * depth.calls_per_step)

    def run(rows: slice, done: ReportDone) -> None:
        def after_call(at: Coordinates, state: State) -> State:
            done(rows.stop - rows.start)
            state = change(at, state)
            if at in index:
                for name in collected:
                    latent = state.y if name == "y" else model.latent(state, at)
                    collected[name][rows, index[at]] = latent[:, prefix:].float().cpu().numpy()
                now[rows, index[at]] = model.decode(state.y).argmax(-1).cpu().numpy()
            return state

        tokens = torch.from_numpy(inputs[rows].astype(np.int64)).to(model.device)
        puzzle_id = torch.from_numpy(ids[rows]).to(model.device)
        for step in deep_supervision(model, tokens, puzzle_id, depth=depth, after_call=after_call):
            own = [number for number, of in enumerate(of_step) if of == step.number]
            halts[rows, own] = (model.halting_logit(step.heads) > 0).cpu().numpy()[:, None]
            end[rows] = step.heads.logits.argmax(-1).cpu().numpy()

    progress = progress or (lambda share: None)
    progress(0.0)
    batches = [slice(begin, min(begin + BATCH, count)) for begin in range(0, count, BATCH)]
    run_parallel(run, batches, device=model.device, progress=lambda calls: progress(calls / all_calls))
    return CollectedRuns(tuple(time_points), collected, now, halts, end)
