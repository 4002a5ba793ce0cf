"""Training in several processes: the same puzzles, the same losses, one writer."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trm.config import HALT_OR_CONTINUE, ModelConfig
from trm.errors import UserError
from trm.tasks.sudoku import Sudoku
from trm.training.data import Puzzles, PuzzleStream
from trm.training.folder import TrainingFolder, restore
from trm.training.parallel import Replica
from trm.training.presets import TrainingPreset
from trm.training.run import can_compile
from trm.training.schedule import DepthPhase, GivenPhase, Schedule
from trm.training.trainer import Trainer

pytestmark = pytest.mark.heavy

REPOSITORY = Path(__file__).resolve().parents[4]
CPU = torch.device("cpu")
UPDATES = 6
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "tests" / "support"))),
    "OMP_NUM_THREADS": "1",
}
PRESET = TrainingPreset(
    name="small",
    model=ModelConfig(
        task="sudoku", vocab_size=6, sequence_length=16, hidden_size=16, layers=2, mlp_width=12, mixing="mlp",
        mixing_width=20, heads=0, positions="none", prefix_length=1, puzzle_ids=0, puzzle_embedding_size=0,
        n=2, T=2, N_sup=3,
    ),
    schedule=Schedule(
        depth=(DepthPhase(1.0, n=2, T=2),), learning_rate=5e-3, warm_up=2, reveal=0.5, reveal_until=1.0
    ),
    minutes=1.0,
    batch=8,
    explore=0.5,
)  # fmt: skip


def trainer(replica: Replica | None = None, preset: TrainingPreset = PRESET) -> Trainer:
    """A trainer in float32, where the order of sums hardly matters."""
    puzzles = Puzzles(*Sudoku(2, 2).generate_many(40, givens=(6, 10), seed=3))
    made = Trainer(preset, [PuzzleStream(Sudoku(2, 2), puzzles)], CPU, replica)
    made.model.compute_dtype = torch.float32
    return made


PROGRAM = """
import json, os, sys
from pathlib import Path
import torch
from tests.unit.trm.training.test_parallel import CPU, PRESET, UPDATES, trainer
from trm.training.folder import TrainingFolder
from trm.training.parallel import Replica

torch.set_num_threads(1)
torch.optim.SGD([torch.zeros(1)])  # imports what any optimizer does
other = None
if "RANK" not in os.environ:  # without `torchrun`: the second process is a fork, which need not import torch again
    other = os.fork()
    os.environ |= {"RANK": "0" if other else "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
replica = Replica.of_this_process(CPU)
made = trainer(replica)
figures = [made.one_update(update / UPDATES) for update in range(UPDATES)]
with TrainingFolder.open(Path(sys.argv[1]), PRESET, resume=False, writes=replica.leads) as folder:
    folder.save(made)
if replica.leads:
    Path(sys.argv[1], "figures.json").write_text(json.dumps(figures))
replica.wait()
if other:
    assert os.waitpid(other, 0)[1] == 0
"""
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.fixture(
    scope="module", params=[(), pytest.param(TORCHRUN, marks=pytest.mark.slow)], ids=["fork", "torchrun"]
)
def two_processes(request, tmp_path_factory) -> Path:
    """The folder written by two processes."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "program.py").write_text(PROGRAM)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    done = subprocess.run(
        [sys.executable, *request.param, str(folder / "program.py"), str(folder / "run")],
        env=ENVIRONMENT | {"MASTER_PORT": port}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "run"


def test_two_processes_train_like_one_with_the_whole_batch(two_processes):
    """Two processes with 4 puzzles each and one with 8 have the same losses, summed in another order."""
    theirs = json.loads((two_processes / "figures.json").read_text())
    alone = trainer()
    for update, figures in enumerate(theirs):
        ours = alone.one_update(update / UPDATES)
        assert figures.keys() == ours.keys()
        for name, value in ours.items():
            assert figures[name] == pytest.approx(value, abs=1e-4), (update, name)
    assert len({figures["loss"] for figures in theirs}) == UPDATES


def test_a_run_of_two_processes_resumes_in_one(two_processes):
    """The file has the whole carry, so a single process resumes as if it had trained alone from the start."""
    alone = trainer()
    for update in range(UPDATES):
        alone.one_update(update / UPDATES)
    resumed = trainer()
    with TrainingFolder.open(two_processes, PRESET, resume=True) as folder:
        restore(resumed, folder.read())
    assert torch.equal(resumed.carry.inputs, alone.carry.inputs)
    assert torch.equal(resumed.carry.steps, alone.carry.steps)
    assert resumed.one_update(1.0)["loss"] == pytest.approx(alone.one_update(1.0)["loss"], abs=1e-3)


COMPILED = """
import json
from dataclasses import replace
from tests.unit.trm.training.test_parallel import PRESET, trainer
from trm.training.schedule import DepthPhase

preset = replace(PRESET, model=replace(PRESET.model, layers=1, n=1, T=1))
preset = replace(preset, schedule=replace(PRESET.schedule, depth=(DepthPhase(1.0, n=1, T=1),)))
eager, compiled = trainer(preset=preset), trainer(preset=preset)
compiled.compile()
assert compiled.model.state_dict().keys() == eager.model.state_dict().keys()
print(json.dumps([[made.one_update(u / 3)["loss"] for made in (compiled, eager)] for u in range(3)]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not can_compile(CPU), reason="torch compiles with a C++ compiler")
def test_compiled_blocks_train_equally():
    """In a separate process, since the shape checks of these tests cannot be compiled."""
    done = subprocess.run([sys.executable, "-c", COMPILED], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    for ours, usual in json.loads(done.stdout):
        assert ours == pytest.approx(usual, abs=1e-4)


def test_a_batch_that_is_not_divisible():
    with pytest.raises(UserError, match="batch of 8 cannot be divided among 3 processes"):
        trainer(Replica(0, 3))


def test_rows_of_a_replica():
    assert [Replica(rank, 4).rows(8) for rank in range(4)] == [
        slice(0, 2), slice(2, 4), slice(4, 6), slice(6, 8)
    ]  # fmt: skip
    assert Replica().rows(8) == slice(0, 8) and Replica().leads and not Replica(1, 2).leads


def test_a_single_process_exchanges_nothing():
    value = torch.tensor([1.0, 2.0])
    assert Replica().gathered(value) is value and Replica().averaged(value) is value
    assert Replica().agree(3.5) == 3.5


WITH_CONTINUE = {"continue_loss": True, "model": replace(PRESET.model, halting=HALT_OR_CONTINUE)}


@pytest.mark.parametrize("changes", [{"ema": None}, {"optimizer": "adam-atan2"}, {"cell_loss": "stablemax"},
                                     {"schedule": replace(PRESET.schedule, givens=(GivenPhase(1.0, 0.0),))}, WITH_CONTINUE, {"gradient_calls": 2}])  # fmt: skip
def test_all_variants_learn(changes):
    made = trainer(preset=replace(PRESET, **changes))
    losses = [made.one_update(update / 60)["loss"] for update in range(60)]
    assert sum(losses[-10:]) < sum(losses[:10])
