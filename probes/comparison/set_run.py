"""Run a model over a puzzle set in memory: answers, residuals of y and z, and the states themselves.

`trm.evaluate` stores answers only, `trm.record` records one puzzle at a time, and a trace store writes everything to
disk. Here the states after f_H calls stay in memory, for analyses that need all puzzles at one time point.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float16, Float32, UInt8
from torch import Tensor

from probes.answer_code import AnswerCode
from probes.stats import RunsError
from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.data import PuzzleSet
from trm.evaluate import exact_answers
from trm.model import Model
from trm.progress import ShareProgress
from trm.record import relative_residuals
from trm.recursion import State, deep_supervision
from trm.tasks import task_of
from trm.tasks.base import PADDING

BATCH = 32  # puzzles: one call of a bundled model then takes a tenth of a second
LARGEST_STATES = 2 << 30  # bytes of stored states


@dataclass(frozen=True)
class SetRun:
    """The results of a model on every puzzle of a set, by supervision step, f_H call or f_L call, in the order of the run."""

    answers: UInt8[np.ndarray, "step puzzle cell"]
    solved: Bool[np.ndarray, "step puzzle"]
    start_accuracy: Float32[
        np.ndarray, "puzzle"
    ]  # share of cells the head decodes correctly from y before step 1
    residual_y: Float32[np.ndarray, "f_H puzzle"]  # |y - previous y| / |y|, over all positions together
    residual_z: Float32[np.ndarray, "f_L puzzle"]
    step_residual_y: Float32[np.ndarray, "step puzzle"]  # over a whole step; the first from the initial state
    step_residual_z: Float32[np.ndarray, "step puzzle"]
    y: Float16[np.ndarray, "puzzle f_H cell dim"] | None  # states of cells after f_H calls, if stored
    z: Float16[np.ndarray, "puzzle f_H cell dim"] | None


def run_set(
    model: Model,
    puzzles: PuzzleSet,
    *,
    depth: Depth | None = None,
    solution_code: AnswerCode | None = None,
    store_states: bool = False,
    progress: ShareProgress | None = None,
) -> SetRun:
    """Run all supervision steps on every puzzle with exactly one solution, in batches.

    `solution_code` starts runs with the solution in y, written in this code, and with the usual z. `store_states` fills
    y and z of the result. Raises RunsError if no puzzle has a solution or the states exceed the memory limit,
    PuzzleError if the puzzles do not have the model's size.
    """
    config, depth = model.config, depth or model.config.depth
    puzzles = puzzles.take(np.flatnonzero(puzzles.labelled))
    if not len(puzzles):
        raise RunsError("None of these puzzles has exactly one solution. Use a set with solutions.")
    config.check_puzzles(puzzles.inputs.shape[1], config.vocab_size)
    config.check_puzzle_id(int(puzzles.puzzle_identifiers.max(initial=0)))
    shape = (
        len(puzzles),
        depth.N_sup * depth.T,
        puzzles.inputs.shape[1],
        config.hidden_size,
    )
    if store_states and 4 * np.prod(shape, dtype=np.int64) > LARGEST_STATES:
        most = int(LARGEST_STATES * len(puzzles) / (4 * np.prod(shape, dtype=np.int64)))
        raise RunsError(
            f"The states of {len(puzzles)} puzzles do not fit into memory. Use at most {most} puzzles."
        )
    states = np.zeros((2, *shape), np.float16) if store_states else None
    calls = -(-len(puzzles) // BATCH) * depth.N_sup * depth.calls_per_step
    counter = _CallCounter(progress or (lambda share: None), calls)
    parts = []
    for first in range(0, len(puzzles), BATCH):
        rows = slice(first, first + BATCH)
        batch_states = None if states is None else states[:, rows]
        parts.append(_run_batch(model, puzzles, rows, depth, solution_code, batch_states, counter))
    answers, start_accuracy, *all_residuals = (
        np.concatenate(part, axis=1) for part in zip(*parts, strict=True)
    )
    y, z = (None, None) if states is None else states
    return SetRun(
        answers, exact_answers(answers, puzzles.labels), start_accuracy[0], *all_residuals, y=y, z=z
    )


class _CallCounter:
    """Reports progress by the number of calls made."""

    def __init__(self, progress: ShareProgress, calls: int):
        self.progress, self.calls, self.done = progress, calls, 0

    def add_one(self) -> None:
        self.done += 1
        self.progress(self.done / self.calls)


def _run_batch(
    model: Model,
    puzzles: PuzzleSet,
    rows: slice,
    depth: Depth,
    solution_code: AnswerCode | None,
    batch_states: Float16[np.ndarray, "state puzzle f_H cell dim"] | None,
    counter: _CallCounter,
) -> tuple[np.ndarray, ...]:
    """The arrays of `SetRun` for one batch, puzzles along the second axis. States are written into `batch_states`."""
    labels = puzzles.labels[rows]
    scored = labels != PADDING
    tokens, solutions, ids = (
        torch.from_numpy(array.astype(np.int64)).to(model.device)
        for array in (puzzles.inputs[rows], labels, puzzles.puzzle_identifiers[rows])
    )
    recorder = _ResidualRecorder(model, batch_states, counter)
    start_accuracy = []

    def start(initial: State) -> State:
        if solution_code:
            given = task_of(model.config).givens(puzzles.inputs[rows])
            initial = initial._replace(y=solution_code.write(initial.y, solutions, given))
        hits = (model.decode(initial.y).argmax(-1).cpu().numpy() == labels) & scored
        start_accuracy.append((hits.sum(-1) / scored.sum(-1)).astype(np.float32))
        recorder.start(initial)
        return initial

    answers, step_residuals = [], []
    for step in deep_supervision(model, tokens, ids, depth=depth, after_call=recorder, start=start):
        answers.append(step.heads.logits.argmax(-1).cpu().numpy().astype(np.uint8))
        step_residuals.append(recorder.end_step())
    return (
        np.stack(answers),
        np.stack(start_accuracy),
        np.stack(recorder.residuals[F_H]),
        np.stack(recorder.residuals[F_L]),
        *np.stack(step_residuals, axis=1),
    )


class _ResidualRecorder:
    """Hook that computes the residual of every call, and stores the states after f_H calls in `batch_states` if given."""

    def __init__(
        self,
        model: Model,
        batch_states: Float16[np.ndarray, "state puzzle f_H cell dim"] | None,
        counter: _CallCounter,
    ):
        self.model, self.batch_states, self.counter = model, batch_states, counter
        self.residuals: dict[str, list[np.ndarray]] = {F_H: [], F_L: []}

    def start(self, state: State) -> None:
        self.before = self.step_before = state

    def __call__(self, at: Coordinates, state: State) -> State:
        if at.kind == F_H:
            self.residuals[F_H].append(relative_residuals(self.before.y, state.y))
            if self.batch_states is not None:
                time_point = len(self.residuals[F_H]) - 1
                prefix = self.model.config.prefix_length
                for index, values in enumerate((state.y, self.model.latent(state, at))):
                    self.batch_states[index, :, time_point] = _half(values[:, prefix:])
        else:
            z_before, z = (self.model.latent(each, at) for each in (self.before, state))
            self.residuals[F_L].append(relative_residuals(z_before, z))
        self.before = state
        self.counter.add_one()
        return state

    def end_step(self) -> tuple[np.ndarray, np.ndarray]:
        """Residuals of y and z over the whole supervision step."""
        start, self.step_before = self.step_before, self.before
        z_before, z = (each.z.flatten(1, -2) for each in (start, self.before))  # all latents together
        return relative_residuals(start.y, self.before.y), relative_residuals(z_before, z)


def _half(states: Tensor) -> Float16[np.ndarray, "puzzle cell dim"]:
    return states.to(torch.float16).cpu().numpy()
