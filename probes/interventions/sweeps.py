"""Sweeps over many puzzles: how much noise a model bears, and how it recovers when y, z or both are taken from it.

Every number stands with a band: a bootstrap over puzzles, 95 %, from `probes.stats`.
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
"""Sizes of noise, in units of the norm of each position's own vector."""


@dataclass(frozen=True, eq=False)
class SweepCurve:
    """A share for each value of something, with the band of a bootstrap over puzzles."""

    share: Float[np.ndarray, "value"]
    low: Float[np.ndarray, "value"]
    high: Float[np.ndarray, "value"]

    @classmethod
    def of(cls, hits: Float[np.ndarray, "puzzle value"]) -> "SweepCurve":
        """The mean over puzzles of what each has for each value."""
        low, high = BY_PUZZLE.band(BY_PUZZLE.sums(hits) / len(hits))
        return cls(hits.mean(0), low, high)

    def rows(self) -> dict[str, list[float]]:
        """As columns of a table."""
        return {name: [round(float(value), 6) for value in getattr(self, name)] for name in vars(self)}


@dataclass(frozen=True, eq=False)
class NoiseSweep:
    """Solve rate against the size of the noise on a state at the beginning of a supervision step."""

    state: str
    step: int
    sizes: tuple[float, ...]
    puzzles: int
    dtype: str
    solved: SweepCurve  # after the last supervision step
    steps: Float[
        np.ndarray, "size"
    ]  # mean number of supervision steps until first right; all of them where never

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
    """Add Gaussian noise to y, z or both (`yz`) at the beginning of a supervision step, and see what is solved after the last.

    Step 1 is the initial state. The noise of a puzzle depends on `seed` and the puzzle's number; all sizes of it are the
    same noise, scaled. Runs are computed in bfloat16 where the machine does that, as the result says. Raises UserError.
    """
    puzzles, depth = labelled_puzzles(model, task, puzzles, depth, step=step)
    model = fast_copy(model)
    sizes = tuple(float(size) for size in sizes)
    count = len(puzzles)
    share = (step - 1) / (step - 1 + len(sizes) * (depth.N_sup - step + 1))  # of the work, before the noise
    before = None
    if step > 1:
        before = states_before(
            model, puzzles.inputs, step, depth=depth, puzzle_ids=puzzles.puzzle_identifiers,
            progress=sub_progress(progress, 0.0, share),
        )  # fmt: skip
    puzzle_of = np.tile(np.arange(count), len(sizes))
    size_of = np.repeat(np.array(sizes, np.float32), count)

    def start(initial: State, rows: Int[np.ndarray, "some"]) -> State:
        here = initial
        if before is not None:
            taken = torch.from_numpy(puzzle_of[rows]).to(model.device)
            here = State(before.y[taken], before.z[taken])
        changed = {}
        for name in state:
            seeds = [(seed * 1_000_003 + int(puzzle)) * 2 + (name == "z") for puzzle in puzzle_of[rows]]
            changed[name] = add_noise(getattr(here, name), torch.from_numpy(size_of[rows]), seeds)
        return here._replace(**changed)

    labels = puzzles.labels[puzzle_of]
    found = run_rows(
        model, puzzles.inputs[puzzle_of], depth=depth, puzzle_ids=puzzles.puzzle_identifiers[puzzle_of],
        start=start, first=step, progress=sub_progress(progress, share, 1.0),
        message=f"running {count} puzzles with {len(sizes)} sizes of noise",
    )  # fmt: skip
    right = found.right(labels)
    solved = right[-1].reshape(len(sizes), count)
    taken = np.where(right.any(0), first_step(right), len(right)).reshape(len(sizes), count)
    return NoiseSweep(
        state, step, sizes, count, dtype_of(model), SweepCurve.of(solved.T.astype(float)), taken.mean(1)
    )


