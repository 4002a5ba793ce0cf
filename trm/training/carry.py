"""The carry of deep supervision: a batch of puzzles and their states, kept between supervision steps."""

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
    """The puzzles of this process and their states. `steps` counts the supervision steps that each puzzle has run."""

    inputs: Int[Tensor, "batch cell"]
    labels: Int[Tensor, "batch cell"]
    puzzle_ids: Int[Tensor, "batch"]
    state: State
    steps: Int[Tensor, "batch"]
    least_steps: Int[Tensor, "batch"]  # minimum number of supervision steps before halting


class PuzzleFeed:
    """Fills the carry with new puzzles from a stream. Each new puzzle starts from the model's initial state.

    `batch` is the number of puzzles over all processes. `explore` is the fraction of puzzles that must run a random
    number of supervision steps before they can halt.
    """

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
        """Draw new puzzles and return the carry with the rows of this process."""
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
        """Replace halted puzzles with new puzzles, in place.

        Every process draws the same new puzzles for all processes and uses only those for its own rows.
        """
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
        """Draw (inputs, labels, puzzle ids, minimum number of supervision steps) for `count` puzzles."""
        return *stream.draw(count, reveal, self.random), self.draw_least_steps(count)

    def draw_least_steps(self, count: int) -> Int[Tensor, "batch"]:
        """Draw the minimum number of supervision steps for each puzzle.

        With probability `explore`, the number is uniform from 2 to N_sup; otherwise, or if N_sup is 1, it is 1.
        """
        most = self.model.config.N_sup
        explores = self.random.random(count) < self.explore
        drawn = self.random.integers(min(2, most), most + 1, count)
        return torch.from_numpy(np.where(explores, drawn, 1))
