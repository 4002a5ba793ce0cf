"""Runs of a model over a puzzle set, in memory: answers, residuals of y and z, and the states themselves.

`trm.evaluate` stores answers only, `trm.record` records one puzzle at a time, and a trace store writes everything to
disk. This module keeps the states after f_H calls in memory, for analyses that need all puzzles at one time point.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float16, Float32, UInt8
from torch import Tensor

from probes.answer_code import AnswerCode
from probes.states import StateSource
from probes.stats import RunsError
from trm.batch import BATCH, BatchStep, Rows, allocate, run_batches
from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.data import PuzzleSet
from trm.evaluate import exact_answers
from trm.model import Model
from trm.progress import Progress, no_progress
from trm.record import initial_state, relative_residuals
from trm.recursion import State
from trm.tasks import task_of
from trm.tasks.base import PADDING


@dataclass(frozen=True)
class SetRun:
    """Results of a model on every puzzle of a set, by supervision step, f_H call or f_L call, in run order."""

    answers: UInt8[np.ndarray, "step puzzle cell"]
    solved: Bool[np.ndarray, "step puzzle"]
    start_accuracy: Float32[
        np.ndarray, "puzzle"
    ]  # fraction of cells the LM head decodes correctly from y before step 1
    residual_y: Float32[np.ndarray, "f_H puzzle"]  # |y - previous y| / |y|, norms over all positions
    residual_z: Float32[np.ndarray, "f_L puzzle"]
    step_residual_y: Float32[np.ndarray, "step puzzle"]  # change of y over a whole step
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
    progress: Progress = no_progress,
) -> SetRun:
    """Run all supervision steps on every puzzle with exactly one solution, in batches.

    With `solution_code`, runs start with the solution in y, written in this code, and with the usual z. `store_states`
    fills y and z of the result. `progress` is called with the fraction of calls done. Raises RunsError if no puzzle has
    exactly one solution or the states exceed the memory limit, and PuzzleError if the puzzles do not have the model's
    size.
    """
    config, depth = model.config, depth or model.config.depth
    puzzles = puzzles.take(np.flatnonzero(puzzles.labelled))
    if not len(puzzles):
        raise RunsError("None of these puzzles has exactly one solution. Use a set with solutions.")
    config.check_puzzles(puzzles.inputs.shape[1], config.vocab_size)
    config.check_puzzle_id(int(puzzles.puzzle_identifiers.max(initial=0)))
    recorder = _SetRecorder(model, puzzles, depth, solution_code, store_states)
    run_batches(
        model, puzzles.inputs, depth, puzzle_ids=puzzles.puzzle_identifiers, start=recorder.start,
        after_call=recorder.after_call, capture=recorder.capture, progress=progress,
        message=f"running {len(puzzles)} puzzles",
    )  # fmt: skip
    return recorder.result()


def read_set(source: StateSource, model: Model) -> SetRun:
    """Read the clean runs, with their states, from recorded states of all positions after all calls.

    The model only gives the initial state, from which the first residuals are measured. Raises RunsError if no puzzle
    has exactly one solution, and StoreError if the store lacks calls or positions (`StateSource.whole_states`).
    """
    depth = source.depth
    chosen = np.flatnonzero(source.puzzles.labelled)
    if not len(chosen):
        raise RunsError("None of these puzzles has exactly one solution. Use a set with solutions.")
    recorder = _SetRecorder(model, source.puzzles.take(chosen), depth, None, store_states=True)
    for rows in np.array_split(np.arange(len(chosen)), max(1, len(chosen) // BATCH)):
        puzzle = source.puzzles.take(chosen[rows])
        tokens, ids = (
            torch.from_numpy(array.astype(np.int64)).to(model.device)
            for array in (puzzle.inputs, puzzle.puzzle_identifiers)
        )
        state = recorder.start(rows, initial_state(model, tokens, ids))
        for number in range(1, depth.N_sup + 1):
            before = state
            for at in depth.calls(number):
                updated = {
                    name: torch.from_numpy(source.whole_states(name, at, chosen[rows]))
                    for name in ("yz" if at.kind == F_H else "z")
                }
                state = recorder.after_call(rows, at, state._replace(**updated))
            answers = source.answers(at, chosen[rows])
            recorder.add_step(rows, np.full(len(rows), number), answers, before, state)
    return recorder.result()


class _SetRecorder:
    """The arrays of a `SetRun`, and the hooks that fill them, a batch at a time."""

    def __init__(
        self,
        model: Model,
        puzzles: PuzzleSet,
        depth: Depth,
        solution_code: AnswerCode | None,
        store_states: bool,
    ):
        self.model, self.puzzles, self.depth, self.solution_code = model, puzzles, depth, solution_code
        count, cells = puzzles.inputs.shape
        answers, latents = depth.N_sup * depth.T, depth.N_sup * depth.T * depth.n
        self.states = (
            allocate((2, count, answers, cells, model.config.hidden_size), np.float16, axis=1)
            if store_states
            else None
        )
        self.answers = np.zeros((depth.N_sup, count, cells), np.uint8)
        self.start_accuracy = np.zeros(count, np.float32)
        self.residuals = {
            F_H: np.zeros((answers, count), np.float32),
            F_L: np.zeros((latents, count), np.float32),
        }
        self.step_residuals = np.zeros((2, depth.N_sup, count), np.float32)
        self.before: dict[int, State] = {}  # state before the next call of a batch, by its first row

    def start(self, rows: Rows, initial: State) -> State:
        """The state in which runs start: y holds the solution if there is a code for it."""
        labels = self.puzzles.labels[rows]
        if self.solution_code:
            solutions = torch.from_numpy(labels.astype(np.int64)).to(self.model.device)
            given = task_of(self.model.config).givens(self.puzzles.inputs[rows])
            initial = initial._replace(y=self.solution_code.write(initial.y, solutions, given))
        scored = labels != PADDING
        hits = (self.model.decode(initial.y).argmax(-1).cpu().numpy() == labels) & scored
        self.start_accuracy[rows] = hits.sum(-1) / scored.sum(-1)
        self.before[rows[0]] = initial
        return initial

    def after_call(self, rows: Rows, at: Coordinates, state: State) -> State:
        """Compute the residual of a call, and store the states after f_H calls."""
        before, self.before[rows[0]] = self.before[rows[0]], state
        cycle = (at.supervision_step - 1) * self.depth.T + at.cycle - 1
        if at.kind == F_H:
            self.residuals[F_H][cycle, rows] = relative_residuals(before.y, state.y)
            if self.states is not None:
                prefix = self.model.config.prefix_length
                for index, values in enumerate((state.y, self.model.latent(state, at))):
                    self.states[index, rows, cycle] = _half(values[:, prefix:])
        else:
            z_before, z = (self.model.latent(each, at) for each in (before, state))
            self.residuals[F_L][cycle * self.depth.n + at.call - 1, rows] = relative_residuals(z_before, z)
        return state

    def capture(self, step: BatchStep) -> None:
        answers = step.heads.logits.argmax(-1).cpu().numpy().astype(np.uint8)
        self.add_step(step.rows, step.numbers, answers, step.before, step.state)

    def add_step(
        self, rows: Rows, numbers: Rows, answers: UInt8[np.ndarray, "batch cell"], before: State, after: State
    ) -> None:
        """Store the answers after a supervision step, and the residuals of y and z over the whole step."""
        index = (numbers - 1, rows)
        self.answers[index] = answers
        z_before, z = (each.z.flatten(1, -2) for each in (before, after))  # all latents together
        self.step_residuals[0][index] = relative_residuals(before.y, after.y)
        self.step_residuals[1][index] = relative_residuals(z_before, z)

    def result(self) -> SetRun:
        y, z = (None, None) if self.states is None else self.states
        return SetRun(
            self.answers,
            exact_answers(self.answers, self.puzzles.labels),
            self.start_accuracy,
            self.residuals[F_H],
            self.residuals[F_L],
            *self.step_residuals,
            y=y,
            z=z,
        )


def _half(states: Tensor) -> Float16[np.ndarray, "puzzle cell dim"]:
    return states.to(torch.float16).cpu().numpy()
