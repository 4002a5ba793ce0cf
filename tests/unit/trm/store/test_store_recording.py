"""Recording a trace store: interrupted and resumed, refused, onto a full disk, beside another process."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from stores import DAY, SETTINGS, SMALL, same_files

from trm.data import PuzzleSet
from trm.errors import PuzzleError, StoreError, UserError
from trm.files import OutputError
from trm.parallel import Worker
from trm.store import open_store, shards
from trm.store.record import check_room, readable_bytes, record_store
from trm.store.shards import finished_shards
from trm.tasks.sudoku import Sudoku


def stop_after(done: int):
    """A progress that is interrupted, as by Ctrl-C, after so many puzzles of ten."""

    def count(share: float, text: str) -> None:
        if share >= done / 10:
            raise KeyboardInterrupt

    return count


def test_a_lock_left_by_a_process_that_was_killed_after_its_shard_was_whole_is_removed(recorded, tmp_path):
    folder = recorded()
    (folder / "locks" / "000001").touch()
    assert recorded() == folder and not list(folder.glob("locks/*"))


def test_an_interrupted_recording_resumes(recorded, tmp_path):
    said = []
    with pytest.raises(KeyboardInterrupt):
        recorded(progress=stop_after(7), log=said.append, batch=2)
    assert said[-1] == "stopped with 1 of 3 shards complete; run the same command to resume"
    store = open_store(tmp_path / "store")
    assert store.count == 4 and not store.complete and store.states("y").shape[0] == 4
    assert [folder.name for folder in tmp_path.glob("store/shards/*")] == [
        "000000"
    ]  # the other one was dropped
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


def test_a_gap_is_not_visible(recorded, model, puzzles, tmp_path):
    """The second of two processes alone: puzzles 4 to 7 are there, and know their numbers."""
    started = time.perf_counter()
    result = record_store(
        model, SMALL, puzzles, tmp_path / "half", SETTINGS, worker=Worker(1, 2), recorded=DAY, log=str
    )
    assert 0 <= result["seconds"] <= time.perf_counter() - started + 0.01
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
    with pytest.raises(StoreError, match=r"N_sup 2, but now it is 3"):
        recorded(model=tiny_model(n=2, T=2, N_sup=3))
    with pytest.raises(StoreError, match=r"count 10, but now it is 9"):
        recorded(puzzles=puzzles.take(np.arange(9)))
    with pytest.raises(StoreError, match="recorded with puzzles '"):
        recorded(puzzles=puzzles.take(np.arange(10)[::-1]))
    recorded(model=other, force=True)
    assert open_store(tmp_path / "store").manifest.provenance.fingerprint == "1" * 16
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


def test_a_store_that_another_process_creates_meanwhile_is_joined(recorded, tmp_path, monkeypatch):
    recorded("theirs")
    exists = Path.exists

    def exists_a_moment_later(path: Path) -> bool:
        with suppress(FileNotFoundError):
            (tmp_path / "theirs").rename(tmp_path / "ours")
        return exists(path)

    monkeypatch.setattr(Path, "exists", exists_a_moment_later)
    assert open_store(recorded("ours")).complete


def test_files_that_another_process_removes_meanwhile_take_no_space(recorded, tmp_path):
    recorded("store")
    size = shards.store_bytes(tmp_path / "store")
    (tmp_path / "store" / "locks" / "released").symlink_to("nowhere")
    assert shards.store_bytes(tmp_path / "store") == size


def test_disk_space_is_counted_in_blocks(recorded, tmp_path):
    assert shards.store_bytes(tmp_path / "store") == 0
    folder, blocks = recorded(), 0
    for path in folder.rglob("*"):
        blocks += (path.stat().st_size + 4095) // 4096
    assert shards.store_bytes(folder) == 4096 * blocks > 4096 * 3 * 9  # nine arrays in each of three shards


def test_folders_are_flushed_where_they_can_be_opened(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(shards.os, "fsync", flushed.append)
    shards.flush(tmp_path)
    assert len(flushed) == (os.name != "nt")


def test_progress_counts_the_puzzles_of_all_shards(recorded):
    """Ten puzzles are stored in three shards of four, four and two puzzles. Each shard is one batch."""
    heard = []
    recorded(progress=lambda share, text: heard.append((round(share, 6), text)))
    shares = [share for share, _ in heard]
    assert shares == sorted(shares) and {0, 0.4, 0.8, 1} <= {*shares}
    for text, last in (("0 of 10", 0.4), ("4 of 10", 0.8), ("8 of 10", 1)):
        assert max(share for share, said in heard if said == f"{text} puzzles recorded") == last


def test_a_full_disk_is_reported_before_the_start(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr("trm.store.record.free_bytes", lambda path: 1000)
    with pytest.raises(OutputError, match=r"store needs \d+\.\d kB, but its disk has 1\.0 kB left"):
        recorded()
    assert not list(tmp_path.iterdir())


def test_the_estimate_is_what_is_written(recorded, monkeypatch):
    said = []
    folder = recorded(log=said.append)
    layout = open_store(folder).manifest.layout
    blocks = sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.glob("shards/**/*"))
    needed = sum(map(layout.shard_bytes, range(3)))
    assert needed == pytest.approx(blocks, rel=0.15)
    for shard in range(3):
        arrays = [path.stat().st_size for path in folder.glob(f"shards/00000{shard}/*.npy")]
        assert layout.shard_bytes(shard) == 4096 * (sum(-(-size // 4096) for size in arrays) + 2)
    assert said[0].startswith(f"10 puzzles, shards of 4: {readable_bytes(needed)} to write")


@pytest.mark.parametrize("force", [False, True])
def test_all_of_a_disk_may_be_used(recorded, monkeypatch, force):
    """With `force` this includes what the store takes that will be removed."""
    folder = recorded()
    layout = open_store(folder).layout
    needed = sum(map(layout.shard_bytes, range(3)))
    out, free = (folder, needed - shards.store_bytes(folder)) if force else (folder / "new", needed)
    monkeypatch.setattr("trm.store.record.free_bytes", lambda path: free)
    check_room(out, layout, log=str, force=force)
    monkeypatch.setattr("trm.store.record.free_bytes", lambda path: free - 1)
    with pytest.raises(OutputError, match="Choose fewer puzzles"):
        check_room(out, layout, log=str, force=force)


@pytest.mark.parametrize("step", ["reserve", "flush"])
def test_a_disk_that_fills_up_while_recording(recorded, tmp_path, monkeypatch, step):
    full = {"reserve": 12, "flush": 14}[step]  # calls in the second shard
    real, calls = getattr(shards, step), iter(range(full))

    def until_full(*arguments):
        if next(calls, None) is None:
            raise OSError(28, "No space left on device")
        real(*arguments)

    monkeypatch.setattr(shards, step, until_full)
    with pytest.raises(
        OutputError, match=r"No space left on device\. Free some space, then run the same command to resume"
    ):
        recorded()
    assert finished_shards(tmp_path / "store") == [0]
    assert not list(tmp_path.glob("store/locks/*")) and not list(tmp_path.glob("store/shards/.partial-*"))
    monkeypatch.undo()
    assert same_files(recorded(), recorded("unbroken"))


HOLD = """
import sys
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_shard_that_another_process_writes_is_left_to_it(recorded, model, puzzles, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        recorded(progress=stop_after(1))
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "store/locks/000001")],
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
        ({"dtype": "int8"}, "no dtype 'int8'|Type-check"),
        ({"batch": 0}, "Batches of 0 and shards of 4 puzzles are not possible"),
    ],
)
def test_invalid_settings(recorded, tmp_path, changes, words):
    with pytest.raises((UserError, TypeError), match=words):
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
    assert [readable_bytes(size) for size in (999, 1000, 1500, 2_340_000, 5 * 10**15)] == [
        "999 bytes",
        "1.0 kB",
        "1.5 kB",
        "2.3 MB",
        "5000.0 TB",
    ]
