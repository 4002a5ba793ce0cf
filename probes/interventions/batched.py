"""Many runs at once, from arbitrary start states: the basis of sweeps.

A row is one run: a puzzle and the state that it starts from. Rows pass through the recursion together, in batches.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Num, UInt8
from torch import Tensor

from trm.coordinates import F_H, Coordinates, Depth
from trm.device import training_dtype
from trm.layers import Block, PuzzleEmbedding
from trm.model import Model
from trm.parallel import ReportDone, run_parallel
from trm.progress import Progress, no_progress
from trm.record import relative_residuals
from trm.recursion import State, SupervisionStep, deep_supervision
from trm.resume import ResumePoint, resumed_supervision
from trm.tasks.base import PADDING, Task

BATCH = 32  # rows per forward pass
GROUP = 16 * BATCH  # rows that advance together, step by step

Start = Callable[[State, Int[np.ndarray, "some"]], State]
"""Maps the initial states of some rows, and the rows' indices, to the states that they start from."""


@dataclass(frozen=True, eq=False)
class BatchedRuns:
    """The results of every row."""

    answers: UInt8[np.ndarray, "step row cells"]  # after each supervision step
    halting: Float[np.ndarray, "step row"]  # logit of the model's own rule
    moves: Float[np.ndarray, "step row"]  # |y - previous y| / |y|
    y: Float[np.ndarray, "row dim"] | None = (
        None  # the last y with positions and channels flattened, on request
    )

    def right(self, labels: UInt8[np.ndarray, "row cells"]) -> Bool[np.ndarray, "step row"]:
        """Whether every scored cell is correct."""
        return ((self.answers == labels) | (labels == PADDING)).all(-1)

    def cells_right(
        self, labels: UInt8[np.ndarray, "row cells"], counted: Bool[np.ndarray, "row cells"]
    ) -> Float[np.ndarray, "step row"]:
        """Share of the counted cells that are correct."""
        hits = ((self.answers == labels) & counted).sum(-1)
        return hits / np.maximum(counted.sum(-1), 1)


def fast_copy(model: Model) -> Model:
    """The same weights in the dtype that is fastest for sweeps: bfloat16 if the machine supports it."""
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
    start: Start | None = None,
    first: int = 1,
    return_y: bool = False,
    progress: Progress = no_progress,
    message: str = "running the model",
) -> BatchedRuns:
    """Run every row through the supervision steps `first` to N_sup.

    `start` turns the initial states of some rows (given by their indices) into the states in which they start step
    `first`; by default they start from the initial states. `progress` is called ten times a second, or at every net
    call if there is only one batch.
    """
    count, steps = len(inputs), depth.N_sup - first + 1
    recorder = _Recorder(count, steps, inputs.shape[1], return_y)
    run = _BatchRunner(model, inputs, puzzle_ids, depth, first, recorder)
    done = 0  # supervision steps, summed over rows

    def count_calls(calls: int) -> None:
        progress((done + calls / depth.calls_per_step) / (count * steps), message)

    for begin in range(0, count, GROUP):
        rows = np.arange(begin, min(begin + GROUP, count))
        state = _concatenated(
            [_start_states(model, inputs, puzzle_ids, part, start) for part in _batches(rows)]
        )
        for number in range(first, depth.N_sup + 1):
            state = run.step(rows, state, number, count_calls)
            done += len(rows)
        recorder.record_y(rows, state.y)
    return recorder.rows()


@dataclass(frozen=True, eq=False)
class _BatchRunner:
    """Runs rows of puzzles, one supervision step at a time."""

    model: Model
    inputs: Num[np.ndarray, "row cells"]
    puzzle_ids: Num[np.ndarray, "row"] | None
    depth: Depth
    first: int
    recorder: "_Recorder"

    def step(
        self, rows: Int[np.ndarray, "some"], state: State, number: int, count_calls: ReportDone
    ) -> State:
        """Run supervision step `number` of some rows, with their batches in parallel. Returns the states after it."""
        parts = list(zip(_batches(rows), _states(state), strict=True))
        after: list[State] = [state] * len(parts)

        def advance(index: int, count_rows: ReportDone) -> None:
            after[index] = self.advance(*parts[index], number, count_rows)

        run_parallel(advance, range(len(parts)), device=self.model.device, progress=count_calls)
        return _concatenated(after)

    def advance(
        self, rows: Int[np.ndarray, "few"], before: State, number: int, count_rows: ReportDone
    ) -> State:
        """Run one batch of `step`; `count_rows` is called with the number of rows after every call."""
        model, depth = self.model, self.depth

        def after_call(at: Coordinates, now: State) -> State:
            count_rows(len(rows))
            return now

        point = ResumePoint(before, after=Coordinates(number - 1, depth.T, depth.n + 1, F_H))
        tokens, ids = _batch(model, self.inputs, self.puzzle_ids, rows)
        (after,) = resumed_supervision(
            model, tokens, ids, point, depth=replace(depth, N_sup=number), after_call=after_call
        )
        self.recorder.record(model, number - self.first, rows, before, after)
        return after.state


