"""Everything that the page Interventions shows before anything is computed, made by one command:

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
from probes.interventions.sweep_results import command_for, run_sweep, settings_for
from probes.interventions.sweeps import sub_progress
from trm.data import load_presets, load_puzzles, unseen_set
from trm.evaluate import evenly
from trm.model import Model
from trm.progress import Progress
from trm.tasks.base import Task
from trm.trace import save_trace

# Puzzles of each: what a page needs within minutes of one core. The command line takes more.
PUZZLES = {
    "noise": 48,
    "removal": 48,
    "seeds": 16,
    "peers": 40,
    "rollouts-noise": 24,
    "rollouts-symmetry": 24,
}
EXPERIMENT_PUZZLES = 24
WEIGHT = {
    "experiments": 4,
    "noise": 4,
    "removal": 2,
    "seeds": 2,
    "peers": 1,
    "rollouts-noise": 3,
    "rollouts-symmetry": 3,
}
"""How long each takes, roughly, for the progress."""


def record_all(model: Model, task: Task, *, only: str | None = None, progress: Progress) -> dict[str, Any]:
    """Record a bundled model: the pair of runs that the page opens with, the experiments, and every sweep. Raises UserError."""
    names = [name for name in WEIGHT if only in (None, name)]
    if not names and only != "pair":
        raise InterventionError(
            f"Nothing called {only!r} is recorded. Choose one of: pair, {', '.join(WEIGHT)}."
        )
    total, done, written = sum(WEIGHT[name] for name in names), 0, {}
    if only in (None, "pair"):
        written["pair"] = record_pair(model, task)
    data = unseen_set(task)
    puzzles = load_puzzles(data, task)
    for name in names:
        told = sub_progress(progress, done / total, (done + WEIGHT[name]) / total)
        done += WEIGHT[name]
        limit = EXPERIMENT_PUZZLES if name == "experiments" else PUZZLES[name]
        few = puzzles.take(evenly(len(puzzles), limit))
        if name == "experiments":
            result = run_experiments(model, task, few, progress=told)
            command = f"python -m probes intervene --model {model.name} --data {data} --limit {limit}"
            result = {"model": model.name, "fingerprint": model.fingerprint} | result
        else:
            what, _, source = name.partition("-")
            usual = settings_for(what, **({"source": source} if source else {}))
            settings = replace(usual, step=min(usual.step, model.config.N_sup))
            result = run_sweep(what, model, task, few, settings, told)
            command = command_for(what, model.name, data, limit, settings)
        written[name] = str(record(model.name, name, result | {"command": command}))
    return written


def record_pair(model: Model, task: Task) -> str:
    """The changed run of the first experiment on the first preset; that of the unchanged one is among the bundled traces."""
    inputs = task.parse(load_presets(task.name)[0].puzzle)
    clean = cache_run(model, task, inputs)
    step = EXPERIMENTS[DEFAULT_EXPERIMENT].step
    run, changes = prepared(clean, DEFAULT_EXPERIMENT, step)
    path = RECORDED / model.name / f"{DEFAULT_EXPERIMENT}-{step}.safetensors"
    save_trace(
        path, last_trace(run.fork(changes, recorded=date.today()), run.depth, lambda share, words: None, "")
    )
    return str(path)
