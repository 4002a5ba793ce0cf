"""Latents: the maps of the page, PCA and UMAP of 64 puzzles after 48 calls. `python -m bench.latents`"""

import subprocess
import sys
import tempfile
import time
from itertools import pairwise

import numpy as np

from bench.figures import figure, is_quick, median_seconds, say, seconds
from probes.latents.pca import fit_pca
from probes.latents.project import make_scene
from probes.latents.trajectories import Trajectories, record_trajectories
from probes.latents.umap import UMAPSettings, fit_umap
from probes.threads import one_blas_thread
from trm.checkpoint import load_model
from trm.data import load_puzzles
from trm.tasks import task_of

TOPIC = "latents"
MODEL, PUZZLES = "sudoku-trm", 64
FRESH = "--fresh"  # asks a process of its own for one UMAP, with all that is imported and compiled for it


def main() -> None:
    if sys.argv[1:2] == [FRESH]:
        print(fresh(sys.argv[2]))
        return
    quick = is_quick(__doc__)
    model = load_model(MODEL)
    task = task_of(model.config)
    count = 16 if quick else PUZZLES
    say(f"{MODEL}: the states z of {count} puzzles after every answer")
    trajectories = record_trajectories(model, load_puzzles(f"{task.name}/test", task), limit=count)
    states, settings = trajectories.states["z"], UMAPSettings()
    facts = {"model": MODEL, "puzzles": states.shape[0], "calls": states.shape[1], "dim": states.shape[2]}

    with one_blas_thread():  # as the page has it
        taken = median_seconds(lambda: fit_pca(states).transform(states), 2 if quick else 9)
    figure("PCA", taken, "s", topic=TOPIC, budget=None if quick else 1, **facts)
    taken = median_seconds(lambda: scene(trajectories), 1 if quick else 3)
    figure("the page's scene with PCA alone", taken, "s", topic=TOPIC, **facts)

    say("UMAP in a process that never made one")
    facts["epochs"] = settings.epochs
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, states)
        command = [sys.executable, "-m", "bench.latents", FRESH, file.name]
        began = time.perf_counter()
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        whole = time.perf_counter() - began
    budget = None if quick else 20
    figure("UMAP, fresh process", float(said), "s", topic=TOPIC, budget=budget, **facts)
    figure("the same with the start of Python", whole, "s", topic=TOPIC, **facts)
    say("UMAP once more in one process")
    told: list[float] = []
    fit_umap(states, settings)
    taken = seconds(
        lambda: fit_umap(states, settings, progress=lambda replica: told.append(time.perf_counter()))
    )
    figure("UMAP, warm process", taken, "s", topic=TOPIC, budget=None if quick else 5, **facts)
    longest = max(after - before for before, after in pairwise(told))
    figure("longest time between two chances to cancel it", longest, "s", topic=TOPIC, budget=1, **facts)


def fresh(path: str) -> float:
    """Seconds of the first UMAP of this process, of states in a file; libraries are imported within."""
    states = np.load(path)
    return seconds(lambda: fit_umap(states, UMAPSettings()))


def scene(trajectories: Trajectories) -> None:
    make_scene(trajectories, state="z", calls="f_H", command="")


if __name__ == "__main__":
    main()