class _Recorder:
    """Collects the results of rows step by step."""

    def __init__(self, count: int, steps: int, cells: int, return_y: bool):
        self.answers = np.zeros((steps, count, cells), np.uint8)
        self.halting, self.moves = np.zeros((2, steps, count), np.float32)
        self.y: list[Tensor | None] | None = [None] * count if return_y else None

    def record(
        self, model: Model, step: int, rows: Int[np.ndarray, "some"], before: State, after: SupervisionStep
    ) -> None:
        """Record one supervision step of some rows."""
        self.answers[step, rows] = after.heads.logits.argmax(-1).cpu().numpy().astype(np.uint8)
        self.halting[step, rows] = model.halting_logit(after.heads).cpu().numpy()
        self.moves[step, rows] = relative_residuals(before.y, after.state.y)

    def record_y(self, rows: Int[np.ndarray, "some"], y: Float[Tensor, "some position dim"]) -> None:
        """Record the last y of some rows."""
        if self.y is not None:
            for row, state in zip(rows, y, strict=True):
                self.y[row] = state.flatten().float().cpu()

    def rows(self) -> BatchedRuns:
        y = torch.stack(self.y).numpy() if self.y else None
        return BatchedRuns(self.answers, self.halting, self.moves, y)


def _batches(rows: Int[np.ndarray, "some"]) -> list[Int[np.ndarray, "few"]]:
    return [rows[begin : begin + BATCH] for begin in range(0, len(rows), BATCH)]


def _states(state: State) -> Iterator[State]:
    """The state, split like `_batches`."""
    return (State(y, z) for y, z in zip(state.y.split(BATCH), state.z.split(BATCH), strict=True))


def _concatenated(states: Sequence[State]) -> State:
    return State(torch.cat([each.y for each in states]), torch.cat([each.z for each in states]))


def _start_states(
    model: Model,
    inputs: Num[np.ndarray, "row cells"],
    puzzle_ids: Num[np.ndarray, "row"] | None,
    rows: Int[np.ndarray, "some"],
    start: Start | None,
) -> State:
    """The states in which some rows start their first step."""
    with torch.no_grad():
        state = model.initial_state(model.embed(*_batch(model, inputs, puzzle_ids, rows)))
    return state if start is None else start(state, rows)


def _batch(
    model: Model,
    inputs: Num[np.ndarray, "row cells"],
    puzzle_ids: Num[np.ndarray, "row"] | None,
    rows: Int[np.ndarray, "some"],
) -> tuple[Int[Tensor, "some cells"], Int[Tensor, "some"]]:
    """Tokens and puzzle ids of some rows, on the model's device."""
    ids = np.zeros(len(inputs), np.int64) if puzzle_ids is None else puzzle_ids
    return tuple(torch.from_numpy(array[rows].astype(np.int64)).to(model.device) for array in (inputs, ids))


def states_before(
    model: Model,
    inputs: Num[np.ndarray, "row cells"],
    step: int,
    *,
    depth: Depth,
    puzzle_ids: Num[np.ndarray, "row"] | None = None,
    progress: Progress = no_progress,
) -> State:
    """The state of every row at the start of a supervision step."""
    parts = []
    for begin in range(0, len(inputs), BATCH):
        rows = np.arange(begin, min(begin + BATCH, len(inputs)))
        if step == 1:
            parts.append(_start_states(model, inputs, puzzle_ids, rows, None))
            continue
        tokens, batch_ids = _batch(model, inputs, puzzle_ids, rows)

        def progress_after_call(
            at: Coordinates, state: State, begin: int = begin, size: int = len(tokens)
        ) -> State:
            share = ((at.supervision_step - 1) + (at.cycle - 1) / depth.T) / (step - 1)
            progress((begin + size * share) / len(inputs), f"running up to step {step}")
            return state

        *_, last = deep_supervision(
            model, tokens, batch_ids, depth=replace(depth, N_sup=step - 1), after_call=progress_after_call
        )
        parts.append(last.state)
    return _concatenated(parts)


def counted_cells(
    task: Task, inputs: UInt8[np.ndarray, "*batch cells"], labels: UInt8[np.ndarray, "*batch cells"]
) -> Bool[np.ndarray, "*batch cells"]:
    """Mask of the cells that are scored and not given."""
    return ~task.givens(inputs) & (labels != PADDING)
