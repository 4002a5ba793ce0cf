"""The carry of deep supervision: a batch of puzzles, each with its state, from one supervision step to the next."""

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
    """The puzzles of this process. `steps` is the number of supervision steps that each has run so far."""

    inputs: Int[Tensor, "batch cell"]
    labels: Int[Tensor, "batch cell"]
    puzzle_ids: Int[Tensor, "batch"]
    state: State
    steps: Int[Tensor, "batch"]
    least_steps: Int[Tensor, "batch"]  # minimum number of supervision steps before halting


class PuzzleFeed:
    """Fills the carry with new puzzles from a stream, in their initial state."""

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
        """A carry with new puzzles."""
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
        """Replace halted puzzles with new ones. Each process draws puzzles for all processes and uses its own."""
        all_halted = self.replica.gathered(halted)
        if not all_halted.any():
            return
        drawn = self._draw(stream, int(all_halted.sum()), reveal)
        mine = self.replica.rows(len(all_halted))
        before = int(all_halted[: mine.start].sum())
        slots = halted.nonzero().squeeze(-1)
        fresh = (part[before : before + len(slots)].to(self.model.device) for part in drawn)
        carry.inputs[slots], carry.labels[slots], carry.puzzle_ids[slots], carry.least_steps[slots] = fresh
        start = self.model.initial_state(carry.state.y[:1])
        for carried, initial in zip(carry.state, start, strict=True):
            carried[slots] = initial
        carry.steps[slots] = 0

    def _draw(self, stream: PuzzleStream, count: int, reveal: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draw inputs, labels, puzzle ids, and the minimum number of supervision steps for each puzzle."""
        return *stream.draw(count, reveal, self.random), self.draw_least_steps(count)

    def draw_least_steps(self, count: int) -> Int[Tensor, "batch"]:
        """Draw the minimum number of supervision steps: 1 for most puzzles, 2 to N_sup for a fraction `explore`."""
        explores = self.random.random(count) < self.explore
        drawn = self.random.integers(2, self.model.config.N_sup + 1, count)
        return torch.from_numpy(np.where(explores, drawn, 1))
