"""Sweeps over many puzzles: accuracy against noise on the state, and recovery after ablating y, z or both.

Accuracies have 95 % confidence intervals from a bootstrap over puzzles (`probes.stats`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from probes.halting.rules import first_step
from probes.interventions.batched import (
    cells_right,
    counted_cells,
    resumed,
    run_rows,
    states_before,
)
from probes.interventions.hooks import add_noise
from probes.interventions.sites import InterventionError
from probes.states import StateSource, last_call
from probes.stats import BY_PUZZLE
from trm.batch import Rows
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.evaluate import exact_answers
from trm.model import Model
from trm.progress import Progress, no_progress, part_of
from trm.recursion import State
from trm.tasks.base import Task

SIZES = (0.0, 0.5, 1.0, 2.0, 3.0, 6.0)
"""Default noise scales, relative to the norm of each position's vector."""


@dataclass(frozen=True, eq=False)
class SweepCurve:
    """A fraction for each value of a parameter, with its 95 % confidence interval from a bootstrap over puzzles."""

    share: Float[np.ndarray, "value"]
    low: Float[np.ndarray, "value"]
    high: Float[np.ndarray, "value"]

    @classmethod
    def of(cls, hits: Float[np.ndarray, "puzzle value"]) -> "SweepCurve":
        """Compute the mean of `hits` over puzzles and its confidence interval, for each value of the parameter."""
        low, high = BY_PUZZLE.band(BY_PUZZLE.sums(hits) / len(hits))
        return cls(hits.mean(0), low, high)

    def rows(self) -> dict[str, list[float]]:
        """Return the curve as table columns, rounded to 6 decimals."""
        return {name: [round(float(value), 6) for value in getattr(self, name)] for name in vars(self)}


@dataclass(frozen=True, eq=False)
class NoiseSweep:
    """Accuracy against the scale of the noise that is added to a state at the start of a supervision step."""

    sizes: tuple[float, ...]
    solved: SweepCurve  # fraction of puzzles solved after the last supervision step
    steps: Float[np.ndarray, "size"]  # mean steps to the first correct answer; all steps if never correct

    def columns(self) -> dict[str, list]:
        """Return the sweep as table columns, with one row per noise scale."""
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
    recorded: StateSource | None = None,
    progress: Progress = no_progress,
) -> NoiseSweep:
    """Add Gaussian noise to y, z or both (`yz`) at the start of a supervision step, and measure the final accuracy.

    At step 1, the noise is added to the initial state. The noise of each puzzle depends on `seed` and the puzzle's
    index, and all `sizes` scale the same noise. `recorded` holds the clean runs on these puzzles; they are read instead of
    computed. Raises UserError.
    """
    puzzles, depth = labelled_puzzles(model, task, puzzles, depth, step=step)
    sizes = tuple(float(size) for size in sizes)
    count = len(puzzles)
    share = (step - 1) / (step - 1 + len(sizes) * (depth.N_sup - step + 1))  # of the work before the noise
    before = states_before(
        model, puzzles.inputs, step, depth=depth, puzzle_ids=puzzles.puzzle_identifiers,
        recorded=recorded, progress=part_of(progress, 0.0, share),
    )  # fmt: skip
    puzzle_of = np.tile(np.arange(count), len(sizes))
    size_of = np.repeat(np.array(sizes, np.float32), count)

    def start(rows: Rows, initial: State) -> State:
        clean, changed = resumed(before, puzzle_of[rows], initial), {}
        for name in state:
            seeds = [(seed * 1_000_003 + int(puzzle)) * 2 + (name == "z") for puzzle in puzzle_of[rows]]
            changed[name] = add_noise(getattr(clean, name), torch.from_numpy(size_of[rows]), seeds)
        return clean._replace(**changed)

    labels = puzzles.labels[puzzle_of]
    runs = run_rows(
        model, puzzles.inputs[puzzle_of], depth=depth, puzzle_ids=puzzles.puzzle_identifiers[puzzle_of],
        start=start, first=step, progress=part_of(progress, share, 1.0),
        message=f"running {count} puzzles with {len(sizes)} noise sizes",
    )  # fmt: skip
    right = exact_answers(runs.answers, labels)
    solved = right[-1].reshape(len(sizes), count)
    steps = np.where(right.any(0), first_step(right), len(right)).reshape(len(sizes), count)
    return NoiseSweep(sizes, SweepCurve.of(solved.T.astype(float)), steps.mean(1))


