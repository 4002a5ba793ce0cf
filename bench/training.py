"""Training: seconds per update of the sudoku-trm preset at its full recursion depth. `python -m bench.training`"""

from functools import partial

import torch

from bench.figures import figure, is_quick, median_seconds, say
from trm import flops
from trm.device import choose_device
from trm.presets import SUDOKU_TRM
from trm.tasks import task_of
from trm.train import Trainer
from trm.training_data import Puzzles, PuzzleStream

TOPIC = "training"
PUZZLES = 64  # a batch of them: an update takes as long whatever they are


def main() -> None:
    quick = is_quick(__doc__)
    preset, device = SUDOKU_TRM, choose_device()
    task = task_of(preset.model)
    say("generating puzzles")
    puzzles = Puzzles(*task.generate_many(PUZZLES, seed=preset.data.seed, givens=preset.data.givens))
    trainer = Trainer(preset, device)
    trainer.stream = PuzzleStream(task, puzzles)
    say(f"updates of {preset.batch} puzzles at full depth, on {device.type}")
    taken = median_seconds(partial(trainer.one_update, 1.0), 2 if quick else 20)
    model = preset.model
    # a gradient costs two products for each of the forward's, and reaches the last latent recursion only
    f_L_calls = trainer.model.gradient_calls(model.n) - 1
    backward = 2 * (f_L_calls * flops.f_L_call(model) + flops.f_H_call(model) + flops.heads(model))
    operations = preset.batch * (flops.supervision_step(model) + backward)
    facts = {
        "preset": preset.name,
        "device": device.type,
        "dtype": str(trainer.model.compute_dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
    }
    figure("training update at full depth", taken, "s", topic=TOPIC, **facts)
    figure("training update at full depth, rate", operations / taken / 1e9, "GFLOP/s", topic=TOPIC, **facts)


if __name__ == "__main__":
    main()
