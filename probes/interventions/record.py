"""Record, with one command, everything that the Interventions page shows before anything is computed:

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
from probes.interventions.sweep_results import ABLATION, MULTI_RUN, command_for, run_sweep, settings_for
from probes.interventions.sweeps import sub_progress
from trm.data import bundled_test_set, load_presets, load_puzzles
from trm.evaluate import evenly
from trm.model import Model
from trm.progress import Progress
from trm.tasks.base import Task
from trm.trace import save_trace

# Number of puzzles per sweep, chosen to take minutes on one core. The command line can use more.
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
"""Rough relative duration of each recording, for progress."""


def record_all(model: Model, task: Task, *, only: str | None = None, progress: Progress) -> dict[str, Any]:
    """Record a bundled model: the run pair that the page opens with, the experiments, and every sweep.

    `only` selects one of them by name. Raises UserError.
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
        own_progress = sub_progress(progress, done / total, (done + WEIGHT[name]) / total)
        done += WEIGHT[name]
        limit = EXPERIMENT_PUZZLES if name == "experiments" else PUZZLES[name]
        subset = puzzles.take(evenly(len(puzzles), limit))
        if name == "experiments":
            result = run_experiments(model, task, subset, progress=own_progress)
            command = f"python -m probes intervene --model {model.name} --data {data} --limit {limit}"
            result = {"model": model.name, "fingerprint": model.fingerprint} | result
        else:
            what, _, source = name.partition("-")
            defaults = settings_for(what, **({"source": source} if source else {}))
            settings = replace(defaults, step=min(defaults.step, model.config.N_sup))
            result = run_sweep(what, model, task, subset, settings, own_progress)
            command = command_for(what, model.name, data, limit, settings)
        written[name] = str(record(model.name, name, result | {"command": command}))
    return written


def record_pair(model: Model, task: Task) -> str:
    """Record the intervened run of the default experiment on the first preset. Its clean run is a bundled trace."""
    inputs = task.parse(load_presets(task.name)[0].puzzle)
    clean = cache_run(model, task, inputs)
    step = EXPERIMENTS[DEFAULT_EXPERIMENT].step
    run, changes = prepared(clean, DEFAULT_EXPERIMENT, step)
    path = RECORDED / model.name / f"{DEFAULT_EXPERIMENT}-{step}.safetensors"
    save_trace(
        path, last_trace(run.fork(changes, recorded=date.today()), run.depth, lambda share, words: None, "")
    )
    return str(path)
