"""Time of the Latents page's projections: PCA and UMAP of the states of 64 puzzles after 48 calls.
`python -m bench.latents`
"""

import subprocess
import sys
import tempfile
import time
from itertools import pairwise

import numpy as np

from bench.figures import median_seconds, parse_quick, print_figure, progress, seconds
from probes.latents.pca import fit_pca
from probes.latents.project import make_projection
from probes.latents.trajectories import Trajectories, record_trajectories
from probes.latents.umap import UMAPSettings, fit_umap
from probes.threads import one_blas_thread
from trm.checkpoint import load_model
from trm.data import load_puzzles
from trm.tasks import task_of

TOPIC = "latents"
MODEL, PUZZLES = "sudoku-trm", 64
FIRST_UMAP = "--fresh"  # first argument of a process that times its first UMAP, with imports and compilation


def main() -> None:
    if sys.argv[1:2] == [FIRST_UMAP]:
        print(seconds_of_first_umap(sys.argv[2]))
        return
    quick = parse_quick(__doc__)
    model = load_model(MODEL)
    task = task_of(model.config)
    count = 16 if quick else PUZZLES
    progress(f"{MODEL}: states z of {count} puzzles after every f_H call")
    trajectories = record_trajectories(model, load_puzzles(f"{task.name}/test", task), limit=count)
    states, settings = trajectories.states["z"], UMAPSettings()
    facts = {"model": MODEL, "puzzles": states.shape[0], "calls": states.shape[1], "dim": states.shape[2]}

    with one_blas_thread():  # as on the page
        elapsed = median_seconds(lambda: fit_pca(states).transform(states), 2 if quick else 9)
    print_figure("PCA", elapsed, "s", topic=TOPIC, budget=None if quick else 1, **facts)
    elapsed = median_seconds(lambda: project_with_pca(trajectories), 1 if quick else 3)
    print_figure("projection of the page, PCA only", elapsed, "s", topic=TOPIC, **facts)

    progress("UMAP in a fresh process")
    facts["epochs"] = settings.epochs
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, states)
        command = [sys.executable, "-m", "bench.latents", FIRST_UMAP, file.name]
        start = time.perf_counter()
        seconds_in_process = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        with_start = time.perf_counter() - start
    budget = None if quick else 20
    print_figure("UMAP, fresh process", float(seconds_in_process), "s", topic=TOPIC, budget=budget, **facts)
    print_figure("UMAP, fresh process including the start of Python", with_start, "s", topic=TOPIC, **facts)
    progress("UMAP in a warm process")
    reported_at: list[float] = []
    fit_umap(states, settings)
    elapsed = seconds(
        lambda: fit_umap(states, settings, progress=lambda share: reported_at.append(time.perf_counter()))
    )
    print_figure("UMAP, warm process", elapsed, "s", topic=TOPIC, budget=None if quick else 5, **facts)
    longest = max(after - before for before, after in pairwise(reported_at))
    print_figure(
        "UMAP, longest time between two chances to cancel", longest, "s", topic=TOPIC, budget=1, **facts
    )


def seconds_of_first_umap(path: str) -> float:
    """Measure the seconds of this process's first UMAP, on states in a file. This includes the import of libraries."""
    states = np.load(path)
    return seconds(lambda: fit_umap(states, UMAPSettings()))


def project_with_pca(trajectories: Trajectories) -> None:
    make_projection(trajectories, state="z", calls="f_H", command="")


if __name__ == "__main__":
    main()
