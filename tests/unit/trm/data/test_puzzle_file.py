"""The puzzles of an uploaded file: all formats are split into puzzles without solving, and errors name the place."""

import json
import time

import pytest

from trm.data import PuzzleEntry, puzzle_entries
from trm.errors import DataError
from trm.tasks.arc import Arc
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku

SUDOKU, SMALL, MAZE, ARC = Sudoku(), Sudoku(2, 2), Maze(5), Arc()
ONE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
TWO = "." * 81
DRAWN = "#S# #\n# # #\n#   G\n# ###\n#    "


def entries_of(text: str | bytes, name: str = "mine.txt", task=SUDOKU) -> list[PuzzleEntry]:
    return puzzle_entries(text.encode() if isinstance(text, str) else text, name, task)


def read(puzzle_entries: list[PuzzleEntry], task=SUDOKU) -> list[str]:
    return [task.format(entry.read(task)) for entry in puzzle_entries]


@pytest.mark.parametrize(
    ("text", "name", "places"),
    [
        (f"{ONE}\n{TWO}\n", "mine.txt", ["line 1", "line 2"]),
        (f"# mine\n\n{ONE}\r\n\r\n{TWO}", "mine.txt", ["line 3", "line 5"]),
        (f"source,q,a,rating\nme,{ONE},,3\nme,{TWO},,\n", "mine.csv", ["line 2", "line 3"]),
        (f"Question, Answer\n{ONE},\n{TWO},\n", "mine.txt", ["line 2", "line 3"]),
        (json.dumps([ONE, TWO]), "mine.json", ["entry 1", "entry 2"]),
        (json.dumps([{"question": ONE}, {"q": TWO}]), "mine", ["entry 1", "entry 2"]),
        (
            json.dumps(
                [[[int(mark.replace(".", "0")) for mark in ONE[at : at + 9]] for at in range(0, 81, 9)], TWO]
            ),
            "mine.json",
            ["entry 1", "entry 2"],
        ),
        (b"\xef\xbb\xbf" + f"{ONE}\n{TWO}".encode(), "mine.txt", ["line 1", "line 2"]),
    ],
    ids=[
        "lines",
        "comments",
        "csv",
        "csv without its name",
        "json",
        "json objects",
        "json rows",
        "byte order mark",
    ],
)
def test_several_puzzles_have_different_places(text, name, places):
    several = entries_of(text, name)
    assert [entry.place for entry in several] == places
    assert read(several) == [ONE, TWO]


@pytest.mark.parametrize(
    "text",
    [ONE, SUDOKU.pretty(SUDOKU.parse(ONE)), json.dumps([[*ONE[at : at + 9]] for at in range(0, 81, 9)])],
    ids=["one line", "drawn with boxes", "json rows"],
)
def test_a_single_puzzle_in_any_notation_is_one_entry(text):
    assert read(entries_of(text)) == [ONE]


def test_a_drawn_maze_is_one_puzzle_and_may_lack_start_and_goal():
    assert read(entries_of(DRAWN, task=MAZE), MAZE) == [DRAWN.replace("\n", "").replace(" ", ".")]
    (unfinished,) = entries_of(DRAWN.replace("S", " "), task=MAZE)
    assert "S" not in MAZE.format(unfinished.read(MAZE))


def test_several_drawn_mazes_are_separate_entries():
    bad = DRAWN.replace("G", "x")
    several = entries_of(f"{DRAWN}\n\n{DRAWN}\n# the last\n{bad}\n", task=MAZE)
    assert [each.place for each in several] == ["lines 1 to 5", "lines 7 to 11", "lines 13 to 17"]
    assert read(several[:2], MAZE) == [DRAWN.replace("\n", "").replace(" ", ".")] * 2
    with pytest.raises(DataError, match=r"^mine\.txt, lines 13 to 17: Line 15, position 5: 'x' is not part"):
        several[2].read(MAZE)
    assert entries_of(f"\n{DRAWN}\n", task=MAZE)[0].place == "lines 2 to 6"


def test_lines_that_start_with_a_wall_are_not_comments():
    lines = [DRAWN.replace("\n", "").replace(" ", "."), "#" * 25]
    assert read(entries_of("\n".join(lines), task=MAZE), MAZE) == lines


def test_arc_tasks_yield_their_test_inputs_and_grids_are_puzzles():
    task = {
        "train": [{"input": [[1]], "output": [[2]]}],
        "test": [{"input": [[3, 4]]}, {"input": [[5], [6]]}],
    }
    several = entries_of(json.dumps({"aaaa": task, "bbbb": task}), "all.json", ARC)
    assert [entry.place for entry in several] == [
        "aaaa, test 1", "aaaa, test 2", "bbbb, test 1", "bbbb, test 2",
    ]  # fmt: skip
    assert read(several, ARC) == ["34", "5/6"] * 2
    assert read(entries_of(json.dumps(task), "one.json", ARC), ARC) == ["34", "5/6"]
    assert read(entries_of("[[1, 2], [3, 4]]", "grid.json", ARC), ARC) == ["12/34"]
    assert read(entries_of("12\n34", "grid.txt", ARC), ARC) == ["12/34"]


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("", "none.txt", "none.txt is empty"),
        (b"\xff\xfe\x00", "picture.png", "picture.png is not text in UTF-8"),
        (ONE[:80], "short.txt", "short.txt: A 9x9 Sudoku has 81 cells, but this text has 80"),
        ("hello\nworld\n", "words.txt", "words.txt: Line 1, position 1: 'h' is not part of a 9x9 Sudoku"),
        ("q,a\n", "head.csv", "head.csv contains no puzzles"),
        ("[]", "none.json", "none.json contains no puzzles"),
        ("a,b\n1,2\n", "other.csv", "other.csv, line 1: the header has no column q or question"),
        (f"q,a\n{ONE}\n", "comma.csv", "comma.csv, line 2: 1 columns, but the header has 2"),
        ("[1, 2", "half.json", "half.json, line 1: not JSON"),
        ("[" * 100_000, "deep.json", "deep.json is not JSON with puzzles"),
        ('{"name": "x"}', "facts.json", "facts.json, entry 1 is not a puzzle. Give a list such as"),
        (b"." * (17 << 20), "large.txt", "large.txt has 17 MB; the maximum is 16 MB"),
    ],
)  # fmt: skip
def test_errors_for_files_without_puzzles_name_the_file_and_the_reason(text, name, says):
    with pytest.raises(DataError, match="^" + says.replace("(", r"\(")) as error:
        entries_of(text, name)
    assert len(str(error.value)) < 300


def test_a_mistake_in_one_of_several_puzzles_is_reported_when_it_is_selected():
    good, bad = entries_of(f"{ONE}\n{ONE[:80]}x\n", "mixed.txt")
    assert read([good]) == [ONE]
    with pytest.raises(DataError, match=r"^mixed\.txt, line 2: Position 81: 'x' is not part"):
        bad.read(SUDOKU)


@pytest.mark.heavy
def test_a_large_file_is_split_quickly_without_solving():
    rows = 100_000
    started = time.process_time()
    several = entries_of("q,a\n" + f"{TWO},{ONE}\n" * rows, "large.csv")
    assert len(several) == rows and several[-1].place == f"line {rows + 1}"
    assert time.process_time() - started < 10
