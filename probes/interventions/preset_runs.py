"""Run the preset experiments on one cached run, or on a set of puzzles."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from probes.interventions.batched import counted_cells
from probes.interventions.fork import CachedRun, cache_run, last_of, last_trace
from probes.interventions.presets import EXPERIMENTS, ExperimentSetting, plan_experiment
from probes.interventions.recorded import PresetOutcome, PresetResults
from probes.interventions.sites import InterventionError
from probes.interventions.spec import Intervention
from probes.interventions.sweeps import labelled_puzzles
from trm.data import PuzzleSet
from trm.grading import Grade, binomial_band
from trm.inspection.state_use import explained_by
from trm.model import Model
from trm.progress import Progress, no_progress, part_of
from trm.provenance import Provenance
from trm.tasks.base import Task
from trm.trace import Trace


def prepared(
    clean: CachedRun, key: str, step: int | None = None
) -> tuple[CachedRun, tuple[Intervention, ...]]:
    """Return the run to fork and the interventions of an experiment.

    The run is `clean`, or a new clean run if the experiment changes the puzzle. The experiment starts at supervision
    step `step`, or at its default step if `step` is None. Raises UserError.
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
    """Return the setting of an experiment that starts at supervision step `step` of a cached run."""
    return ExperimentSetting(clean.task, clean.inputs, clean.trace.labels, clean.depth, step)


def run_experiments(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    *,
    names: Sequence[str] | None = None,
    progress: Progress = no_progress,
    command: str | None = None,
) -> PresetResults:
    """Run the experiments on every puzzle with exactly one solution. `command` is the command line that repeats them.

    Raises UserError.
    """
    puzzles, depth = labelled_puzzles(model, task, puzzles, None)
    names = list(EXPERIMENTS) if names is None else list(names)
    results = {name: _ExperimentResults() for name in ("plain", *names)}
    z: list[np.ndarray] = []
    total = len(puzzles) * (len(names) + 1)
    for number in range(len(puzzles)):
        done = number * (len(names) + 1)

        def here(piece: int, done: int = done) -> Progress:
            return part_of(progress, (done + piece) / total, (done + piece + 1) / total)

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
    return PresetResults(
        provenance=Provenance.of(model, recorded=date.today(), puzzles=puzzles, depth=depth, command=command),
        z_by_token=round(explained_by(tokens, np.concatenate(z)), 4),
        experiments={
            name: each.outcome(
                results["plain"], 1 if name == "plain" else min(EXPERIMENTS[name].step, depth.N_sup)
            )
            for name, each in results.items()
        },
    )


@dataclass
class _ExperimentResults:
    """Results of one experiment, puzzle by puzzle."""

    solved: list[bool] = field(default_factory=list)
    cells: list[np.ndarray] = field(default_factory=list)
    givens: list[np.ndarray] = field(default_factory=list)
    decoded: list[float] = field(default_factory=list)

    def add(self, run: CachedRun, trace: Trace, changes: Sequence[Intervention] = ()) -> None:
        ends = slice(trace.depth.T - 1, None, trace.depth.T)
        self.solved.append(bool(Grade.of(trace, run.task).solved[-1]))
        right, given = trace.answers[ends] == trace.labels, run.task.givens(trace.inputs)
        counted = counted_cells(run.task, trace.inputs, trace.labels)
        for shares, cells in ((self.cells, counted), (self.givens, given)):
            shares.append((right & cells).sum(-1) / max(int(cells.sum()), 1))
        self.decoded += [
            run.decoded_share(run.task.parse(change.answer, unfinished=True))
            for change in changes
            if change.operation == "answer"
        ]

    def outcome(self, plain: "_ExperimentResults", begins_at: int) -> PresetOutcome:
        if not self.solved:
            return PresetOutcome(solved=None, begins_at=begins_at)
        low, high = binomial_band(np.array([sum(self.solved)]), np.array([len(self.solved)]))[:, 0]
        before = np.array(plain.solved)
        comparable = len(before) == len(self.solved) and before.any()
        return PresetOutcome(
            solved=round(float(np.mean(self.solved)), 4),
            low=round(float(low), 4),
            high=round(float(high), 4),
            retained=round(float(np.array(self.solved)[before].mean()), 4) if comparable else None,
            cells_right=np.round(np.mean(self.cells, 0), 4).tolist(),
            givens_right=np.round(np.mean(self.givens, 0), 4).tolist(),
            decoded=round(float(np.mean(self.decoded)), 4) if self.decoded else None,
            begins_at=begins_at,
        )
