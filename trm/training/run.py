"""A complete training run, as performed by `trm train`: puzzles, training loop, evaluation, table of results."""

import platform
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from trm.device import choose_device, training_dtype
from trm.errors import TrainingError
from trm.evaluate import exact_by_step
from trm.training.data import Puzzles, PuzzleStream, generated_puzzles, official_puzzles
from trm.training.folder import TrainingFolder
from trm.training.parallel import Replica
from trm.training.presets import TrainingPreset
from trm.training.trainer import Trainer

SAVE_EVERY_SECONDS = 60
REPORT_EVERY_SECONDS = 10
COMPILE_FROM_MINUTES = 5.0  # minimum length of a run that gains from half a minute of compilation
COMPILERS = ("c++", "g++", "clang++")
EVALUATIONS = 12  # held-out evaluations per run ...
EVALUATION_SHARE = 0.05  # ... or fewer, if they would take more than this fraction of the time

Log = Callable[[str], None]


def train(
    preset: TrainingPreset,
    out: Path,
    *,
    data: Path | None = None,
    minutes: float | None = None,
    updates: int | None = None,
    resume: bool = False,
    log: Log = print,
) -> None:
    """Train a preset into the folder `out`, which contains a valid checkpoint at all times.

    `minutes` replaces the preset's training time, which excludes evaluation, saving, and compilation; `updates` fixes
    the number of updates instead. `data` is an official dataset folder, for presets that do not generate puzzles.
    Ctrl-C saves and stops the run; `resume` continues it. With `torchrun`, each process trains on its part of the
    batch, and the first process writes.

    Raises `UserError` if the folder contains a different run, or no run to resume.
    """
    preset = replace(preset, minutes=minutes or preset.minutes, updates=updates or preset.updates)
    device = choose_device()
    replica = Replica.of_this_process(device)
    log = log if replica.leads else _no_log
    official = None
    if data is not None:
        preset, *official = official_puzzles(preset, data)
    elif not preset.data:
        raise TrainingError(f"{preset.name} trains on an official dataset folder. Give one with --data.")
    folder = TrainingFolder.open(out, preset, resume=resume, writes=replica.leads)
    with folder:
        saved = (
            folder.read() if resume else None
        )  # before generating puzzles, so that a damaged state is reported early
        puzzles = [official] if official else _generated(preset, out, replica, log)
        trainer = Trainer(preset, [stream for stream, _ in puzzles], device, replica)
        if saved:
            folder.resume(trainer, saved)
            length = f"{preset.updates:,} updates" if preset.updates else f"{preset.minutes:g} minutes"
            log(f"resumed at update {trainer.update}, after {trainer.seconds / 60:.1f} minutes, of {length}")
        else:
            folder.save(trainer)
        if preset.minutes >= COMPILE_FROM_MINUTES and can_compile(device):
            log("compiling the blocks once, about half a minute")
            trainer.compile()
        processes = f", {replica.size} processes" if replica.size > 1 else ""
        log(
            f"training {preset.name} on {device.type}{processes}, activations in {training_dtype(device)}, into {out}"
        )
        folder.log(trainer, {"machine": training_machine(device)})
        _loop(trainer, {stream.task.cells: held_out for stream, held_out in puzzles}, folder, log)


def can_compile(device: torch.device) -> bool:
    """Whether torch can compile: on a CPU it needs a C++ compiler."""
    return device.type == "cuda" or any(map(shutil.which, COMPILERS))


def training_machine(device: torch.device) -> str:
    """A description of the hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{threads} thread{'' if threads == 1 else 's'} of {cpu_name()}, without a GPU"


def cpu_name() -> str:
    """The name of the processor on Linux, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else f"a {platform.machine()} processor"


def _no_log(text: str) -> None:
    """Discard a log message; the logger of all processes but the lead."""


def _generated(
    preset: TrainingPreset, out: Path, replica: Replica, log: Log
) -> list[tuple[PuzzleStream, Puzzles]]:
    """The training stream and held-out set for each size. The lead process generates them, and all processes read them."""

    def of_all_sizes() -> list[tuple[PuzzleStream, Puzzles]]:
        sizes = [phase.cells for phase in preset.schedule.smaller_grids] + [preset.model.sequence_length]
        return [generated_puzzles(preset, cells, out, log) for cells in sizes]

    if replica.leads:
        puzzles = of_all_sizes()
    replica.wait()  # until the lead process has written them
    return puzzles if replica.leads else of_all_sizes()


