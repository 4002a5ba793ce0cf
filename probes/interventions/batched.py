"""Batched runs of many puzzles from arbitrary start states. Sweeps are built on them.

A row is one run: a puzzle and its start state. Rows pass through the recursion in batches.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Num, UInt8

from probes.states import StateSource, last_call
from trm.batch import BatchStep, Rows, check_memory, run_batches
from trm.coordinates import Depth
from trm.device import training_dtype
from trm.layers import Block, PuzzleEmbedding
from trm.model import Model
from trm.progress import Progress, no_progress
from trm.record import relative_residuals
from trm.recursion import State
from trm.tasks.base import PADDING, Task


@dataclass(frozen=True, eq=False)
class BatchedRuns:
    """Results of batched runs, for every row."""

    answers: UInt8[np.ndarray, "step row cells"]  # tokens after each supervision step
    halting: Float[np.ndarray, "step row"]  # halting logit after each supervision step
    moves: Float[np.ndarray, "step row"]  # change of y in each supervision step, |y - previous y| / |y|
    y: Float[np.ndarray, "row dim"] | None = (
        None  # final y, flattened over positions and channels; None unless requested
    )


def fast_copy(model: Model) -> Model:
    """Return a copy of the model in the fastest dtype for sweeps, which is bfloat16 if the machine supports it.

    The model itself is returned if it already has this dtype.
    """
    dtype = training_dtype(model.device)
    if dtype == model.compute_dtype:
        return model
    # A puzzle embedding table may be larger than memory, so it is shared, not copied.
    tables = [module for module in model.modules() if isinstance(module, PuzzleEmbedding)]
    faster = deepcopy(model, {id(table): table for table in tables})
    faster.compute_dtype = dtype
    for module in faster.modules():
        if isinstance(module, Block):
            module.to(dtype)  # cast once, instead of at every call
    return faster


def run_rows(
    model: Model,
    inputs: Num[np.ndarray, "row cells"],
    *,
    depth: Depth,
    puzzle_ids: Num[np.ndarray, "row"] | None = None,
    start: Callable[[Rows, State], State] | None = None,
    first: int = 1,
    return_y: bool = False,
    progress: Progress = no_progress,
    message: str = "running the model",
) -> BatchedRuns:
    """Run every row through the supervision steps from `first` to N_sup.

    `start` maps the initial states and indices of some rows to the states in which these rows start step `first`. By
    default, rows start from their initial states. `return_y` adds the final y to the result. `progress` is called about
    ten times a second while batches run in parallel, and otherwise after every net call.
    """
    count, steps = len(inputs), depth.N_sup - first + 1
    answers = np.zeros((steps, count, inputs.shape[1]), np.uint8)
    halting, moves = np.zeros((2, steps, count), np.float32)
    last: list[np.ndarray | None] = [None] * count

    def capture(step: BatchStep) -> None:
        index = (step.numbers - first, step.rows)
        answers[index] = step.heads.logits.argmax(-1).cpu().numpy()
        halting[index] = model.halting_logit(step.heads).cpu().numpy()
        moves[index] = relative_residuals(step.before.y, step.state.y)
        if return_y and step.numbers[0] == depth.N_sup:
            for row, y in zip(step.rows, step.state.y, strict=True):
                last[row] = y.flatten().float().cpu().numpy()

    run_batches(
        model, inputs, depth, puzzle_ids=puzzle_ids, capture=capture, start=start, first_step=first,
        progress=progress, message=message,
    )  # fmt: skip
    return BatchedRuns(answers, halting, moves, np.stack(last) if return_y else None)


def states_before(
    model: Model,
    inputs: Num[np.ndarray, "row cells"],
    step: int,
    *,
    depth: Depth,
    puzzle_ids: Num[np.ndarray, "row"] | None = None,
    recorded: StateSource | None = None,
    progress: Progress = no_progress,
) -> State | None:
    """The state of every row at the start of a supervision step; None for step 1, which starts from initial states.

    With `recorded`, whose labelled puzzles are the rows, the states are read. Raises StoreError if it lacks them.
    """
    if step == 1:
        return None
    check_memory(2 * len(inputs) * model.config.length * model.config.hidden_size * 4, len(inputs))
    if recorded:
        at, chosen = last_call(recorded.depth, step - 1), np.flatnonzero(recorded.puzzles.labelled)
        return State(*(torch.from_numpy(recorded.whole_states(name, at, chosen)) for name in State._fields))
    last: list[State | None] = [None] * len(inputs)

    def capture(done: BatchStep) -> None:
        for row, y, z in zip(done.rows, *done.state, strict=True):
            last[row] = State(y, z)

    run_batches(
        model, inputs, replace(depth, N_sup=step - 1), puzzle_ids=puzzle_ids, capture=capture,
        progress=progress, message=f"running up to step {step}",
    )  # fmt: skip
    return State(*map(torch.stack, zip(*last, strict=True)))


def resumed(before: State | None, rows: Rows, initial: State) -> State:
    """The states of some rows before a step: those of `states_before`, or the initial states at step 1."""
    if before is None:
        return initial
    index = torch.from_numpy(rows).to(before.y.device)
    return State(
        *(state[index].to(first).view_as(first) for state, first in zip(before, initial, strict=True))
    )


def cells_right(
    answers: UInt8[np.ndarray, "step row cells"],
    labels: UInt8[np.ndarray, "row cells"],
    counted: Bool[np.ndarray, "row cells"],
) -> Float[np.ndarray, "step row"]:
    """Fraction of the counted cells that are correct, for each step and row; 0 for a row without counted cells."""
    return ((answers == labels) & counted).sum(-1) / np.maximum(counted.sum(-1), 1)


def counted_cells(
    task: Task, inputs: UInt8[np.ndarray, "*batch cells"], labels: UInt8[np.ndarray, "*batch cells"]
) -> Bool[np.ndarray, "*batch cells"]:
    """Mask of the cells that count for cell accuracy: scored cells that are not given."""
    return ~task.givens(inputs) & (labels != PADDING)
