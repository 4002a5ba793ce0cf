"""Dataset folders of nano-trm: the arrays of the public code with another dataset.json, Sudoku tokens one higher."""

import json

import numpy as np
import pytest

from trm.data import load_puzzles, write_official
from trm.data.puzzle_set import PuzzleSet
from trm.errors import DataError
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku

CASES = {
    "9x9": (
        Sudoku(),
        "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79",
        12,
    ),
    "6x6": (Sudoku(2, 3), "1...5..3.2.6.4..1.5.2..63....4.2..1.", 9),
    "4x4": (Sudoku(2, 2), "12..3...2.1....4", 7),
    "4x4 of twelve tokens": (Sudoku(2, 2), "12..3...2.1....4", 12),
    "maze": (Maze(5), "#S#.##.#.##...G#.####....", 6),
}


@pytest.fixture(params=CASES)
def folder(request, tmp_path):
    """A folder in the format of nano-trm, its task and its only puzzle."""
    task, text, vocab_size = CASES[request.param]
    inputs = task.parse(text)[None]
    labels = np.where(inputs == 1, 2, inputs) if task.name == "sudoku" else inputs
    write_official(PuzzleSet.of("x", task, inputs, labels), tmp_path, task)
    split = tmp_path / "test"
    if task.name == "sudoku":
        for part, array in (("inputs", inputs), ("labels", labels)):
            np.save(split / f"all__{part}.npy", array + 1)
    description = {"num_puzzles": 1, "num_groups": 1, "grid_size": task.rows, "max_grid_size": task.rows}
    description |= {"seq_len": task.cells, "vocab_size": vocab_size, "mean_puzzles_per_group": 1}
    (split / "dataset.json").write_text(json.dumps(description))
    (tmp_path / "identifiers.json").unlink()
    return tmp_path, task, text


def test_it_is_read(folder):
    path, task, text = folder
    puzzles = load_puzzles(path, task)
    assert [task.format(inputs) for inputs in puzzles.inputs] == [text]
    assert puzzles.labelled.all()


def test_folders_of_other_tasks_are_rejected(folder):
    path, task, _ = folder
    description = path / "test" / "dataset.json"
    settings = json.loads(description.read_text())
    for change, says in (
        ({"vocab_size": 40}, "vocab_size is 40"),
        ({"seq_len": 7}, "seq_len is 7"),
        ({"sets": None}, "sets|vocab_size"),
    ):
        description.write_text(json.dumps(settings | change))
        with pytest.raises(DataError, match=says):
            load_puzzles(path, task)
    for array in (path / "test").glob("*.npy"):
        array.rename(array.with_suffix(".np"))
    description.write_text(json.dumps(settings))
    with pytest.raises(DataError, match="It should be a list of names"):
        load_puzzles(path, task)


def test_index_arrays_of_a_billion_entries_take_no_memory(folder):
    path, task, _ = folder
    for name, count in (("puzzle_indices", 10**9), ("puzzle_identifiers", 10**9 - 1)):
        header = (
            f"{{'descr': '<i4', 'fortran_order': False, 'shape': ({count},), }}".encode().ljust(117) + b"\n"
        )
        with (path / "test" / f"all__{name}.npy").open("wb") as file:
            file.write(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
            file.truncate(file.tell() + 4 * count)
    with pytest.raises(DataError, match="1,000,000,000 entries for 1 examples"):
        load_puzzles(path, task)
