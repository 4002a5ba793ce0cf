"""Edges of the readers: nesting and places in JSON, files in a zip, arrays of digits, and where long texts are cut."""

import gzip
import io
import json
import re
import zipfile

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from trm.data import PuzzleEntry, load_puzzles, puzzle_entries
from trm.data.files.json_file import read_json
from trm.data.files.npz import header_of
from trm.data.puzzle_file import read_content
from trm.errors import DataError
from trm.tasks.arc import Arc
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
ONE, SOLVED = "12..3...2.1....4", "1234341221434321"
ROWS = [[1, 2, 0, 0], [3, 0, 0, 0], [2, 0, 1, 0], [0, 0, 0, 4]]


def entries(content: object, name: str = "x") -> list[PuzzleEntry]:
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    return puzzle_entries(content, name, SMALL)


def refusal(content: object, name: str = "x") -> str:
    with pytest.raises(DataError) as error:
        entries(content, name)
    return str(error.value)


@pytest.mark.parametrize(
    ("wrap", "content", "deepest"),
    [
        (lambda inner: {"k": inner}, ROWS, 12),
        (lambda inner: [inner], ROWS, 13),  # the outermost list holds the entries
        (lambda inner: {"k": inner}, {"puzzle": [ONE]}, 10),  # the puzzle is in a row of the table
    ],
)
def test_json_is_searched_to_a_depth_of_twelve(wrap, content, deepest):
    for _ in range(deepest):
        content = wrap(content)
    (entry,) = entries(content)
    assert SMALL.format(entry.read(SMALL)) == ONE
    assert "is not a puzzle" in refusal(wrap(content))


@pytest.mark.parametrize(
    ("content", "places"),
    [
        ({"puzzle": ONE}, ["entry 1"]),
        ("\n" + json.dumps({"puzzle": ONE}), ["entry 1"]),
        (f'{{"puzzle": "{ONE}"}}\n\n{{"puzzle": "{ONE}"}}\n', ["line 1", "line 3"]),
        ({"other": [ONE, ONE]}, ["entry 1, other, 1", "entry 1, other, 2"]),
        ({"boards": {"x" * 50: {"puzzle": ONE}}}, [f"entry 1, boards, {'x' * 40}"]),
        ([[{"puzzle": ONE}, [{"puzzle": ONE}]]], ["entry 1, 1", "entry 1, 2, 1"]),
        ({"puzzle": [ONE, ONE], "solution": [SOLVED, SOLVED]}, ["entry 1, row 1", "entry 1, row 2"]),
    ],
)
def test_the_place_of_a_puzzle_in_json_leads_to_it(content, places):
    assert [entry.place for entry in entries(content)] == places


def test_many_empty_lines_may_precede_a_puzzle_but_are_no_file_of_puzzles():
    for empty in (49, 50, 51, 60):
        assert [entry.place for entry in entries("\n" * empty + ONE)] == [f"line {empty + 1}"]
    assert "has 16 cells, but this text has 0" in refusal("\n" * 60)
    assert refusal("\n" * 50) == "x is empty. Give a file with one puzzle per line."


@pytest.mark.parametrize(
    ("text", "place"),
    [("12\n34", "lines 1 to 2"), ("\n\n12\n34\n", "lines 3 to 4"), ("\r\n12\r\n", "line 2")],
)
def test_a_grid_that_is_a_whole_text_begins_after_empty_lines(text, place):
    (entry,) = puzzle_entries(text.encode(), "x", Arc())
    assert entry.place == place


@pytest.mark.parametrize("comments", [0, 2])
def test_lines_of_a_table_are_counted_from_the_start_of_the_file(comments):
    above = "# from a friend\n" * comments
    (entry,) = entries(f"{above}id;puzzle\n7;{ONE}\n")
    assert (entry.place, entry.line) == (f"line {comments + 2}", comments + 2)
    for mistake, says in (
        (f"puzzle,a\n{ONE}\n", "1 columns, but the header has 2. Check the commas."),
        (f"puzzle;a\n{ONE}\n", "1 columns, but the header has 2. Check the columns."),
        (f"puzzle,a\n{ONE},{'1' * 140_000}\n", "not CSV (field larger than field limit (131072))."),
    ):
        assert f"x, line {comments + 2}: {says}" in refusal(above + mistake)


def test_a_column_of_another_length_is_no_part_of_a_table():
    content = {"puzzle": [ONE, ONE], "solution": [SOLVED], "rating": [2, 3]}
    assert [(entry.answer, entry.rating) for entry in entries(content)] == [("", "2"), ("", "3")]
    content["solution"] = [SOLVED, SOLVED]
    assert [entry.answer for entry in entries(content)] == [SOLVED] * 2


def test_the_answer_is_not_the_puzzle_and_the_rating_may_be_missing():
    (entry,) = entries({"puzzle": ONE, "y": "?", "label": SOLVED, "rating": None, "difficulty": "hard"})
    assert (entry.text, entry.answer, entry.rating, entry.difficulty) == (ONE, SOLVED, "", "hard")


@pytest.mark.parametrize(
    "rows", [["#S#", "#.#", "#G#"], [["#", "S", "#"], ["#", None, "#"], ["#", "G", "#"]]]
)
def test_a_maze_in_json_has_a_string_or_a_list_of_cells_per_row(rows):
    (entry,) = puzzle_entries(json.dumps(rows).encode(), "x", Maze(3))
    assert Maze(3).format(entry.read(Maze(3))) == "#S##.##G#"


