"""Forward passes: a bundled puzzle's trace, what recording costs, and the public full-size model. `python -m bench.forward`"""

from statistics import median

import torch

from bench.figures import figure, in_turns, is_quick, median_seconds, say
from bench.matmul import peak_gflops
from trm import flops
from trm.checkpoint import load_model
from trm.data import load_presets
from trm.model import Model
from trm.models import new_model
from trm.record import record
from trm.recursion import deep_supervision
from trm.tasks import task_of
from trm.training.presets import PAPER_MODEL

TOPIC = "forward"
MODEL = "sudoku-trm"
# TRM for Sudoku in the published sizes, MLP mixing: its time does not depend on the weights, so random ones do.
FULL_SIZE = PAPER_MODEL


def infer(model: Model, inputs: torch.Tensor) -> None:
    """All supervision steps of a batch (B, L), recording nothing."""
    ids = torch.zeros(len(inputs), dtype=torch.long)
    for _ in deep_supervision(model, inputs, ids, depth=model.config.depth):
        pass


def bundled(quick: bool) -> None:
    """The bundled model on its first preset: with everything recorded, and against not recording."""
    model = load_model(MODEL)
    task = task_of(model.config)
    puzzle = task.parse(load_presets(task.name)[0].puzzle)
    inputs = torch.from_numpy(puzzle.astype("int64"))[None]
    say(f"{MODEL}: recording against not recording, in pairs")
    pairs = in_turns(lambda: record(model, task, puzzle), lambda: infer(model, inputs), 3 if quick else 20)
    recording = median(pair[0] for pair in pairs)
    overhead = median(pair[0] / pair[1] for pair in pairs)
    facts = {"model": MODEL, "threads": torch.get_num_threads(), "repeats": len(pairs)}
    figure("trace of a bundled Sudoku", recording, "s", topic=TOPIC, budget=0.5, **facts)
    figure("recording over not recording", overhead, "ratio", topic=TOPIC, budget=1.1, **facts)


def full_size(quick: bool) -> None:
    """The published sizes on one puzzle: time, operations, and the share of the machine's peak in the same run."""
    model = new_model(FULL_SIZE)
    model.initialise(0)
    model.requires_grad_(False)
    inputs = torch.ones(1, FULL_SIZE.sequence_length, dtype=torch.long)
    say("full-size TRM, one puzzle through 16 steps")
    taken = median_seconds(lambda: infer(model, inputs), 1 if quick else 5)
    operations = flops.run(FULL_SIZE)
    rate = operations / taken / 1e9
    replica = rate / peak_gflops(torch.float32, 2 if quick else 12)
    facts = {"dtype": "float32", "threads": torch.get_num_threads()}
    figure("full-size TRM forward", taken, "s", topic=TOPIC, budget=3.55, **facts)
    figure("full-size TRM forward, operations", operations / 1e12, "TFLOP", topic=TOPIC)
    figure("full-size TRM forward, rate", rate, "GFLOP/s", topic=TOPIC, **facts)
    figure("full-size TRM forward, share of the matrix product peak", replica, "ratio", topic=TOPIC, **facts)


def main() -> None:
    quick = is_quick(__doc__)
    with torch.inference_mode():
        bundled(quick)
        full_size(quick)


if __name__ == "__main__":
    main()
