"""Time to the first answer with each engine, from a loaded model and from the shell. `python -m bench.first_answer`

Each measurement is a process of its own, because a graph, its sessions and the import of ONNX Runtime cost time only
once. "first answer" is the first supervision step of a loaded model, with all of these. "trm solve" is the whole
command with all supervision steps.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from bench.figures import parse_quick, print_figure, progress
from trm.checkpoint import load_model, save_model
from trm.engine.choice import with_engine
from trm.models import new_model
from trm.parallel import threads_for, usable_threads
from trm.recursion import deep_supervision
from trm.tasks import task_of
from trm.training.presets import PAPER_MODEL, PRESETS

TOPIC = "first_answer"
BUNDLED = ("sudoku-trm", "maze-trm", "maze30-trm")
FULL_SIZE = {"full-size Sudoku, MLP": PAPER_MODEL, "full-size maze 30x30": PRESETS["paper-maze"].model}
COMPARED = ("torch", "onnx")


def time_first_answer(name: str, engine: str, puzzle: str) -> None:
    """Load a model, compute its first supervision step on a puzzle, and print the seconds as JSON: wall, processor."""
    model = load_model(name, device=torch.device("cpu"))
    tokens = torch.from_numpy(task_of(model.config).parse(puzzle).astype("int64"))[None]
    start = time.perf_counter(), time.process_time()
    model = with_engine(model, engine, threads=usable_threads())
    torch.set_num_threads(threads_for(model))
    next(deep_supervision(model, tokens, torch.zeros(1, dtype=torch.long), depth=model.config.depth))
    print(json.dumps([time.perf_counter() - start[0], time.process_time() - start[1]]))


def first_answer(model: str, engine: str, puzzle: str) -> tuple[float, float]:
    """Run `time_first_answer` in a new process. Returns wall and processor time in seconds."""
    program = f"import sys; from {__spec__.name} import time_first_answer; time_first_answer(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, model, engine, puzzle], stdout=subprocess.PIPE, check=True
    )
    return tuple(json.loads(done.stdout))


def whole_command(model: str, engine: str, puzzle: str) -> tuple[float, float]:
    """Run `trm solve` in a new process. Returns wall and processor time in seconds."""
    command = (sys.executable, "-m", "trm", "solve", "--model", model, "--puzzle", puzzle, "--engine", engine)
    start, before = time.perf_counter(), os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, processor


def measure(name: str, path: str, repeats: int) -> None:
    """Measure a model in turns, and print its figures. `path` is its name on the command line."""
    task = task_of(load_model(path, device=torch.device("cpu")).config)
    puzzle = task.format(task.generate_many(1, seed=3)[0][0])
    for figure, run in (("first answer", first_answer), ("trm solve", whole_command)):
        progress(f"{name}: {figure}")
        times = {engine: [] for engine in COMPARED}
        for turn in range(repeats):
            for engine in COMPARED if turn % 2 else reversed(COMPARED):
                times[engine].append(run(path, engine, puzzle))
        for engine, each in times.items():
            wall, processor = (median(values) for values in zip(*each, strict=True))
            facts = {
                "model": name,
                "engine": engine,
                "repeats": repeats,
                "processor_seconds": round(processor, 3),
            }
            print_figure(figure, wall, "s", topic=TOPIC, **facts)


def main() -> None:
    repeats = 1 if parse_quick(__doc__) else 5
    for name in BUNDLED:
        measure(name, name, repeats)
    for name, config in FULL_SIZE.items():
        model = new_model(config)  # random weights are enough: the time does not depend on them
        model.initialise(0)
        with TemporaryDirectory() as folder:
            save_model(Path(folder), config, model.state_dict())
            measure(name, folder, repeats)


if __name__ == "__main__":
    main()
