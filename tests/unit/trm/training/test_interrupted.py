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


# Everything is imported once; each training is a fork that never trained before.
PROGRAM = """
import os, sys
from pathlib import Path
import torch
from tests_preset import preset
from trm.training import run as training

torch.set_num_threads(1)
torch.optim.SGD([torch.zeros(1)])  # imports what any optimizer does
training.SAVE_EVERY_SECONDS = 0  # save after every update, so that a kill often falls into a save
training.REPORT_EVERY_SECONDS = 0

def say(*words):
    print(*words, flush=True)

for line in sys.stdin:
    minutes, resume = line.split()
    process = os.fork()
    if not process:
        say("process", os.getpid())
        training.train(preset, Path(sys.argv[1]), minutes=float(minutes), resume=resume == "resume", log=say)
        os._exit(0)
    say("ended", os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""


@pytest.mark.parametrize("kills", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_killed_at_random_times(tmp_path, tiny_config, kills):
    """After each kill, the model in the folder opens, and the run can be resumed to its end."""
    preset = usual_preset(tiny_config(mixing="mlp", mixing_width=8, heads=0, positions="none"))
    write_programs(tmp_path, preset, PROGRAM)
    out, rng = tmp_path / "run", random.Random(0)

    program = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py"), str(out)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def start(minutes: float, resume: str) -> int:
        """Begins a training; returns the process id."""
        program.stdin.write(f"{minutes} {resume}\n")
        program.stdin.flush()
        return int(program.stdout.readline().removeprefix("process "))

    updates = [-1]
    for kill in range(kills):
        process = start(COMPILE_FROM_MINUTES - 1, "resume" if kill else "new")
        said = iter(program.stdout.readline, "")
        trains = next(line for line in said if line.startswith(("update", "ended")))
        assert trains.startswith("update"), trains
        time.sleep(rng.uniform(0.1, 0.8))
        os.kill(process, signal.SIGKILL)
        assert next(line for line in said if line.startswith("ended")) == f"ended {-signal.SIGKILL}\n"
        assert read_checkpoint(str(out)).config == preset.model
        load_model(str(out), device=CPU)
        with TrainingFolder.open(out, preset, resume=True) as folder:
            trainer = Trainer(preset, [PuzzleStream(USUAL, Puzzles(*USUAL.generate_many(1)))], CPU)
            restore(trainer, folder.read())
        assert trainer.update > updates[-1]
        updates.append(trainer.update)

    start((trainer.seconds + 0.5) / 60, "resume")
    output, _ = program.communicate()
    first, *_, last, ended = output.splitlines()
    assert (program.returncode, ended) == (0, "ended 0")
    assert first.startswith(f"resumed at update {updates[-1]},") and last.startswith("done in ")
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
