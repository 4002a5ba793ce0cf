"""Published ARC tasks: all layouts are read, all grids are preserved, and errors name task and pair.

The published files are looked for in the folder that RECURSION_LENS_ARC names, else in `shared/arc` beside the
repository.
"""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from trm.data import (
    PuzzleSet,
    arc_tasks,
    load_arc,
    load_puzzles,
    puzzle_id,
    read_identifiers,
    write_csv,
    write_dataset,
    write_official,
)
from trm.errors import DataError
from trm.tasks.arc import Arc, decode, encode

ARC = Arc()
PUBLISHED = Path(os.environ.get("RECURSION_LENS_ARC", Path(__file__).resolve().parents[5] / "shared" / "arc"))

published = pytest.mark.skipif(
    not any(PUBLISHED.glob("*_challenges.json")),
    reason=f"no ARC files in {PUBLISHED}; set RECURSION_LENS_ARC to their folder",
)

ONE = {
    "train": [{"input": [[1, 2]], "output": [[2, 1]]}],
    "test": [{"input": [[3, 4]]}, {"input": [[5, 6, 7]]}],
}
TWO = {"train": [{"input": [[0]], "output": [[0, 0]]}], "test": [{"input": [[8]]}]}
OUTPUTS = {"aaaa": [[[4, 3]], [[7, 6, 5]]], "bbbb": [[[8, 8]]]}


def with_outputs(task: dict, outputs: list) -> dict:
    test = [pair | {"output": output} for pair, output in zip(task["test"], outputs, strict=True)]
    return task | {"test": test}


@pytest.fixture
def collection(tmp_path) -> Path:
    """Two tasks with three test pairs, in the layout of a collection."""
    folder = tmp_path / "arc"
    folder.mkdir()
    (folder / "my_challenges.json").write_text(json.dumps({"aaaa": ONE, "bbbb": TWO}))
    (folder / "my_solutions.json").write_text(json.dumps(OUTPUTS))
    return folder


def grids_of(puzzles: PuzzleSet) -> list[tuple[list, list]]:
    return [
        (decode(question).tolist(), decode(answer).tolist())
        for question, answer in zip(puzzles.inputs, puzzles.labels, strict=True)
    ]


ALL_GRIDS = [([[3, 4]], [[4, 3]]), ([[5, 6, 7]], [[7, 6, 5]]), ([[8]], [[8, 8]])]


# the published files


@pytest.mark.heavy
@published
def test_every_published_grid_encodes_and_decodes_to_itself():
    """Read from the JSON directly, not with the reader: 520 tasks with all their grids."""
    count = 0
    for file in sorted(PUBLISHED.glob("*.json")):
        for task in json.loads(file.read_text()).values():
            pairs = task["train"] + task["test"] if isinstance(task, dict) else [{"output": g} for g in task]
            for grid in (grid for pair in pairs for grid in pair.values()):
                tokens = encode(grid)
                assert decode(tokens).tolist() == grid
                assert not ARC.conflicts(tokens).any()
                count += 1
    assert count > 4000


@pytest.mark.heavy
@published
def test_the_published_folder_is_a_set_of_all_test_pairs():
    tasks, puzzles = arc_tasks(PUBLISHED), load_puzzles(PUBLISHED, ARC)
    raw = [json.loads(file.read_text()) for file in sorted(PUBLISHED.glob("*_challenges.json"))]
    assert len(tasks) == sum(map(len, raw)) == 520
    assert len(puzzles) == sum(len(task["test"]) for file in raw for task in file.values()) == 591
    assert puzzles.labelled.all() and len(set(puzzles.names)) == 591
    # Six tasks of one collection have a different task of the same identifier in the other.
    twice = [name for name in tasks if "," in name]
    assert len(twice) == 6
    assert {tasks[name].identifier for name in twice} == set(raw[0]) & set(raw[1])
    one = next(file for file in PUBLISHED.glob("*_challenges.json"))
    assert len(arc_tasks(one)) == len(json.loads(one.read_text()))


# layouts


def test_a_collection_is_read_with_its_solutions(collection):
    heard = []
    puzzles = load_puzzles(collection, ARC, progress=lambda share, text: heard.append(text))
    assert grids_of(puzzles) == ALL_GRIDS
    assert puzzles.names == ("aaaa, test 1", "aaaa, test 2", "bbbb, test 1")
    assert puzzles.puzzle_identifiers.tolist() == [0, 0, 0]
    assert heard == ["1 puzzles read", "2 puzzles read", "3 puzzles read"]
    assert len(load_puzzles(collection, ARC, limit=2)) == 2
    assert grids_of(load_puzzles(collection / "my_challenges.json", ARC)) == ALL_GRIDS
    assert puzzles.take(np.array([2, 0])).names == ("bbbb, test 1", "aaaa, test 1")
    tasks = arc_tasks(collection)
    assert list(tasks) == ["aaaa", "bbbb"]
    assert tasks["aaaa"].train[0].output.tolist() == [[2, 1]]
    assert [pair.output.tolist() for pair in tasks["aaaa"].test] == OUTPUTS["aaaa"]


