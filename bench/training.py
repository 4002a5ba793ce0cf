"""Time of one update of the sudoku-trm preset at full depth, compared with the paper's pseudo-code.
`python -m bench.training`
"""

from functools import partial
from statistics import median

import torch

from bench.figures import paired_seconds, parse_quick, print_figure, progress
from bench.matmul import peak_gflops
from bench.references.plain import PlainTraining
from trm.device import choose_device
from trm.inspection import flops
from trm.tasks import task_of
from trm.training.data import Puzzles, PuzzleStream
from trm.training.presets import SUDOKU_TRM
from trm.training.run import can_compile
from trm.training.trainer import Trainer

TOPIC = "training"
PUZZLES = 64  # one batch: the time of an update does not depend on the puzzles


def main() -> None:
    quick = parse_quick(__doc__)
    preset, device = SUDOKU_TRM, choose_device()
    task = task_of(preset.model)
    progress("generating puzzles")
    puzzles = Puzzles(*task.generate_many(PUZZLES, seed=preset.data_seed, **preset.data[0].options))
    trainer = Trainer(preset, [PuzzleStream(task, puzzles)], device)
    progress(f"updates of {preset.batch} puzzles at full depth, on {device.type}")
    inputs, labels = (torch.from_numpy(part.astype("int64")) for part in (puzzles.inputs, puzzles.labels))
    if can_compile(device):
        trainer.compile()
    plain = PlainTraining(preset.model, inputs[: preset.batch], labels[: preset.batch], 1e-3)
    turns = paired_seconds(partial(trainer.one_update, 1.0), plain.one_update, 1 if quick else 11)
    elapsed = median(ours for ours, _ in turns)
    ratio = median(theirs / ours for ours, theirs in turns)
    model = preset.model
    # the backward pass computes two products for each forward product, and covers only the last latent recursion
    f_L_calls = trainer.model.gradient_calls(model.n) - 1
    backward = 2 * (f_L_calls * flops.f_L_call(model) + flops.f_H_call(model) + flops.heads(model))
    operations = preset.batch * (flops.supervision_step(model) + backward)
    facts = {
        "preset": preset.name,
        "device": device.type,
        "dtype": str(trainer.model.compute_dtype).removeprefix("torch."),
        "compiled": can_compile(device),
        "threads": torch.get_num_threads(),
    }
    print_figure("training update at full depth", elapsed, "s", topic=TOPIC, **facts)
    rate = operations / elapsed / 1e9
    print_figure("training update at full depth, rate", rate, "GFLOP/s", topic=TOPIC, **facts)
    peak = peak_gflops(trainer.model.compute_dtype, 2 if quick else 12)
    print_figure("training update, fraction of the peak rate", rate / peak, "ratio", topic=TOPIC, **facts)
    print_figure(
        "update time of the plain pseudo-code over the trainer's",
        ratio,
        "ratio",
        topic=TOPIC,
        budget=1.3,
        **facts,
    )


if __name__ == "__main__":
    main()
