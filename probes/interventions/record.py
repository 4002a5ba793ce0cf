"""Record all results that the Interventions page shows before the user starts a computation:

python -m probes intervene --record --model sudoku-trm
"""

from dataclasses import replace
from datetime import date
from typing import Any

from probes.interventions.fork import cache_run, last_trace
from probes.interventions.preset_runs import prepared, run_experiments
from probes.interventions.presets import EXPERIMENTS
from probes.interventions.recorded import DEFAULT_EXPERIMENT, RECORDED, record
from probes.interventions.sites import InterventionError
from probes.interventions.sweep_results import (
    ABLATION,
    MULTI_RUN,
    SweepSettings,
    command_for,
    run_sweep,
    settings_for,
)
from trm.data import bundled_test_set, load_presets, load_puzzles
from trm.evaluate import evenly
from trm.model import Model
from trm.progress import Progress, part_of
from trm.tasks.base import Task
from trm.terminal import as_command
from trm.trace import save_trace

# Number of puzzles per sweep, chosen so that a sweep takes minutes on one core. The command line can use more.
PUZZLES = {
    "noise": 48,
    ABLATION: 48,
    "seeds": 16,
    "peers": 40,
    f"{MULTI_RUN}-noise": 24,
    f"{MULTI_RUN}-symmetry": 24,
}
EXPERIMENT_PUZZLES = 24
WEIGHT = {
    "experiments": 4,
    "noise": 4,
    ABLATION: 2,
    "seeds": 2,
    "peers": 1,
    f"{MULTI_RUN}-noise": 3,
    f"{MULTI_RUN}-symmetry": 3,
}
"""Approximate relative duration of each recording, used to report progress."""


def record_all(model: Model, task: Task, *, only: str | None = None, progress: Progress) -> dict[str, Any]:
    """Record the results of a bundled model: the run pair that the page opens with, the experiments and every sweep.

    `only` selects a single result by name. Returns the path of each file by name. Raises UserError.
    """
    names = [name for name in WEIGHT if only in (None, name)]
    if not names and only != "pair":
        raise InterventionError(f"{only!r} cannot be recorded. Choose one of: pair, {', '.join(WEIGHT)}.")
    total, done, written = sum(WEIGHT[name] for name in names), 0, {}
    if only in (None, "pair"):
        written["pair"] = record_pair(model, task)
    data = bundled_test_set(task)
    puzzles = load_puzzles(data, task)
    for name in names:
        own_progress = part_of(progress, done / total, (done + WEIGHT[name]) / total)
        done += WEIGHT[name]
        limit = EXPERIMENT_PUZZLES if name == "experiments" else PUZZLES[name]
        subset = puzzles.take(evenly(len(puzzles), limit))
        if name == "experiments":
            command = as_command(
                "python -m probes intervene", {"model": model.name, "data": data, "limit": limit}
            )
            result = run_experiments(model, task, subset, progress=own_progress, command=command)
        else:
            what, _, source = name.partition("-")
            defaults = settings_for(what, SweepSettings(source=source or "noise"))
            settings = replace(defaults, step=min(defaults.step, model.config.N_sup))
            command = command_for(what, {"model": model.name, "data": data, "limit": limit}, settings)
            result = run_sweep(what, model, task, subset, settings, own_progress, command=command)
        written[name] = str(record(name, result))
    return written


def record_pair(model: Model, task: Task) -> str:
    """Record the intervened run of the default experiment on the first preset puzzle, and return its path.

    The clean run is not recorded, because it is a bundled trace.
    """
    inputs = task.parse(load_presets(task.name)[0].puzzle)
    clean = cache_run(model, task, inputs)
    step = EXPERIMENTS[DEFAULT_EXPERIMENT].step
    run, changes = prepared(clean, DEFAULT_EXPERIMENT, step)
    path = RECORDED / model.name / f"{DEFAULT_EXPERIMENT}-{step}.safetensors"
    save_trace(
        path, last_trace(run.fork(changes, recorded=date.today()), run.depth, lambda share, words: None, "")
    )
    return str(path)
