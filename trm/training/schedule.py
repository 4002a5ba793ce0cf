"""Schedules of training: how depth, revealed cells, learning rate and averaging move with progress.

Progress is the share of the run that is done, from 0 to 1, so that one preset fits any `--minutes` or `--updates`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from trm.coordinates import Depth

Decay = Literal["linear", "exponential"]


@dataclass(frozen=True)
class DepthPhase:
    """Recursion depth in use until `until` (progress)."""

    until: float
    n: int
    T: int


@dataclass(frozen=True)
class GridPhase:
    """Size of the puzzles in use until `until` (progress)."""

    until: float
    cells: int


@dataclass(frozen=True)
class GivenPhase:
    """How much a given cell counts in the loss until `until` (progress), where a blank one counts 1."""

    until: float
    weight: float


@dataclass(frozen=True)
class Schedule:
    """All that changes while a model is trained."""

    depth: tuple[DepthPhase, ...]  # the last phase is the model's own depth
    learning_rate: float
    warm_up: int  # updates in which the rate rises from 0
    decay_from: float = 1.0  # progress from which the rate falls ...
    decay_to: float = 1.0  # ... to this share of itself ...
    decay: Decay = "linear"  # ... along a line, or by the same factor in equal times
    reveal: float = 0.0  # at most this share of the blank cells is revealed at the start ...
    reveal_until: float = 1.0  # ... falling to none at this progress
    givens: tuple[GivenPhase, ...] = ()  # how much given cells count in the loss; 1 behind the last phase
    smaller_grids: tuple[
        GridPhase, ...
    ] = ()  # to learn on first; afterwards puzzles have the model's own size

    def depth_at(self, progress: float, N_sup: int) -> Depth:
        phase = next((phase for phase in self.depth if progress < phase.until), self.depth[-1])
        return Depth(n=phase.n, T=phase.T, N_sup=N_sup)

    def cells_at(self, progress: float, own: int) -> int:
        return next((phase.cells for phase in self.smaller_grids if progress < phase.until), own)

    def given_weight_at(self, progress: float) -> float:
        return next((phase.weight for phase in self.givens if progress < phase.until), 1.0)

    def reveal_at(self, progress: float) -> float:
        return self.reveal * max(0.0, 1 - progress / self.reveal_until) if self.reveal else 0.0

    def learning_rate_at(self, progress: float, update: int) -> float:
        warm = min(1.0, (update + 1) / self.warm_up)
        fall = (
            min(1.0, max(0.0, progress - self.decay_from) / (1 - self.decay_from))
            if self.decay_from < 1
            else 0.0
        )
        left = self.decay_to**fall if self.decay == "exponential" else 1 - (1 - self.decay_to) * fall
        return self.learning_rate * warm * left


class ExponentialAverage:
    """Exponential moving average (EMA) of a model's parameters: what is evaluated and shipped.

    It forgets faster at first, so that the random start does not linger. With a decay of None it is the model itself.
    Tensors named in `without` (a puzzle table of a million rows) are left out.
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
        decay = 0.0 if self.decay is None else self.early_decay if update < self.early else self.decay
        current: dict[str, Tensor] = model.state_dict()
        names = [name for name in self.shadow if self.shadow[name].is_floating_point()]
        torch._foreach_lerp_(
            [self.shadow[name] for name in names], [current[name] for name in names], 1 - decay
        )