@dataclass(frozen=True, eq=False)
class AblationSweep:
    """Accuracy after every supervision step when y, z or both are ablated at the start of `step`.

    The keys of the dictionaries are the entries of ABLATED; `recovery` lacks "nothing". A recovery of None means that
    the runs do not recover.
    """

    step: int
    cells: dict[str, SweepCurve]  # cell accuracy of non-givens after each step, starting at `step`
    solved: dict[str, SweepCurve]  # fraction of puzzles solved after each step, starting at `step`
    recovery: dict[str, int | None]  # steps until cell accuracy is within RECOVERED of the clean runs

    def columns(self) -> dict[str, list]:
        """Return the sweep as table columns, with one row per ablated state and supervision step."""
        table: dict[str, list] = {"ablated": [], "step": [], "cells": [], "low": [], "high": [], "solved": []}
        for name, curve in self.cells.items():
            steps = len(curve.share)
            table["ablated"] += [name] * steps
            table["step"] += list(range(self.step, self.step + steps))
            table["solved"] += self.solved[name].rows()["share"]
            for column, value in (("cells", "share"), ("low", "low"), ("high", "high")):
                table[column] += curve.rows()[value]
        return table


ABLATED = ("nothing", "y", "z", "yz")
RECOVERED = 0.01  # largest difference in cell accuracy from the clean runs at which runs count as recovered


def ablation_sweep(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    *,
    step: int = 4,
    how: str = "zero",
    depth: Depth | None = None,
    recorded: StateSource | None = None,
    progress: Progress = no_progress,
) -> AblationSweep:
    """Ablate y, z or both at the start of a supervision step, and measure accuracy after each remaining step.

    With `how` "zero", the ablated state is set to 0. With "initial", it is set to the initial state, so that ablating
    both restarts the run. `recorded` holds the clean runs on these puzzles, which are read instead of computed. Raises
    UserError.
    """
    puzzles, depth = labelled_puzzles(model, task, puzzles, depth, step=step)
    if how not in ("zero", "initial"):
        raise InterventionError(f"A state cannot be ablated by {how!r}. Choose zero or initial.")
    share = (step - 1) / (step - 1 + len(ABLATED) * (depth.N_sup - step + 1))
    ids = puzzles.puzzle_identifiers
    before = states_before(
        model, puzzles.inputs, step, depth=depth, puzzle_ids=ids, recorded=recorded,
        progress=part_of(progress, 0.0, share),
    )  # fmt: skip
    counted = counted_cells(task, puzzles.inputs, puzzles.labels)
    cells, solved = {}, {}
    for number, ablated in enumerate(ABLATED):
        begin, end = (share + (1 - share) * index / len(ABLATED) for index in (number, number + 1))

        def start(rows: Rows, initial: State, ablated: str = ablated) -> State:
            clean = resumed(before, rows, initial)
            replacement = {name: getattr(initial, name) for name in State._fields if name in ablated}
            if how == "zero":
                replacement = {name: torch.zeros_like(state) for name, state in replacement.items()}
            return clean._replace(**replacement)

        if recorded and not number:
            ends = [last_call(depth, each) for each in range(step, depth.N_sup + 1)]
            answers = recorded.answers_at(ends)[recorded.puzzles.labelled].swapaxes(0, 1)
        else:
            answers = run_rows(
                model, puzzles.inputs, depth=depth, puzzle_ids=ids, start=start, first=step,
                progress=part_of(progress, begin, end),
                message=f"running the puzzles with {ablated} ablated" if number else "running the clean runs",
            ).answers  # fmt: skip
        cells[ablated] = SweepCurve.of(cells_right(answers, puzzles.labels, counted).T.astype(float))
        solved[ablated] = SweepCurve.of(exact_answers(answers, puzzles.labels).T.astype(float))
    return AblationSweep(step, cells, solved, _recovery(cells))


def _recovery(cells: dict[str, SweepCurve]) -> dict[str, int | None]:
    """Count the steps until each curve reaches that of the clean runs at the same step; None if it never does."""
    recovery = {}
    for name in ABLATED[1:]:
        recovered = np.flatnonzero(cells[name].share >= cells["nothing"].share - RECOVERED)
        recovery[name] = int(recovered[0]) + 1 if recovered.size else None
    return recovery


def labelled_puzzles(
    model: Model, task: Task, puzzles: PuzzleSet, depth: Depth | None, *, step: int = 1
) -> tuple[PuzzleSet, Depth]:
    """Return the puzzles with exactly one solution, and the depth of the runs, by default the model's own.

    Raises UserError if the puzzles do not match the model, if none of them has exactly one solution, or if the run has
    no supervision step `step`.
    """
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
