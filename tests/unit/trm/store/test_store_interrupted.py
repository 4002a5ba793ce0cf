"""Recordings that are killed, run in two processes, or are long: the stores are equal, and memory stays bounded."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from stores import same_files

from trm.checkpoint import save_model
from trm.models import new_model
from trm.store import open_store
from trm.tasks.sudoku import Sudoku

pytestmark = pytest.mark.heavy

REPOSITORY = Path(__file__).resolve().parents[4]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "tests" / "support"))),
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

# Everything is imported once; each recording is a fork that never saw a product or a store before.
START = """
import os, random, resource, shutil, signal, sys, time
from datetime import date
from pathlib import Path
import torch
from trm.checkpoint import load_model
from trm.data import PuzzleSet
from trm.store.shards import finished_shards
from trm.store.layout import StoreSettings
from trm.store.record import record_store
from trm.tasks.sudoku import Sudoku

torch.set_num_threads(1)
here = Path(sys.argv[1])
model, task = load_model(str(here / "model"), device=torch.device("cpu")), Sudoku(2, 2)

def forked(out, puzzles, settings):
    child = os.fork()
    if not child:
        record_store(model, task, puzzles, out, settings, recorded=date(2026, 1, 2), log=str)
        print(out.name, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
        os._exit(0)
    return child

def puzzles_of(count):
    return PuzzleSet.of("made", task, *task.generate_many(count, givens=(6, 10), seed=1))
"""

KILLS = (
    START
    + """
puzzles, settings = puzzles_of(240), StoreSettings(calls="all", batch=4, shard=8)
assert os.waitpid(forked(here / "unbroken", puzzles, settings), 0)[1] == 0
rng = random.Random(int(sys.argv[2]))
for shards in map(int, sys.argv[3:]):
    child = forked(here / "killed", puzzles, settings)
    while len(finished_shards(here / "killed")) < shards:
        time.sleep(0.001)
    time.sleep(rng.uniform(0, 0.06))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    there = finished_shards(here / "killed")
    print("killed at", len(there), flush=True)
    if there and not (here / f"at_{len(there)}").exists():
        shutil.copytree(here / "killed", here / f"at_{len(there)}")
assert os.waitpid(forked(here / "killed", puzzles, settings), 0)[1] == 0
"""
)


@pytest.fixture
def saved(tmp_path, tiny_config):
    """Saves a tiny model as `model` in the folder of the test."""

    def make(**changes) -> Path:
        model = new_model(tiny_config(**changes))
        model.initialise(0)
        save_model(tmp_path / "model", model.config, model.state_dict())
        return tmp_path

    return make


def ran(program: str, *arguments: object) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "shards", [(1, 9), pytest.param((0, 0, 1, 3, 5, 7, 9, 12, 15, 18), marks=pytest.mark.slow)], ids=str
)
def test_killed_at_random_times(saved, shards):
    """What is finished after a kill can be read and is right; resumed to the end, every file is as if unbroken."""
    here = saved(mixing="mlp", mixing_width=8, heads=0, positions="none")
    said = ran(KILLS, here, random.randrange(1 << 30), *shards)
    at = [int(line.removeprefix("killed at ")) for line in said if line.startswith("killed at ")]
    assert len(at) == len(shards) and at == sorted(at) and at[-1] < 30, at
    whole = open_store(here / "unbroken")
    for folder in here.glob("at_*"):
        store = open_store(folder)
        assert store.count == 8 * int(folder.name.removeprefix("at_")) and not store.complete
        assert np.array_equal(store.states("z"), whole.states("z", store.puzzles))
        assert np.array_equal(store.top_logits().logits, whole.top_logits(store.puzzles).logits)
        assert np.array_equal(store.inputs(), whole.inputs(store.puzzles))
    assert open_store(here / "killed").complete
    assert same_files(here / "unbroken", here / "killed")


LONG = (
    START
    + """
settings = StoreSettings(calls="all", dtype="float32", batch=50, shard=50)
for count in (50, 500):
    assert os.waitpid(forked(here / str(count), puzzles_of(count), settings), 0)[1] == 0
"""
)


def test_memory_does_not_grow_with_the_number_of_puzzles(saved):
    """The store of 500 puzzles has 52 MB, ten times that of 50."""
    here = saved(hidden_size=32, heads=2, n=6)
    short, long = (int(line.split()[1]) for line in ran(LONG, here))
    assert sum(path.stat().st_size for path in here.glob("500/shards/*/*.npy")) > 50e6
    assert long < 1.1 * short, (short, long)


TOGETHER = """
import os, sys
import torch, trm.checkpoint, trm.store.record
from trm.cli.main import main

processes = []
for out, rank, size in (("two", "0", "2"), ("two", "1", "2"), ("one", "0", "1")):
    processes.append(os.fork())
    if not processes[-1]:
        os.environ |= {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size}
        said = os.open(f"{out}{rank}.txt", os.O_CREAT | os.O_WRONLY)
        os.dup2(said, 1), os.dup2(said, 2)
        main(["trace", *sys.argv[1:], "--out", out])
        sys.exit()
assert [os.waitpid(process, 0)[1] for process in processes] == [0, 0, 0]
"""


def test_two_processes_record_as_one(saved, monkeypatch):
    """As `torchrun` starts them. Both may make the store; together they write what one alone does."""
    here = saved()
    inputs, _ = Sudoku(2, 2).generate_many(36, givens=(6, 10), seed=2)
    (here / "puzzles.txt").write_text("".join(Sudoku(2, 2).format(puzzle) + "\n" for puzzle in inputs))
    monkeypatch.chdir(here)
    ran(TOGETHER, "--model", "model", "--data", "puzzles.txt", "--json", "--batch", 2, "--shard", 4)
    assert (here / "two0.txt").read_text() and not (
        here / "two1.txt"
    ).read_text()  # only the first one speaks
    store = open_store(here / "two")
    assert store.complete and store.count == 36
    assert same_files(here / "one", here / "two")
