"""A model run over a puzzle set: which answers are right, how far y and z move, and the states themselves.

`trm.evaluate` keeps answers only, `trm.record` one puzzle at a time, a trace store everything on disk. Here the states after
the f_H calls stay in memory, for analyses that need all puzzles of one moment at once, and are let go of after them.
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
from trm.evaluate import exact_now
from trm.model import Model
from trm.progress import ShareProgress
from trm.record import relative_moves
from trm.recursion import State, deep_supervision
from trm.tasks import task_of
from trm.tasks.base import PADDING

BATCH = 32  # puzzles at a time: one call of a bundled model then takes a tenth of a second
LARGEST_STATES = 2 << 30  # bytes of the states that are kept


@dataclass(frozen=True)
class SetRun:
    """What a model did on every puzzle of a set. Moments are supervision steps, f_H calls or f_L calls, in their order."""

    answers: UInt8[np.ndarray, "step puzzle cell"]
    right: Bool[np.ndarray, "step puzzle"]
    read_first: Float32[
        np.ndarray, "puzzle"
    ]  # share of the cells that the head reads right of the y before step 1
    residual_y: Float32[np.ndarray, "f_H puzzle"]  # |y - y before| / |y|, over all positions together
    residual_z: Float32[np.ndarray, "f_L puzzle"]
    moved_y: Float32[
        np.ndarray, "step puzzle"
    ]  # the same from step to step; the first from the initial state
    moved_z: Float32[np.ndarray, "step puzzle"]
    y: (
        Float16[np.ndarray, "puzzle f_H cell dim"] | None
    )  # states of cells after f_H calls, where they were kept
    z: Float16[np.ndarray, "puzzle f_H cell dim"] | None


def run_set(
    model: Model,
    puzzles: PuzzleSet,
    *,
    depth: Depth | None = None,
    solution_in: AnswerCode | None = None,
    keep_states: bool = False,
    progress: ShareProgress | None = None,
) -> SetRun:
    """Run all supervision steps on every puzzle that has one solution, a batch at a time.

    `solution_in` starts with the solution in y, written in this code of the model's own, and with the usual z: does it keep it?
    Raises RunsError where no puzzle has a solution to be held against, or the states would not fit into memory;
    PuzzleError where the puzzles are not of the model's size.
    """
    config, depth = model.config, depth or model.config.depth
    puzzles = puzzles.take(np.flatnonzero(puzzles.labelled))
    if not len(puzzles):
        raise RunsError("None of these puzzles has exactly one solution. Take a set with answers.")
    config.check_puzzles(puzzles.inputs.shape[1], config.vocab_size)
    config.check_puzzle_id(int(puzzles.puzzle_identifiers.max(initial=0)))
    shape = (
        len(puzzles),
        depth.N_sup * depth.T,
        puzzles.inputs.shape[1],
        config.hidden_size,
    )
    if keep_states and 4 * np.prod(shape, dtype=np.int64) > LARGEST_STATES:
        most = int(LARGEST_STATES * len(puzzles) / (4 * np.prod(shape, dtype=np.int64)))
        raise RunsError(
            f"The states of {len(puzzles)} puzzles do not fit into memory. Take {most} puzzles or fewer."
        )
    states = np.zeros((2, *shape), np.float16) if keep_states else None
    calls = -(-len(puzzles) // BATCH) * depth.N_sup * depth.calls_per_step
    told = _Told(progress or (lambda share: None), calls)
    parts = []
    for begin in range(0, len(puzzles), BATCH):
        rows = slice(begin, begin + BATCH)
        kept = None if states is None else states[:, rows]
        parts.append(_run_batch(model, puzzles, rows, depth, solution_in, kept, told))
    answers, read, *moves = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
    y, z = (None, None) if states is None else states
    return SetRun(answers, exact_now(answers, puzzles.labels), read[0], *moves, y=y, z=z)


class _Told:
    """Counts calls."""

    def __init__(self, progress: ShareProgress, calls: int):
        self.progress, self.calls, self.done = progress, calls, 0

    def one_more(self) -> None:
        self.done += 1
        self.progress(self.done / self.calls)


def _run_batch(
    model: Model,
    puzzles: PuzzleSet,
    rows: slice,
    depth: Depth,
    solution_in: AnswerCode | None,
    kept: Float16[np.ndarray, "state puzzle f_H cell dim"] | None,
    told: _Told,
) -> tuple[np.ndarray, ...]:
    """The arrays of `SetRun` of one batch, puzzles along their second axis; the states are written into `kept`."""
    labels = puzzles.labels[rows]
    scored = labels != PADDING
    tokens, solutions, ids = (
        torch.from_numpy(array.astype(np.int64)).to(model.device)
        for array in (puzzles.inputs[rows], labels, puzzles.puzzle_identifiers[rows])
    )
    moves = _Moves(model, kept, told)
    read = []

    def start(initial: State) -> State:
        if solution_in:
            given = task_of(model.config).givens(puzzles.inputs[rows])
            initial = initial._replace(y=solution_in.write(initial.y, solutions, given))
        hits = (model.decode(initial.y).argmax(-1).cpu().numpy() == labels) & scored
        read.append((hits.sum(-1) / scored.sum(-1)).astype(np.float32))
        moves.begin(initial)
        return initial

    answers, moved = [], []
    for step in deep_supervision(model, tokens, ids, depth=depth, after_call=moves, start=start):
        answers.append(step.heads.logits.argmax(-1).cpu().numpy().astype(np.uint8))
        moved.append(moves.end_step())
    return (
        np.stack(answers),
        np.stack(read),
        np.stack(moves.residuals[F_H]),
        np.stack(moves.residuals[F_L]),
        *np.stack(moved, axis=1),
    )


class _Moves:
    """Measures every move; keeps the states after f_H calls where there is a place for them."""

    def __init__(
        self, model: Model, kept: Float16[np.ndarray, "state puzzle f_H cell dim"] | None, told: _Told
    ):
        self.model, self.kept, self.told = model, kept, told
        self.residuals: dict[str, list[np.ndarray]] = {F_H: [], F_L: []}

    def begin(self, state: State) -> None:
        self.before = self.step_before = state

    def __call__(self, at: Coordinates, state: State) -> State:
        if at.kind == F_H:
            self.residuals[F_H].append(relative_moves(self.before.y, state.y))
            if self.kept is not None:
                time_point = len(self.residuals[F_H]) - 1
                prefix = self.model.config.prefix_length
                for place, held in enumerate((state.y, self.model.latent(state, at))):
                    self.kept[place, :, time_point] = _half(held[:, prefix:])
        else:
            z_before, z = (self.model.latent(each, at) for each in (self.before, state))
            self.residuals[F_L].append(relative_moves(z_before, z))
        self.before = state
        self.told.one_more()
        return state

    def end_step(self) -> tuple[np.ndarray, np.ndarray]:
        """How far y and z moved over the supervision step."""
        was, self.step_before = self.step_before, self.before
        z_before, z = (each.z.flatten(1, -2) for each in (was, self.before))  # of all latents together
        return relative_moves(was.y, self.before.y), relative_moves(z_before, z)


def _half(states: Tensor) -> Float16[np.ndarray, "puzzle cell dim"]:
    return states.to(torch.float16).cpu().numpy()