@dataclass(frozen=True, eq=False)
class AblationSweep:
    """What is right after every supervision step when y or z is taken away at the beginning of one."""

    step: int
    how: str
    puzzles: int
    dtype: str
    cells: dict[
        str, SweepCurve
    ]  # by what was taken (ABLATED): share of the cells that are not given that are right
    solved: dict[str, SweepCurve]  # and of the puzzles, after each step from `step` on
    recovery: dict[
        str, int | None
    ]  # steps until as many cells are right as without it, less 1 %; None: not by the end

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
RECOVERED = 0.01  # of the cells: a state that is this close to the unbroken run has recovered


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
    """Take y, z or both away at the beginning of a supervision step: set them to 0, or (`how` "initial") to where runs begin.

    Both taken away are a run that begins there with nothing. Everything that is run is run to the end. Raises UserError.
    """
    puzzles, depth = labelled_puzzles(model, task, puzzles, depth, step=step)
    if how not in ("zero", "initial"):
        raise InterventionError(f"There is no way {how!r} to take a state away. Choose zero or initial.")
    model = fast_copy(model)
    share = (step - 1) / (step - 1 + len(ABLATED) * (depth.N_sup - step + 1))
    ids = puzzles.puzzle_identifiers
    before = states_before(
        model, puzzles.inputs, step, depth=depth, puzzle_ids=ids, progress=sub_progress(progress, 0.0, share)
    )
    counted = counted_cells(task, puzzles.inputs, puzzles.labels)
    cells, solved = {}, {}
    for number, taken in enumerate(ABLATED):
        begins, ends = (share + (1 - share) * place / len(ABLATED) for place in (number, number + 1))

        def start(initial: State, rows: np.ndarray, taken: str = taken) -> State:
            index = torch.from_numpy(rows).to(model.device)
            here = State(before.y[index], before.z[index])
            empty = {name: getattr(initial, name) for name in State._fields if name in taken}
            if how == "zero":
                empty = {name: torch.zeros_like(state) for name, state in empty.items()}
            return here._replace(**empty)

        found: BatchedRuns = run_rows(
            model, puzzles.inputs, depth=depth, puzzle_ids=ids, start=start, first=step,
            progress=sub_progress(progress, begins, ends), message=f"running the puzzles without {taken}" if number else "running the puzzles unchanged",
        )  # fmt: skip
        cells[taken] = SweepCurve.of(found.cells_right(puzzles.labels, counted).T.astype(float))
        solved[taken] = SweepCurve.of(found.right(puzzles.labels).T.astype(float))
    return AblationSweep(step, how, len(puzzles), dtype_of(model), cells, solved, _recovery(cells))


def _recovery(cells: dict[str, SweepCurve]) -> dict[str, int | None]:
    """Supervision steps until a curve is as high as that of the unbroken runs at the same step."""
    found = {}
    for name in ABLATED[1:]:
        back = np.flatnonzero(cells[name].share >= cells["nothing"].share - RECOVERED)
        found[name] = int(back[0]) + 1 if back.size else None
    return found


def labelled_puzzles(
    model: Model, task: Task, puzzles: PuzzleSet, depth: Depth | None, *, step: int = 1
) -> tuple[PuzzleSet, Depth]:
    """The puzzles that have one answer, and the depth to run at. Raises UserError."""
    depth = depth or model.config.depth
    model.config.check_puzzles(puzzles.inputs.shape[1], task.vocab_size)
    model.config.check_puzzle_id(int(puzzles.puzzle_identifiers.max(initial=0)))
    if not 1 <= step <= depth.N_sup:
        raise InterventionError(f"There is no supervision step {step}: the run has {depth.N_sup}.")
    labelled = puzzles.take(np.flatnonzero(puzzles.labelled))
    if not len(labelled):
        raise InterventionError(
            "None of these puzzles has exactly one answer to compare with. Choose others."
        )
    return labelled, replace(depth)


def sub_progress(progress: Progress, begin: float, end: float) -> Progress:
    """Tells of a piece of the work, from one share of it to another."""
    return lambda share, words: progress(begin + (end - begin) * share, words)


def dtype_of(model: Model) -> str:
    return str(model.compute_dtype).removeprefix("torch.")