def test_one_file_per_task_with_outputs(tmp_path):
    for name, task in {"aaaa": ONE, "bbbb": TWO}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(with_outputs(task, OUTPUTS[name])))
    assert grids_of(load_puzzles(tmp_path, ARC)) == ALL_GRIDS
    assert load_puzzles(tmp_path / "bbbb.json", ARC).names == ("bbbb, test 1",)


def test_pairs_without_outputs_are_tasks_but_not_part_of_the_set(collection):
    (collection / "my_solutions.json").write_text(json.dumps({"bbbb": OUTPUTS["bbbb"]}))
    assert load_puzzles(collection, ARC).names == ("bbbb, test 1",)
    assert [pair.output for pair in arc_tasks(collection)["aaaa"].test] == [None, None]
    (collection / "my_solutions.json").unlink()
    with pytest.raises(DataError, match=r"has no test pair with an output. Put the file that ends in _sol"):
        load_puzzles(collection, ARC)


def test_a_repeated_task_counts_once_and_keeps_its_outputs(collection):
    """Published folders repeat tasks, some of them without outputs."""
    again = json.dumps({"aaaa": ONE, "bbbb": TWO | {"train": ONE["train"]}})
    for name in ("a_first", "z_last"):
        (collection / f"{name}_challenges.json").write_text(again)
    tasks = arc_tasks(collection)
    assert list(tasks) == ["aaaa", "bbbb", "bbbb, my"]
    assert tasks["aaaa"].test[0].output.tolist() == [[4, 3]]
    assert tasks["bbbb"].test[0].output is None
    assert load_puzzles(collection, ARC).names == ("aaaa, test 1", "aaaa, test 2", "bbbb, my, test 1")


def test_arc_as_text_lines_and_csv(tmp_path, collection):
    (tmp_path / "puzzles.txt").write_text("# two grids\n12/34\n\n5/6\n")
    puzzles = load_puzzles(tmp_path / "puzzles.txt", ARC)
    assert [ARC.format(question) for question in puzzles.inputs] == ["12/34", "5/6"]
    assert not puzzles.labelled.any()
    write_csv(load_puzzles(collection, ARC), tmp_path / "set.csv", ARC)
    assert grids_of(load_puzzles(tmp_path / "set.csv", ARC)) == ALL_GRIDS


# files that are none

BAD_GRID = [[1, 2], [3]]


@pytest.mark.parametrize(
    ("challenges", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "contains no ARC tasks"),
        ("{}", "contains no ARC tasks"),
        ({"a\nb": ONE}, "'a\\nb' is not a valid name of an ARC task"),
        ({"a, b": ONE}, "'a, b' is not a valid name of an ARC task"),
        ({"aaaa": []}, 'task aaaa: not an object with "train" and "test"'),
        ({"aaaa": {"train": [], "test": []}}, 'task aaaa: "train" is not a list of 1 to 1000 pairs'),
        ({"aaaa": {"train": ONE["train"]}}, 'task aaaa: "test" is not a list'),
        (
            {"aaaa": {"train": [{"input": [[1]]}], "test": ONE["test"]}},
            "aaaa, train pair 1 has no output",
        ),
        ({"aaaa": {"train": ONE["train"], "test": [{"output": [[1]]}]}}, "test pair 1 has no input"),
        (
            {"aaaa": {"train": ONE["train"], "test": [{"input": [[1]]}, {"input": BAD_GRID}]}},
            "task aaaa, test pair 2, input: Row 2 has 1 cells, but row 1 has 2",
        ),
        (
            {"aaaa": ONE | {"train": [{"input": [[1]], "output": [[True]]}]}},
            "task aaaa, train pair 1, output: Row 1, column 1: True is not a colour",
        ),
        ({"aaaa": TWO, "bbbb": TWO}, "task aaaa: there are 1 test inputs, but the solutions are not 1 grids"),
        ({"aaaa": ONE}, "has no task 'bbbb', but its solutions file has"),
    ],
)
def test_a_mistake_in_a_file_is_reported_with_task_and_pair(collection, challenges, message):
    path = collection / "my_challenges.json"
    path.write_text(challenges if isinstance(challenges, str) else json.dumps(challenges))
    with pytest.raises(DataError) as error:
        load_puzzles(collection, ARC)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("solutions", "message"),
    [
        ("[]", "my_solutions.json contains no solutions"),
        (OUTPUTS | {"bbbb": [BAD_GRID]}, "task bbbb, test pair 1, solution: Row 2 has 1 cells"),
        (OUTPUTS | {"bbbb": 7}, "task bbbb: there are 1 test inputs, but the solutions are not 1 grids"),
    ],
)
def test_mistakes_in_solutions_are_reported(collection, solutions, message):
    (collection / "my_solutions.json").write_text(
        solutions if isinstance(solutions, str) else json.dumps(solutions)
    )
    with pytest.raises(DataError) as error:
        load_puzzles(collection, ARC)
    assert message in str(error.value)


