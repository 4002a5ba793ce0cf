"""Time of the CKA between two models on one puzzle set, and of the model runs. `python -m bench.similarity`"""

from functools import partial

from bench.figures import parse_quick, print_figure, progress, seconds
from probes.comparison.cka import cka, normalised_grams
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

    quick = parse_quick(__doc__)
    models = [load_model(name) for name in MODELS]
    task = task_of(models[0].config)
    puzzles = load_puzzles(f"{task.name}/test", task)
    puzzles = puzzles.take(evenly(len(puzzles), 8 if quick else PUZZLES))
    progress(f"{' and '.join(MODELS)} on {len(puzzles)} puzzles")
    runs = []
    forward = seconds(lambda: runs.extend(run_set(model, puzzles, store_states=True) for model in models))
    states = [[state.reshape(*state.shape[:2], -1) for state in (run.y, run.z)] for run in runs]
    grams_of_models: list[dict] = []

    def compute_grams() -> None:
        grams_of_models.extend(
            dict(zip(STATES, map(normalised_grams, of_model), strict=True)) for of_model in states
        )

    facts = {"puzzles": len(puzzles), "threads": torch.get_num_threads()}
    progress("Gram matrices and their products")
    grams, products = seconds(compute_grams), seconds(lambda: cka_of_all(grams_of_models))
    time_points = sum(state.shape[1] for of_model in states for state in of_model)
    print_figure("runs of two models with all states", forward, "s", topic=TOPIC, **facts)
    facts |= {"time points": time_points, "state size": states[0][0].shape[2]}
    print_figure("Gram matrices of all time points of y and z", grams, "s", topic=TOPIC, **facts)
    print_figure(
        "CKA of all pairs of time points, from the Gram matrices", products, "s", topic=TOPIC, **facts
    )
    (y, _), (other, _) = states
    facts["time points"] = f"{y.shape[1]} x {other.shape[1]}"
    budget = None if quick else 10
    pair = seconds(partial(cka, y, other))
    print_figure("CKA of y of two models", pair, "s", topic=TOPIC, budget=budget, **facts)


if __name__ == "__main__":
    main()
