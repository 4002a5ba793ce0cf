"""The puzzles in flight: each carries its state from supervision step to supervision step until it halts."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from trm.model import Model
from trm.recursion import State
from trm.training.data import PuzzleStream
from trm.training.parallel import Replica


@dataclass
class Carry:
    """This process's puzzles. `steps` counts the supervision steps each has had."""

    inputs: Int[Tensor, "batch cell"]
    labels: Int[Tensor, "batch cell"]
    puzzle_ids: Int[Tensor, "batch"]
    state: State
    steps: Int[Tensor, "batch"]
    least_steps: Int[Tensor, "batch"]  # it may not halt before


class PuzzleFeed:
    """Gives puzzles their seats: fresh ones from a stream of some size, in their initial state."""

    def __init__(
        self,
        model: Model,
        *,
        batch: int,
        explore: float,
        replica: Replica,
        random: np.random.Generator,
    ):
        self.model = model
        self.batch, self.explore = batch, explore
        self.replica, self.random = replica, random

    def new_carry(self, stream: PuzzleStream, reveal: float) -> Carry:
        """A flight of fresh puzzles."""
        inputs, labels, ids, least = self._draw(stream, self.batch, reveal)
        mine = self.replica.rows(self.batch)
        device = self.model.device
        inputs, labels, ids, least = (part[mine].to(device) for part in (inputs, labels, ids, least))
        x = self.model.embed(inputs, ids)
        state = State(*(part.clone() for part in self.model.initial_state(x).detach()))
        return Carry(inputs, labels, ids, state, torch.zeros_like(least), least)

    def replace(
        self, carry: Carry, halted: Bool[Tensor, "batch"], stream: PuzzleStream, reveal: float
    ) -> None:
        """Put fresh puzzles where one has halted. Every process draws for all seats and fills its own."""
        everywhere = self.replica.gathered(halted)
        if not everywhere.any():
            return
        drawn = self._draw(stream, int(everywhere.sum()), reveal)
        mine = self.replica.rows(len(everywhere))
        before = int(everywhere[: mine.start].sum())
        slots = halted.nonzero().squeeze(-1)
        fresh = (part[before : before + len(slots)].to(self.model.device) for part in drawn)
        carry.inputs[slots], carry.labels[slots], carry.puzzle_ids[slots], carry.least_steps[slots] = fresh
        start = self.model.initial_state(carry.state.y[:1])
        for carried, initial in zip(carry.state, start, strict=True):
            carried[slots] = initial
        carry.steps[slots] = 0

    def _draw(self, stream: PuzzleStream, count: int, reveal: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Inputs, labels, puzzle ids, and how many steps each must have at least."""
        return *stream.draw(count, reveal, self.random), self.draw_least_steps(count)

    def draw_least_steps(self, count: int) -> Int[Tensor, "batch"]:
        """1 for most puzzles, a random number from 2 to N_sup for the share that explores."""
        explores = self.random.random(count) < self.explore
        drawn = self.random.integers(2, self.model.config.N_sup + 1, count)
        return torch.from_numpy(np.where(explores, drawn, 1))
