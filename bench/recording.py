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

from bench.figures import figure, in_turns, is_quick, say
from trm.checkpoint import load_model
from trm.data import load_puzzles
from trm.evaluate import evenly, predict
from trm.store.layout import StoreSettings
from trm.store.record import record_store
from trm.tasks import task_of

TOPIC = "recording"
MODEL, DATA = "sudoku-trm", "sudoku/test"

TRACE = """
import json, resource, sys, time
from trm.cli.main import main
began = time.perf_counter()
try:
    main(sys.argv[1:])
finally:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak": peak, "seconds": time.perf_counter() - began}), file=sys.stderr)
"""


def throughput(quick: bool) -> None:
    """Recording against not recording, in pairs that take turns at going first."""
    model = load_model(MODEL)
    task = task_of(model.config)
    puzzles = load_puzzles(DATA, task)
    puzzles = puzzles.take(evenly(len(puzzles), 64 if quick else 256))

    def plain() -> None:
        predict(model, puzzles.inputs, batch=StoreSettings.batch)

    def recording() -> None:
        with tempfile.TemporaryDirectory() as folder:
            record_store(model, task, puzzles, Path(folder) / "store", log=lambda text: None)

    pairs = in_turns(plain, recording, 1 if quick else 5)
    for without, recorded in pairs:
        say(f"{len(puzzles)} puzzles: {without:.1f} s, recorded {recorded:.1f} s")
    figure(
        "throughput of recording over not recording, at least 0.9",
        median(without / recorded for without, recorded in pairs),
        "ratio",
        topic=TOPIC,
        threads=torch.get_num_threads(),
        pairs=len(pairs),
    )


def run(limit: int, out: Path, *, processes: int = 1) -> dict[str, float]:
    """`trm trace` in processes of one thread each: the largest peak in MiB, and the seconds of the longest."""
    command = ["trace", "--model", MODEL, "--data", DATA, "--limit", str(limit), "--out", str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "WORLD_SIZE": str(processes)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TRACE, *command],
            env=environment | {"RANK": str(rank)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]
    said = [json.loads(process.communicate()[1].splitlines()[-1]) for process in running]
    return {name: max(one[name] for one in said) for name in ("peak", "seconds")}


def memory_and_processes(quick: bool) -> None:
    few, many = (32, 64) if quick else (100, 1000)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        small = run(few, place / "few")
        say(f"{few} puzzles: {small['peak']:.0f} MiB")
        one = run(many, place / "many")
        say(f"{many} puzzles: {one['peak']:.0f} MiB in {one['seconds']:.1f} s")
        two = run(many, place / "two", processes=2)
    figure(
        f"peak memory of {many} puzzles over that of {few}",
        one["peak"] / small["peak"],
        "ratio",
        topic=TOPIC,
        budget=1.1,
    )
    figure(
        "two processes over one, at least 1.7",
        one["seconds"] / two["seconds"],
        "ratio",
        topic=TOPIC,
        puzzles=many,
        cores=len(os.sched_getaffinity(0)),
    )


def main() -> None:
    quick = is_quick(__doc__)
    with torch.inference_mode():
        throughput(quick)
    memory_and_processes(quick)


if __name__ == "__main__":
    main()
