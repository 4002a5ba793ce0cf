"""The ready-made experiments carried out: on one kept run, or on many puzzles."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from probes.interventions.batched import Tell, counted_cells, quiet
from probes.interventions.fork import KeptRun, followed, keep
from probes.interventions.presets import EXPERIMENTS, Setting, plan_of
from probes.interventions.sites import InterventionError
from probes.interventions.spec import Intervention
from probes.interventions.sweeps import check, part
from trm.data import PuzzleSet
from trm.grading import Judgement
from trm.models import Model
from trm.tasks.base import Task
from trm.trace import Trace


def planned(kept: KeptRun, key: str, step: int | None = None) -> tuple[KeptRun, tuple[Intervention, ...]]:
    """The run that an experiment changes, and how: the kept one, or that of the experiment's own puzzle. Raises UserError."""
    if key not in EXPERIMENTS:
        plan_of(key, setting_of(kept, 1))  # raises
    experiment = EXPERIMENTS[key]
    usual = min(experiment.step, kept.depth.N_sup)
    plan = plan_of(key, setting_of(kept, usual if step is None or not experiment.has_step else step))
    if np.array_equal(plan.inputs, kept.inputs):
        return kept, plan.interventions
    other = keep(kept.model, kept.task, plan.inputs, depth=kept.depth, puzzle_id=kept.puzzle_id)
    return other, plan.interventions


def setting_of(kept: KeptRun, step: int) -> Setting:
    return Setting(kept.task, kept.inputs, kept.trace.labels, kept.depth, step)


def over_puzzles(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    *,
    names: Sequence[str] | None = None,
    tell: Tell = quiet,
) -> dict[str, Any]:
    """Every experiment on every puzzle: how many are solved in the end, and which share of the blank cells is right, step by step.

    `plain` is the run that is left alone. Each number is a mean over the puzzles with one solution; `kept_of_solved` is the
    share of those solved without the change that are solved with it. Raises UserError.
    """
    puzzles, depth = check(model, task, puzzles, None)
    names = list(EXPERIMENTS) if names is None else list(names)
    solved: dict[str, list[bool]] = {name: [] for name in ("plain", *names)}
    cells: dict[str, list[np.ndarray]] = {name: [] for name in ("plain", *names)}
    total = len(puzzles) * (len(names) + 1)
    for number in range(len(puzzles)):
        done = number * (len(names) + 1)

        def here(piece: int, done: int = done) -> Tell:
            return part(tell, (done + piece) / total, (done + piece + 1) / total)

        kept = keep(
            model,
            task,
            puzzles.inputs[number],
            depth=depth,
            puzzle_id=int(puzzles.puzzle_identifiers[number]),
            labels=puzzles.labels[number],
            tell=here(0),
        )
        _note(kept, kept.trace, solved["plain"], cells["plain"])
        for piece, name in enumerate(names, 1):
            try:
                run, changes = planned(kept, name)
            except InterventionError:  # a puzzle without a blank cell
                continue
            trace = followed(run.branch(changes), run.depth, here(piece), EXPERIMENTS[name].title)
            _note(run, trace, solved[name], cells[name])
    plain = np.array(solved["plain"])
    return {
        "puzzles": len(puzzles),
        "data": puzzles.name,
        "N_sup": depth.N_sup,
        "experiments": {
            name: {
                "solved": round(float(np.mean(solved[name])), 4) if solved[name] else None,
                "kept_of_solved": _kept(plain, np.array(solved[name])),
                "cells_right": np.round(np.mean(cells[name], 0), 4).tolist() if cells[name] else [],
                "begins_at": 1 if name == "plain" else min(EXPERIMENTS[name].step, depth.N_sup),
            }
            for name in solved
        },
    }


def _note(run: KeptRun, trace: Trace, solved: list[bool], cells: list[np.ndarray]) -> None:
    ends = slice(trace.depth.T - 1, None, trace.depth.T)
    solved.append(bool(Judgement.of(trace, run.task).solved[-1]))
    counted = counted_cells(run.task, trace.inputs, trace.labels)
    cells.append(((trace.answers[ends] == trace.labels) & counted).sum(-1) / max(int(counted.sum()), 1))


def _kept(plain: np.ndarray, changed: np.ndarray) -> float | None:
    if len(plain) != len(changed) or not plain.any():
        return None
    return round(float(changed[plain].mean()), 4)
