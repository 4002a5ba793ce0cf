"""Files of puzzles may use all of a limit, and not one byte, line, puzzle or bracket more."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from limits import check_largest
from pyarrow import parquet

from trm.data import PuzzleSet, load_puzzles, puzzle_entries, write_dataset
from trm.data.files.table import layout_of
from trm.data.files.text import encoding_of
from trm.data.generate import generate_dataset
from trm.errors import DataError
from trm.tasks.arc import Arc
from trm.tasks.sudoku import Sudoku

ARC, TINY = Arc(), Sudoku(2, 2)
PUZZLE, OTHER = "1..4.....3....2.", "1.....2..3.....4"
LINES = f"{PUZZLE}\n{OTHER}\n"
AS_JSON = f'[{{"puzzle": "{PUZZLE}"}},\n {{"puzzle": "{OTHER}"}}]'
SHORTENED = "[[1 2 ... 3 4]\n [...]]"
ONE_TASK = {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]], "output": [[4]]}]}
TWO_PAIRS = {"train": ONE_TASK["train"] * 2, "test": ONE_TASK["test"]}


def texts_in(content: str | bytes, name: str = "x.txt") -> list[str]:
    content = content if isinstance(content, bytes) else content.encode()
    return [entry.text for entry in puzzle_entries(content, name, TINY)]


def message(content: str, name: str = "x.txt") -> str:
    with pytest.raises(DataError) as error:
        texts_in(content, name)
    return str(error.value)


def zipped(**files: str) -> bytes:
    with zipfile.ZipFile(out := io.BytesIO(), "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return out.getvalue()


def array() -> bytes:
    np.save(out := io.BytesIO(), np.array([[*map(int, PUZZLE.replace(".", "0"))]], np.uint8))
    return out.getvalue()


def table() -> bytes:
    parquet.write_table(pyarrow.table({"puzzle": [PUZZLE], "note": [""]}), out := io.BytesIO())
    return out.getvalue()


GROUP = parquet.ParquetFile(io.BytesIO(table())).metadata.row_group(0).total_byte_size


def arc(folder: Path, *names: str, task: object = ONE_TASK) -> int:
    for name in names:
        (folder / f"{name}.json").write_text(json.dumps(task))
    return len(load_puzzles(folder, ARC))


def loaded(folder: Path) -> int:
    (folder / "x.txt").write_text(LINES)
    return len(load_puzzles(folder / "x.txt", TINY))


def written(folder: Path) -> Path:
    """A folder with a set as it comes from the public code; it is written once."""
    if not (folder / "set").exists():
        inputs = np.stack([TINY.parse(PUZZLE), TINY.parse(OTHER)])
        puzzles = PuzzleSet.of("set", TINY, inputs, inputs, puzzle_identifiers=np.array([1, 3], np.int32))
        write_dataset(puzzles, folder / "set", TINY)
    return folder / "set"


def copied(folder: Path) -> int:
    for name in ("inputs", "labels"):
        path = written(folder) / "test" / f"all__{name}.npy"
        np.save(path, np.load(path).astype(np.int32))
    return len(load_puzzles(written(folder), TINY))


@pytest.mark.parametrize(
    "limit, size, read",
    [
        ("puzzle_file.LARGEST", len(LINES), lambda _: texts_in(LINES)),
        ("puzzle_file.LARGEST_UNPACKED", 50 * len(LINES), lambda _: texts_in(gzip.compress(LINES.encode() * 50))),
        ("files.containers.MAX_MEMBERS", 2, lambda _: texts_in(zipped(x_txt=LINES, README_md=""), "x.zip")),
        ("files.text.LONGEST_LINE", len(PUZZLE) + 1, lambda _: texts_in(LINES)),  # with its line break
        ("files.readers.LARGEST_JSON", len(AS_JSON), lambda _: texts_in(AS_JSON, "x.json")),
        ("files.readers.MAX_BRACKETS", 3, lambda _: texts_in(AS_JSON, "x.json")),
        ("files.readers.LONGEST_GRID", len(SHORTENED), lambda _: "..." in message(SHORTENED, "x.json")),
        ("files.readers.LONGEST_GRID", 4, lambda _: "position 1" in message("ab\n\n")),  # as a puzzle
        ("files.arrays.LARGEST", len(PUZZLE), lambda _: texts_in(array(), "x.npy")),
        ("files.parquet.LARGEST_SCHEMA", 2, lambda _: texts_in(table(), "x.parquet")),
        ("files.parquet.LARGEST_GROUP", GROUP, lambda _: texts_in(table(), "x.parquet")),
        ("files.json_file.MAX_BRACKETS", json.dumps(ONE_TASK).count("[") + json.dumps(ONE_TASK).count("{"),
         lambda folder: arc(folder, "a")),
        ("arc.LARGEST_FILE", len(json.dumps(ONE_TASK)), lambda folder: arc(folder, "a")),
        ("arc.MAX_FILES", 2, lambda folder: arc(folder, "a", "b")),
        ("arc.LONGEST_NAME", 3, lambda folder: arc(folder, "abc")),
        ("arc.MAX_PAIRS", 2, lambda folder: arc(folder, "a", task=TWO_PAIRS)),
        ("load.MAX_PUZZLES", 2, loaded),
        ("official.MAX_EMPTY", 1, lambda folder: load_puzzles(written(folder), TINY)),  # 3 indices of 2 examples
        ("official.LARGEST_COPY", 2 * TINY.cells, copied),
        ("official.MAX_IDENTIFIERS", 4, lambda folder: load_puzzles(written(folder), TINY)),  # ids from 0 to 3
    ],
)  # fmt: skip
def test_all_of_a_limit_may_be_used(tmp_path, monkeypatch, limit, size, read):
    check_largest(monkeypatch, f"trm.data.{limit}", size, lambda: read(tmp_path))


def test_names_are_written_up_to_the_largest_id(tmp_path, monkeypatch):
    folders = iter((tmp_path / "one", tmp_path / "other"))
    check_largest(monkeypatch, "trm.data.write.MAX_IDENTIFIERS", 3, lambda: written(next(folders)))


def test_a_set_of_the_largest_size_is_generated(tmp_path, monkeypatch):
    options = {"difficulty": "easy", "seed": 0, "out": tmp_path, "format": "csv", "givens": (8, 12)}
    monkeypatch.setattr("trm.data.generate.LARGEST_SET", 1)
    for count in (0, 2):
        with pytest.raises(DataError, match="Give a count from 1 to 1"):
            generate_dataset(TINY, count=count, **options)
    assert len(load_puzzles(generate_dataset(TINY, count=1, **options), TINY)) == 1


def test_a_line_over_the_limit_is_named(monkeypatch):
    monkeypatch.setattr("trm.data.files.text.LONGEST_LINE", len(PUZZLE))
    assert message(f"# a\n{LINES}").startswith("x.txt, line 2: over 16 characters.")


@pytest.mark.parametrize("text", [PUZZLE[:-1] + "\0", PUZZLE + "\0 é"])
def test_a_file_with_a_zero_byte_is_not_text(text):
    assert message(text).startswith("x.txt is not text in UTF-8")


def test_so_many_lines_may_be_without_a_puzzle(monkeypatch):
    monkeypatch.setattr("trm.data.files.readers.LONGEST_GRID", 0)
    monkeypatch.setattr("trm.data.files.readers.MAX_LINES_WITHOUT_PUZZLE", 3)
    assert texts_in(f"a heading\nof two lines\n{PUZZLE}\n") == [PUZZLE]
    with pytest.raises(DataError, match="has 3 lines without a puzzle"):
        texts_in(f"a heading\nof\nthree lines\n{PUZZLE}\n")


@pytest.mark.parametrize("pairs", [[], {}, [{}]])
def test_a_task_has_at_least_one_pair(tmp_path, pairs):
    with pytest.raises(DataError, match=r"is not a list of 1 to|has no input"):
        arc(tmp_path, "a", task=ONE_TASK | {"test": pairs})


@pytest.mark.parametrize("count, encoding", [(3, "utf-8"), (4, "utf-16")])
def test_eight_bytes_tell_an_encoding(count, encoding):
    assert encoding_of(b"1\0" * count) == encoding.replace("utf-16", "utf-16-le")
    assert encoding_of(b"\0001" * count) == encoding.replace("utf-16", "utf-16-be")


@pytest.mark.parametrize("length, is_table", [(40, True), (41, False)])
def test_the_names_of_columns_are_short(length, is_table):
    assert (layout_of([f"puzzle,{'x' * length}\n"]) is not None) == is_table


@pytest.mark.parametrize("blank, is_cell", [("null", True), ("blank", False)])
def test_a_cell_of_a_list_has_up_to_four_characters(blank, is_cell):
    rows = [[mark.replace(".", blank) for mark in PUZZLE[at : at + 4]] for at in range(0, 16, 4)]
    if is_cell:
        assert texts_in(json.dumps(rows), "x.json") == [json.dumps(rows)]
    else:
        with pytest.raises(DataError):
            texts_in(json.dumps(rows), "x.json")
