"""Dataset folders of the public code: ours have their fields and dtypes and round-trip, and theirs open here."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trm.data import PuzzleSet, load_puzzles, write_official
from trm.errors import DataError
from trm.tasks import get_task
from trm.tasks.arc import Arc, encode
from trm.tasks.sudoku import Sudoku

SMALL, ARC = Sudoku(2, 2), Arc()


@st.composite
def parts_of_sets(draw) -> tuple[Sudoku | Arc, np.ndarray, np.ndarray, np.ndarray]:
    """Task, inputs, labels and ids: 4x4 Sudokus without ids, and ARC with ids in any order, some of them blank."""
    task = draw(st.sampled_from([SMALL, ARC]))
    count = draw(st.integers(1, 6))
    tokens = arrays.arrays(np.uint8, (count, 16), elements=st.integers(0, task.vocab_size - 1))
    inputs, labels = np.zeros((2, count, task.cells), np.uint8)
    inputs[:, :16], labels[:, :16] = draw(tokens), draw(tokens)
    highest = 4 if task is ARC else 0
    ids = draw(st.lists(st.integers(0, highest), min_size=count, max_size=count))
    return task, inputs, labels, np.array(ids, np.int32)


def as_the_public_code_reads(split: Path) -> dict[str, list]:
    """Every example with the id of its puzzle, found the way the public evaluation finds it."""
    sets = json.loads((split / "dataset.json").read_text())["sets"]
    read: dict[str, list] = {"inputs": [], "labels": [], "puzzle_identifiers": []}
    for name in sets:
        arrays = {
            part: np.load(split / f"{name}__{part}.npy")
            for part in ("inputs", "labels", "puzzle_identifiers", "puzzle_indices", "group_indices")
        }
        for example in range(len(arrays["inputs"])):
            puzzle = np.searchsorted(arrays["puzzle_indices"], example, side="right") - 1
            read["inputs"].append(arrays["inputs"][example].tolist())
            read["labels"].append(arrays["labels"][example].tolist())
            read["puzzle_identifiers"].append(int(arrays["puzzle_identifiers"][puzzle]))
    return read


@given(parts_of_sets())
def test_what_is_written_reads_back_here_and_in_the_public_code(case):
    task, inputs, labels, ids = case
    puzzles = PuzzleSet.of("drawn", task, inputs, labels, puzzle_identifiers=ids)
    with tempfile.TemporaryDirectory() as folder:
        write_official(puzzles, Path(folder), task)
        split = Path(folder, "test")
        again, theirs = load_puzzles(folder, task), as_the_public_code_reads(split)
        for name in ("inputs", "labels", "labelled", "givens", "puzzle_identifiers"):
            mine, read = getattr(puzzles, name), getattr(again, name)
            assert np.array_equal(mine, read) and mine.dtype == read.dtype, name
            assert theirs.get(name, mine.tolist()) == mine.tolist(), name
        description = json.loads((split / "dataset.json").read_text())
        indices, groups = (
            np.load(split / f"all__{part}.npy") for part in ("puzzle_indices", "group_indices")
        )
        # Nothing is empty, everything is in some puzzle and group, and every id has a name.
        assert indices[0] == 0 and indices[-1] == len(puzzles) and (np.diff(indices) > 0).all()
        assert groups[0] == 0 and groups[-1] == len(indices) - 1 and (np.diff(groups) > 0).all()
        names = json.loads(Path(folder, "identifiers.json").read_text())
        assert len(names) == description["num_puzzle_identifiers"] > ids.max()
        assert names[0] == "<blank>"


@pytest.mark.parametrize("task", [SMALL, ARC], ids=["sudoku", "arc"])
def test_the_fields_and_dtypes_are_the_public_ones(tmp_path, task):
    tokens = np.full((3, task.cells), 2, np.uint8)
    ids = np.array([1, 1, 2], np.int32) if task is ARC else None
    write_official(PuzzleSet.of("set", task, tokens, tokens, puzzle_identifiers=ids), tmp_path, task)
    assert {path.name: np.load(path).dtype.name for path in (tmp_path / "test").glob("*.npy")} == {
        "all__inputs.npy": "uint8",
        "all__labels.npy": "uint8",
        "all__puzzle_identifiers.npy": "int32",
        "all__puzzle_indices.npy": "int32",
        "all__group_indices.npy": "int32",
    }
    assert json.loads((tmp_path / "test" / "dataset.json").read_text()) == {
        "pad_id": 0,
        "ignore_label_id": 0,
        "blank_identifier_id": 0,
        "vocab_size": task.vocab_size,
        "seq_len": task.cells,
        "num_puzzle_identifiers": 3 if task is ARC else 1,
        "total_groups": 2 if task is ARC else 3,
        "mean_puzzle_examples": 1.5 if task is ARC else 1.0,
        "total_puzzles": 2 if task is ARC else 3,
        "sets": ["all"],
    }


@pytest.fixture
def built(tmp_path) -> Path:
    """An ARC dataset folder as the public builder writes it, by hand: two sets, versions, moved training grids."""
    moved = np.zeros((30, 30), np.uint8)
    moved[5:7, 8:10], moved[7, 8:10], moved[5:7, 10] = 4, 1, 1
    split = tmp_path / "train"
    split.mkdir()
    inputs = {
        "all": np.stack([encode([[1, 2]]), moved.ravel(), encode([[2, 1]])]),
        "more": encode([[7]])[None],
    }
    for name, ids, indices, groups in (
        ("all", [1, 2], [0, 2, 3], [0, 2]),
        ("more", [3], [0, 1], [0, 1]),
    ):
        np.save(split / f"{name}__inputs.npy", inputs[name])
        np.save(split / f"{name}__labels.npy", inputs[name])
        np.save(split / f"{name}__puzzle_identifiers.npy", np.array(ids, np.int32))
        np.save(split / f"{name}__puzzle_indices.npy", np.array(indices, np.int32))
        np.save(split / f"{name}__group_indices.npy", np.array(groups, np.int32))
    names = ["<blank>", "aaaa", "aaaa|||t1|||0213456789", "bbbb"]
    (tmp_path / "identifiers.json").write_text(json.dumps(names))
    (split / "dataset.json").write_text(
        json.dumps({"seq_len": 900, "vocab_size": 12, "ignore_label_id": 0, "sets": ["all", "more"]})
    )
    return split


def test_a_public_arc_dataset_opens_with_the_names_of_its_ids(built):
    puzzles = load_puzzles(built, ARC)
    assert puzzles.puzzle_identifiers.tolist() == [1, 1, 2, 3]
    assert puzzles.names == (
        "aaaa, train 1", "aaaa, train 2", "aaaa|||t1|||0213456789, train 1", "bbbb, train 1",
    )  # fmt: skip
    assert ARC.format(puzzles.inputs[3]) == "7"
    for limit in (1, 3, 4, 9):
        first = load_puzzles(built, ARC, limit=limit)
        assert first.names == puzzles.names[:limit]
        assert np.array_equal(first.inputs, puzzles.inputs[:limit])
    (built.parent / "identifiers.json").unlink()
    assert load_puzzles(built, ARC).names == ()


def test_an_arc_folder_without_a_test_split_names_the_one_it_has(built):
    with pytest.raises(DataError, match=r"has no test split. Give one of its splits, such as .*train"):
        load_puzzles(built.parent, ARC)


def test_only_the_requested_rows_are_read(built):
    """A token that is none, beyond the limit, goes unseen."""
    broken = np.load(built / "more__inputs.npy").copy()
    broken[0, 0] = 99
    np.save(built / "more__inputs.npy", broken)
    assert len(load_puzzles(built, ARC, limit=3)) == 3
    with pytest.raises(DataError, match=r"the inputs contain token 99, but arc has tokens 0-11"):
        load_puzzles(built, ARC)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("all__puzzle_identifiers.npy", np.array([1, -2]), "holds ids from -2 to 1, which are not valid"),
        ("all__puzzle_identifiers.npy", np.array([1, 1 << 40]), "which are not valid"),
        ("all__puzzle_indices.npy", np.array([0, 200, 3], np.uint8), "does not divide the 3 examples"),
        ("all__puzzle_indices.npy", np.array([1, 2, 4]), "does not divide the 3 examples"),
        ("all__puzzle_indices.npy", np.array([], np.int32), "does not divide the 3 examples"),
        ("dataset.json", {"ignore_label_id": "0"}, 'ignore_label_id is "0"'),
        ("dataset.json", {"sets": [["all"] * 999]}, "list of names"),
        ("all__inputs.npy", b"PK\x03\x04 this is a zip file by its first bytes", "is damaged"),
    ],
)
def test_a_bad_part_is_named(built, name, content, message):
    if isinstance(content, dict):
        description = json.loads((built / name).read_text())
        (built / name).write_text(json.dumps(description | content))
    elif isinstance(content, bytes):
        (built / name).write_bytes(content)
    else:
        np.save(built / name, content)
    with pytest.raises(DataError) as error:
        load_puzzles(built, ARC)
    assert message in str(error.value) and str(built) in str(error.value)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_tokens_that_must_be_copied_are_bounded(built, monkeypatch):
    monkeypatch.setattr("trm.data.official.LARGEST_COPY", 3000)
    with pytest.raises(DataError, match=r"the inputs of 4 examples would take over .* Set a limit"):
        load_puzzles(built, ARC)
    assert len(load_puzzles(built, ARC, limit=3)) == 3


def test_a_large_set_stays_in_its_file(tmp_path, monkeypatch):
    """Looked at a block at a time, and never copied."""
    monkeypatch.setattr("trm.data.puzzle_set.BLOCK", 7)
    monkeypatch.setattr("trm.data.official.BLOCK", 7)
    tokens = np.random.default_rng(0).integers(0, 6, (50, 16)).astype(np.uint8)
    labels = tokens * (np.arange(50) % 3 > 0)[:, None].astype(np.uint8)
    puzzles = PuzzleSet.of("set", SMALL, tokens, labels)
    assert puzzles.labelled.tolist() == labels.any(-1).tolist()
    assert puzzles.givens.tolist() == (tokens > 1).sum(-1).tolist()
    write_official(puzzles, tmp_path, SMALL)
    again = load_puzzles(tmp_path, SMALL)
    assert isinstance(again.inputs, np.memmap) and isinstance(again.labels, np.memmap)
    assert np.array_equal(again.labels, labels)


@pytest.mark.parametrize("name", ["maze", "sudoku"])
def test_generated_puzzles_of_every_task_go_through_the_format(tmp_path, name):
    task = get_task(name, {"maze": 25, "sudoku": 16}[name])
    inputs, labels = task.generate_many(3, difficulty="easy", seed=1)
    write_official(PuzzleSet.of("set", task, inputs, labels), tmp_path, task)
    again = load_puzzles(tmp_path, task)
    assert np.array_equal(again.inputs, inputs) and np.array_equal(again.labels, labels)
    assert task.is_solved(again.inputs, again.labels).all()
