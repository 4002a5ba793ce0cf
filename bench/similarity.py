"""CKA of two models on one puzzle set, the runs that it needs apart from it. `python -m bench.similarity`"""

from functools import partial

from bench.figures import figure, is_quick, say, seconds
from probes.comparison.cka import arrangement, cka
from probes.comparison.files import STATES, cka_of_all
from probes.comparison.set_run import run_set
from trm.checkpoint import load_model
from trm.data import load_puzzles
from trm.evaluate import evenly
from trm.tasks import task_of

TOPIC = "similarity"
MODELS = ("sudoku-trm", "sudoku-hrm")
PUZZLES = 200


def main() -> None:
    import torch

    quick = is_quick(__doc__)
    models = [load_model(name) for name in MODELS]
    task = task_of(models[0].config)
    puzzles = load_puzzles(f"{task.name}/test", task)
    puzzles = puzzles.take(evenly(len(puzzles), 8 if quick else PUZZLES))
    say(f"{' and '.join(MODELS)} on {len(puzzles)} puzzles")
    runs = []
    forward = seconds(lambda: runs.extend(run_set(model, puzzles, keep_states=True) for model in models))
    states = [[state.reshape(*state.shape[:2], -1) for state in (run.y, run.z)] for run in runs]
    arranged: list[dict] = []

    def arrange() -> None:
        arranged.extend(dict(zip(STATES, map(arrangement, of_model), strict=True)) for of_model in states)

    facts = {"puzzles": len(puzzles), "threads": torch.get_num_threads()}
    say("Gram matrices and their products")
    grams, products = seconds(arrange), seconds(lambda: cka_of_all(arranged))
    time_points = sum(state.shape[1] for of_model in states for state in of_model)
    figure("runs of two models that keep their states", forward, "s", topic=TOPIC, **facts)
    facts |= {"moments": time_points, "numbers of a state": states[0][0].shape[2]}
    figure("Gram matrices of all moments of y and z", grams, "s", topic=TOPIC, **facts)
    figure("CKA of all moments with all, from these", products, "s", topic=TOPIC, **facts)
    (y, _), (other, _) = states
    facts["moments"] = f"{y.shape[1]} x {other.shape[1]}"
    budget = None if quick else 10
    pair = seconds(partial(cka, y, other))
    figure("CKA of the answers of two models", pair, "s", topic=TOPIC, budget=budget, **facts)


if __name__ == "__main__":
    main()