def test_files_that_are_too_large_are_rejected_before_parsing(collection, monkeypatch):
    monkeypatch.setattr("trm.data.arc.LARGEST_FILE", 64)
    with pytest.raises(DataError, match=r"my_challenges.json has over 0 MB"):
        load_puzzles(collection, ARC)
    monkeypatch.undo()
    monkeypatch.setattr("trm.data.files.json_file.MAX_BRACKETS", 5)
    with pytest.raises(DataError, match=r"contains over 5 lists and objects"):
        load_puzzles(collection, ARC)


def test_the_error_for_a_folder_without_tasks_suggests_subfolders(tmp_path):
    with pytest.raises(DataError, match=r"has no JSON file. Give a folder of ARC tasks"):
        load_puzzles(tmp_path, ARC)
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "aaaa.json").write_text(json.dumps(ONE))
    with pytest.raises(DataError, match=r"has no JSON file. Give one of its subfolders, such as .*training"):
        load_puzzles(tmp_path, ARC)


# puzzle ids


@pytest.fixture
def names(tmp_path) -> Path:
    path = tmp_path / "names" / "identifiers.json"
    path.parent.mkdir()
    path.write_text(json.dumps(["<blank>", "bbbb", "bbbb|||t3|||0213456789", "aaaa", "<blank>"]))
    return path


def test_puzzle_ids_come_from_identifiers(collection, names):
    identifiers = read_identifiers(names)
    assert identifiers == {"bbbb": 1, "bbbb|||t3|||0213456789": 2, "aaaa": 3}
    assert read_identifiers(names.parent) == identifiers
    assert puzzle_id("aaaa", identifiers, names) == 3
    for given in (names, names.parent):
        assert load_arc(collection, ARC, identifiers=given).puzzle_identifiers.tolist() == [3, 3, 1]
    (collection / "identifiers.json").write_text(names.read_text())
    assert load_puzzles(collection, ARC).puzzle_identifiers.tolist() == [3, 3, 1]


def test_an_official_set_gets_the_ids_of_another_model_by_name(tmp_path, collection, names):
    """Its own ids belong to its dataset; a model trained on another dataset has other ids."""
    write_official(load_arc(collection, ARC), tmp_path / "out", ARC)
    assert load_puzzles(tmp_path / "out", ARC).puzzle_identifiers.tolist() == [1, 1, 2]
    again = load_puzzles(tmp_path / "out", ARC, identifiers=names)
    assert again.puzzle_identifiers.tolist() == [3, 3, 1]
    names.write_text(json.dumps(["<blank>", "bbbb"]))
    with pytest.raises(DataError, match=r"'aaaa' is not among the 1 puzzle ids"):
        load_puzzles(tmp_path / "out", ARC, identifiers=names)


def test_an_unknown_puzzle_id_is_an_error(collection, names):
    names.write_text(json.dumps(["<blank>", "bbbb"]))
    for unknown in ("aaaa", "<blank>"):
        with pytest.raises(DataError) as error:
            puzzle_id(unknown, read_identifiers(names), names)
        assert f"'{unknown}' is not among the 1 puzzle ids of {names}" in str(error.value)
        assert "with the blank id a model scores 0" in str(error.value)
    with pytest.raises(DataError, match=r"'aaaa' is not among the 1 puzzle ids"):
        load_arc(collection, ARC, identifiers=names)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "is not a list of puzzle names"),
        ("[]", "is not a list of puzzle names"),
        ('["<blank>", 7]', "is not a list of puzzle names"),
        ('["aaaa"]', "does not begin with <blank>"),
        ("[", "is not JSON"),
    ],
)
def test_invalid_identifiers_are_rejected(names, content, message):
    names.write_text(content)
    with pytest.raises(DataError, match=message):
        read_identifiers(names)
    names.unlink()
    with pytest.raises(DataError, match=r"identifiers.json is missing"):
        read_identifiers(names)


