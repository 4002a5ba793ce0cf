"""Probes: the run that the page starts with, and how soon it can be ended. `python -m bench.probes`"""

import time
from itertools import pairwise

from bench.figures import figure, is_quick, say
from probes.families import usual_targets
from probes.study import StudySettings, fit_study
from trm.checkpoint import load_model
from trm.data import load_puzzles
from trm.evaluate import evenly
from trm.tasks import task_of

TOPIC = "probes"
MODEL, PUZZLES = "sudoku-trm", 200


def main() -> None:
    import torch

    quick = is_quick(__doc__)
    model = load_model(MODEL)
    task = task_of(model.config)
    puzzles = load_puzzles(f"{task.name}/test", task)
    count = 20 if quick else PUZZLES
    puzzles = puzzles.take(evenly(len(puzzles), count))
    say(f"{MODEL}: the default study on {count} puzzles")
    told: list[float] = [time.perf_counter()]
    began, processor = told[0], time.process_time()
    settings = StudySettings(usual_targets(task), random="first")
    fit_study(model, task, puzzles, settings, tell=lambda share, words: told.append(time.perf_counter()))
    taken, processor = time.perf_counter() - began, time.process_time() - processor
    facts = {"model": MODEL, "puzzles": count, "threads": torch.get_num_threads()}
    budget = None if quick else 20
    figure("default study of probes", taken, "s", topic=TOPIC, budget=budget, **facts)
    figure("the same, processor time", processor, "s", topic=TOPIC, **facts)
    longest = max(after - before for before, after in pairwise(told))
    figure("longest time between two chances to cancel it", longest, "s", topic=TOPIC, budget=1, **facts)


if __name__ == "__main__":
    main()
