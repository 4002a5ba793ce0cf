"""Performs a complete training run for `trm train`: puzzles, training loop, evaluations, and a table of results."""

import platform
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from trm.device import choose_device, training_dtype
from trm.errors import TrainingError
from trm.training.data import Puzzles, PuzzleStream, generated_puzzles, official_puzzles
from trm.training.folder import TrainingFolder
from trm.training.held_out import (
    EVALUATION_SHARE,
    Evaluation,
    evaluate_held_out,
    table,
)
from trm.training.parallel import Replica
from trm.training.presets import TrainingPreset
from trm.training.trainer import Trainer

SAVE_EVERY_SECONDS = 60
REPORT_EVERY_SECONDS = 10
COMPILE_FROM_MINUTES = 5.0  # minimum length of a run for which half a minute of compilation pays off
COMPILERS = ("c++", "g++", "clang++")
EVALUATIONS = 12  # number of held-out evaluations per run, or fewer, so that they take at most EVALUATION_SHARE of the time
PUZZLES, COMPILING, UPDATING, EVALUATING = "for puzzles", "for compiling", "for updates", "for evaluations"

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
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Train a model with the settings of a preset and write the run to the folder `out` (see `trm.training.folder`).

    `minutes` replaces the preset's training time. It includes evaluations and saving, but neither the generation of
    puzzles nor compilation; the log reports the time of each, measured by `clock` in seconds. If `updates` is given, the
    run has this number of updates instead. On one machine with the same number of threads, such a run always ends with
    the same weights, even if it is stopped and resumed. `data` is an official dataset folder; it is required for
    presets that do not generate puzzles. Ctrl-C saves and stops the run, and `resume` continues a stopped run. With
    `torchrun`, each process trains on its part of the batch, and only the process with rank 0 writes files and log
    messages.

    Raises `UserError` if a new run would overwrite an existing run, if the folder contains no run with these settings
    to resume, or if the loss is not finite.
    """
    watch = Stopwatch(clock)
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
        with watch.on(PUZZLES):
            puzzles = [official] if official else _generated(preset, out, replica, log)
        trainer = Trainer(preset, [stream for stream, _ in puzzles], device, replica)
        length = f"{preset.updates:,} updates" if preset.updates else f"{preset.minutes:g} minutes"
        if saved:
            folder.resume(trainer, saved)
            log(f"resumed at update {trainer.update}, after {trainer.seconds / 60:.1f} minutes, of {length}")
        else:
            folder.save(trainer)
        if preset.minutes >= COMPILE_FROM_MINUTES and can_compile(device):
            log("compiling the blocks once, about half a minute, which does not count as training time")
            trainer.compile()
        processes = f", {replica.size} processes" if replica.size > 1 else ""
        log(
            f"training {preset.name} with seed {preset.seed} on {device.type}{processes}, activations in "
            f"{training_dtype(device)}, into {out}"
        )
        folder.log(trainer, {"machine": training_machine(device), "seed": preset.seed, "length": length})
        _loop(trainer, {stream.task.cells: held_out for stream, held_out in puzzles}, folder, log, watch)


def can_compile(device: torch.device) -> bool:
    """Return whether torch can compile the model for this device. On a CPU, torch needs a C++ compiler."""
    return device.type == "cuda" or any(map(shutil.which, COMPILERS))


def training_machine(device: torch.device) -> str:
    """Return a description of the hardware, such as the name of the GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{threads} thread{'' if threads == 1 else 's'} of {cpu_name()}, without a GPU"


