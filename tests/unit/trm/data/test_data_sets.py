"""Puzzle sets: all formats are read back, and errors name the line of the file."""

import json
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from puzzle_sets import same

from trm.cli.main import main
from trm.data import (
    PuzzleSet,
    bundled_sets,
    load_puzzles,
    write_csv,
    write_official,
)
from trm.errors import DataError
from trm.tasks import get_task
from trm.tasks.sudoku import Sudoku

REPOSITORY = Path(__file__).resolve().parents[4]
SUDOKU = Sudoku()
PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


@pytest.fixture
def mixed() -> PuzzleSet:
    """Three puzzles: one solution, many solutions, none."""
    inputs = np.stack([SUDOKU.parse(text) for text in (PUZZLE, "." * 81, "11" + "." * 79)])
    labels = np.zeros_like(inputs)
    labels[0] = SUDOKU.parse(SOLVED)
    return PuzzleSet.of(
        "mixed", SUDOKU, inputs, labels, difficulty=("easy", "", ""), rating=np.array([0.0, np.nan, np.nan])
    )


def test_csv_is_read_back(tmp_path, mixed):
    write_csv(mixed, tmp_path / "set.csv", SUDOKU)
    again = load_puzzles(tmp_path / "set.csv", SUDOKU)
    assert same(mixed, again)
    assert again.labelled.tolist() == [True, False, False]
    assert again.difficulty == ("easy", "", "")
    assert np.array_equal(again.rating, mixed.rating, equal_nan=True)
    assert [path.name for path in tmp_path.iterdir()] == ["set.csv"]


def test_official_format_is_read_back(tmp_path, mixed):
    write_official(mixed, tmp_path / "set", SUDOKU)
    assert same(mixed, load_puzzles(tmp_path / "set", SUDOKU))
    assert same(mixed.take(np.array([0, 1])), load_puzzles(tmp_path / "set" / "test", SUDOKU, limit=2))
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["identifiers.json", "test"]
    assert json.loads((tmp_path / "set" / "identifiers.json").read_text()) == ["<blank>"]
    description = json.loads((tmp_path / "set" / "test" / "dataset.json").read_text())
    assert (description["seq_len"], description["vocab_size"], description["total_puzzles"]) == (81, 11, 3)
    assert description["sets"] == ["all"] and description["ignore_label_id"] == 0
    assert np.load(tmp_path / "set" / "test" / "all__inputs.npy").dtype == np.uint8
    with pytest.raises(DataError, match=r"already exists"):
        write_official(mixed, tmp_path / "set", SUDOKU)


FULL = """
import resource, signal, sys
from pathlib import Path
from trm.cli.main import main

sys.dont_write_bytecode = True  # Python would replace its cached modules by truncated ones
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for format in ("official", "csv"):
    for room in (0, 200, 5000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        try:
            main(["data", "convert", "sudoku", "--data", "sudoku/test", "--format", format, "--out", sys.argv[1]])
        except SystemExit as end:
            assert end.code == 2, (format, room)
        assert not [path for path in Path(sys.argv[1]).rglob("*") if path.is_file()], (format, room)
"""
"""Limits the size of files, which fails like a full disk."""


@pytest.mark.heavy
def test_a_full_disk(tmp_path):
    """Writing six puzzle sets to a full disk: nothing or only a part of each can be written."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "set")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
    )  # fmt: skip  (coverage could not write its files either)
    errors = done.stderr.splitlines()
    assert done.returncode == 0 and len(errors) == 6, done.stderr
    for error in errors:
        assert "cannot be written: " in error and "Free some space or give another path" in error


KILLED = """
import os, signal, sys
from pathlib import Path
from trm.cli.main import main

replace, number = Path.replace, 0

def killed(path, target):
    global number
    number += 1
    if number == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(path, target)

