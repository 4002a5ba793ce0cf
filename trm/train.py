"""Training by deep supervision: a batch of puzzles in flight, each at its own supervision step.

Every update gives each puzzle one supervision step from its carried (y, z), takes the loss there, and detaches. A
puzzle leaves when its halting logit says so (or, for a share of them, only after a random number of steps), or after
N_sup steps; a fresh puzzle takes its place (Jolicoeur-Martineau 2025, figure 3; exploration as in HRM).
"""

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from trm.coordinates import Depth
from trm.device import choose_device, training_dtype
from trm.evaluate import exact_by_step
from trm.models import Model, new_model
from trm.presets import Preset
from trm.recursion import State, deep_recursion
from trm.schedule import ExponentialAverage
from trm.training_data import Flight, Puzzles, PuzzleStream, training_puzzles
from trm.training_state import TrainingError, TrainingFolder

SAVE_EVERY_SECONDS = 60
REPORT_EVERY_SECONDS = 10
LOOKS = 12  # evaluations on held-out puzzles over a whole run ...
LOOK_SHARE = 0.05  # ... fewer if they would take more than this share of the time


class Trainer:
    """One training run: model, average, optimiser, puzzles in flight, and the folder that survives a kill."""

    def __init__(self, preset: Preset, device: torch.device):
        self.preset = preset
        self.stream: PuzzleStream | None = None  # where fresh puzzles come from
        self.device = device
        self.model = new_model(preset.model)
        self.model.initialise(preset.seed)
        self.model.to(device)
        self.model.compute_dtype = training_dtype(device)
        self.average = ExponentialAverage(self.model, preset.ema)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=preset.schedule.learning_rate,
            betas=preset.betas,
            weight_decay=preset.weight_decay,
            fused=True,
        )
        self.random = np.random.default_rng(preset.seed)
        self.update = 0
        self.seconds = 0.0
        self.flight: Flight | None = None

    def averaged_model(self) -> Model:
        """A copy with the averaged weights: what is evaluated and shipped."""
        model = new_model(self.preset.model)
        model.load_state_dict(self.average.shadow)
        return model.to(self.device)

    def board(self, reveal: float) -> Flight:
        """A full flight of fresh puzzles in their initial state."""
        inputs, labels = self.stream.draw(self.preset.batch, reveal, self.random)
        x = self.model.embed(
            inputs.to(self.device), torch.zeros(len(inputs), dtype=torch.long, device=self.device)
        )
        return Flight(
            inputs.to(self.device),
            labels.to(self.device),
            State(*(part.clone() for part in self.model.initial_state(x).detach())),
            torch.zeros(len(inputs), dtype=torch.long, device=self.device),
            self.draw_least_steps(len(inputs)),
        )

    def draw_least_steps(self, count: int) -> Int[Tensor, "batch"]:
        """1 for most puzzles, a random number from 2 to N_sup for the share that explores."""
        explores = self.random.random(count) < self.preset.explore
        drawn = self.random.integers(2, self.preset.model.N_sup + 1, count)
        return torch.from_numpy(np.where(explores, drawn, 1)).to(self.device)

    def replace_halted(self, flight: Flight, halted: Tensor, reveal: float) -> None:
        """Put fresh puzzles where one has halted."""
        seats = halted.nonzero().squeeze(-1)
        if not len(seats):
            return
        inputs, labels = self.stream.draw(len(seats), reveal, self.random)
        flight.inputs[seats] = inputs.to(self.device)
        flight.labels[seats] = labels.to(self.device)
        start = self.model.initial_state(flight.state.y[:1])
        for carried, fresh in zip(flight.state, start, strict=True):
            carried[seats] = fresh
        flight.steps[seats] = 0
        flight.least_steps[seats] = self.draw_least_steps(len(seats))

    def loss(
        self, logits: Float[Tensor, "batch cell vocab"], q_halt: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the cells plus the halting loss against "every cell is right now"; and who is right."""
        right = (logits.argmax(-1) == labels).all(-1)
        cells = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        halting = F.binary_cross_entropy_with_logits(q_halt, right.float())
        return cells + self.preset.halt_weight * halting, right

    def one_update(self, progress: float) -> dict[str, float]:
        """One supervision step for every puzzle in flight, and one step of the optimiser."""
        schedule, N_sup = self.preset.schedule, self.preset.model.N_sup
        depth = schedule.depth_at(progress, N_sup)
        reveal = schedule.reveal_at(progress)
        if self.flight is None:
            self.flight = self.board(reveal)
        flight = self.flight
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.learning_rate_at(progress, self.update)

        x = self.model.embed(flight.inputs, torch.zeros_like(flight.steps))
        state = deep_recursion(self.model, x, flight.state, depth=depth, learn=True)
        heads = self.model.heads(state.y)
        loss, right = self.loss(heads.logits, heads.q_halt, flight.labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.preset.clip)
        if not torch.isfinite(loss) or not torch.isfinite(norm):
            raise TrainingError(
                f"The loss is {loss.item()} at update {self.update}. The last checkpoint is whole; train from it at a lower rate."
            )
        self.optimizer.step()
        self.average.update(self.model, self.update)

        flight.state = State(*(part.clone() for part in state.detach()))
        flight.steps += 1
        halted = ((heads.q_halt > 0) & (flight.steps >= flight.least_steps)) | (flight.steps >= N_sup)
        figures = {
            "loss": loss.item(),
            "exact_in_flight": right.float().mean().item(),
            "cells": (heads.logits.argmax(-1) == flight.labels).float().mean().item(),
            "halted": halted.float().mean().item(),
        }
        self.replace_halted(flight, halted, reveal)
        self.update += 1
        return figures


def train(
    preset: Preset,
    out: Path,
    *,
    minutes: float | None = None,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Train a preset into a folder that holds, at every moment, a checkpoint that loads.

    `minutes` of training (evaluation and saving not counted) replace the preset's. Ctrl-C saves and stops.
    Raises UserError when the folder holds another run, or nothing to resume.
    """
    preset = replace(preset, minutes=minutes or preset.minutes)
    device = choose_device()
    folder = TrainingFolder.open(out, preset, resume=resume)
    with folder:
        trainer = Trainer(preset, device)
        if resume:
            folder.load(trainer)
            say(
                f"resumed at update {trainer.update}, {trainer.seconds / 60:.1f} of {preset.minutes:g} minutes"
            )
        else:
            folder.save(trainer)  # before puzzles are generated: from here on there is a checkpoint to load
        trainer.stream, held_out = training_puzzles(preset, out, say)
        say(f"training {preset.name} on {device.type}, activations in {training_dtype(device)}, into {out}")
        run(trainer, held_out, folder, say)


def run(trainer: Trainer, held_out: Puzzles, folder: TrainingFolder, say: Callable[[str], None]) -> None:
    """The training loop: update, report, look at held-out puzzles, save."""
    total = 60 * trainer.preset.minutes
    stopping = StopOnSignal()
    saved = reported = time.monotonic()
    next_look = trainer.seconds + total / LOOKS
    averaged: dict[str, float] = {}
    while trainer.seconds < total and not stopping.asked:
        began = time.monotonic()
        figures = trainer.one_update(trainer.seconds / total)
        now = time.monotonic()
        trainer.seconds += now - began
        averaged = {name: 0.95 * averaged.get(name, value) + 0.05 * value for name, value in figures.items()}
        if now - reported > REPORT_EVERY_SECONDS:
            reported = now
            folder.log(trainer, averaged)
            say(progress_line(trainer, averaged, total))
        if trainer.seconds > next_look:
            began = time.monotonic()
            look(trainer, held_out, folder, say, total)
            next_look = trainer.seconds + max(total / LOOKS, (time.monotonic() - began) / LOOK_SHARE)
        if now - saved > SAVE_EVERY_SECONDS:
            folder.save(trainer)
            saved = time.monotonic()
    folder.save(trainer)
    say("stopped; go on with --resume" if stopping.asked else "done")


def look(
    trainer: Trainer, held_out: Puzzles, folder: TrainingFolder, say: Callable[[str], None], total: float
) -> None:
    """Score the averaged weights on held-out puzzles at the depth in use."""
    depth: Depth = trainer.preset.schedule.depth_at(trainer.seconds / total, trainer.preset.model.N_sup)
    model = trainer.averaged_model()
    model.compute_dtype = trainer.model.compute_dtype
    by_step = exact_by_step(model, held_out, depth=depth)
    folder.log(trainer, {"held_out_exact_by_step": by_step, "n": depth.n, "T": depth.T})
    say(f"held out: exact {by_step[-1]:.3f} after {len(by_step)} steps, {by_step[0]:.3f} after 1")


def progress_line(trainer: Trainer, figures: dict[str, float], total: float) -> str:
    depth = trainer.preset.schedule.depth_at(trainer.seconds / total, trainer.preset.model.N_sup)
    left = (total - trainer.seconds) / 60
    return (
        f"update {trainer.update:6d}  loss {figures['loss']:.4f}  cells {figures['cells']:.3f}  "
        f"exact in flight {figures['exact_in_flight']:.3f}  T={depth.T} n={depth.n}  {left:.1f} minutes left"
    )


class StopOnSignal:
    """Ctrl-C or a polite kill ask the loop to save and stop; a second one ends it at once."""

    def __init__(self):
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True
        signal.signal(number, signal.SIG_DFL)
