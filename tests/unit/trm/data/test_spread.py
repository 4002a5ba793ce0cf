"""With a limit, evenly spaced rows of a large file are sampled without reading all of it; smaller files are read completely."""

import gzip
import io
import json
import zipfile

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from trm.data import load_puzzles
from trm.data.files import spread
from trm.data.files.arrays import entries_in_arrays
from trm.data.files.containers import ByteSource
from trm.data.files.readers import read
from trm.errors import DataError
from trm.evaluate import evenly
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
COUNT = 4_000


def puzzle(number: int) -> str:
    """A puzzle that encodes its number in base 5."""
    return "".join(".1234"[number // 5**digit % 5] for digit in range(16))


def number(tokens) -> int:
    return sum(".1234".index(mark) * 5**digit for digit, mark in enumerate(SMALL.format(tokens)))


ROWS = [(puzzle(at), at) for at in range(COUNT)]


def files(rows: list[tuple[str, int]]) -> dict[str, bytes]:
    lines = "".join(f"{text} # {at:05}\n" for text, at in rows)
    table = "id;puzzle;rating\n" + "".join(f"{at:05};{text};1.0\n" for text, at in rows)
    out, columns = io.BytesIO(), {"puzzle": [text for text, _ in rows], "id": [at for _, at in rows]}
    parquet.write_table(pyarrow.table(columns), out, row_group_size=300)
    np.save(
        array := io.BytesIO(),
        np.array([[".1234".index(mark) for mark in text] for text, _ in rows], np.uint8),
    )
    with zipfile.ZipFile(archive := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.csv", table)
    return {
        "x.csv": table.encode(),
        "x.tsv": table.replace(";", "\t").encode(),
        "bare.csv": "".join(f"{text},{at:05}\n" for text, at in rows).encode(),
        "x.txt": lines.encode(),
        "bare.txt": "".join(f"{text}\n" for text, _ in rows).encode(),
        "gap.txt": (lines[:-25] + "\n" + lines[-25:]).encode(),
        "comments.txt": f"# of mine\n\n{lines}".encode(),
        "crlf.csv": table.replace("\n", "\r\n").encode(),
        "bom.csv": b"\xef\xbb\xbf" + table.encode(),
        "no-end.txt": lines.rstrip().encode(),
        "empty-end.txt": (lines + "\n\n").encode(),
        "x.jsonl": "".join(
            json.dumps({"n": f"{at:05}", "puzzle": text}) + "\n" for text, at in rows
        ).encode(),
        "x.csv.gz": gzip.compress(table.encode(), mtime=0),
        "x.zip": archive.getvalue(),
        "x.parquet": out.getvalue(),
        "x.parquet.gz": gzip.compress(out.getvalue(), mtime=0),
        "x.npy": array.getvalue(),
    }


FILES, FEW = files(ROWS), files(ROWS[:100])


@pytest.fixture(autouse=True)
def smaller_bound(monkeypatch):
    for module in ("spread", "readers", "arrays"):
        monkeypatch.setattr(f"trm.data.files.{module}.LARGE", 10_000)
    monkeypatch.setattr(SMALL.__class__, "solutions", lambda self, inputs, limit=2: [])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_rows_are_evenly_spaced_and_include_both_ends(tmp_path, name, limit):
    (tmp_path / name).write_bytes(FILES[name])
    taken = load_puzzles(tmp_path / name, SMALL, spread=limit)
    numbers = np.array([number(inputs) for inputs in taken.inputs])
    expected = evenly(COUNT, limit)
    assert len(numbers) == limit and numbers[0] == 0
    assert np.abs(numbers - expected).max() <= 2
    assert limit == 1 or numbers[-1] == COUNT - 1
    assert len(evenly(len(taken), limit)) == limit


@pytest.mark.parametrize("name", ["x.csv", "x.txt", "x.jsonl", "x.parquet"])
def test_little_more_is_read_than_needed(tmp_path, name, monkeypatch):
    (tmp_path / name).write_bytes(FILES[name])
    read = []
    parse = SMALL.__class__.parse
    monkeypatch.setattr(
        SMALL.__class__, "parse", lambda *given, **named: read.append(1) or parse(*given, **named)
    )
    load_puzzles(tmp_path / name, SMALL, spread=5)
    assert len(read) < 60


@pytest.mark.parametrize("name", ["x.csv", "x.txt", "x.csv.gz", "x.parquet"])
def test_small_files_and_large_limits_read_everything(tmp_path, name, monkeypatch):
    (tmp_path / name).write_bytes(FILES[name])
    if name != "x.parquet":
        assert len(load_puzzles(tmp_path / name, SMALL, spread=COUNT // 2)) == COUNT
    monkeypatch.undo()
    monkeypatch.setattr(SMALL.__class__, "solutions", lambda self, inputs, limit=2: [])
    assert len(load_puzzles(tmp_path / name, SMALL, spread=5)) == COUNT


def test_rows_are_taken_if_there_are_at_least_four_for_each():
    source = ByteSource.of_bytes(FILES["x.txt"], "x.txt")
    assert spread.spread_rows(source, SMALL, COUNT // 4 + 1) is None
    assert spread.spread_rows(source, SMALL, COUNT // 4) is not None


@pytest.mark.parametrize(
    "name, module",
    [("x.txt", "spread"), ("x.csv.gz", "spread"), ("x.parquet", "readers"), ("x.npy", "arrays")],
)
def test_a_file_of_the_largest_size_is_read_completely(tmp_path, name, module, monkeypatch):
    size = {"x.csv.gz": len(FEW["x.csv"]), "x.npy": 100 * 16}.get(name, len(FEW[name]))
    (tmp_path / name).write_bytes(FEW[name])
    monkeypatch.setattr(f"trm.data.files.{module}.LARGE", size)
    assert len(load_puzzles(tmp_path / name, SMALL, spread=2)) == 100
    monkeypatch.setattr(f"trm.data.files.{module}.LARGE", size - 1)
    assert len(load_puzzles(tmp_path / name, SMALL, spread=2)) == 2


@pytest.mark.parametrize("limit", [None, 0, -1])
def test_without_a_positive_limit_a_large_file_is_read_completely(tmp_path, limit, monkeypatch):
    (tmp_path / "x.txt").write_bytes(FEW["x.txt"])
    monkeypatch.setattr("trm.data.files.spread.LARGE", 0)
    assert len(load_puzzles(tmp_path / "x.txt", SMALL, spread=limit)) == 100


def test_places_name_the_rows_that_are_taken():
    (first, last) = entries_in_arrays(ByteSource.of_bytes(FILES["x.npy"], "x.npy"), SMALL, spread=2)
    assert (first.place, last.place) == ("puzzle 1", f"puzzle {COUNT}")
    rows = list(spread.spread_rows(ByteSource.of_bytes(FILES["x.csv"], "x.csv"), SMALL, 2))
    assert [each.place for each in rows] == [
        "the row at byte 17",
        f"the row at byte {17 + 27 * (COUNT - 1):,}",
    ]


@pytest.mark.parametrize("batch", [1024, 128])
def test_rows_of_parquet_are_numbered_across_groups_and_batches(batch, monkeypatch):
    monkeypatch.setattr("trm.data.files.parquet.ROWS", batch)
    for count, numbers in ((3, [1, 2001, 4000]), (None, range(1, COUNT + 1))):
        rows = list(read(ByteSource.of_bytes(FILES["x.parquet"], "x"), SMALL, spread=count))
        assert [row.place for row in rows] == [f"row {number}" for number in numbers]
        assert [row.text for row in rows] == [ROWS[number - 1][0] for number in numbers]


def test_files_with_multi_line_puzzles_are_read_completely(tmp_path):
    drawn = "\n\n".join("\n".join(text[at : at + 4] for at in range(0, 16, 4)) for text, _ in ROWS[:900])
    quoted = "id,puzzle\n" + "".join(f'{at},"{text[:8]}\n{text[8:]}"\n' for text, at in ROWS[:900])
    for name, text in (("x.txt", drawn), ("x.csv", quoted)):
        (tmp_path / name).write_text(text)
        assert spread.spread_rows(ByteSource.of_path(tmp_path / name), SMALL, 3) is None
        assert len(load_puzzles(tmp_path / name, SMALL, spread=3)) == 900


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda table: table[: len(table) - 20] + "x" * 9 + "\n", "the row at byte"),
        (
            lambda table: table[: len(table) // 2] + "z" * 2_000_000,
            "the last line has over 1,048,576 characters",
        ),
    ],
)
def test_a_mistake_in_a_row_is_reported_with_its_place(tmp_path, spoil, says):
    (tmp_path / "x.csv").write_text(spoil(FILES["x.csv"].decode()))
    with pytest.raises(DataError, match=says) as error:
        load_puzzles(tmp_path / "x.csv", SMALL, spread=5)
    assert str(error.value).startswith(str(tmp_path / "x.csv")) and "\n" not in str(error.value)
