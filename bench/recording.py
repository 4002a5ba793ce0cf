"""Trace stores: what recording a thousand puzzles costs in time and memory, and what a second process brings.

`python -m bench.recording`. Throughput is against the same forward passes in the same batches with nothing recorded, those of
`trm eval`, in turns in one run; memory is the peak of a fresh process; processes have one thread each.
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
from trm.store.layout import Settings
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
    """Recording against not recording, in pairs that take turns at going first."""
    model = load_model(MODEL)
    task = task_of(model.config)
    puzzles = load_puzzles(DATA, task)
    puzzles = puzzles.take(evenly(len(puzzles), 64 if quick else 256))

    def without_recording() -> None:
        predict(model, puzzles.inputs, batch=Settings.batch)

    def with_recording() -> None:
        with tempfile.TemporaryDirectory() as folder:
            record_store(model, task, puzzles, Path(folder) / "store", say=lambda text: None)

    pairs = paired_seconds(without_recording, with_recording, 1 if quick else 5)
    for without, recorded in pairs:
        progress(f"{len(puzzles)} puzzles: {without:.1f} s, recorded {recorded:.1f} s")
    print_figure(
        "throughput of recording over not recording, at least 0.9",
        median(without / recorded for without, recorded in pairs),
        "ratio",
        topic=TOPIC,
        threads=torch.get_num_threads(),
        pairs=len(pairs),
    )


def run_trace(limit: int, out: Path, *, processes: int = 1) -> dict[str, float]:
    """`trm trace` in processes of one thread each: the largest peak in MiB, and the seconds of the longest."""
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
        f"peak memory of {many} puzzles over that of {few}",
        one["peak"] / small["peak"],
        "ratio",
        topic=TOPIC,
        budget=1.1,
    )
    print_figure(
        "two processes over one, at least 1.7",
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
