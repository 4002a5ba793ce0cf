"""Probes: the run that the page starts with, how soon it can be ended, and many at once against scikit-learn one by one.
`python -m bench.probes`
"""

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bench.figures import figure, is_quick, say, seconds
from probes.linear.collect import collect, time_points_of
from probes.linear.experiment.results import ExperimentSettings
from probes.linear.experiment.run import run_experiment
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeSettings, apply
from probes.linear.splits import split_puzzles
from probes.linear.target_groups import default_targets
from trm.checkpoint import load_model
from trm.data import load_puzzles
from trm.evaluate import evenly
from trm.tasks import task_of

if TYPE_CHECKING:
    from trm.data import PuzzleSet
    from trm.model import Model

TOPIC = "probes"
MODEL, PUZZLES = "sudoku-trm", 200
FEW = 60  # puzzles of the comparison, at 48 coordinates: every answer of 16 supervision steps of 3 cycles
C = 0.1  # one strength for both


def main() -> None:
    import torch

    quick = is_quick(__doc__)
    model = load_model(MODEL)
    task = task_of(model.config)
    puzzles = load_puzzles(f"{task.name}/test", task)
    count = 20 if quick else PUZZLES
    whole, puzzles = puzzles, puzzles.take(evenly(len(puzzles), count))
    say(f"{MODEL}: the default experiment on {count} puzzles")
    told: list[float] = [time.perf_counter()]
    began, processor = told[0], time.process_time()
    of_runs: list[float] = []

    def progress(share: float, words: str) -> None:
        told.append(time.perf_counter())
        if " from " not in words:
            of_runs.append(told[-1] - began)

    settings = ExperimentSettings(default_targets(task), random="first")
    run_experiment(model, task, puzzles, settings, progress=progress)
    taken, processor = time.perf_counter() - began, time.process_time() - processor
    facts = {"model": MODEL, "puzzles": count, "threads": torch.get_num_threads()}
    budget = None if quick else 20
    figure("default experiment of probes", taken, "s", topic=TOPIC, budget=budget, **facts)
    figure("the same, processor time", processor, "s", topic=TOPIC, **facts)
    figure("of that the runs of both nets", of_runs[-1], "s", topic=TOPIC, **facts)
    longest = max(after - before for before, after in pairwise(told))
    figure("longest time between two chances to cancel it", longest, "s", topic=TOPIC, budget=1, **facts)

    compared(model, whole.take(evenly(len(whole), 20 if quick else FEW)), steps=2 if quick else 16)


def compared(model: "Model", puzzles: "PuzzleSet", *, steps: int) -> None:
    """Probes of the solution at every answer: all at once, and one after the other by scikit-learn, in turn in one process."""
    import torch
    from sklearn.linear_model import LogisticRegression

    from probes.linear.targets import Evidence, target_of, values_at

    task, depth = task_of(model.config), model.config.depth
    time_points = time_points_of(depth, range(1, steps + 1), "cycles")
    say(f"{len(time_points)} probes at once, and by scikit-learn")
    runs = collect(
        model, puzzles.inputs, puzzles.puzzle_identifiers, depth=depth, time_points=time_points, states=("y",)
    )
    target = target_of(task, "solution")
    evidence = Evidence(task, puzzles.inputs, puzzles.labels, end=runs.end)
    values = values_at(
        target,
        evidence,
        now=runs.now,
        supervision_steps=[at.supervision_step for at in time_points],
        halts=runs.halts,
    )
    split, states = split_puzzles(len(puzzles), seed=0), runs.states["y"]
    settings, found = ProbeSettings(C=(C,), resamples=1), []
    at_once = seconds(
        lambda: found.append(
            fit_probe(states, values, split, classes=target.classes, name="solution", settings=settings)
        )
    )
    defined = np.broadcast_to(values.defined, states.shape[:3])
    labels = np.broadcast_to(values.values, states.shape[:3])
    parts = {
        part: [
            (states[rows, at][defined[rows, at]], labels[rows, at][defined[rows, at]])
            for at in range(len(time_points))
        ]
        for part, rows in (("train", split.train), ("test", split.test))
    }
    read: list[np.ndarray] = []

    def one_by_one() -> None:
        for (x, y), (x_test, _) in zip(parts["train"], parts["test"], strict=True):
            mean, scale = x.mean(0), x.std(0)
            scale[scale == 0] = 1
            fitted = LogisticRegression(C=C, max_iter=1000).fit((x - mean) / scale, y)
            read.append(fitted.predict((x_test - mean) / scale))

    apart = seconds(one_by_one)
    ours = apply(found[0], states[split.test]).values
    same = [(ours[:, at][defined[split.test, at]] == read[at]).mean() for at in range(len(time_points))]
    facts = {
        "coordinates": len(time_points),
        "puzzles": len(puzzles),
        "examples": len(parts["train"][0][0]),
        "threads": torch.get_num_threads(),
    }
    figure("probes of all coordinates at once", at_once, "s", topic=TOPIC, **facts)
    figure("the same by scikit-learn, one by one", apart, "s", topic=TOPIC, **facts)
    budget = 1 / 8 if steps == 16 else None
    figure(
        "time of all at once, share of scikit-learn's",
        at_once / apart,
        "",
        topic=TOPIC,
        budget=budget,
        **facts,
    )
    figure("share of test cells read the same by both", float(np.mean(same)), "", topic=TOPIC, **facts)


if __name__ == "__main__":
    main()
