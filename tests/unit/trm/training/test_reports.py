"""What a training run reports, and when: lines of progress, its time, its evaluations, and when it saves."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock, Mock

import pytest
import torch
from training_runs import CPU, SMALL, usual_preset

from trm.training import held_out, run
from trm.training.data import Puzzles, PuzzleStream
from trm.training.folder import TrainingFolder
from trm.training.held_out import Evaluation, evaluate_held_out, table
from trm.training.parallel import Replica
from trm.training.run import Stopwatch, progress_line, train, training_machine
from trm.training.trainer import Trainer

FIGURES = {"loss": 0.5, "cells": 0.75, "exact_in_flight": 0.125}


@pytest.mark.parametrize(
    "seconds, updates, left",
    [(90.0, None, "2.5"), (90.0, 40, "0.5"), (300.0, None, "0.0"), (234.0, None, "0.1")],
)
def test_a_line_of_progress_tells_the_time_left(tiny_config, seconds, updates, left):
    preset = replace(usual_preset(tiny_config()), minutes=4.0, updates=updates)
    trainer = Mock(spec=Trainer, completed=0.25, update=30, seconds=seconds, preset=preset)
    assert progress_line(trainer, FIGURES) == (
        f"update     30  loss 0.5000  cells 0.750  exact 0.125  T=1 n=1  {left} minutes left"
    )


def test_a_stopwatch_adds_up_each_activity_and_names_those_of_three_seconds_or_more():
    now = [100.0]
    watch = Stopwatch(lambda: now[0])
    for activity, seconds in (
        ("for updates", 120),
        ("for puzzles", 3),
        ("for compiling", 2.9),
        ("for updates", 60),
    ):
        now[0] += 10
        with watch.on(activity):
            now[0] += seconds
    assert watch.latest["for updates"] == 60 and watch.seconds["for updates"] == 180
    now[0] = 400.0
    assert watch.total() == "5.0 minutes: 3.0 for updates, 0.1 for puzzles"
    assert Stopwatch(lambda: 7.0).total() == "0.0 minutes: all of it short"


@pytest.mark.parametrize("threads, says", [(1, "1 thread of a chip"), (2, "2 threads of a chip")])
def test_the_machine_is_named_with_its_threads(monkeypatch, threads, says):
    monkeypatch.setattr(run, "cpu_name", lambda: "a chip")
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert training_machine(CPU) == f"{says}, without a GPU"


def test_a_table_has_a_row_for_each_evaluation_and_the_steps_that_there_are():
    early, late = Evaluation(2.54, 30, [0.25, 0.3, 0.4, 0.5]), Evaluation(5.0, 60, [0.5, 0.6, 0.7, 1.0])
    assert [line.split() for line in table([early, late]).splitlines()] == [
        ["minutes", "updates", "exact@1", "exact@4"],
        ["2.5", "30", "0.250", "0.500"],
        ["5.0", "60", "0.500", "1.000"],
    ]
    assert table([Evaluation(1.0, 2, [0.0] * 15 + [0.9])]).split()[-3:] == ["0.000", "0.000", "0.900"]


@pytest.mark.parametrize(
    "update_seconds, count, evaluated", [(0.4, 20, 16), (0.43, 20, None), (0.43, 10, 10), (0.1, 20, 20)]
)
def test_an_evaluation_takes_a_twentieth_of_the_time(
    tiny_config, monkeypatch, update_seconds, count, evaluated
):
    """A call of an update of 4 puzzles with 2 calls takes an eighth of it; an evaluation makes 3 x 6 calls for a puzzle.

    With 0.4 s for an update, that is 0.9 s for a puzzle, and 5 minutes leave 15 s.
    """
    logged, said = [], []
    preset = replace(usual_preset(tiny_config(N_sup=3)), minutes=5.0)
    trainer = Mock(
        spec=Trainer, preset=preset, completed=0.75, progress=0.25, seconds=150.0, update=30, replica=Replica(),
        cells_at=lambda progress: 81, model=SimpleNamespace(compute_dtype=torch.float32),
        averaged_model=lambda cells: SimpleNamespace(),
    )  # fmt: skip
    monkeypatch.setattr(
        held_out, "exact_by_step", lambda model, puzzles, ids, depth: [0.25, len(puzzles) / 64]
    )
    folder = Mock(spec=TrainingFolder)
    folder.log.side_effect = lambda trainer, figures: logged.append(figures)
    found = evaluate_held_out(trainer, {81: some(count)}, folder, said.append, update_seconds=update_seconds)
    if not evaluated:
        assert found is None and not logged and not said
        return
    assert found == (2.5, 30, [0.25, evaluated / 64])
    assert (logged[0]["held_out"], logged[0]["n"], logged[0]["T"]) == (evaluated, 2, 2)
    of = "" if evaluated == count else " of 16 puzzles"
    assert said == [f"held out: exact {evaluated / 64:.3f}{of} after 2 steps, 0.250 after 1"]


def some(count: int) -> Puzzles:
    """A stand-in for `count` held-out puzzles."""
    puzzles = MagicMock(spec=Puzzles, puzzle_ids=None)
    puzzles.__len__.return_value = count
    puzzles.first.side_effect = some
    return puzzles


class Folder(TrainingFolder):
    """A folder that notes what is written to it, and when."""

    def __init__(self, now: list[float], seconds: float):
        self.now, self.seconds, self.lines, self.saved, self.snapshots = now, seconds, [], [], []

    def open(self, *_, **__) -> "Folder":
        return self

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_) -> None:
        pass

    def read(self) -> float:
        return self.seconds

    def resume(self, trainer, saved: float) -> None:
        trainer.seconds = saved

    def log(self, trainer, figures: dict) -> None:
        self.lines.append((self.now[0], figures))

    def save(self, trainer) -> None:
        self.saved.append(self.now[0])

    def save_snapshot(self, trainer, progress: float) -> None:
        self.snapshots.append((trainer.completed, progress))


class Updates(Trainer):
    """A trainer whose updates take ten seconds; the first loss is 2, and all others are 4."""

    def __init__(self, now: list[float], preset):
        self.now, self.preset, self.replica = now, preset, Replica()
        self.seconds, self.update, self.compiled = 0.0, 0, False

    @property
    def completed(self) -> float:
        return self.seconds / (60 * self.preset.minutes)

    def compile(self) -> None:
        self.compiled = True

    def compiles_at(self, progress: float) -> bool:
        return self.compiled and self.update == 0

    def one_update(self, progress: float) -> dict[str, float]:
        self.update += 1
        self.now[0] += 10.0
        return FIGURES | {"loss": 2.0 * min(self.update, 2)}


@pytest.fixture
def trained(monkeypatch, tiny_config):
    """Trains for some minutes on a clock, with evaluations of two seconds; returns the trainer, the folder and what was said."""

    def of(minutes: float, resumed_at: float = 0.0, **changes):
        now, said, evaluated = [1000.0], [], []
        preset = replace(usual_preset(tiny_config()), minutes=minutes, **changes)
        trainer, folder = Updates(now, preset), Folder(now, resumed_at)

        def evaluate(trainer, puzzles, folder, log, *, update_seconds):
            evaluated.append((now[0] - 1000, update_seconds))
            now[0] += 2.0

        monkeypatch.setattr(run, "Trainer", lambda *_: trainer)
        monkeypatch.setattr(run, "TrainingFolder", folder)
        monkeypatch.setattr(run, "evaluate_held_out", evaluate)
        monkeypatch.setattr(
            run, "generated_puzzles", lambda *_: (Mock(spec=PuzzleStream, task=SMALL), some(4))
        )
        monkeypatch.setattr(run, "can_compile", lambda device: True)
        monkeypatch.setattr(run.signal, "signal", lambda *_: None)
        train(preset, Path("run"), log=said.append, clock=lambda: now[0], resume=bool(resumed_at))
        return trainer, folder, said, evaluated

    return of


def test_a_run_reports_saves_and_evaluates_after_more_than_ten_sixty_and_forty_seconds(trained):
    """Evaluations may take 5% of the four minutes: each takes 2 s, so there is one every 40 s, the first after 20 s."""
    trainer, folder, said, evaluated = trained(4.0, snapshots=(0.125, 0.5))
    reports = [(at - 1000, figures["loss"]) for at, figures in folder.lines if "loss" in figures]
    assert [at for at, _ in reports[:4]] == [20, 42, 62, 84]
    assert reports[0][1] == pytest.approx(0.95 * 2 + 0.05 * 4)
    assert evaluated[:3] == [(30, 10), (72, 10), (114, 10)]
    assert [at - 1000 for at in folder.saved[:4]] == [0, 62, 126, 188]
    assert folder.snapshots[0] == (30 / 240, 0.125)
    assert trainer.seconds >= 240 > trainer.seconds - 12
    assert said[-1].startswith(
        f"done in {(folder.saved[-1] - 1000) / 60:.1f} minutes: 3.8 for updates, 0.2 for"
    )


@pytest.mark.parametrize("minutes, compiles", [(5.0, True), (4.9, False), (12.0, True)])
def test_only_a_run_of_five_minutes_compiles_and_that_takes_none_of_its_time(trained, minutes, compiles):
    trainer, folder, said, evaluated = trained(minutes)
    assert trainer.compiled == compiles == said[0].startswith("compiling the blocks once")
    assert said[compiles].startswith("training usual with seed 0 on cpu, activations in ")
    assert ("0.2 for compiling" in said[-1]) == compiles
    if minutes == 12.0:
        assert evaluated[0] == (80, 10)  # after 70 s of training, more than a twelfth
        assert folder.saved[:2] == [1000, 1070]


def test_a_resumed_run_goes_on_with_the_time_that_it_had(trained):
    """15 updates and three evaluations fit into what four minutes leave after 90 s; a fourth comes at the end."""
    trainer, folder, said, evaluated = trained(4.0, resumed_at=90.0)
    assert said[0] == "resumed at update 0, after 1.5 minutes, of 4 minutes"
    assert [at for at, _ in evaluated] == [30, 72, 114, 156]
    assert (trainer.update, trainer.seconds) == (15, 246)
    assert folder.saved[0] > 1000  # what is there already is not saved again
