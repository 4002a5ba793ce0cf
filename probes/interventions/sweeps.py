"""Sweeps over many puzzles: accuracy against noise on the state, and recovery after ablating y, z or both.

Every number has a 95 % band from a bootstrap over puzzles (`probes.stats`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int

from probes.halting.rules import first_step
from probes.interventions.batched import BatchedRuns, counted_cells, fast_copy, run_rows, states_before
from probes.interventions.hooks import add_noise
from probes.interventions.sites import InterventionError
from probes.stats import BY_PUZZLE
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.model import Model
from trm.progress import Progress, no_progress
from trm.recursion import State
from trm.tasks.base import Task

SIZES = (0.0, 0.5, 1.0, 2.0, 3.0, 6.0)
"""Noise scales, in units of the norm of each position's own vector."""


@dataclass(frozen=True, eq=False)
class SweepCurve:
    """A share for each value of a parameter, with a band from a bootstrap over puzzles."""

    share: Float[np.ndarray, "value"]
    low: Float[np.ndarray, "value"]
    high: Float[np.ndarray, "value"]

    @classmethod
    def of(cls, hits: Float[np.ndarray, "puzzle value"]) -> "SweepCurve":
        """The mean over puzzles for each value."""
        low, high = BY_PUZZLE.band(BY_PUZZLE.sums(hits) / len(hits))
        return cls(hits.mean(0), low, high)

    def rows(self) -> dict[str, list[float]]:
        """The curve as table columns."""
        return {name: [round(float(value), 6) for value in getattr(self, name)] for name in vars(self)}


@dataclass(frozen=True, eq=False)
class NoiseSweep:
    """Accuracy against the scale of noise on a state at the start of a supervision step."""

    state: str
    step: int
    sizes: tuple[float, ...]
    puzzles: int
    dtype: str
    solved: SweepCurve  # after the last supervision step
    steps: Float[np.ndarray, "size"]  # mean steps to the first correct answer; all steps if never correct

    def columns(self) -> dict[str, list]:
        return {"size": list(self.sizes), **self.solved.rows(), "mean_steps": self.steps.round(3).tolist()}


def noise_sweep(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    *,
    sizes: Sequence[float] = SIZES,
    state: str = "yz",
    step: int = 1,
    seed: int = 0,
    depth: Depth | None = None,
    progress: Progress = no_progress,
) -> NoiseSweep:
    """Add Gaussian noise to y, z or both (`yz`) at the start of a supervision step, and measure accuracy after the last
    step.

    With step 1, it is added to the initial state. A puzzle's noise depends on `seed` and the puzzle's index; each of
    `sizes` scales the same noise. Runs use bfloat16 if the machine supports it; the result records the dtype. Raises
    UserError.
    """
    puzzles, depth = labelled_puzzles(model, task, puzzles, depth, step=step)
    model = fast_copy(model)
    sizes = tuple(float(size) for size in sizes)
    count = len(puzzles)
    share = (step - 1) / (step - 1 + len(sizes) * (depth.N_sup - step + 1))  # of the work before the noise
    before = None
    if step > 1:
        before = states_before(
            model, puzzles.inputs, step, depth=depth, puzzle_ids=puzzles.puzzle_identifiers,
            progress=sub_progress(progress, 0.0, share),
        )  # fmt: skip
    puzzle_of = np.tile(np.arange(count), len(sizes))
    size_of = np.repeat(np.array(sizes, np.float32), count)

    def start(initial: State, rows: Int[np.ndarray, "some"]) -> State:
        clean = initial
        if before is not None:
            index = torch.from_numpy(puzzle_of[rows]).to(model.device)
            clean = State(before.y[index], before.z[index])
        changed = {}
        for name in state:
            seeds = [(seed * 1_000_003 + int(puzzle)) * 2 + (name == "z") for puzzle in puzzle_of[rows]]
            changed[name] = add_noise(getattr(clean, name), torch.from_numpy(size_of[rows]), seeds)
        return clean._replace(**changed)

    labels = puzzles.labels[puzzle_of]
    runs = run_rows(
        model, puzzles.inputs[puzzle_of], depth=depth, puzzle_ids=puzzles.puzzle_identifiers[puzzle_of],
        start=start, first=step, progress=sub_progress(progress, share, 1.0),
        message=f"running {count} puzzles with {len(sizes)} noise sizes",
    )  # fmt: skip
    right = runs.right(labels)
    solved = right[-1].reshape(len(sizes), count)
    steps = np.where(right.any(0), first_step(right), len(right)).reshape(len(sizes), count)
    return NoiseSweep(
        state, step, sizes, count, dtype_of(model), SweepCurve.of(solved.T.astype(float)), steps.mean(1)
    )


