"""`trm train --minutes`: updates and evaluations keep to the time, and the log says what is not part of it."""

import json
import time
from dataclasses import replace

import pytest
from training_runs import usual_preset

from trm.cli import main
from trm.evaluate import exact_by_step
from trm.training.data import generated_puzzles
from trm.training.run import train
from trm.training.trainer import Trainer

pytestmark = pytest.mark.heavy

UPDATE, EVALUATION, PUZZLES = 1.6, 0.15, 60.0  # seconds per update, per evaluated puzzle, and for all puzzles


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only while puzzles are generated, and with every update and evaluation."""
    now = [0.0]

    def taking(seconds, work):
        def slow(*arguments, **options):
            result = work(*arguments, **options)
            now[0] += seconds(*arguments)
            return result

        return slow

    monkeypatch.setattr(Trainer, "one_update", taking(lambda *_: UPDATE, Trainer.one_update))
    monkeypatch.setattr(
        "trm.training.held_out.exact_by_step",
        taking(lambda model, puzzles, ids: EVALUATION * len(puzzles), exact_by_step),
    )
    monkeypatch.setattr("trm.training.run.generated_puzzles", taking(lambda *_: PUZZLES, generated_puzzles))
    monkeypatch.setattr("trm.training.run.can_compile", lambda device: False)
    return lambda: now[0]


@pytest.mark.parametrize(
    ("minutes", "evaluated"), [(0.1, set()), pytest.param(2.1, {31}, marks=pytest.mark.slow), (4.0, {32})]
)
def test_a_run_keeps_to_its_minutes(tmp_path, tiny_config, clock, minutes, evaluated):
    """An evaluation of all 32 held-out puzzles takes 4.8 s here. Shorter runs evaluate fewer of them, or none."""
    config = tiny_config(hidden_size=8, heads=1, mlp_width=8, N_sup=2)
    preset = replace(usual_preset(config), held_out=32, batch=16)
    said = []
    train(preset, tmp_path / "run", minutes=minutes, log=said.append, clock=clock)
    spent = (clock() - PUZZLES) / 60
    assert minutes <= spent <= 1.1 * minutes + UPDATE / 60
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {line["held_out"] for line in log if "held_out" in line} == evaluated
    assert said[0] == "generating 44 puzzles of 81 cells once, which does not count as training time"
    assert said[-1].startswith(f"done in {spent + 1:.1f} minutes: ") and "1.0 for puzzles" in said[-1]


def test_a_short_run_of_a_small_preset_ends_in_time(tmp_path, tiny_config, monkeypatch, capsys):
    monkeypatch.setattr("trm.cli.train.get_preset", lambda name: usual_preset(tiny_config()))
    began = time.monotonic()
    main(["train", "--preset", "x", "--minutes", "0.05", "--out", str(tmp_path / "run")])
    assert 3.0 <= time.monotonic() - began < 10.0
    assert "done in 0.1 minutes" in capsys.readouterr().err