@pytest.mark.heavy
def test_a_million_names_are_read_in_seconds(names):
    names.write_text(
        json.dumps(["<blank>", *(f"{number:08x}|||t0|||0123456789" for number in range(1 << 20))])
    )
    began = time.process_time()
    assert len(read_identifiers(names)) == 1 << 20
    assert time.process_time() - began < 5  # half a second on an idle machine


# the official format


def test_a_collection_in_the_official_format_is_read_back(tmp_path, collection, names):
    puzzles = load_arc(collection, ARC, identifiers=names)
    write_official(puzzles, tmp_path / "out", ARC)
    again = load_puzzles(tmp_path / "out", ARC)
    assert grids_of(again) == ALL_GRIDS
    assert again.names == puzzles.names
    assert again.puzzle_identifiers.tolist() == [3, 3, 1]
    assert json.loads((tmp_path / "out" / "identifiers.json").read_text()) == ["<blank>", "bbbb", "2", "aaaa"]
    split = tmp_path / "out" / "test"
    assert np.load(split / "all__puzzle_identifiers.npy").tolist() == [3, 1]
    assert np.load(split / "all__puzzle_indices.npy").tolist() == [0, 2, 3]
    assert np.load(split / "all__group_indices.npy").tolist() == [0, 1, 2]


def test_a_collection_becomes_both_splits_of_a_dataset(tmp_path, collection):
    """Training pairs and test pairs, with the same id for a task in both."""
    for split in ("train", "test"):
        puzzles = load_puzzles(collection, ARC, split=split)
        assert write_dataset(puzzles, tmp_path / "out", ARC, split=split) == tmp_path / "out" / split
    train, test = (load_puzzles(tmp_path / "out", ARC, split=split) for split in ("train", "test"))
    assert grids_of(train) == [([[1, 2]], [[2, 1]]), ([[0]], [[0, 0]])]
    assert train.names == ("aaaa, train 1", "bbbb, train 1")
    assert train.puzzle_identifiers.tolist() == [1, 2]
    assert grids_of(test) == ALL_GRIDS
    assert test.puzzle_identifiers.tolist() == [1, 1, 2]
    assert json.loads((tmp_path / "out" / "identifiers.json").read_text()) == ["<blank>", "aaaa", "bbbb"]
    with pytest.raises(DataError, match=r"already exists"):
        write_dataset(test, tmp_path / "out", ARC)
    assert write_dataset(test, tmp_path, ARC, format="csv", split="train") == tmp_path / "train.csv"
    assert grids_of(load_puzzles(tmp_path, ARC, split="train")) == ALL_GRIDS


def test_versions_of_one_task_are_a_group(tmp_path):
    grids = np.stack([encode([[colour]]) for colour in range(6)])
    puzzles = PuzzleSet.of(
        "versions",
        ARC,
        grids,
        grids,
        puzzle_identifiers=np.array([1, 1, 2, 3, 0, 0], np.int32),
        names=("aaaa, train 1", "aaaa, train 2", "aaaa|||t1|||0123456789, train 1", "bbbb, train 1", "", ""),
    )
    write_official(puzzles, tmp_path, ARC, split="train")
    again = load_puzzles(tmp_path / "train", ARC)
    assert again.names == puzzles.names
    assert np.load(tmp_path / "train" / "all__puzzle_indices.npy").tolist() == [0, 2, 3, 4, 5, 6]
    assert np.load(tmp_path / "train" / "all__group_indices.npy").tolist() == [0, 2, 3, 4, 5]
    description = json.loads((tmp_path / "train" / "dataset.json").read_text())
    assert (description["total_groups"], description["total_puzzles"]) == (4, 5)
    assert description["mean_puzzle_examples"] == 6 / 5


def test_two_splits_share_their_puzzle_ids(tmp_path, collection, names):
    puzzles = load_arc(collection, ARC, identifiers=names)
    write_official(puzzles, tmp_path / "out", ARC, split="train")
    write_official(puzzles.take(np.array([2])), tmp_path / "out", ARC)
    for split in ("train", "test"):
        description = json.loads((tmp_path / "out" / split / "dataset.json").read_text())
        assert description["num_puzzle_identifiers"] == 4
    write_official(puzzles.take(np.array([2])), tmp_path / "fewer", ARC, split="train")
    with pytest.raises(DataError, match=r"names 2 puzzle ids, but this set uses id 3"):
        write_official(puzzles, tmp_path / "fewer", ARC)
    (tmp_path / "fewer" / "identifiers.json").write_text('["<blank>", "other"]')
    with pytest.raises(DataError, match=r"puzzle id 1 is 'other', but 'bbbb' in this set"):
        write_official(puzzles.take(np.array([2])), tmp_path / "fewer", ARC)
