"""ARC collections from users: long names, other layouts, compressed, with unrelated files next to them."""

import bz2
import gzip
import json
import lzma

import pytest

from trm.data import load_puzzles, puzzle_entries
from trm.errors import DataError
from trm.tasks.arc import Arc

ARC = Arc()
GRID, OTHER = [[1, 2], [3, 4]], [[5]]
PAIR = {"input": GRID, "output": OTHER}
TASK = {"train": [PAIR], "test": [PAIR]}


def names_in(path) -> list[str]:
    return list(load_puzzles(path, ARC).names)


def write(path, content) -> None:
    path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize("name", ["x" * 106, "x" * 200, "2x2_grid at (1.5) [ö]", "a" * 99 + "é"])
def test_long_and_unusual_names(tmp_path, name):
    write(tmp_path / f"{name}.json", TASK)
    write(tmp_path / "b.json", TASK)
    assert names_in(tmp_path) == sorted([f"{name}, test 1", "b, test 1"])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([PAIR], ["x, test 1"]),
        ([PAIR, PAIR, PAIR], ["x, test 1", "x, test 2", "x, test 3"]),
        ({"aaaa": {"train": [], "test": [PAIR, PAIR]}}, ["aaaa, test 1", "aaaa, test 2"]),
        ({"train": [], "test": [PAIR]}, ["x, test 1"]),
        ({"train": {"aaaa": TASK}, "test": {"bbbb": TASK}}, ["aaaa, test 1", "bbbb, test 1"]),
        ({"training": {"aaaa": TASK}, "evaluation": {"bbbb": TASK, "cccc": TASK}}, ["aaaa, test 1", "bbbb, test 1", "cccc, test 1"]),
        ({"train": {"aaaa": TASK}}, ["aaaa, test 1"]),
        ({"training": [{"id": "aaaa", **TASK}], "evaluation": [{"id": "bbbb", **TASK}]}, ["aaaa, test 1", "bbbb, test 1"]),
        ([{"task_id": "aaaa", **TASK}, {"task_id": "bbbb", **TASK}], ["aaaa, test 1", "bbbb, test 1"]),
        ([TASK, TASK], ["x-1, test 1", "x-2, test 1"]),
    ],
)  # fmt: skip
def test_layouts_of_collections(tmp_path, content, expected):
    write(tmp_path / "x.json", content)
    assert names_in(tmp_path / "x.json") == names_in(tmp_path) == expected
    entries = puzzle_entries(json.dumps(content).encode(), "x.json", ARC)
    assert [ARC.format(entry.read(ARC)) for entry in entries] == ["12/34"] * len(expected)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "big.json",
            {"train": [{"input": [[0] * 32], "output": [[0]]}], "test": [PAIR]},
            "the maximum is 30",
        ),
        ("metadata.json", {"version": 1, "tasks": 2}, "not an object with"),
        ("index.json", ["aaaa", "bbbb"], "contains no ARC tasks"),
        ("cut.json", '{"train": [', "is not JSON"),
        ("empty.json", "", "is not JSON"),
        ("comma, name.json", TASK, "it has a comma"),
        ("pointer.json", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_an_invalid_file_is_skipped_without_affecting_others(tmp_path, name, content, says):
    write(tmp_path / "aaaa.json", TASK)
    write(tmp_path / "zzzz.json", TASK)
    write(tmp_path / name, content)
    puzzles = load_puzzles(tmp_path, ARC)
    assert puzzles.names == ("aaaa, test 1", "zzzz, test 1")
    (note,) = puzzles.notes
    assert name in note and says in note and "\n" not in note
    for good in ("aaaa.json", "zzzz.json"):
        (tmp_path / good).unlink()
    with pytest.raises(DataError, match=name.replace(" ", ".")):
        load_puzzles(tmp_path, ARC)


@pytest.mark.parametrize(
    ("ending", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
def test_compressed_collections(tmp_path, ending, pack):
    challenges = {"aaaa": {"train": [PAIR], "test": [{"input": GRID}]}}
    (tmp_path / f"my_challenges.json.{ending}").write_bytes(pack(json.dumps(challenges).encode()))
    (tmp_path / f"my_solutions.json.{ending}").write_bytes(pack(json.dumps({"aaaa": [OTHER]}).encode()))
    assert names_in(tmp_path) == names_in(tmp_path / f"my_challenges.json.{ending}") == ["aaaa, test 1"]
    packed = (tmp_path / f"my_challenges.json.{ending}").read_bytes()
    assert len(puzzle_entries(packed, "x.json.gz", ARC)) == 1
    (tmp_path / "single").mkdir()
    (tmp_path / "single" / f"bbbb.json.{ending}").write_bytes(pack(json.dumps(TASK).encode()))
    assert names_in(tmp_path / "single") == ["bbbb, test 1"]
    (tmp_path / "single" / f"cccc.json.{ending}").write_bytes(pack(b"{}")[:9])
    assert names_in(tmp_path / "single") == ["bbbb, test 1"]
