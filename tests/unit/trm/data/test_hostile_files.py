"""Truncated, foreign and hostile files give a one-line error: no code is run, and memory is bounded."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import struct
import tracemalloc
import zipfile

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from trm.data import load_puzzles, puzzle_entries
from trm.data.files.readers import MAX_LINES_WITHOUT_PUZZLE
from trm.errors import DataError
from trm.tasks.arc import Arc
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku

SUDOKU, MAZE, ARC = Sudoku(), Maze(5), Arc()
ONE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
TASKS = pytest.mark.parametrize("task", [SUDOKU, MAZE, ARC], ids=lambda task: task.name)


def error_message(read) -> str:
    """The error message of a reader, "" if it succeeds."""
    try:
        for _ in read():
            pass
    except DataError as error:
        message = str(error)
        assert "\n" not in message and len(message) < 600
        return message
    return ""


def of_both(tmp_path, content: bytes, name: str = "x", task=SUDOKU) -> list[str]:
    (tmp_path / name).write_bytes(content)
    return [
        error_message(lambda: [entry.read(task) for entry in puzzle_entries(content, name, task)]),
        error_message(lambda: load_puzzles(tmp_path / name, task).inputs),
    ]


def npy(header: str, content: bytes = b"", *, version: int = 1) -> bytes:
    text = header.encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes((version, 0)) + length + text + content


def shaped(shape: object, descr: object = "'|u1'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name.replace("_dot_", "."), content)
    return out.getvalue()


def good_parquet() -> bytes:
    parquet.write_table(pyarrow.table({"puzzle": [ONE] * 50, "solution": [""] * 50}), out := io.BytesIO())
    return out.getvalue()


GOOD = {
    "x.csv": f"puzzle,rating\n{ONE},3\n".encode(),
    "x.json": json.dumps([{"puzzle": ONE}]).encode(),
    "x.jsonl": (json.dumps({"puzzle": ONE}) + "\n").encode() * 2,
    "x.gz": gzip.compress(f"{ONE}\n".encode() * 3, mtime=0),
    "x.bz2": bz2.compress(f"{ONE}\n".encode() * 3),
    "x.xz": lzma.compress(f"{ONE}\n".encode() * 3),
    "x.zip": zipped(x_dot_csv=f"puzzle\n{ONE}\n".encode()),
    "x.npy": npy(shaped("(2, 81)"), bytes(162)),
    "x.parquet": good_parquet(),
    "x.utf16": f"{ONE}\n".encode("utf-16"),
}


@TASKS
@pytest.mark.parametrize("name", GOOD)
def test_truncated_or_corrupted_files_give_a_one_line_error(tmp_path, name, task):
    content, draw = GOOD[name], random.Random(name)
    for size in (0, 1, 5, len(content) // 2, len(content) - 1):
        of_both(tmp_path, content[:size], name, task)
    for _ in range(20):
        spoiled = bytearray(content)
        for _ in range(3):
            spoiled[draw.randrange(len(spoiled))] = draw.randrange(256)
        of_both(tmp_path, bytes(spoiled), name, task)
    for _ in range(5):
        of_both(tmp_path, draw.randbytes(300), name, task)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (npy("(" * 5000), "damaged"),
        (npy("1+" * 4000 + "1"), "damaged"),
        (npy("-" * 9000 + "1"), "damaged"),
        (npy(shaped("(True, 81)")), "its shape is (True, 81)"),
        (npy(shaped("(-1, 81)")), "its shape is"),
        (npy(shaped("(10**12, 81)")), "damaged"),
        (npy(shaped("(1000000000000, 81)")), "over 1 GB"),
        (npy(shaped("(3, 81)"), bytes(80)), "is truncated"),
        (npy(shaped("(1, 81)", "'|O'"), pickle.dumps(1)), "could run code"),
        (npy(shaped("(1, 81)", "'<M8[s]'"), bytes(648)), "is not numeric, or could run code"),
        (npy(shaped("(1, 81)", "[('a', '<i4')]"), bytes(324)), "is not numeric, or could run code"),
        (npy(shaped("(1, 81)"), version=9), "damaged"),
        (b"\x93NUMPY", "damaged"),
        (npy(shaped("()"), b"\1"), "has an array of shape ()"),
        (npy(shaped("(0, 81)")), "contains no puzzles"),
    ],
)
def test_hostile_arrays(tmp_path, content, says):
    for message in of_both(tmp_path, content, "x.npy"):
        assert says in message


def test_an_entry_without_a_name_in_a_zip_is_reported(tmp_path):
    path = tmp_path / "puzzles.npz"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("inputs.npy")
        entry.filename = ""
        with archive.open(entry, "w") as file:
            np.save(file, np.ones((2, 81), np.uint8))
    assert str(path) in error_message(lambda: load_puzzles(path, SUDOKU).inputs)


def test_no_code_is_run(tmp_path):
    opened = tmp_path / "opened"

    class Trap:
        def __reduce__(self):
            return (open, (str(opened), "w"))

    np.save(array := io.BytesIO(), np.array([[Trap()] * 81], object), allow_pickle=True)
    np.savez(arrays := io.BytesIO(), puzzles=np.array([Trap()], object))
    for content in (
        array.getvalue(),
        arrays.getvalue(),
        *(pickle.dumps([Trap()], version) for version in range(6)),
    ):
        assert all(of_both(tmp_path, content))
    assert all(of_both(tmp_path, f"board = [__import__('os').system('touch {opened}')]".encode(), "x.py"))
    assert not opened.exists()


MANY = (f"{ONE}\n".encode() * 13_000)[: 1 << 20]


BOMB = 80  # MiB unpacked


def bomb(kind: str) -> bytes:
    """A file that decompresses to at least a hundred times its size."""
    zeros = bytes(1 << 20)
    if kind == "zip":
        out = io.BytesIO()
        with (
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file,
            file.open("x.csv", "w", force_zip64=True) as member,
        ):
            for _ in range(BOMB):
                member.write(zeros)
        return out.getvalue()
    packer = {"gz": lambda: gzip.compress(zeros * BOMB, 1, mtime=0), "bz2": lambda: bz2.compress(zeros * BOMB), "xz": lambda: lzma.compress(zeros * BOMB)}  # fmt: skip
    return packer[kind]()


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["gz", "xz", "zip", "bz2"])
def test_decompression_bombs_are_rejected(tmp_path, monkeypatch, kind):
    """With a bound of 16 MiB instead of 128: what is unpacked up to it is all the work."""
    monkeypatch.setattr("trm.data.puzzle_file.LARGEST_UNPACKED", 16 << 20)
    content = bomb(kind)
    tracemalloc.start()
    error_of_bytes, error_of_path = of_both(tmp_path, content, f"x.{kind}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error_of_bytes and error_of_path
    assert peak < 64 << 20


def test_zeros_after_xz_are_not_millions_of_empty_streams(tmp_path, monkeypatch):
    made = []
    usual = lzma.LZMADecompressor
    monkeypatch.setattr("lzma.LZMADecompressor", lambda **options: made.append(1) or usual(**options))
    content = lzma.compress(f"{ONE}\n".encode()) + bytes(18 * 1000)
    assert of_both(tmp_path, content, "x.xz") == ["", ""]
    assert 0 < len(made) < 50


@pytest.mark.parametrize("packed", [False, True])
def test_reading_stops_at_the_bound(tmp_path, monkeypatch, packed):
    monkeypatch.setattr("trm.data.puzzle_file.LARGEST_UNPACKED", 1 << 20)
    content = f"{ONE}\n".encode() * 20_000
    message = error_message(
        lambda: puzzle_entries(gzip.compress(content, mtime=0) if packed else content, "x.txt", SUDOKU)
    )
    assert "x.txt has over 1 MB. Give a part of it." in message


@pytest.mark.heavy
def test_files_without_line_breaks_or_of_brackets_take_little_memory(tmp_path):
    for content, says in (
        (b"." * (5 << 20), "line 1: over 1,048,576 characters"),
        (b"[" * (5 << 20), "over 1,048,576 characters"),
        ((b"[" * 1000 + b"\n") * 5000, "MB of JSON"),
        (b'{"puzzle": ' * 30_000, ""),
        (b"(" * 90_000, ""),
        (b"-1 " * 30_000, ""),
        (b'"' * 200_000, ""),
        (b"|" * 90_000 + b"\n", ""),
    ):
        for message in of_both(tmp_path, content):
            assert message and says in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"7z\xbc\xaf\x27\x1c" + bytes(60), "is a 7z archive. Unpack it."),
        (b"Rar!\x1a\x07" + bytes(60), "is a RAR archive. Unpack it."),
        (b"\x28\xb5\x2f\xfd" + bytes(60), "compressed with Zstandard. Unpack it."),
        (zipped(xl_dot_x=b"", **{"xl/workbook_dot_xml": b"<x/>"}), "is an Excel workbook. Save the sheet as CSV."),
        (zipped(content_dot_xml=b"<x/>"), "is a LibreOffice document. Save the sheet as CSV."),
        (b"%PDF-1.7\n" + bytes(60), "is a PDF."),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "is an image."),
        (pickle.dumps([{"puzzle": ONE}], 2), "is a pickle, which could run code."),
        (b"SQLite format 3\0" + bytes(60), "is an SQLite database. Export the table as CSV."),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), "is an HDF5 file."),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "is a Git LFS pointer to a file, not the file: run `git lfs pull`"),
        (zipped(a_dot_csv=b"1", b_dot_csv=b"2"), "contains 2 files: a.csv, b.csv. Unzip it and give one of them."),
        (zipped(README_dot_md=b"1"), "contains no puzzle file."),
        (gzip.compress(b"\x89PNG\r\n\x1a\n", mtime=0), "is an image."),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "Line 1, position 1: '<' is not part"),
    ],
)  # fmt: skip
def test_unsupported_formats_are_reported(tmp_path, content, says):
    for message in of_both(tmp_path, content):
        assert says in message


def test_hostile_parquet(tmp_path):
    many = pyarrow.table(
        {"puzzle": pyarrow.array([ONE]).dictionary_encode().take(pyarrow.array([0] * 2_000_000))}
    )
    parquet.write_table(many, out := io.BytesIO(), compression="zstd")
    assert len(out.getvalue()) < 1 << 20
    message = error_message(lambda: load_puzzles(write(tmp_path, out.getvalue()), SUDOKU, limit=2).inputs)
    assert message == ""
    for column in ([b"\xff\xfe"], [{"a": 1}], [[["x"]]], [None], [1.5], ["x" * 100_000]):
        parquet.write_table(pyarrow.table({"puzzle": column}), out := io.BytesIO())
        assert all(of_both(tmp_path, out.getvalue(), "x.parquet"))


def write(tmp_path, content: bytes):
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    return path


@pytest.mark.heavy
def test_texts_of_unusual_characters_are_fast(tmp_path):
    draw = random.Random(0)
    for marks in (
        "123456789.0",
        ".-+|=: \n",
        "[](){},1 \n",
        "#SG .o\n",
        "_| \n",
        "\u2026\uff11\u2460 .\n",
        '{}[]":,1\n',
    ):
        for size in (200, 4_000):
            text = "".join(draw.choices(marks, k=size))
            for task in (SUDOKU, MAZE, Sudoku(2, 2)):
                of_both(tmp_path, text.encode(), "x.txt", task)


@pytest.mark.heavy
def test_the_search_in_a_text_without_puzzles_stops_early(tmp_path):
    """16 MB of short lines took 22 seconds."""
    aside = "ab\n" * MAX_LINES_WITHOUT_PUZZLE
    message = error_message(lambda: puzzle_entries((aside * 100).encode(), "x.txt", SUDOKU))
    assert message.startswith("x.txt has 50,000 lines without a puzzle")
    text = (aside[: len(aside) // 9 * 3] + "." * 81 + "\n") * 2
    assert len(puzzle_entries(text.encode(), "x.txt", SUDOKU)) == 2
