"""Performs single updates of deep supervision (Jolicoeur-Martineau 2025, figure 3).

An update consists of one supervision step for each puzzle in the batch and one optimiser step. The supervision step
starts from the carried (y, z) of each puzzle; the new (y, z) are detached and carried to the next update. A puzzle is
replaced by a new puzzle when the model halts, or after N_sup supervision steps. As in HRM, a fraction of puzzles must
run a random number of supervision steps before they can halt, and q_continue can be trained.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trm.coordinates import Depth
from trm.device import training_dtype
from trm.errors import TrainingError
from trm.layers import Block
from trm.model import Model
from trm.models import new_model
from trm.recursion import Heads, State, deep_recursion
from trm.tasks.base import PADDING
from trm.training.carry import Carry, PuzzleFeed
from trm.training.data import PuzzleStream
from trm.training.losses import cell_loss, continue_loss, halt_loss
from trm.training.optimizers import AdamAtan2, sign_step
from trm.training.parallel import Replica
from trm.training.presets import TrainingPreset
from trm.training.schedule import ExponentialAverage

TABLE = "puzzle_emb.weights"


class Trainer:
    """The state of a training run: model, averages, optimiser, carry, and counters.

    `streams` contains a stream of puzzles for the model's own grid size and for each smaller size in the schedule.
    Raises `TrainingError` if the batch size is not divisible by the number of processes.
    """

    def __init__(
        self,
        preset: TrainingPreset,
        streams: Sequence[PuzzleStream],
        device: torch.device,
        replica: Replica | None = None,
    ):
        self.preset, self.device, self.replica = preset, device, replica or Replica()
        if preset.batch % self.replica.size:
            raise TrainingError(
                f"A batch of {preset.batch} cannot be divided among {self.replica.size} processes. Choose a divisor."
            )
        self.streams = {stream.task.cells: stream for stream in streams}
        self.model = new_model(preset.model)
        self.model.initialise(preset.seed)
        self.model.to(device)
        self.model.compute_dtype = training_dtype(device)
        self.average = ExponentialAverage(self.model, preset.ema, without=(TABLE,))
        self.optimizer = self._optimizer()
        self.random = np.random.default_rng(preset.seed)
        self.feed = PuzzleFeed(
            self.model,
            batch=preset.batch,
            explore=preset.explore,
            replica=self.replica,
            random=self.random,
        )
        self.carry: Carry | None = None
        self.update = 0
        self.seconds = 0.0
        self.progress = 0.0  # progress of the run at the latest update
        self.compiled = False
        self.compiled_for: set[int] = set()  # grid sizes, in cells, with at least one update

    def _optimizer(self) -> torch.optim.Optimizer:
        preset = self.preset
        options = {
            "lr": preset.schedule.learning_rate, "betas": preset.betas, "weight_decay": preset.weight_decay
        }  # fmt: skip
        if preset.optimizer == "adam-atan2":
            return AdamAtan2(self.model.parameters(), **options)
        return torch.optim.AdamW(self.model.parameters(), fused=True, **options)

    def compile(self) -> None:
        """Compile each block of the model with torch.

        Compilation takes half a minute and makes updates 1.6 times faster (measured with `python -m bench training` on
        two cores with bfloat16). Results differ by rounding errors.
        """
        # Each grid size needs code with and without gradients. Beyond this limit, torch silently runs uncompiled code.
        torch._dynamo.config.recompile_limit = 4 * len(self.streams)
        torch._dynamo.config.suppress_errors = True  # if compilation fails, warn and run uncompiled
        self.compiled = True
        for module in self.model.modules():
            if isinstance(module, Block):
                module.compile(dynamic=False)

    @property
    def completed(self) -> float:
        """Completed fraction of the run: of its updates if their number is fixed, else of its training time."""
        preset = self.preset
        return self.update / preset.updates if preset.updates else self.seconds / (60 * preset.minutes)

    def compiles_at(self, progress: float) -> bool:
        """Return whether an update at `progress` includes compilation for a new grid size."""
        return self.compiled and self.cells_at(progress) not in self.compiled_for

    def cells_at(self, progress: float) -> int:
        """Return the number of cells per training puzzle at `progress`."""
        return self.preset.schedule.cells_at(progress, self.preset.model.sequence_length)

    @property
    def most_steps(self) -> int:
        """Number of supervision steps after which a puzzle is replaced, at the current progress."""
        return self.preset.schedule.steps_at(self.progress, self.preset.model.N_sup)

    def averaged_model(self, cells: int | None = None) -> Model:
        """Return a copy of the model with the averaged weights, for puzzles of `cells` cells (None: its own size)."""
        model = new_model(self.preset.model)
        model.load_state_dict(self.weights(), assign=True)
        if cells:
            model.set_grid_side(self.streams[cells].task.columns)
        return model.to(self.device)

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged weights by name, and the current puzzle embedding, which is not averaged."""
        return {
            name: self.average.shadow.get(name, tensor) for name, tensor in self.model.state_dict().items()
        }

    def one_update(self, progress: float) -> dict[str, float]:
        """Perform one update on the carry.

        Returns means over the whole batch: `loss`, weighted cell accuracy (`cells`), exact accuracy (`exact_in_flight`)
        and the fraction of puzzles that halted (`halted`). Raises `TrainingError` if the loss or a gradient is not
        finite.
        """
        self.progress, schedule = progress, self.preset.schedule
        depth = schedule.depth_at(progress, self.preset.model.N_sup)
        reveal = schedule.reveal_at(progress)
        stream = self.streams[self.cells_at(progress)]
        self.compiled_for.add(stream.task.cells)
        self.model.set_grid_side(stream.task.columns)
        if self.carry is None or self.carry.inputs.shape[1] != stream.task.cells:
            self.carry = self.feed.new_carry(stream, reveal)
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.learning_rate_at(progress, self.update)

        carry, weights = self.carry, self.weights_of_cells(self.carry)
        vectors = self._puzzle_vectors(carry.puzzle_ids)
        x = self.model.embed(carry.inputs, carry.puzzle_ids, vectors)
        gradient_calls = self.preset.gradient_calls or self.model.gradient_calls(depth.n)
        state = deep_recursion(self.model, x, carry.state, depth=depth, gradient_calls=gradient_calls)
        heads = self.model.heads(state.y)
        right = ((heads.logits.argmax(-1) == carry.labels) | (weights == 0)).all(-1)
        loss = self.loss(x, state, heads, right, weights, depth)
        self._descend(loss, vectors)

        carry.state = State(*(part.clone() for part in state.detach()))
        carry.steps += 1
        halted = (self.model.halting_logit(heads) > 0) & (carry.steps >= carry.least_steps)
        halted |= carry.steps >= self.most_steps
        figures = self._figures(loss, heads.logits, right, halted, weights)
        self.feed.replace(carry, halted, stream, reveal)
        self.update += 1
        return figures

    def weights_of_cells(self, carry: Carry) -> Float[Tensor, "batch cell"]:
        """Return the weight of each cell in the loss, shape [batch, cell]. Padding has weight 0."""
        weights = (carry.labels != PADDING).float()
        given_weight = self.preset.schedule.given_weight_at(self.progress)
        if given_weight != 1:
            task = self.streams[carry.inputs.shape[1]].task
            given = torch.from_numpy(task.givens(carry.inputs.cpu().numpy().astype(np.uint8)))
            weights[given.to(weights.device)] *= given_weight
        return weights

    def loss(
        self,
        x: Tensor,
        state: State,
        heads: Heads,
        right: Bool[Tensor, "batch"],
        weights: Float[Tensor, "batch cell"],
        depth: Depth,
    ) -> Float[Tensor, ""]:
        """Compute the total loss: the cell loss plus the weighted losses of q_halt and, if enabled, of q_continue.

        `right` indicates for each puzzle whether all cells with a nonzero weight are correct.
        """
        preset, carry = self.preset, self.carry
        halting = halt_loss(heads, right)
        if preset.continue_loss:
            with torch.no_grad():
                after = deep_recursion(self.model, x.detach(), state.detach(), depth=depth)
                next_heads = self.model.heads(after.y)
            halting = halting + continue_loss(heads, next_heads, carry.steps + 1 >= self.most_steps)
        cells = cell_loss(heads.logits, carry.labels, weights, kind=preset.cell_loss)
        return cells + preset.halt_weight * halting

    def _puzzle_vectors(self, puzzle_ids: Int[Tensor, "batch"]) -> Tensor | None:
        """Return the embedding vector of each puzzle id, with gradients, or None if the embedding is not trained."""
        if not self.preset.table_rate or not self.preset.model.puzzle_ids:
            return None
        return self.model.puzzle_emb(puzzle_ids, torch.float32).requires_grad_(True)

    def _descend(self, loss: Tensor, vectors: Tensor | None) -> None:
        """Update the weights with the optimiser, the puzzle embedding with sign-SGD, and then the averages."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.replica.average_gradients(self.model)
        parameters = self.model.parameters()
        clip = float("inf") if self.preset.clip is None else self.preset.clip
        norm = torch.nn.utils.clip_grad_norm_(parameters, clip)
        mean = self.replica.averaged(loss)
        if not torch.isfinite(mean) or not torch.isfinite(norm):
            raise TrainingError(
                f"The loss is {mean.item()} at update {self.update}. The last checkpoint is intact: "
                "continue from it with a lower learning rate."
            )
        self.optimizer.step()
        if vectors is not None:
            rate = (
                self.preset.table_rate
                * self.optimizer.param_groups[0]["lr"]
                / self.preset.schedule.learning_rate
            )
            ids, gradient = self.replica.gathered(self.carry.puzzle_ids), self.replica.gathered(vectors.grad)
            sign_step(self.model.puzzle_emb.weights, ids, gradient, rate=rate, decay=self.preset.table_decay)
        self.average.update(self.model, self.update)

    def _figures(
        self, loss: Tensor, logits: Tensor, right: Tensor, halted: Tensor, weights: Tensor
    ) -> dict[str, float]:
        cells = ((logits.argmax(-1) == self.carry.labels) * weights).sum() / weights.sum()
        values = torch.stack([loss.detach(), cells, right.float().mean(), halted.float().mean()])
        names = ("loss", "cells", "exact_in_flight", "halted")
        return dict(zip(names, self.replica.averaged(values).tolist(), strict=True))
