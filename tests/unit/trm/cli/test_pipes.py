"""A pipe in place of a file: every command refuses it in one line or ignores it, and never waits for it."""

import os
import shutil
import signal

import numpy as np
import pytest

from probes.cli.main import main as probes_main
from trm.checkpoint import load_model, save_model
from trm.data import PuzzleSet, write_official
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
PUZZLE = "12..34....21..43"
PATIENCE = 60  # seconds


@pytest.fixture(autouse=True)
def _not_for_ever():
    """A command that waits for the pipe fails its test."""

    def fail(number, frame):
        raise AssertionError("it waits for the pipe")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def place(tmp_path, tiny_model):
    """A folder with a model of 4x4 Sudoku, a puzzle set, and a pipe that nothing comes out of."""
    made = tiny_model()
    save_model(tmp_path / "model", made.config, made.state_dict())
    inputs, labels = SMALL.generate_many(3, seed=1)
    write_official(PuzzleSet.of("set", SMALL, inputs, labels), tmp_path / "set", SMALL)
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


SOLVE = "solve --model model --puzzle"
COMMANDS = [
    "eval --model model --data pipe",
    "trace --model model --data pipe --out store",
    "data convert sudoku --size 4 --data pipe --out made",
    "forward --model model --inputs pipe --out out.npz",
    "export --trace pipe --png out.png",
    f"export --model model --puzzle {PUZZLE} --compare-with pipe --html out.html",
    f"export --model model --puzzle {PUZZLE} --png pipe",
    f"{SOLVE} {PUZZLE} --puzzle-id name --identifiers pipe",
    f"{SOLVE} pipe",
    "inspect pipe",
    "train --preset sudoku-trm --out pipe",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(refused, place, monkeypatch, command):
    monkeypatch.chdir(place)
    refused(*command.split())


@pytest.mark.parametrize(
    "command",
    [
        f"apply --model model --puzzle {PUZZLE} --probe pipe",
        "use --model model --data set --probe pipe",
        f"intervene --model model --puzzle {PUZZLE} --steer pipe",
    ],
)
def test_commands_of_probes(place, monkeypatch, capsys, command):
    monkeypatch.chdir(place)
    with pytest.raises(SystemExit) as end:
        probes_main(command.split())
    assert end.value.code == 2 and capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", ["all__inputs.npy", "all__puzzle_indices.npy", "dataset.json"])
def test_in_a_data_set(refused, place, name):
    (place / "set" / "test" / name).unlink()
    shutil.move(place / "pipe", place / "set" / "test" / name)
    refused("eval", "--model", place / "model", "--data", place / "set")


@pytest.mark.parametrize("name", ["all_config.yaml", "dataset.json", "config.json", "hparams.yaml"])
def test_beside_weights(place, public_checkpoint, name):
    """They are opened all the same, without it."""
    path = public_checkpoint().save(place / "public", with_yaml=False)
    (path.parent / name).unlink(missing_ok=True)
    shutil.move(place / "pipe", path.parent / name)
    assert load_model(str(path)).config.hidden_size == 16


def test_in_a_run(refused, place):
    (place / "run").mkdir()
    shutil.move(place / "pipe", place / "run" / "log.jsonl")
    line = refused("train", "--preset", "sudoku-trm", "--updates", 1, "--out", place / "run")
    assert "log.jsonl is not a regular file" in line


def test_a_device_that_never_ends(refused, place):
    line = refused("eval", "--model", place / "model", "--data", "/dev/zero")
    assert line.count("/dev/zero is a pipe or a device. Write its output to a file") == 1
    np.savez(place / "in.npz", inputs=np.ones((1, 16), int))
    refused("forward", "--model", place / "model", "--inputs", "/dev/zero", "--out", place / "out.npz")