def cpu_name() -> str:
    """Return the model name of the processor if Linux reports it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else f"a {platform.machine()} processor"


def _no_log(text: str) -> None:
    """Discard a log message. All processes except the lead process use this function as their logger."""


def _generated(
    preset: TrainingPreset, out: Path, replica: Replica, log: Log
) -> list[tuple[PuzzleStream, Puzzles]]:
    """Return (training stream, held-out set) for each grid size, after the lead process has generated the puzzles."""

    def of_all_sizes() -> list[tuple[PuzzleStream, Puzzles]]:
        sizes = [phase.cells for phase in preset.schedule.smaller_grids] + [preset.model.sequence_length]
        return [generated_puzzles(preset, cells, out, log) for cells in sizes]

    if replica.leads:
        puzzles = of_all_sizes()
    replica.wait()  # until the lead process has written them
    return puzzles if replica.leads else of_all_sizes()


def _loop(
    trainer: Trainer, held_out: dict[int, Puzzles], folder: TrainingFolder, log: Log, watch: "Stopwatch"
) -> None:
    """Run the training loop: update, report, evaluate, and save. At the end, log a table of all evaluations."""
    stopping = StopOnSignal()
    began = saved = reported = watch.clock()
    earlier = trainer.seconds  # of a resumed run
    next_evaluation = trainer.completed + 1 / EVALUATIONS
    averaged: dict[str, float] = {}
    evaluations: list[Evaluation] = []

    def evaluate() -> None:
        with watch.on(EVALUATING):
            evaluation = evaluate_held_out(
                trainer, held_out, folder, log, update_seconds=watch.latest[UPDATING]
            )
        evaluations.extend([evaluation] if evaluation else [])

    while (progress := trainer.completed) < 1:
        with watch.on(COMPILING if trainer.compiles_at(progress) else UPDATING):
            figures = trainer.one_update(progress)
        now = watch.clock()
        # All processes use one clock, so that the phases of the schedule change at the same update in all processes.
        # Compilation time is not counted, because on a fast device it would take up much of a short phase.
        trainer.seconds = trainer.replica.agree(earlier + now - began - watch.seconds[COMPILING])
        averaged = {name: 0.95 * averaged.get(name, value) + 0.05 * value for name, value in figures.items()}
        if now - reported > REPORT_EVERY_SECONDS:
            reported = now
            folder.log(trainer, averaged)
            log(progress_line(trainer, averaged))
        progress = trainer.completed
        for snapshot in trainer.preset.snapshots:
            if progress >= snapshot:
                folder.save_snapshot(trainer, snapshot)
        if next_evaluation < progress < 1:
            evaluate()
            took = trainer.replica.agree(watch.clock() - now)
            next_evaluation = progress + max(
                1 / EVALUATIONS, took / EVALUATION_SHARE * progress / max(trainer.seconds, 1e-9)
            )
        if trainer.replica.agree(now - saved) > SAVE_EVERY_SECONDS:
            folder.save(trainer)
            saved = watch.clock()
        if trainer.replica.agree(float(stopping.requested)):
            folder.save(trainer)
            log("stopped; continue with --resume")
            return
    evaluate()
    folder.save(trainer)
    folder.log(trainer, {"finished": True})
    log(table(evaluations) if evaluations else "not evaluated on held-out puzzles: the run is too short")
    log(f"done in {watch.total()}")


def progress_line(trainer: Trainer, figures: dict[str, float]) -> str:
    """Return a one-line report on the current update, with an estimate of the remaining time."""
    progress = trainer.completed
    depth = trainer.preset.schedule.depth_at(progress, trainer.preset.model.N_sup)
    left = 60 * trainer.preset.minutes - trainer.seconds
    if trainer.preset.updates:
        left = trainer.seconds / trainer.update * (trainer.preset.updates - trainer.update)
    return (
        f"update {trainer.update:6d}  loss {figures['loss']:.4f}  cells {figures['cells']:.3f}  "
        f"exact {figures['exact_in_flight']:.3f}  T={depth.T} n={depth.n}  {max(left, 0) / 60:.1f} minutes left"
    )


class Stopwatch:
    """The seconds that a run spends on each activity: in all (`seconds`) and the last time (`latest`)."""

    def __init__(self, clock: Callable[[], float]):
        self.clock, self.began = clock, clock()
        self.seconds: Counter[str] = Counter()
        self.latest: Counter[str] = Counter()

    @contextmanager
    def on(self, activity: str) -> Iterator[None]:
        """Measure the time of the `with` block."""
        began = self.clock()
        yield
        self.latest[activity] = self.clock() - began
        self.seconds[activity] += self.latest[activity]

    def total(self) -> str:
        """Return the time since the start and its largest parts as text."""
        parts = (
            f"{seconds / 60:.1f} {activity}"
            for activity, seconds in self.seconds.most_common()
            if seconds >= 3
        )
        return f"{(self.clock() - self.began) / 60:.1f} minutes: {', '.join(parts) or 'all of it short'}"


class StopOnSignal:
    """Sets `requested` to True on Ctrl-C or SIGTERM, so that the training loop can save and stop.

    A second signal ends the process.
    """

    def __init__(self):
        self.requested = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._request)

    def _request(self, number: int, frame: object) -> None:
        self.requested = True
        signal.signal(number, signal.SIG_DFL)
