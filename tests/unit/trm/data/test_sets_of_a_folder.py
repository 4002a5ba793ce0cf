"""Dataset folders with several sets, several examples of a puzzle, and a wrong description."""

import json
from dataclasses import replace

import numpy as np
import pytest

from trm.data import PuzzleSet, load_puzzles, write_official
from trm.errors import DataError
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
TEXTS = ("12..3...2.1....4", "1..4.....3....2.", "1.....2..3.....4")
INPUTS = np.stack([SMALL.parse(text) for text in TEXTS])


def puzzles(*ids: int, names: tuple[str, ...] = ()) -> PuzzleSet:
    inputs = INPUTS[: len(ids)]
    made = PuzzleSet.of("x", SMALL, inputs, inputs, names=names)
    return replace(made, puzzle_identifiers=np.array(ids, np.int32))


def described(folder, **changes: object) -> dict:
    """The description of the split, after the changes."""
    path = folder / "test" / "dataset.json"
    description = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(description))
    return description


@pytest.mark.parametrize(
    ("ids", "mean", "starts"),
    [
        ((7,), 1.0, [0, 1]),
        ((7, 7, 7), 3.0, [0, 3]),
        ((7, 7, 3), 1.5, [0, 2, 3]),
        ((0, 0, 3), 1.0, [0, 1, 2, 3]),
    ],
)
def test_examples_of_a_puzzle_are_written_together(tmp_path, ids, mean, starts):
    write_official(puzzles(*ids), tmp_path, SMALL)
    description = described(tmp_path)
    assert (description["mean_puzzle_examples"], description["total_puzzles"]) == (mean, len(starts) - 1)
    assert np.load(tmp_path / "test" / "all__puzzle_indices.npy").tolist() == starts


def test_names_lead_to_the_id_of_their_puzzle(tmp_path):
    names = ("b, test 1", "b, test 2", "")
    write_official(puzzles(2, 2, 0, names=names), tmp_path, SMALL)
    assert json.loads((tmp_path / "identifiers.json").read_text()) == ["<blank>", "1", "b"]
    assert load_puzzles(tmp_path, SMALL).names == names


def test_every_id_of_a_further_split_needs_a_name(tmp_path):
    write_official(puzzles(1), tmp_path, SMALL, split="train")
    with pytest.raises(DataError, match="names 2 puzzle ids, but this set uses id 2"):
        write_official(puzzles(2), tmp_path, SMALL)
    write_official(puzzles(1, 1), tmp_path, SMALL)


def test_a_puzzle_may_lack_examples_but_not_have_less_than_none(tmp_path):
    write_official(puzzles(7, 7, 3), tmp_path, SMALL)
    np.save(tmp_path / "test" / "all__puzzle_identifiers.npy", np.array([7, 5, 3]))
    np.save(tmp_path / "test" / "all__puzzle_indices.npy", np.array([0, 2, 2, 3]))
    assert load_puzzles(tmp_path, SMALL).puzzle_identifiers.tolist() == [7, 7, 3]
    np.save(tmp_path / "test" / "all__puzzle_indices.npy", np.array([0, 2, 1, 3]))
    with pytest.raises(DataError, match="does not divide the 3 examples into puzzles"):
        load_puzzles(tmp_path, SMALL)


def test_a_limit_counts_the_examples_of_all_sets(tmp_path):
    write_official(puzzles(1, 1, 2), tmp_path, SMALL)
    for path in list((tmp_path / "test").glob("all__*.npy")):
        (path.parent / path.name.replace("all", "more")).write_bytes(path.read_bytes())
    described(tmp_path, sets=["all", "more"])
    for limit, count in ((2, 2), (3, 3), (4, 4), (6, 6), (7, 6)):
        loaded = load_puzzles(tmp_path, SMALL, limit=limit)
        assert loaded.inputs.tolist() == np.concatenate([INPUTS, INPUTS])[:count].tolist()


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"ignore_label_id": "x" * 99}, "ignore_label_id is "), ({"sets": ["x" * 99]}, '"sets" is ')],
)
def test_a_long_value_of_a_description_is_cut(tmp_path, changes, says):
    write_official(puzzles(0, 0, 0), tmp_path, SMALL)
    described(tmp_path, **changes)
    with pytest.raises(DataError) as error:
        load_puzzles(tmp_path, SMALL)
    assert len(str(error.value).partition(says)[2].partition(". It should be")[0]) == 80