@dataclass(frozen=True, eq=False)
class AblationSweep:
    """Accuracy after every supervision step when y, z or both are ablated at the start of one.

    Keys are those of ABLATED; `recovery` has no "nothing", and None means that the run does not recover.
    """

    step: int
    how: str
    puzzles: int
    dtype: str
    cells: dict[str, SweepCurve]  # cell accuracy of non-givens after each step, starting at `step`
    solved: dict[str, SweepCurve]  # share of puzzles solved, after the same steps
    recovery: dict[str, int | None]  # steps until cell accuracy is within RECOVERED of the clean runs

    def columns(self) -> dict[str, list]:
        table: dict[str, list] = {"taken": [], "step": [], "cells": [], "low": [], "high": [], "solved": []}
        for name, curve in self.cells.items():
            steps = len(curve.share)
            table["taken"] += [name] * steps
            table["step"] += list(range(self.step, self.step + steps))
            table["solved"] += self.solved[name].rows()["share"]
            for column, value in (("cells", "share"), ("low", "low"), ("high", "high")):
                table[column] += curve.rows()[value]
        return table


ABLATED = ("nothing", "y", "z", "yz")
RECOVERED = 0.01  # a run has recovered when its cell accuracy is within this of the clean run


def ablation_sweep(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    *,
    step: int = 4,
    how: str = "zero",
    depth: Depth | None = None,
    progress: Progress = no_progress,
) -> AblationSweep:
    """Ablate y, z or both at the start of a supervision step: set them to 0, or (`how` "initial") to the initial state.

    Ablating both restarts the run at that step. All runs continue to the last step. Raises UserError.
    """
    puzzles, depth = labelled_puzzles(model, task, puzzles, depth, step=step)
    if how not in ("zero", "initial"):
        raise InterventionError(f"A state cannot be ablated by {how!r}. Choose zero or initial.")
    model = fast_copy(model)
    share = (step - 1) / (step - 1 + len(ABLATED) * (depth.N_sup - step + 1))
    ids = puzzles.puzzle_identifiers
    before = states_before(
        model, puzzles.inputs, step, depth=depth, puzzle_ids=ids, progress=sub_progress(progress, 0.0, share)
    )
    counted = counted_cells(task, puzzles.inputs, puzzles.labels)
    cells, solved = {}, {}
    for number, ablated in enumerate(ABLATED):
        begin, end = (share + (1 - share) * index / len(ABLATED) for index in (number, number + 1))

        def start(initial: State, rows: np.ndarray, ablated: str = ablated) -> State:
            index = torch.from_numpy(rows).to(model.device)
            clean = State(before.y[index], before.z[index])
            replacement = {name: getattr(initial, name) for name in State._fields if name in ablated}
            if how == "zero":
                replacement = {name: torch.zeros_like(state) for name, state in replacement.items()}
            return clean._replace(**replacement)

        runs: BatchedRuns = run_rows(
            model, puzzles.inputs, depth=depth, puzzle_ids=ids, start=start, first=step,
            progress=sub_progress(progress, begin, end),
            message=f"running the puzzles with {ablated} ablated" if number else "running the clean runs",
        )  # fmt: skip
        cells[ablated] = SweepCurve.of(runs.cells_right(puzzles.labels, counted).T.astype(float))
        solved[ablated] = SweepCurve.of(runs.right(puzzles.labels).T.astype(float))
    return AblationSweep(step, how, len(puzzles), dtype_of(model), cells, solved, _recovery(cells))


def _recovery(cells: dict[str, SweepCurve]) -> dict[str, int | None]:
    """Supervision steps until a curve reaches that of the clean runs at the same step."""
    recovery = {}
    for name in ABLATED[1:]:
        recovered = np.flatnonzero(cells[name].share >= cells["nothing"].share - RECOVERED)
        recovery[name] = int(recovered[0]) + 1 if recovered.size else None
    return recovery


def labelled_puzzles(
    model: Model, task: Task, puzzles: PuzzleSet, depth: Depth | None, *, step: int = 1
) -> tuple[PuzzleSet, Depth]:
    """The puzzles with exactly one solution, and the depth to run at. Raises UserError if they do not match the model."""
    depth = depth or model.config.depth
    model.config.check_puzzles(puzzles.inputs.shape[1], task.vocab_size)
    model.config.check_puzzle_id(int(puzzles.puzzle_identifiers.max(initial=0)))
    if not 1 <= step <= depth.N_sup:
        raise InterventionError(f"There is no supervision step {step}: the run has {depth.N_sup} steps.")
    labelled = puzzles.take(np.flatnonzero(puzzles.labelled))
    if not len(labelled):
        raise InterventionError(
            "None of these puzzles has exactly one solution to compare with. Choose others."
        )
    return labelled, replace(depth)


def sub_progress(progress: Progress, begin: float, end: float) -> Progress:
    """A progress callback for part of the work, from the share `begin` to the share `end`."""
    return lambda share, text: progress(begin + (end - begin) * share, text)


def dtype_of(model: Model) -> str:
    return str(model.compute_dtype).removeprefix("torch.")
