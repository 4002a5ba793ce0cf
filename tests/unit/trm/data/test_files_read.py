"""All kinds of puzzle file are read alike by `--data` and by the upload; ambiguous files are rejected."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from trm.data import load_puzzles, puzzle_entries
from trm.data.files.kinds import KINDS, document, sentence
from trm.errors import DataError
from trm.tasks import get_task
from trm.tasks.arc import Arc
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku

REPOSITORY = Path(__file__).resolve().parents[4]
SUDOKU, SMALL, MAZE, ARC = Sudoku(), Sudoku(2, 2), Maze(5), Arc()
ONE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
MIRROR = str.maketrans("123456789", "987654321")
TWO, SOLVED_TWO = ONE.translate(MIRROR), SOLVED.translate(MIRROR)
SMALL_ONE, SMALL_SOLVED = "12..3...2.1....4", ""


def both(
    tmp_path, content: str | bytes, name: str = "set.txt", task=SUDOKU, *, answers: bool = False
) -> list[str]:
    """Read the puzzles with both readers, optionally with the answers in the file."""
    content = content.encode() if isinstance(content, str) else content
    path = tmp_path / name
    path.write_bytes(content)
    entries = puzzle_entries(content, name, task)
    uploaded = [task.format(entry.read(task)) for entry in entries]
    loaded = load_puzzles(path, task)
    assert [task.format(inputs) for inputs in loaded.inputs] == uploaded
    if answers:
        assert all(entry.answer for entry in entries)
    return uploaded


def refusal(tmp_path, content: str | bytes, name: str = "set.txt", task=SUDOKU) -> str:
    content = content.encode() if isinstance(content, str) else content
    (tmp_path / name).write_bytes(content)
    messages = []
    for read in (lambda: puzzle_entries(content, name, task), lambda: load_puzzles(tmp_path / name, task)):
        with pytest.raises(DataError) as error:
            [entry.read(task) for entry in read() or []]
        messages.append(str(error.value))
        assert "\n" not in messages[-1] and len(messages[-1]) < 400 and name in messages[-1]
    return messages[-1]


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
@pytest.mark.parametrize("blank", [".", "0", "_"])
@pytest.mark.parametrize(
    "header",
    [
        ("quizzes", "solutions"),
        ("puzzle", "solution"),
        ("Puzzle", "Solution", "Solution Count", ""),
        ("id", "puzzle", "solution", "clues", "difficulty"),
        ("", "puzzle", "solution"),
        ("board", "answer", "rating"),
        ("Aufgabe", "Lösung"),
        ("クイズ", "問題", "解答"),
        ("sudoku", "label", "level"),
        (),
    ],
    ids=lambda header: "-".join(header) or "none",
)
def test_tables_under_any_header(tmp_path, header, between, blank):
    values = {
        "difficulty": "2.5",
        "clues": "24",
        "id": "7",
        "Solution Count": "1",
        "rating": "1.5",
        "level": "Expert",
    }
    names = header or ("puzzle", "solution")
    lines = [between.join(header)] if header else []
    for entry, answer in ((ONE, SOLVED), (TWO, SOLVED_TWO)):
        symbols = {1: answer, 0: entry.replace(".", blank)}
        places = [at for at, name in enumerate(names) if name not in values and name not in ("", "クイズ")]
        row = [values.get(name, "") for name in names]
        for number, at in enumerate(places):
            row[at] = symbols[number]
        lines.append(between.join(row))
    for name in ("set.csv", "set.txt"):
        assert both(tmp_path, "\n".join(lines) + "\n", name, answers=True) == [ONE, TWO]


def test_the_puzzle_column_is_the_one_with_puzzles(tmp_path):
    assert both(tmp_path, f"puzzle,board,solved\n17,{ONE},{SOLVED}\n18,{TWO},{SOLVED_TWO}\n", "x.csv") == [
        ONE,
        TWO,
    ]
    assert both(tmp_path, f"# from a friend\nsource;grid\nme;{ONE}\n", "x.csv") == [ONE]
    assert both(tmp_path, f'sep=;\nquiz;solution\n"{ONE}";"{SOLVED}"\n', "x.csv") == [ONE]
    drawn = "\n".join(ONE[at : at + 9] for at in range(0, 81, 9))
    assert both(tmp_path, f'name,puzzle\nfirst,"{drawn}"\nsecond,{TWO}\n', "x.csv") == [ONE, TWO]


def test_ratings_on_other_scales_are_not_errors(tmp_path):
    (tmp_path / "a.csv").write_text(f"puzzle,difficulty,rating\n{ONE},Diabolical,hard\n{TWO},EASY,7.5\n")
    puzzles = load_puzzles(tmp_path / "a.csv", SUDOKU)
    assert puzzles.difficulty == ("", "easy") and np.isnan(puzzles.rating[0]) and puzzles.rating[1] == 7.5


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
@pytest.mark.parametrize(
    "form", ["puzzle;Lösung\r\n{}\r\n", "# für dich\r\n{}\r\n", "Rätsel 1: größer\n{}\n", "{} # é\n"]
)
def test_text_of_any_encoding(tmp_path, encoding, form):
    text = form.format(f"{ONE};{SOLVED}" if form.startswith("puzzle") else ONE)
    assert both(tmp_path, text.encode(encoding)) == [ONE]


CELLS = [[int(mark.replace(".", "0")) for mark in ONE[at : at + 9]] for at in range(0, 81, 9)]
ANSWER_CELLS = [[int(mark) for mark in SOLVED[at : at + 9]] for at in range(0, 81, 9)]


@pytest.mark.parametrize(
    ("content", "answers"),
    [
        ({"board": CELLS}, False),
        ({"puzzle": ONE, "solution": SOLVED}, True),
        (
            {
                "newboard": {
                    "grids": [{"value": CELLS, "solution": ANSWER_CELLS, "difficulty": "Hard"}],
                    "results": 1,
                }
            },
            True,
        ),
        ({"quizzes": [ONE], "solutions": [SOLVED]}, True),
        ({"puzzle": {"0": ONE}, "solution": {"0": SOLVED}}, True),
        ({"rows": [{"row_idx": 0, "row": {"question": ONE, "answer": SOLVED}}]}, True),
        ([[cell for row in CELLS for cell in row]], False),
        ([cell for row in CELLS for cell in row], False),
        ([[None if cell == 0 else cell for cell in row] for row in CELLS], False),
        ([[str(cell) if cell else " " for cell in row] for row in CELLS], False),
        ([ONE[at : at + 9] for at in range(0, 81, 9)], False),
        (
            {
                "size": 9,
                "grid": [[{"value": cell, "given": True} if cell else {} for cell in row] for row in CELLS],
            },
            False,
        ),
        ({"data": {"sudoku": {"Puzzle": CELLS, "Solution": ANSWER_CELLS}}}, True),
        ([{"id": 3, "sudoku": ONE, "lösung": SOLVED}], True),
    ],
)
def test_json_of_many_structures(tmp_path, content, answers):
    for indent in (None, 2):
        assert both(tmp_path, json.dumps(content, indent=indent), "x.json", answers=answers) == [ONE]


@pytest.mark.parametrize(
    "rows",
    [
        [{"puzzle": ONE, "solution": SOLVED}, {"puzzle": TWO, "solution": SOLVED_TWO}],
        [{"board": CELLS}, {"board": TWO}],
        [{"n": 1, "data": {"quiz": ONE}}, {"n": 2, "data": {"quiz": TWO}}],
        [[[ONE]], [[TWO]]],
    ],
)
def test_json_lines(tmp_path, rows):
    text = "\n".join(map(json.dumps, rows))
    for name in ("x.jsonl", "x.json", "x.txt"):
        assert both(tmp_path, text + "\n", name) == [ONE, TWO]
    assert "line 3: not JSON" in refusal(tmp_path, text + '\n{"puzzle": \n', "x.jsonl")


def test_simple_sudoku_and_the_other_text_formats(tmp_path):
    ss = "*-----------*\n" + "".join(
        ("|" + "|".join(ONE[at + part : at + part + 3] for part in (0, 3, 6)) + "|\n")
        + ("|---+---+---|\n" if at in (18, 45) else "")
        for at in range(0, 81, 9)
    )
    for text in (
        ss + "*-----------*\n",
        f"#A me\n#D mine\n{chr(10).join(ONE[at : at + 9] for at in range(0, 81, 9))}\n",
    ):
        for name in ("x.ss", "x.sdk", "x", "x.msk"):
            assert both(tmp_path, text, name) == [ONE]
    assert both(tmp_path, f"{ONE}\n{TWO}\n", "x.sdm") == [ONE, TWO]


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return out.getvalue()


CSV = f"puzzle,solution\n{ONE},{SOLVED}\n".encode()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (gzip.compress(CSV, mtime=0), "x.csv.gz"),
        (bz2.compress(CSV), "x.csv.bz2"),
        (lzma.compress(CSV), "x.csv.xz"),
        (archive(sudoku_dot_csv=CSV), "x.zip"),
        (archive(data__sudoku_dot_csv=CSV, README_dot_md=b"hello", _dot_hidden=b"\0"), "x.zip"),
        (archive(test_dot_csv=CSV, train_dot_csv=b"puzzle\n"), "x.zip"),
        (archive(x_dot_csv_dot_gz=gzip.compress(CSV, mtime=0)), "x.zip"),
        (gzip.compress(f"{ONE}\n".encode("utf-16"), mtime=0), "x"),
    ],
)
def test_compressed_files(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    assert [SUDOKU.format(inputs) for inputs in load_puzzles(path, SUDOKU).inputs] == [ONE]
    if b"train" not in content:
        assert [SUDOKU.format(entries.read(SUDOKU)) for entries in puzzle_entries(content, name, SUDOKU)] == [
            ONE
        ]


@pytest.mark.parametrize(
    "columns", [("puzzle", "solution"), ("question", "answer"), ("Quizzes", "Solutions"), ("board", "label")]
)
@pytest.mark.parametrize("as_lists", [False, True])
def test_parquet(tmp_path, columns, as_lists):
    values = [CELLS, ANSWER_CELLS] if as_lists else [ONE, SOLVED]
    out = io.BytesIO()
    table = {name: [value] for name, value in zip(columns, values, strict=True)} | {
        "source": ["me"],
        "rating": [3],
    }
    parquet.write_table(pyarrow.table(table), out)
    assert both(tmp_path, out.getvalue(), "x.parquet", answers=True) == [ONE]
    parquet.write_table(pyarrow.table({"one": ["x"], "two": ["y"]}), again := io.BytesIO())
    assert "has columns one, two. Name the puzzle column puzzle" in refusal(
        tmp_path, again.getvalue(), "x.parquet"
    )


def npy(array: np.ndarray) -> bytes:
    np.save(out := io.BytesIO(), array)
    return out.getvalue()


@pytest.mark.parametrize("dtype", ["u1", "<i8", ">i4", "f4", "U1", "S1"])
@pytest.mark.parametrize("shape", [(2, 9, 9), (2, 81), (2, 9, 9, 1)])
def test_arrays(tmp_path, dtype, shape):
    text = (ONE + TWO).replace(".", "0")
    array = np.array(list(text)).astype(dtype).reshape(shape)
    assert both(tmp_path, npy(array), "x.npy") == [ONE, TWO]
    assert both(tmp_path, npy(np.asfortranarray(array)), "x.npy") == [ONE, TWO]
    assert both(tmp_path, npy(array[0]), "x.npy") == [ONE]


def test_arrays_with_other_blanks_and_with_answers(tmp_path):
    tokens, labels = SUDOKU.parse(ONE), SUDOKU.parse(SOLVED)
    digits, answers = tokens.astype(int) - 1, labels.astype(int) - 1
    assert both(tmp_path, npy(np.where(digits == 0, -1, digits)), "x.npy") == [ONE]
    assert both(tmp_path, npy(tokens), "x.npy") == [ONE]
    assert both(tmp_path, npy(np.stack([digits, answers])[None]), "x.npy", answers=True) == [ONE]
    assert both(tmp_path, npy(np.array([ONE, TWO])), "x.npy") == [ONE, TWO]
    for names in (
        ("puzzles", "solutions"),
        ("quizzes", "solutions"),
        ("inputs", "labels"),
        ("x_test", "y_test"),
    ):
        np.savez(out := io.BytesIO(), **dict(zip(names, (digits[None], answers[None]), strict=True)))
        assert both(tmp_path, out.getvalue(), "x.npz", answers=True) == [ONE]
    np.savez(
        tmp_path / "x.npz", puzzles=np.stack([digits, digits]), solutions=np.stack([answers, answers * 0])
    )
    assert (
        load_puzzles(tmp_path / "x.npz", SUDOKU).inputs.tolist() == [tokens.tolist()] * 2
    )  # one is unsolved
    ambiguous = np.where(tokens == 10, 1, tokens)
    assert "1 may be a blank or a digit" in refusal(tmp_path, npy(ambiguous), "x.npy")
    assert "not integers" in refusal(tmp_path, npy(digits + 0.5), "x.npy")
    assert "has an array of shape (80,)" in refusal(tmp_path, npy(digits[:80]), "x.npy")


def test_skipped_parts_are_noted(tmp_path):
    text = f"Grid 01\n{SMALL_ONE[:4]}\n{SMALL_ONE[4:8]}\n{SMALL_ONE[8:12]}\n{SMALL_ONE[12:]}\n"
    (tmp_path / "x.txt").write_text(text)
    assert load_puzzles(tmp_path / "x.txt", SMALL).notes == ("line 1: 'Grid 01' skipped",)


@pytest.mark.parametrize(("task", "row"), [(SMALL, "1234"), (Maze(4), "S..G")])
def test_of_a_long_heading_only_the_beginning_is_noted(tmp_path, task, row):
    heading = "Number 12 of a long collection that was drawn by hand"
    rows = [row, *(["3412", "2143", "4321"] if task is SMALL else ["...."] * 3)]
    (tmp_path / "x.txt").write_text("\n".join([heading, *rows]) + "\n")
    assert load_puzzles(tmp_path / "x.txt", task).notes == (f"line 1: {heading[:40]!r} skipped",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{ONE} {TWO}\n", "A 9x9 Sudoku has 81 cells, but this text has 162"),
        (f"{ONE}\n{ONE[:80]}\n", "line 2: A 9x9 Sudoku has 81 cells, but this text has 80"),
        (f"puzzle,solution\n{ONE}\n", "line 2: 1 columns, but the header has 2"),
        ("puzzle\n5.3007E+80\n", "line 2: Position 7: 'E' is not part"),
        ("[Puzzle]\n53..7....\n6..195...\n", "A 9x9 Sudoku has 81 cells"),
        (json.dumps(CELLS[:8]), "9 rows in brackets, but this text has 8"),
        (json.dumps(CELLS[:5]), "9 rows in brackets, but this text has 5"),
        (json.dumps([[-1 if cell == 0 and at else cell for at, cell in enumerate(row)] for row in [[0] * 9] * 9]), "both 0 and -1"),
    ],
)  # fmt: skip
def test_ambiguous_files_are_rejected_with_the_place(tmp_path, text, says):
    assert says in refusal(tmp_path, text)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.example], ids=lambda kind: kind.name)
def test_every_documented_kind_is_read(tmp_path, kind):
    task = {"sudoku": SMALL, "maze": Maze(4), "thin maze": Maze(5), "arc": ARC}[kind.task]
    name = f"x{(*kind.endings, '')[0]}"
    for entry in puzzle_entries(kind.example.encode(), name, task):
        read = task.format(entry.read(task))
        assert kind.task != "sudoku" or read == SMALL_ONE
    (tmp_path / name).write_text(kind.example)
    if kind.task != "arc":
        assert len(load_puzzles(tmp_path / name, task))


def test_the_document_is_up_to_date():
    assert (REPOSITORY / "docs" / "data.md").read_text("utf-8") == document()
    assert "Parquet" in sentence() and get_task("sudoku").cells == 81
