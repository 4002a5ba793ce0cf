"""Trace stores: throughput and memory of recording, and the speed-up from a second process. `python -m bench.recording`

The throughput with recording is relative to forward passes in equal batches without recording, as in `trm eval`. Runs with and
without recording alternate. Memory is the peak in a fresh process with one thread.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import torch

from bench.figures import paired_seconds, parse_quick, print_figure, progress
from trm.checkpoint import load_model
from trm.data import load_puzzles
from trm.evaluate import evenly, predict
from trm.store.layout import StoreSettings
from trm.store.record import record_store
from trm.tasks import task_of

TOPIC = "recording"
MODEL, DATA = "sudoku-trm", "sudoku/test"

TRACE_SCRIPT = """
import json, resource, sys, time
from trm.cli.main import main
start = time.perf_counter()
try:
    main(sys.argv[1:])
finally:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak": peak, "seconds": time.perf_counter() - start}), file=sys.stderr)
"""


def throughput(quick: bool) -> None:
    """Measure the throughput with recording, relative to the throughput without recording."""
    model = load_model(MODEL)
    task = task_of(model.config)
    puzzles = load_puzzles(DATA, task)
    puzzles = puzzles.take(evenly(len(puzzles), 64 if quick else 256))

    def without_recording() -> None:
        predict(model, puzzles.inputs, batch=StoreSettings.batch)

    def with_recording() -> None:
        with tempfile.TemporaryDirectory() as folder:
            record_store(model, task, puzzles, Path(folder) / "store", log=lambda text: None)

    pairs = paired_seconds(without_recording, with_recording, 1 if quick else 5)
    for without, recorded in pairs:
        progress(f"{len(puzzles)} puzzles: {without:.1f} s without recording, {recorded:.1f} s with")
    print_figure(
        "throughput with recording over throughput without, at least 0.9",
        median(without / recorded for without, recorded in pairs),
        "ratio",
        topic=TOPIC,
        threads=torch.get_num_threads(),
        pairs=len(pairs),
    )


def run_trace(limit: int, out: Path, *, processes: int = 1) -> dict[str, float]:
    """Run `trm trace` in one or more processes of one thread each.

    Returns the largest `peak` memory in MiB and the longest time in `seconds`.
    """
    command = ["trace", "--model", MODEL, "--data", DATA, "--limit", str(limit), "--out", str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "WORLD_SIZE": str(processes)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TRACE_SCRIPT, *command],
            env=environment | {"RANK": str(rank)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]
    measurements = [json.loads(process.communicate()[1].splitlines()[-1]) for process in running]
    return {name: max(one[name] for one in measurements) for name in ("peak", "seconds")}


def memory_and_processes(quick: bool) -> None:
    few, many = (32, 64) if quick else (100, 1000)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        small = run_trace(few, root / "few")
        progress(f"{few} puzzles: {small['peak']:.0f} MiB")
        one = run_trace(many, root / "many")
        progress(f"{many} puzzles: {one['peak']:.0f} MiB in {one['seconds']:.1f} s")
        two = run_trace(many, root / "two", processes=2)
    print_figure(
        f"peak memory of {many} puzzles over peak memory of {few}",
        one["peak"] / small["peak"],
        "ratio",
        topic=TOPIC,
        budget=1.1,
    )
    print_figure(
        "speed-up of two processes over one, at least 1.7",
        one["seconds"] / two["seconds"],
        "ratio",
        topic=TOPIC,
        puzzles=many,
        cores=len(os.sched_getaffinity(0)),
    )


def main() -> None:
    quick = parse_quick(__doc__)
    with torch.inference_mode():
        throughput(quick)
    memory_and_processes(quick)


if __name__ == "__main__":
    main()
