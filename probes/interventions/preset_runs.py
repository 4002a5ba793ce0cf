"""Run the preset experiments: on one cached run, or on many puzzles."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from probes.interventions.batched import counted_cells
from probes.interventions.fork import CachedRun, cache_run, last_of, last_trace
from probes.interventions.presets import EXPERIMENTS, ExperimentSetting, plan_experiment
from probes.interventions.sites import InterventionError
from probes.interventions.spec import Intervention
from probes.interventions.sweeps import labelled_puzzles, sub_progress
from probes.stats import binomial_band
from trm.data import PuzzleSet
from trm.grading import Grade
from trm.inspection.state_use import explained_by
from trm.model import Model
from trm.progress import Progress, no_progress
from trm.tasks.base import Task
from trm.trace import Trace


def prepared(
    clean: CachedRun, key: str, step: int | None = None
) -> tuple[CachedRun, tuple[Intervention, ...]]:
    """The run to fork and the interventions of an experiment.

    The run is `clean`, or a new one if the experiment has its own puzzle. `step` None uses the experiment's default.
    Raises UserError.
    """
    if key not in EXPERIMENTS:
        plan_experiment(key, setting_for(clean, 1))  # raises
    experiment = EXPERIMENTS[key]
    default = min(experiment.step, clean.depth.N_sup)
    plan = plan_experiment(
        key, setting_for(clean, default if step is None or not experiment.has_step else step)
    )
    if np.array_equal(plan.inputs, clean.inputs):
        return clean, plan.interventions
    other = cache_run(clean.model, clean.task, plan.inputs, depth=clean.depth, puzzle_id=clean.puzzle_id)
    return other, plan.interventions


def setting_for(clean: CachedRun, step: int) -> ExperimentSetting:
    return ExperimentSetting(clean.task, clean.inputs, clean.trace.labels, clean.depth, step)


def run_experiments(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    *,
    names: Sequence[str] | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Run every experiment on every puzzle. Measures accuracy at the end, and the cell accuracy of blanks and givens
    after every step.

    Every number is a mean over the puzzles with exactly one solution. Results are by experiment, with "plain" as the
    clean run: `solved` with its interval `low` to `high`; `kept_of_solved`, the share of the puzzles solved by the
    clean run that the intervened run solves too; and, if an answer is written into y, `read`, the share of its cells
    that the output head decodes correctly. `z_by_token` is the share of the variance of z after the last step that a
    cell's own input token explains. Raises UserError.
    """
    puzzles, depth = labelled_puzzles(model, task, puzzles, None)
    names = list(EXPERIMENTS) if names is None else list(names)
    results = {name: _ExperimentResults() for name in ("plain", *names)}
    z: list[np.ndarray] = []
    total = len(puzzles) * (len(names) + 1)
    for number in range(len(puzzles)):
        done = number * (len(names) + 1)

        def here(piece: int, done: int = done) -> Progress:
            return sub_progress(progress, (done + piece) / total, (done + piece + 1) / total)

        clean = cache_run(
            model,
            task,
            puzzles.inputs[number],
            depth=depth,
            puzzle_id=int(puzzles.puzzle_identifiers[number]),
            labels=puzzles.labels[number],
            progress=here(0),
        )
        results["plain"].add(clean, clean.trace)
        last = clean.state_after(last_of(depth.N_sup, depth)).z
        z.append(last.flatten(0, -3).sum(0)[model.config.prefix_length :].float().cpu().numpy())
        for piece, name in enumerate(names, 1):
            try:
                run, changes = prepared(clean, name)
            except InterventionError:  # a puzzle without a blank cell
                continue
            trace = last_trace(run.fork(changes), run.depth, here(piece), EXPERIMENTS[name].title)
            results[name].add(run, trace, changes)
    tokens = puzzles.inputs.ravel()
    return {
        "puzzles": len(puzzles),
        "data": puzzles.name,
        "N_sup": depth.N_sup,
        "z_by_token": round(explained_by(tokens, np.concatenate(z)), 4),
        "experiments": {
            name: each.summary(results["plain"])
            | {"begins_at": 1 if name == "plain" else min(EXPERIMENTS[name].step, depth.N_sup)}
            for name, each in results.items()
        },
    }


@dataclass
class _ExperimentResults:
    """Results of an experiment, puzzle by puzzle."""

    solved: list[bool] = field(default_factory=list)
    cells: list[np.ndarray] = field(default_factory=list)
    givens: list[np.ndarray] = field(default_factory=list)
    read: list[float] = field(default_factory=list)

    def add(self, run: CachedRun, trace: Trace, changes: Sequence[Intervention] = ()) -> None:
        ends = slice(trace.depth.T - 1, None, trace.depth.T)
        self.solved.append(bool(Grade.of(trace, run.task).solved[-1]))
        right, given = trace.answers[ends] == trace.labels, run.task.givens(trace.inputs)
        counted = counted_cells(run.task, trace.inputs, trace.labels)
        for shares, cells in ((self.cells, counted), (self.givens, given)):
            shares.append((right & cells).sum(-1) / max(int(cells.sum()), 1))
        self.read += [
            run.decoded_share(run.task.parse(change.answer, unfinished=True))
            for change in changes
            if change.operation == "answer"
        ]

    def summary(self, plain: "_ExperimentResults") -> dict[str, Any]:
        if not self.solved:
            return {"solved": None, "kept_of_solved": None, "cells_right": [], "givens_right": []}
        low, high = binomial_band(np.array([sum(self.solved)]), np.array([len(self.solved)]))[:, 0]
        before = np.array(plain.solved)
        comparable = len(before) == len(self.solved) and before.any()
        return {
            "solved": round(float(np.mean(self.solved)), 4),
            "low": round(float(low), 4),
            "high": round(float(high), 4),
            "kept_of_solved": round(float(np.array(self.solved)[before].mean()), 4) if comparable else None,
            "cells_right": np.round(np.mean(self.cells, 0), 4).tolist(),
            "givens_right": np.round(np.mean(self.givens, 0), 4).tolist(),
        } | ({"read": round(float(np.mean(self.read)), 4)} if self.read else {})