Path.replace = killed
main(["data", "convert", "sudoku", "--data", "sudoku/test", "--out", sys.argv[1]])
"""


@pytest.mark.heavy
@pytest.mark.parametrize("rename", [1, 2])
def test_a_set_never_lacks_its_names(tmp_path, rename):
    """After a kill before either rename there is no set, and the same command creates it."""
    out = tmp_path / "set"
    command = [sys.executable, "-c", KILLED, str(out), str(rename)]
    assert subprocess.run(command, cwd=REPOSITORY).returncode == -signal.SIGKILL
    assert not (out / "test").exists() and (out / "identifiers.json").exists() == (rename == 2)
    main(["data", "convert", "sudoku", "--data", "sudoku/test", "--out", str(out)])
    assert len(load_puzzles(out, SUDOKU)) > 10 and (out / "identifiers.json").is_file()


def test_official_arrays_stay_on_disk(tmp_path, mixed):
    write_official(mixed, tmp_path, SUDOKU)
    assert isinstance(load_puzzles(tmp_path, SUDOKU).inputs, np.memmap)


def test_official_puzzles_with_several_examples_and_another_ignored_label(tmp_path, mixed):
    write_official(mixed, tmp_path, SUDOKU)
    split = tmp_path / "test"
    np.save(split / "all__labels.npy", np.where(mixed.labels == 0, 255, mixed.labels).astype(np.int64))
    np.save(split / "all__puzzle_identifiers.npy", np.array([7, 3]))
    np.save(split / "all__puzzle_indices.npy", np.array([0, 1, 3]))
    description = json.loads((split / "dataset.json").read_text())
    (split / "dataset.json").write_text(json.dumps(description | {"ignore_label_id": 255}))
    again = load_puzzles(tmp_path, SUDOKU)
    assert again.puzzle_identifiers.tolist() == [7, 3, 3]
    assert np.array_equal(again.labels, mixed.labels)


def test_a_set_with_too_many_puzzle_ids_is_not_written(tmp_path, mixed):
    """The file has a name for each id up to the highest."""
    far = replace(mixed, puzzle_identifiers=np.full(len(mixed), 2**31 - 1, np.int32))
    with pytest.raises(
        DataError, match="uses puzzle id 2,147,483,647; names are written for ids up to 4,194,304"
    ):
        write_official(far, tmp_path / "set", SUDOKU)
    assert not (tmp_path / "set").exists()


def test_puzzles_without_answers_are_solved_if_the_solution_is_unique(tmp_path):
    path, heard = tmp_path / "puzzles.txt", []
    path.write_text(f"# three puzzles\n{PUZZLE}\n\n{'0' * 81}\n11{'.' * 79}\n")
    puzzles = load_puzzles(path, SUDOKU, progress=lambda share, text: heard.append(text))
    assert puzzles.labelled.tolist() == [True, False, False]
    assert SUDOKU.format(puzzles.labels[0]) == SOLVED
    assert heard == ["1 puzzles read", "2 puzzles read", "3 puzzles read"]
    assert len(load_puzzles(path, SUDOKU, limit=1)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the header has no column q or question"),
        ("one,two\n1,2\n", "line 1: the header has no column q or question"),
        ("q,a\n", "contains no puzzles"),
        (f"source,q,a,rating\nx,{PUZZLE},{SOLVED}\n", "line 2: 3 columns, but the header has 4"),
        (
            f"question,answer\n{PUZZLE},{SOLVED}\n{PUZZLE[:-1]},{SOLVED}\n",
            "line 3: A 9x9 Sudoku has 81 cells",
        ),
        (
            f"question,answer\n{PUZZLE},{SOLVED[::-1]}\n",
            "line 2: the answer breaks a rule or changes a given",
        ),
        (f"q,rating\n{PUZZLE},often\n", "line 2: the rating 'often' is not a number"),
        (f"q,difficulty\n{PUZZLE},brutal\n", "line 2: Unknown difficulty 'brutal'"),
        (f"q,a\n{PUZZLE},{'1' * 200_000}\n", "not CSV"),
    ],
)
def test_a_mistake_in_a_csv_is_reported_with_file_and_line(tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        load_puzzles(path, SUDOKU)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


OPEN_MAZE = "  S# #  " + " # G#   "
"""4x4 cells in the notation of the public mazes: spaces are open cells, including the first and the last."""


@pytest.fixture
def maze():
    return get_task("maze", 16)


def test_spaces_at_the_ends_of_a_maze_are_cells(tmp_path, maze):
    expected = maze.parse("\n".join(OPEN_MAZE[at : at + 4] for at in range(0, 16, 4)))
    (tmp_path / "set.csv").write_text(f"source,question,answer,rating\nx,{OPEN_MAZE},,3\n")
    (tmp_path / "set.txt").write_text(f"# a comment\n{OPEN_MAZE}\n\n")
    for name in ("set.csv", "set.txt"):
        puzzles = load_puzzles(tmp_path / name, maze)
        assert np.array_equal(puzzles.inputs, expected[None])
        assert puzzles.inputs[0, 0] == puzzles.inputs[0, -1] == 2


def test_a_maze_that_starts_with_a_wall_is_not_a_comment(tmp_path, maze):
    (tmp_path / "set.txt").write_text("#S##" + "#  #" + "## #" + "##G#\n# walls\n")
    puzzles = load_puzzles(tmp_path / "set.txt", maze)
    assert len(puzzles) == 1 and puzzles.labelled.all()
    write_csv(puzzles, tmp_path / "set.csv", maze)
    assert same(puzzles, load_puzzles(tmp_path / "set.csv", maze))


DRAWN = ["#S##\n#  #\n## #\n##G#", "    \n S# \n##G \n    ", "S   \n   #\n# ##\n  G"]
"""Includes rows of spaces, and lines that lost trailing spaces."""


def test_several_drawn_mazes_in_a_file(tmp_path, maze):
    one_line = DRAWN[0].replace("\n", "")
    text = f"# four mazes of one file\r\n{DRAWN[0]}\n\n{DRAWN[1]}\n\n\n# the third\n{DRAWN[2]}\n{one_line}\n"
    (tmp_path / "set.txt").write_text(text)
    puzzles = load_puzzles(tmp_path / "set.txt", maze)
    expected = [maze.parse(drawn) for drawn in (*DRAWN, one_line)]
    assert np.array_equal(puzzles.inputs, np.stack(expected)) and puzzles.labelled.any()
    assert len(load_puzzles(tmp_path / "set.txt", maze, limit=2)) == 2


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (DRAWN[0].replace("G", "x"), "lines 6 to 9: Line 9, position 3: 'x' is not part of a maze."),
        (DRAWN[0] + "\n#  #", "lines 6 to 10: A 4x4 maze has 4 lines of 4 characters"),
        (DRAWN[0] + "\n" + DRAWN[0], "lines 6 to 13: A 4x4 maze has 4 lines"),
        (DRAWN[0].replace("## #", "### ##"), "lines 6 to 9: A 4x4 maze has 4 lines of 4 characters, or 16 characters in one line; line 8 has 6"),
        ("#S#", "line 6: A 4x4 maze"),
    ],
)  # fmt: skip
def test_a_mistake_in_one_of_several_drawings_is_reported_with_its_lines(tmp_path, maze, bad, says):
    path = tmp_path / "set.txt"
    path.write_text(f"{DRAWN[0]}\n\n{bad}\n\n{DRAWN[2]}\n")
    with pytest.raises(DataError) as error:
        load_puzzles(path, maze)
    assert str(error.value).startswith(f"{path}, {says}") and "\n" not in str(error.value)


def test_several_drawn_sudokus_in_a_file(tmp_path):
    drawn = SUDOKU.pretty(SUDOKU.parse(PUZZLE))
    (tmp_path / "set.txt").write_text(f"{drawn}\n\n{PUZZLE}\n{drawn}\n")
    puzzles = load_puzzles(tmp_path / "set.txt", SUDOKU)
    assert [SUDOKU.format(inputs) for inputs in puzzles.inputs] == [PUZZLE] * 3


def test_a_binary_file_is_rejected(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"\x80\x04\xff\xfe" * 100)
    with pytest.raises(DataError, match=r"is not text in UTF-8"):
        load_puzzles(path, SUDOKU)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("dataset.json", b"{", "is not JSON"),
        ("dataset.json", b"[]", "seq_len is None, but sudoku has 81"),
        ("dataset.json", b'{"seq_len": 900, "vocab_size": 6}', "seq_len is 900, but sudoku has 81"),
        ("dataset.json", b'{"seq_len": 81, "vocab_size": 11, "sets": ["../x"]}', "list of names"),
        ("all__inputs.npy", None, "is missing"),
        ("all__labels.npy", b"\x93NUMPY\x01", "is damaged"),
        ("all__inputs.npy", np.zeros((3, 80), np.uint8), "has shape (3, 80), not (examples, 81)"),
        ("all__labels.npy", np.zeros((2, 81), np.uint8), "has shape (2, 81), not (examples, 81)"),
        (
            "all__inputs.npy",
            np.full((3, 81), 11, np.uint8),
            "the inputs contain token 11, but sudoku has tokens 0-10",
        ),
        (
            "all__labels.npy",
            np.eye(3, 81, dtype=np.uint8) * np.array([[12], [1], [1]], np.uint8),  # only in the first example
            "the labels contain token 12",
        ),
        ("all__inputs.npy", np.full((3, 81), 255), "the inputs contain token 255"),
        ("all__inputs.npy", np.full((3, 81), 256), "tokens range from 256 to 256"),
        ("all__inputs.npy", np.full((3, 81), -2), "tokens range from -2 to -2"),
        ("all__inputs.npy", np.zeros((3, 81)), "not a list of integers"),
        ("all__puzzle_indices.npy", np.array([0, 1, 2, 9]), "does not divide the 3 examples"),
        ("all__puzzle_indices.npy", np.array([[0, 1], [2, 3]]), "does not divide the 3 examples"),
    ],
)
def test_a_mistake_in_a_dataset_folder_is_reported_with_the_file(tmp_path, mixed, name, content, message):
    write_official(mixed, tmp_path, SUDOKU)
    path = tmp_path / "test" / name
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    with pytest.raises(DataError) as error:
        load_puzzles(tmp_path, SUDOKU)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content, says",
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1f\nsize 27317562\n", "is a Git LFS pointer to a file of 27317562 bytes, .*git lfs pull"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1f\n", "is a Git LFS pointer to a file, not"),
        ("<!DOCTYPE html><html>Sign in</html>", "is a web page, not the file: use its download address"),
        ("not an array", "is damaged"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("part", ["inputs", "labels", "puzzle_indices"])
def test_a_stand_in_for_an_array_file_is_reported(tmp_path, mixed, part, content, says):
    write_official(mixed, tmp_path, SUDOKU)
    (tmp_path / "test" / f"all__{part}.npy").write_text(content)
    with pytest.raises(DataError, match=says):
        load_puzzles(tmp_path, SUDOKU)


def test_pickles_are_never_opened(tmp_path, mixed):
    write_official(mixed, tmp_path, SUDOKU)
    opened = tmp_path / "opened"

    class Trap:
        def __reduce__(self):
            return (open, (str(opened), "w"))

    for content in (pickle.dumps(Trap()), None):
        path = tmp_path / "test" / "all__inputs.npy"
        if content is None:
            np.save(path, np.array([Trap()], object), allow_pickle=True)
        else:
            path.write_bytes(content)
        with pytest.raises(DataError, match=r"is damaged"):
            load_puzzles(tmp_path, SUDOKU)
    assert not opened.exists()


def test_errors_for_unknown_sets_list_the_choices(tmp_path):
    assert "sudoku/test" in bundled_sets()
    with pytest.raises(DataError, match=r"There is no puzzle set 'sudoku/tset'. Bundled sets: .*sudoku/test"):
        load_puzzles("sudoku/tset", SUDOKU)
    with pytest.raises(DataError, match=r"has no dataset.json and no test.csv"):
        load_puzzles(tmp_path, SUDOKU)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "dataset.json").write_text("{}")
    with pytest.raises(DataError, match=r"has no test split. Give one of its splits, such as .*train"):
        load_puzzles(tmp_path, SUDOKU)
    with pytest.raises(DataError, match=r"A limit of 0"):
        load_puzzles("sudoku/test", SUDOKU, limit=0)