def test_rows_of_strings_become_lines_and_cells_a_list():
    lines = [ONE[at : at + 4] for at in range(0, 16, 4)]
    for content, text in ((lines, "\n".join(lines)), (list(ONE), json.dumps([list(ONE)]))):
        assert [entry.text for entry in entries(content)] == [text]


def zipped(**files: str) -> bytes:
    with zipfile.ZipFile(out := io.BytesIO(), "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.csv", content)
    return out.getvalue()


def test_up_to_three_files_of_a_zip_are_listed():
    assert "x contains 3 files: a.csv, b.csv, c.csv. Unzip it" in refusal(zipped(a="1", b="2", c="3"))
    assert "x contains 4 files: a.csv, b.csv, c.csv, ..." in refusal(zipped(a="1", b="2", c="3", d="4"))


def test_a_file_may_be_packed_three_times():
    content = f"{ONE}\n".encode()
    for _ in range(3):
        content = gzip.compress(content, mtime=0)
    assert [entry.text for entry in entries(content)] == [ONE]
    assert "is not text" in refusal(gzip.compress(content, mtime=0))


def npz(**arrays: np.ndarray) -> bytes:
    np.savez(out := io.BytesIO(), **arrays)
    return out.getvalue()


@pytest.mark.parametrize(
    ("puzzle", "answer", "text"),
    [
        ([1] * 16, [1, 4] + [2] * 14, "1" * 16),  # digits of a puzzle that is full
        ([1, 5] + [1] * 14, [2, 5] + [3] * 14, ".4" + "." * 14),
    ],
)
def test_answers_tell_digits_from_tokens(puzzle, answer, text):
    (entry,) = entries(npz(puzzles=np.array([puzzle]), solutions=np.array([answer])), "x.npz")
    assert entry.text == text


def test_an_answer_of_unknown_tokens_is_wrong(tmp_path):
    (tmp_path / "x.npz").write_bytes(npz(puzzles=np.array([[1, 5] * 8]), solutions=np.full((1, 16), 200)))
    with pytest.raises(DataError, match="puzzle 1: the answer breaks a rule or changes a given"):
        load_puzzles(tmp_path / "x.npz", SMALL)


def test_a_maze_has_no_token_beyond_its_vocabulary(tmp_path):
    maze = np.full((1, 25), 2)
    maze[0, [0, 24, 12]] = 3, 4, 5
    (tmp_path / "x.npz").write_bytes(npz(puzzles=maze))
    assert load_puzzles(tmp_path / "x.npz", Maze(5)).inputs[0, 12] == 5
    maze[0, 12] = 6
    (tmp_path / "x.npz").write_bytes(npz(puzzles=maze))
    with pytest.raises(DataError, match=r"x.npz contains token 6, but maze has tokens 0-5\."):
        load_puzzles(tmp_path / "x.npz", Maze(5))


def test_strings_may_have_answers_of_digits_and_one_string_is_a_puzzle():
    digits = np.array([[*map(int, SOLVED)]])
    for puzzles in ([ONE, ONE], [ONE]):
        content = npz(puzzles=np.array(puzzles), solutions=np.repeat(digits, len(puzzles), 0))
        assert [(entry.text, entry.answer) for entry in entries(content, "x.npz")] == [(ONE, SOLVED)] * len(
            puzzles
        )


def test_an_array_may_have_more_axes():
    np.save(out := io.BytesIO(), np.array([*map(int, SOLVED)] * 6).reshape(2, 3, 16))
    assert [entry.text for entry in entries(out.getvalue())] == [SOLVED] * 6


def test_a_single_array_may_have_any_name():
    digits = np.array([[*map(int, SOLVED)]])
    assert [entry.text for entry in entries(npz(mine=digits), "x.npz")] == [SOLVED]
    assert "x.npz has arrays named mine, yours. Name them" in refusal(npz(mine=digits, yours=digits), "x.npz")


@pytest.mark.parametrize("first", [[0, 7], [0, -1]])
def test_numbers_of_unclear_meaning_are_written_with_spaces(first):
    np.save(out := io.BytesIO(), np.array([[*first, *[-1] * 14]]))
    (entry,) = entries(out.getvalue(), "x.npy")
    assert entry.text == "\n".join([f"0 {first[1]} -1 -1", *["-1 -1 -1 -1"] * 3])


def test_long_reasons_are_cut(tmp_path):
    (tmp_path / "x.json").write_text("1" * 5000)  # more digits than Python reads
    with pytest.raises(DataError) as error:
        read_json(tmp_path / "x.json", 10_000)
    beginning, end = f"{tmp_path / 'x.json'} is not JSON (", "). Copy or write it again."
    assert len(str(error.value).removeprefix(beginning).removesuffix(end)) == 80
    np.save(out := io.BytesIO(), np.zeros(1, [(f"column {number}", "i4") for number in range(9)]))
    assert len(re.search(r"has dtype (.*), which is not", refusal(out.getvalue()))[1]) == 60
    parquet.write_table(pyarrow.table({f"column {number}": [1] for number in range(9)}), out := io.BytesIO())
    assert len(re.search(r"has columns (.*)\. Name the", refusal(out.getvalue()))[1]) == 80
    header = ("'" + "x" * 200 + "'").encode()
    with pytest.raises(ValueError, match="Header is not a dictionary") as invalid:
        header_of(io.BytesIO(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header))
    assert len(str(invalid.value)) == 120


def test_of_a_large_file_one_byte_more_than_the_limit_is_read(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"12345")
    monkeypatch.setattr("trm.data.puzzle_file.LARGEST", 3)
    assert read_content(tmp_path / "x") == b"1234"