def _loop(trainer: Trainer, held_out: dict[int, Puzzles], folder: TrainingFolder, log: Log) -> None:
    """The training loop: update, report, evaluate, save; at the end, log a table of the evaluations."""
    stopping = StopOnSignal()
    saved = reported = time.monotonic()
    next_evaluation = progress_of(trainer) + 1 / EVALUATIONS
    averaged: dict[str, float] = {}
    evaluations: list[tuple[float, int, list[float]]] = []
    while (progress := progress_of(trainer)) < 1:
        compiles, began = trainer.compiles_at(progress), time.monotonic()
        figures = trainer.one_update(progress)
        now = time.monotonic()
        # One clock for all processes: the phases of the schedule must change at the same update in all of them.
        # Compilation time is not counted: on a fast device, it would take up much of a short phase.
        trainer.seconds = trainer.replica.agree(trainer.seconds + (0.0 if compiles else now - began))
        averaged = {name: 0.95 * averaged.get(name, value) + 0.05 * value for name, value in figures.items()}
        if now - reported > REPORT_EVERY_SECONDS:
            reported = now
            folder.log(trainer, averaged)
            log(progress_line(trainer, averaged))
        progress = progress_of(trainer)
        for snapshot in trainer.preset.snapshots:
            if progress >= snapshot:
                folder.save_snapshot(trainer, snapshot)
        if progress > next_evaluation:
            began = time.monotonic()
            evaluations.append(evaluate_held_out(trainer, held_out, folder, log))
            took = trainer.replica.agree(time.monotonic() - began)
            next_evaluation = progress + max(
                1 / EVALUATIONS, took / EVALUATION_SHARE * progress / max(trainer.seconds, 1e-9)
            )
        if trainer.replica.agree(now - saved) > SAVE_EVERY_SECONDS:
            folder.save(trainer)
            saved = time.monotonic()
        if trainer.replica.agree(float(stopping.requested)):
            folder.save(trainer)
            log("stopped; continue with --resume")
            return
    evaluations.append(evaluate_held_out(trainer, held_out, folder, log))
    folder.save(trainer)
    log(table(evaluations))
    log("done")


def progress_of(trainer: Trainer) -> float:
    """Progress of the run, from 0 to 1: measured in updates if their number is fixed, else in time."""
    preset = trainer.preset
    return trainer.update / preset.updates if preset.updates else trainer.seconds / (60 * preset.minutes)


def evaluate_held_out(
    trainer: Trainer, held_out: dict[int, Puzzles], folder: TrainingFolder, log: Log
) -> tuple[float, int, list[float]]:
    """Evaluate the averaged weights on the held-out set, at the current grid size and recursion depth.

    Returns minutes, updates, and exact accuracy after each supervision step.
    """
    preset, progress = trainer.preset, progress_of(trainer)
    depth = preset.schedule.depth_at(progress, preset.model.N_sup)
    cells = trainer.cells_at(progress)
    puzzles = held_out[cells]
    by_step = [0.0]
    if trainer.replica.leads:
        model = trainer.averaged_model(cells)
        model.compute_dtype = trainer.model.compute_dtype
        by_step = exact_by_step(model, puzzles, puzzles.puzzle_ids, depth=depth)
        folder.log(
            trainer, {"held_out_exact_by_step": by_step, "n": depth.n, "T": depth.T, "grid_cells": cells}
        )
        log(f"held out: exact {by_step[-1]:.3f} after {len(by_step)} steps, {by_step[0]:.3f} after 1")
    trainer.replica.wait()
    return trainer.seconds / 60, trainer.update, by_step


def progress_line(trainer: Trainer, figures: dict[str, float]) -> str:
    """A report on the current update, with an estimate of the remaining time."""
    progress = progress_of(trainer)
    depth = trainer.preset.schedule.depth_at(progress, trainer.preset.model.N_sup)
    left = 60 * trainer.preset.minutes - trainer.seconds
    if trainer.preset.updates:
        left = trainer.seconds / trainer.update * (trainer.preset.updates - trainer.update)
    return (
        f"update {trainer.update:6d}  loss {figures['loss']:.4f}  cells {figures['cells']:.3f}  "
        f"exact {figures['exact_in_flight']:.3f}  T={depth.T} n={depth.n}  {left / 60:.1f} minutes left"
    )


def table(evaluations: list[tuple[float, int, list[float]]]) -> str:
    """A table of held-out exact accuracy with one line per evaluation."""
    last = len(evaluations[-1][2])
    columns = [step for step in (1, 4, 16) if step <= last] or [last]
    lines = ["minutes  updates  " + "  ".join(f"exact@{step:<2}" for step in columns)]
    for minutes, updates, by_step in evaluations:
        shares = "  ".join(f"{by_step[step - 1]:8.3f}" for step in columns)
        lines.append(f"{minutes:7.1f}  {updates:7d}  {shares}")
    return "\n".join(lines)


class StopOnSignal:
    """Sets `requested` on Ctrl-C or SIGTERM, so that the loop can save and stop; a second signal ends the process."""

    def __init__(self):
        self.requested = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._request)

    def _request(self, number: int, frame: object) -> None:
        self.requested = True
        signal.signal(number, signal.SIG_DFL)
