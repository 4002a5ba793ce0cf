"""Killed runs, and runs on a full disk: the last checkpoint opens and can be resumed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training_runs import CPU, REPOSITORY, USUAL, usual_preset

from trm.checkpoint import load_model, read_checkpoint
from trm.training.data import Puzzles, PuzzleStream
from trm.training.folder import TrainingFolder, restore
from trm.training.presets import TrainingPreset
from trm.training.run import COMPILE_FROM_MINUTES
from trm.training.trainer import Trainer

pytestmark = pytest.mark.heavy

FULL = """
import resource, sys
from pathlib import Path
from tests_preset import preset
from trm.errors import UserError
from trm.training import run
from trm.training.folder import TrainingFolder

if __name__ == "__main__":
    run.SAVE_EVERY_SECONDS = 0
    saves = []
    save = TrainingFolder.save

    def save_until_the_disk_is_full(folder, trainer):
        saves.append(trainer.update)
        if len(saves) == 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        save(folder, trainer)

    TrainingFolder.save = save_until_the_disk_is_full
    try:
        run.train(preset, Path(sys.argv[1]), minutes=1, log=lambda line: None)
    except UserError as error:
        print(error)
"""


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, tiny_config):
    """From the fourth save on, files are limited to 5,000 bytes, which fails like a full disk."""
    preset = usual_preset(tiny_config(mixing="mlp", mixing_width=8, heads=0, positions="none"))
    write_programs(tmp_path, preset, FULL)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "run")],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True,
    )  # fmt: skip
    (output,) = done.stdout.splitlines()
    assert "cannot be written" in output and "unchanged" in output, done.stderr
    load_model(str(tmp_path / "run"), device=CPU)
    with TrainingFolder.open(tmp_path / "run", preset, resume=True) as folder:
        assert folder.read().counters["update"] == 2  # of the third save
    assert not list((tmp_path / "run").glob(".partial*"))


def write_programs(folder: Path, preset: TrainingPreset, program: str) -> None:
    """Write a program, and the module with its preset next to it."""
    source = (
        "from trm.config import ModelConfig\nfrom trm.training.presets import PuzzleSpec, TrainingPreset\n"
    )
    source += "from trm.training.schedule import DepthPhase, Schedule\n" + f"preset = {preset!r}\n"
    (folder / "tests_preset.py").write_text(source)
    (folder / "program.py").write_text(program)


PROGRAM = """
import sys
from pathlib import Path
import torch
from tests_preset import preset
from trm.training import run as training

if __name__ == "__main__":
    torch.set_num_threads(1)
    training.SAVE_EVERY_SECONDS = 0  # save after every update, so that a kill often falls into a save
    training.REPORT_EVERY_SECONDS = 0
    out, minutes, resume = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "resume"
    training.train(preset, out, minutes=minutes, resume=resume, log=lambda line: print(line, flush=True))
"""


@pytest.mark.parametrize("kills", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_killed_at_random_times(tmp_path, tiny_config, kills):
    """After each kill, the model in the folder opens, and the run can be resumed to its end."""
    preset = usual_preset(tiny_config(mixing="mlp", mixing_width=8, heads=0, positions="none"))
    write_programs(tmp_path, preset, PROGRAM)
    out, rng = tmp_path / "run", random.Random(0)

    def start(minutes: float, resume: str) -> subprocess.Popen:
        command = [sys.executable, str(tmp_path / "program.py"), str(out), str(minutes), resume]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    updates = [-1]
    for kill in range(kills):
        process = start(COMPILE_FROM_MINUTES - 1, "resume" if kill else "new")
        for line in process.stdout:  # wait until it trains
            if line.startswith("update"):
                break
        time.sleep(rng.uniform(0.1, 0.8))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, process.stderr.read()
        assert read_checkpoint(str(out)).config == preset.model
        load_model(str(out), device=CPU)
        with TrainingFolder.open(out, preset, resume=True) as folder:
            trainer = Trainer(preset, [PuzzleStream(USUAL, Puzzles(*USUAL.generate_many(1)))], CPU)
            restore(trainer, folder.read())
        assert trainer.update > updates[-1]
        updates.append(trainer.update)

    process = start((trainer.seconds + 0.5) / 60, "resume")
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert output.splitlines()[0].startswith(f"resumed at update {updates[-1]},")
    assert output.splitlines()[-1].startswith("done in ")
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["update"] >= updates[-1]
    (part,) = json.loads((out / "preset.json").read_text())["data"]
    assert part == {"puzzles": 12, "difficulty": "easy", "options": {"givens": [30, 42]}}


GENERATE = """
from trm.tasks.sudoku import Sudoku

if __name__ == "__main__":
    Sudoku().generate_many(100_000, workers=2, progress=lambda share, text: print(text, flush=True))
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads processes from /proc")
def test_a_kill_while_puzzles_are_generated_leaves_no_process(tmp_path):
    (tmp_path / "program.py").write_text(GENERATE)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.readline()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) >= 2
    process.kill()
    process.wait()
    patience = time.monotonic() + 20
    while any(map(running, children)):
        assert time.monotonic() < patience, "workers go on without their parent"
        time.sleep(0.1)


def running(process_id: str) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
