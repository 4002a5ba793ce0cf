"""Recording a trace store: interrupted and resumed, refused, onto a full disk, beside another process."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from stores import DAY, SETTINGS, SMALL, same_files

from trm.data import PuzzleSet
from trm.errors import PuzzleError, StoreError, UserError
from trm.files import OutputError
from trm.store import open_store
from trm.store.folder import StoreFolder, finished_shards, needed_bytes
from trm.store.gather import Joiner
from trm.store.layout import Layout
from trm.store.record import Worker, readable_bytes, record_store
from trm.tasks.sudoku import Sudoku


def stop_after(done: int):
    """A progress that is interrupted, as by Ctrl-C, after so many puzzles."""

    def count(now: int, total: int) -> None:
        if now >= done:
            raise KeyboardInterrupt

    return count


def test_an_interrupted_recording_resumes(recorded, tmp_path):
    said = []
    with pytest.raises(KeyboardInterrupt):
        recorded(progress=stop_after(7), log=said.append, batch=2)
    assert said[-1] == "stopped with 1 of 3 shards complete; run the same command to resume"
    store = open_store(tmp_path / "store")
    assert store.count == 4 and not store.complete and store.states("y").shape[0] == 4
    assert not list(tmp_path.glob("store/*/c.1.*"))  # dropped
    recorded(log=said.append, batch=2)
    assert "resuming: 1 of 3 shards are complete." in said
    assert same_files(tmp_path / "store", recorded("unbroken", batch=2))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("store/**/*")}
    said.clear()
    recorded(log=said.append, batch=2)
    assert said == [f"{tmp_path / 'store'} is already complete, with 10 puzzles."]
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.glob("store/**/*")}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_parts_of_a_batch_run_in_parallel(recorded, dtype):
    """On two cores half a batch each: the store is that of one core, but for the last bits of sums."""
    alone = open_store(recorded("alone", dtype=dtype))
    torch.set_num_threads(2)
    try:
        together = recorded("together", dtype=dtype)
        assert same_files(together, recorded("again", dtype=dtype))
    finally:
        torch.set_num_threads(1)
    found, near = open_store(together), {"float32": 1e-5, "bfloat16": 0.02}[dtype]
    for name in ("y", "z"):
        assert np.allclose(found.states(name), alone.states(name), atol=near)
    assert np.allclose(found.halting().q_halt, alone.halting().q_halt, atol=1e-5)
    assert np.array_equal(found.inputs(), alone.inputs())


@pytest.mark.parametrize("parts", [1, 3])
def test_blocks_of_parts_are_joined(parts):
    put = []
    joiner = Joiner(parts, lambda name, calls, block: put.append((name, calls, block.tolist())))
    for number in reversed(range(parts)):
        joiner.part(number)("y", range(2), torch.tensor([[number, 5]]))
        assert len(put) == (number == 0)
        joiner.part(number)("y", range(2, 3), torch.tensor([[number]]))
    whole = [[number] for number in range(parts)]
    assert put == [("y", range(2), [[number, 5] for number in range(parts)]), ("y", range(2, 3), whole)]
    assert not joiner.waiting


def test_a_gap_is_not_visible(recorded, model, puzzles, tmp_path):
    """The second of two processes alone: puzzles 4 to 7 are there, and know their numbers."""
    result = record_store(
        model, SMALL, puzzles, tmp_path / "half", SETTINGS, worker=Worker(1, 2), recorded=DAY, log=str
    )
    assert (result["recorded"], result["count"], result["complete"]) == (4, 4, False)
    store = open_store(tmp_path / "half")
    assert store.puzzles.tolist() == [4, 5, 6, 7] and np.array_equal(store.inputs(), puzzles.inputs[4:8])
    whole = open_store(recorded())
    assert np.array_equal(store.states("z", [2]), whole.states("z", [6]))
    record_store(
        model, SMALL, puzzles, tmp_path / "half", SETTINGS, worker=Worker(0, 2), recorded=DAY, log=str
    )
    assert same_files(tmp_path / "half", tmp_path / "store")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"calls": "last"}, "recorded with calls 'all', but now it is 'last'"),
        ({"dtype": "float16"}, "dtype 'float32', but now it is 'float16'"),
        ({"batch": 2}, "batch 4, but now it is 2"),
        ({"shard": 5}, "shard 4, but now it is 5"),
        ({"states": "z"}, "states 'y,z', but now it is 'z'"),
    ],
)
def test_other_settings_are_refused(recorded, changes, words):
    recorded()
    with pytest.raises(StoreError, match=words):
        recorded(**changes)


def test_another_model_or_set_is_refused(recorded, tiny_model, puzzles, tmp_path):
    recorded()
    other = tiny_model(n=2, T=2, N_sup=2)
    other.fingerprint = "1" * 16
    with pytest.raises(StoreError, match="fingerprint '0000000000000000', but now it is '1111111111111111'"):
        recorded(model=other)
    with pytest.raises(StoreError, match=r"config\.N_sup 2, but now it is 3"):
        recorded(model=tiny_model(n=2, T=2, N_sup=3))
    with pytest.raises(StoreError, match=r"data\.puzzles 10, but now it is 9"):
        recorded(puzzles=puzzles.take(np.arange(9)))
    with pytest.raises(StoreError, match=r"data\.sha256"):
        recorded(puzzles=puzzles.take(np.arange(10)[::-1]))
    recorded(model=other, force=True)
    assert open_store(tmp_path / "store").manifest["fingerprint"] == "1" * 16
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_foreign_folder_is_left_alone(recorded, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/notes.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(StoreError, match="exists and is not a trace store"):
            recorded(force=force)
    assert [path.name for path in tmp_path.rglob("*")] == ["store", "notes.txt"]
    (tmp_path / "store/notes.txt").unlink()
    recorded()  # an empty one is taken


def test_a_full_disk_is_reported_before_the_start(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr("trm.store.record.free_bytes", lambda path: 1000)
    with pytest.raises(OutputError, match=r"store needs \d+\.\d kB, but its disk has 1\.0 kB left"):
        recorded()
    assert not list(tmp_path.iterdir())


def test_the_estimate_is_what_is_written(recorded, monkeypatch):
    said = []
    folder = recorded(log=said.append)
    layout = Layout.of(open_store(folder).manifest)
    blocks = sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*"))
    assert needed_bytes(layout, 3) == pytest.approx(blocks, rel=0.15)
    assert said[0].startswith(f"10 puzzles, shards of 4: {readable_bytes(needed_bytes(layout, 3))} to write")


def test_a_disk_that_fills_up_while_recording(recorded, tmp_path, monkeypatch):
    write, left = StoreFolder.write, iter(range(12))

    def until_full(folder, *arguments):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        write(folder, *arguments)

    monkeypatch.setattr(StoreFolder, "write", until_full)
    with pytest.raises(
        OutputError, match=r"No space left on device\. Free some space, then run the same command to resume"
    ):
        recorded()
    assert finished_shards(tmp_path / "store") == [0]
    monkeypatch.undo()
    assert same_files(recorded(), recorded("unbroken"))


HOLD = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX, 1, 1)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_shard_that_another_process_writes_is_left_to_it(recorded, model, puzzles, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        recorded(progress=stop_after(1))
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "store/.lock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout.readline() == "held\n"
    recorded()
    assert finished_shards(tmp_path / "store") == [0, 2]
    with pytest.raises(StoreError, match="Another process is recording"):
        recorded(force=True)
    other.communicate("")
    recorded()
    assert open_store(tmp_path / "store").complete


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"states": "x"}, "'x' is not a choice of states"),
        ({"calls": "1.2"}, "'1.2' is not a call"),
        (
            {"calls": "1.1.4"},
            "There is no call 1.1.4: the run has 2 supervision steps of 2 cycles of 3 calls",
        ),
        ({"calls": "1.1.1"}, "y changes only at f_H calls"),
        ({"positions": "r5c1"}, "There is no cell r5c1: the grid is 4x4"),
        ({"positions": "cell"}, "'cell' is not a position"),
        ({"logits": "top0"}, "'top0' is not a choice"),
        ({"dtype": "int8"}, "no dtype 'int8'"),
        ({"batch": 5}, "batch of 5 puzzles is larger than a shard of 4"),
        ({"batch": 0}, "Batches of 0 and shards of 4 puzzles are not possible"),
    ],
)
def test_invalid_settings(recorded, tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        recorded(**changes)
    assert not list(tmp_path.iterdir())


def test_puzzles_of_another_size_or_id(model, tmp_path, puzzles, tiny_model):
    nine = PuzzleSet.of("nine", Sudoku(), *[np.ones((1, 81), np.uint8)] * 2)
    with pytest.raises(PuzzleError, match="takes 16 cells"):
        record_store(model, Sudoku(), nine, tmp_path / "store", log=str)
    table = tiny_model(puzzle_ids=2, puzzle_embedding_size=8)
    with pytest.raises(PuzzleError, match="no puzzle id 2"):
        record_store(table, SMALL, puzzles, tmp_path / "store", log=str)


def test_readable_sizes():
    assert [readable_bytes(size) for size in (999, 1500, 2_340_000, 5 * 10**15)] == [
        "999 bytes",
        "1.5 kB",
        "2.3 MB",
        "5000.0 TB",
    ]
