"""Evaluation of a run on held-out puzzles, and the table of all its evaluations.

In a run of a given time, an evaluation takes at most the fraction EVALUATION_SHARE of it: short runs are evaluated on
fewer puzzles, or not at all.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from trm.coordinates import Depth
from trm.evaluate import exact_by_step
from trm.training.data import Puzzles
from trm.training.folder import TrainingFolder
from trm.training.trainer import Trainer

EVALUATION_SHARE = 0.05
FEWEST = 16  # fewer puzzles are not worth an evaluation


class Evaluation(NamedTuple):
    """Exact accuracy on held-out puzzles after each supervision step, and when it was measured."""

    minutes: float
    update: int
    exact_by_step: list[float]


def evaluate_held_out(
    trainer: Trainer,
    held_out: Mapping[int, Puzzles],
    folder: TrainingFolder,
    log: Callable[[str], None],
    *,
    update_seconds: float,
) -> Evaluation | None:
    """Evaluate the averaged weights at the current grid size and recursion depth, and write the result to the log.

    `held_out` contains puzzles by their number of cells, and `update_seconds` is the time of the latest update. Returns
    None if too little time is left for an evaluation. Only the lead process evaluates; the accuracy is [0.0] in all
    other processes.
    """
    preset = trainer.preset
    cells = trainer.cells_at(trainer.completed)
    depth = preset.schedule.depth_at(trainer.completed, preset.model.N_sup)
    count = _count_in_time(trainer, len(held_out[cells]), depth, update_seconds)
    by_step = [0.0]
    if count and trainer.replica.leads:
        puzzles = held_out[cells].first(count)
        model = trainer.averaged_model(cells)
        model.compute_dtype = trainer.model.compute_dtype
        by_step = exact_by_step(model, puzzles, puzzles.puzzle_ids, depth=depth)
        figures = {"held_out": count, "n": depth.n, "T": depth.T, "grid_cells": cells}
        folder.log(trainer, {"held_out_exact_by_step": by_step} | figures)
        of = "" if count == len(held_out[cells]) else f" of {count} puzzles"
        log(f"held out: exact {by_step[-1]:.3f}{of} after {len(by_step)} steps, {by_step[0]:.3f} after 1")
    trainer.replica.wait()
    return Evaluation(trainer.seconds / 60, trainer.update, by_step) if count else None


def _count_in_time(trainer: Trainer, count: int, depth: Depth, update_seconds: float) -> int:
    """Return how many of `count` held-out puzzles an evaluation may take; 0 if they are too few.

    A call of an update takes longer than a call of an evaluation, because it includes the gradients.
    """
    preset = trainer.preset
    if preset.updates:
        return count
    calls = preset.schedule.depth_at(trainer.progress, depth.N_sup).calls_per_step
    per_puzzle = depth.N_sup * depth.calls_per_step * update_seconds / (calls * preset.batch)
    fits = int(EVALUATION_SHARE * 60 * preset.minutes / max(per_puzzle, 1e-9))
    return min(count, fits) if fits >= min(FEWEST, count) else 0


def table(evaluations: list[Evaluation]) -> str:
    """Return a text table of held-out exact accuracy."""
    last = len(evaluations[-1].exact_by_step)
    columns = [step for step in (1, 4, 16) if step <= last] or [last]
    lines = ["minutes  updates  " + "  ".join(f"exact@{step:<2}" for step in columns)]
    for minutes, updates, by_step in evaluations:
        shares = "  ".join(f"{by_step[step - 1]:8.3f}" for step in columns)
        lines.append(f"{minutes:7.1f}  {updates:7d}  {shares}")
    return "\n".join(lines)
