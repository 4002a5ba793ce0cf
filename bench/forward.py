"""Time of forward passes: a trace of a bundled puzzle, the overhead of recording, and the published model size.
`python -m bench.forward`
"""

from statistics import median

import torch

from bench.figures import median_seconds, paired_seconds, parse_quick, print_figure, progress
from bench.matmul import peak_gflops
from trm.checkpoint import load_model
from trm.data import load_presets
from trm.inspection import flops
from trm.model import Model
from trm.models import new_model
from trm.record import record
from trm.recursion import deep_supervision
from trm.tasks import task_of
from trm.training.presets import PAPER_MODEL

TOPIC = "forward"
MODEL = "sudoku-trm"
# TRM for Sudoku in the published size, with MLP mixing. Random weights are enough: the time does not depend on them.
FULL_SIZE = PAPER_MODEL


def infer(model: Model, inputs: torch.Tensor) -> None:
    """Run all supervision steps on a batch (B, L) without recording."""
    ids = torch.zeros(len(inputs), dtype=torch.long)
    for _ in deep_supervision(model, inputs, ids, depth=model.config.depth):
        pass


def bundled(quick: bool) -> None:
    """Measure the bundled model on its first preset puzzle: time of a trace, and its ratio to a run without recording."""
    model = load_model(MODEL)
    task = task_of(model.config)
    puzzle = task.parse(load_presets(task.name)[0].puzzle)
    inputs = torch.from_numpy(puzzle.astype("int64"))[None]
    progress(f"{MODEL}: with and without recording, in pairs")
    pairs = paired_seconds(
        lambda: record(model, task, puzzle), lambda: infer(model, inputs), 3 if quick else 20
    )
    recording = median(pair[0] for pair in pairs)
    overhead = median(pair[0] / pair[1] for pair in pairs)
    facts = {"model": MODEL, "threads": torch.get_num_threads(), "repeats": len(pairs)}
    print_figure("trace of a bundled Sudoku", recording, "s", topic=TOPIC, budget=0.5, **facts)
    print_figure("time with recording over time without", overhead, "ratio", topic=TOPIC, budget=1.1, **facts)


def full_size(quick: bool) -> None:
    """Measure the published model size on one puzzle: time, operations, and the fraction of this machine's peak rate."""
    model = new_model(FULL_SIZE)
    model.initialise(0)
    model.requires_grad_(False)
    inputs = torch.ones(1, FULL_SIZE.sequence_length, dtype=torch.long)
    progress("full-size TRM, one puzzle through 16 steps")
    elapsed = median_seconds(lambda: infer(model, inputs), 1 if quick else 5)
    operations = flops.run(FULL_SIZE)
    rate = operations / elapsed / 1e9
    share = rate / peak_gflops(torch.float32, 2 if quick else 12)
    facts = {"dtype": "float32", "threads": torch.get_num_threads()}
    print_figure("full-size TRM forward", elapsed, "s", topic=TOPIC, budget=3.55, **facts)
    print_figure("full-size TRM forward, operations", operations / 1e12, "TFLOP", topic=TOPIC)
    print_figure("full-size TRM forward, rate", rate, "GFLOP/s", topic=TOPIC, **facts)
    print_figure("full-size TRM forward, fraction of the peak rate", share, "ratio", topic=TOPIC, **facts)


def main() -> None:
    quick = parse_quick(__doc__)
    with torch.inference_mode():
        bundled(quick)
        full_size(quick)


if __name__ == "__main__":
    main()
