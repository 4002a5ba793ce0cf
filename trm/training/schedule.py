"""Schedules for recursion depth, grid size, revealed cells and learning rate, and the average of the weights.

Schedules depend on progress, the completed fraction of the run from 0 to 1. A preset therefore works with any
`--minutes` or `--updates`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from trm.coordinates import Depth

Decay = Literal["linear", "exponential"]


@dataclass(frozen=True)
class DepthPhase:
    """Recursion depth (n and T) until progress reaches `until`."""

    until: float
    n: int
    T: int


@dataclass(frozen=True)
class GridPhase:
    """Number of cells per puzzle until progress reaches `until`."""

    until: float
    cells: int


@dataclass(frozen=True)
class StepsPhase:
    """Maximum number of supervision steps per puzzle until progress reaches `until`."""

    until: float
    steps: int


@dataclass(frozen=True)
class GivenPhase:
    """Weight of given cells in the loss until progress reaches `until`. Blank cells always have weight 1."""

    until: float
    weight: float


@dataclass(frozen=True)
class Schedule:
    """All settings that change during training."""

    depth: tuple[DepthPhase, ...]  # the last phase has the model's own depth and lasts until the end
    learning_rate: float
    warm_up: int  # number of updates over which the learning rate rises from 0
    decay_from: float = 1.0  # progress at which the learning rate starts to decay ...
    decay_to: float = 1.0  # ... to this fraction of its value ...
    decay: Decay = "linear"  # ... linearly or exponentially
    reveal: float = 0.0  # maximum fraction of blank cells that are revealed at the start ...
    reveal_until: float = 1.0  # ... which decreases to 0 at this progress
    givens: tuple[GivenPhase, ...] = ()  # weights of given cells in the loss; 1 after the last phase
    smaller_grids: tuple[GridPhase, ...] = ()  # initial grid sizes; later puzzles have the model's own size
    fewer_steps: tuple[
        StepsPhase, ...
    ] = ()  # initial numbers of supervision steps; later the model's own number

    def depth_at(self, progress: float, N_sup: int) -> Depth:
        """Return the recursion depth at `progress`, with `N_sup` supervision steps."""
        phase = next((phase for phase in self.depth if progress < phase.until), self.depth[-1])
        return Depth(n=phase.n, T=phase.T, N_sup=N_sup)

    def cells_at(self, progress: float, own: int) -> int:
        """Return the number of cells per puzzle at `progress`. After the last phase, it is `own`."""
        return next((phase.cells for phase in self.smaller_grids if progress < phase.until), own)

    def steps_at(self, progress: float, own: int) -> int:
        """Return the maximum number of supervision steps per puzzle at `progress`. After the last phase, it is `own`."""
        return next((phase.steps for phase in self.fewer_steps if progress < phase.until), own)

    def given_weight_at(self, progress: float) -> float:
        """Return the weight of given cells in the loss at `progress`."""
        return next((phase.weight for phase in self.givens if progress < phase.until), 1.0)

    def reveal_at(self, progress: float) -> float:
        """Return the maximum fraction of blank cells that are revealed at `progress`."""
        return self.reveal * max(0.0, 1 - progress / self.reveal_until) if self.reveal else 0.0

    def learning_rate_at(self, progress: float, update: int) -> float:
        """Return the learning rate at `progress`. Warm-up depends on `update`, the index of the update from 0."""
        warm = min(1.0, (update + 1) / self.warm_up)
        fall = (
            min(1.0, max(0.0, progress - self.decay_from) / (1 - self.decay_from))
            if self.decay_from < 1
            else 0.0
        )
        factor = self.decay_to**fall if self.decay == "exponential" else 1 - (1 - self.decay_to) * fall
        return self.learning_rate * warm * factor


class ExponentialAverage:
    """Exponential moving average (EMA) of a model's parameters. Evaluation and checkpoints use these averages.

    The first `early` updates use `early_decay`, so that the average forgets the random initialisation. If `decay` is
    None, the averages always equal the model's current parameters. Tensors named in `without` are not averaged, such as
    a puzzle embedding with a million rows.
    """

    def __init__(
        self,
        model: nn.Module,
        decay: float | None,
        early_decay: float = 0.98,
        early: int = 500,
        without: tuple[str, ...] = (),
    ):
        self.decay, self.early_decay, self.early = decay, early_decay, early
        self.shadow = {
            name: tensor.detach().clone()
            for name, tensor in model.state_dict().items()
            if name not in without
        }

    @torch.no_grad()
    def update(self, model: nn.Module, update: int) -> None:
        """Move the averages towards the model's current parameters. `update` is the index of the update, from 0."""
        decay = 0.0 if self.decay is None else self.early_decay if update < self.early else self.decay
        current: dict[str, Tensor] = model.state_dict()
        names = [name for name in self.shadow if self.shadow[name].is_floating_point()]
        torch._foreach_lerp_(
            [self.shadow[name] for name in names], [current[name] for name in names], 1 - decay
        )
