"""Time of linear probes: the page's default experiment, its cancellation, and the batched fit compared with scikit-learn.
`python -m bench.probes`
"""

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bench.figures import parse_quick, print_figure, progress, seconds
from probes.linear.experiment.run import run_experiment
from probes.linear.experiment.summary import ExperimentSettings
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeSettings, apply
from probes.linear.splits import split_puzzles
from probes.linear.target_groups import default_targets
from probes.states import StateSource, time_points_of
from trm.checkpoint import load_model
from trm.data import load_puzzles
from trm.evaluate import evenly
from trm.tasks import task_of

if TYPE_CHECKING:
    from trm.data import PuzzleSet
    from trm.model import Model

TOPIC = "probes"
MODEL, PUZZLES = "sudoku-trm", 200
FEW = 60  # puzzles in the comparison with scikit-learn, at 48 time points: every answer in 16 supervision steps of 3 cycles
C = 0.1  # inverse regularisation strength of both fits


def main() -> None:
    import torch

    quick = parse_quick(__doc__)
    model = load_model(MODEL)
    task = task_of(model.config)
    puzzles = load_puzzles(f"{task.name}/test", task)
    count = 20 if quick else PUZZLES
    all_puzzles, puzzles = puzzles, puzzles.take(evenly(len(puzzles), count))
    progress(f"{MODEL}: default experiment on {count} puzzles")
    reported_at: list[float] = [time.perf_counter()]
    start, processor = reported_at[0], time.process_time()
    runs_reported_at: list[float] = []

    def report(share: float, text: str) -> None:
        reported_at.append(time.perf_counter())
        if " from " not in text:
            runs_reported_at.append(reported_at[-1] - start)

    settings = ExperimentSettings(default_targets(task), random="first")
    run_experiment(model, task, puzzles, settings, progress=report)
    elapsed, processor = time.perf_counter() - start, time.process_time() - processor
    facts = {"model": MODEL, "puzzles": count, "threads": torch.get_num_threads()}
    budget = None if quick else 20
    print_figure("default probing experiment", elapsed, "s", topic=TOPIC, budget=budget, **facts)
    print_figure("default probing experiment, processor time", processor, "s", topic=TOPIC, **facts)
    print_figure(
        "default probing experiment, runs of both networks", runs_reported_at[-1], "s", topic=TOPIC, **facts
    )
    longest = max(after - before for before, after in pairwise(reported_at))
    print_figure(
        "default probing experiment, longest time between two chances to cancel",
        longest,
        "s",
        topic=TOPIC,
        budget=1,
        **facts,
    )

    compare_with_sklearn(
        model, all_puzzles.take(evenly(len(all_puzzles), 20 if quick else FEW)), steps=2 if quick else 16
    )


def compare_with_sklearn(model: "Model", puzzles: "PuzzleSet", *, steps: int) -> None:
    """Time probes of the solution at every answer: all fitted in one batch, then one by one with scikit-learn."""
    import torch
    from sklearn.linear_model import LogisticRegression

    from probes.linear.targets import Evidence, target_of, values_at

    task, depth = task_of(model.config), model.config.depth
    time_points = time_points_of(depth, range(1, steps + 1), "cycles")
    progress(f"{len(time_points)} probes in one batch, and with scikit-learn")
    source = StateSource.compute(model, task, puzzles, depth=depth, time_points=time_points, states=("y",))
    target = target_of(task, "solution")
    evidence = Evidence(task, puzzles.inputs, puzzles.labels, end=source.final_answers())
    values = values_at(
        target,
        evidence,
        now=source.answers_at(time_points),
        supervision_steps=[at.supervision_step for at in time_points],
        halts=source.halts_at(time_points),
    )
    split, states = split_puzzles(len(puzzles), seed=0), source.states_at("y", time_points)
    settings, fitted_probes = ProbeSettings(C=(C,), resamples=1), []
    batched_seconds = seconds(
        lambda: fitted_probes.append(
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
    predictions: list[np.ndarray] = []

    def fit_one_by_one() -> None:
        for (x, y), (x_test, _) in zip(parts["train"], parts["test"], strict=True):
            mean, scale = x.mean(0), x.std(0)
            scale[scale == 0] = 1
            fitted = LogisticRegression(C=C, max_iter=1000).fit((x - mean) / scale, y)
            predictions.append(fitted.predict((x_test - mean) / scale))

    sklearn_seconds = seconds(fit_one_by_one)
    ours = apply(fitted_probes[0], states[split.test]).values
    agreement = [
        (ours[:, at][defined[split.test, at]] == predictions[at]).mean() for at in range(len(time_points))
    ]
    facts = {
        "time points": len(time_points),
        "puzzles": len(puzzles),
        "examples": len(parts["train"][0][0]),
        "threads": torch.get_num_threads(),
    }
    print_figure("probes of all time points in one batch", batched_seconds, "s", topic=TOPIC, **facts)
    print_figure("the same probes with scikit-learn, one by one", sklearn_seconds, "s", topic=TOPIC, **facts)
    budget = 1 / 8 if steps == 16 else None
    print_figure(
        "time of one batch over time with scikit-learn",
        batched_seconds / sklearn_seconds,
        "",
        topic=TOPIC,
        budget=budget,
        **facts,
    )
    print_figure(
        "fraction of test cells with the same prediction", float(np.mean(agreement)), "", topic=TOPIC, **facts
    )


if __name__ == "__main__":
    main()
