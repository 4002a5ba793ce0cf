"""What can be read: one line for each kind of file and text, for the documentation, the help texts and the upload.

The readers look at what is in a file, so endings are what people usually call such a file, not what decides. Each kind has
an example that a test reads.
"""

from __future__ import annotations

from dataclasses import dataclass

GRID = "12..\n3...\n2.1.\n...4"
LINE = GRID.replace("\n", "")


@dataclass(frozen=True)
class FileKind:
    """`example` is a 4x4 Sudoku (or the maze or ARC grid that `task` says) in this form; "" for a file that is no text."""

    name: str
    endings: tuple[str, ...]
    what: str
    example: str = ""
    task: str = "sudoku"

    @property
    def title(self) -> str:
        return self.name[0].upper() + self.name[1:]


KINDS = (
    FileKind("puzzle a line", (".txt", ".sdm"), "all cells in a row; id, rating, comment or answer may stand beside it", f"7 {LINE} 1.2 # easy"),
    FileKind("drawing", (".txt", ".sdk", ".ss"), "rows below each other, with or without lines between boxes; headings and comments are passed over", f"Grid 01\n{GRID}"),
    FileKind("boxes", (".txt",), "a grid in a frame, blanks as spaces, dots or any one mark", "+-----+-----+\n| 1 2 |     |\n| 3   |     |\n+-----+-----+\n| 2   | 1   |\n|     |   4 |\n+-----+-----+"),
    FileKind("cells of a spreadsheet", (".csv", ".tsv"), "a cell a field, between commas, semicolons or tabs; an empty field or -1 is a blank", "1,2,,\n3,,,\n2,,1,\n,,,4"),
    FileKind("lists of programs", (".py", ".txt"), "Python, NumPy, C: rows in brackets, or texts of rows", "board = [[1, 2, 0, 0], [3, 0, 0, 0],\n [2, 0, 1, 0], [0, 0, 0, 4]]"),
    FileKind("candidates", (".txt",), "all digits that a cell may hold; cells with one are the givens", "1    2    34   34\n3    14   24   12\n2    34   1    23\n14   13   23   4"),
    FileKind("link or code", (".txt",), "sudokuwiki, sudokuexchange and every link with the digits in it, f-puzzles, puzz.link, Solo", "https://www.sudokuwiki.org/sudoku.htm?bd=1200300020100004"),
    FileKind("table", (".csv", ".tsv"), "a header with a column q, question, puzzle, quizzes, board or the like, and perhaps answer, solution, rating; without a header a puzzle a line", f"id;puzzle;rating\n1;{LINE};2.5"),
    FileKind("JSON", (".json",), "texts, rows of cells, objects with a puzzle and its solution, at any depth", '{"puzzles": [{"puzzle": "' + LINE + '"}]}'),
    FileKind("JSON lines", (".jsonl", ".ndjson"), "an object with a puzzle on every line", '{"puzzle": "' + LINE + '"}\n{"puzzle": "' + LINE + '"}'),
    FileKind("maze", (".txt",), "# or full blocks for walls (or 1, or 0 where the border is made of it), S, G (or E, A, B), and a path of o, +, X or *", "#A##\n#  #\n## #\n##B#", "maze"),
    FileKind("maze with thin walls", (".txt",), "+--+ and |, box drawing or underscores; two openings are start and goal", "+  +--+\n|     |\n+--+  +\n|     |\n+  +--+", "thin maze"),
    FileKind("ARC", (".json",), "official collections with their solutions, a task a file, both splits in a file, pairs of re-arc", '{"train": [], "test": [{"input": [[1, 2]], "output": [[2, 1]]}]}', "arc"),
    FileKind("dataset folder", (), "of TRM, HRM and nano-trm: dataset.json and .npy arrays (with --data)"),
    FileKind("Parquet", (".parquet",), "columns as in a table; cells may be lists"),
    FileKind("NumPy", (".npy", ".npz"), "(puzzles, 9, 9) or (puzzles, 81), 0 or -1 for a blank, or tokens; .npz: arrays called puzzles and solutions; never unpickled"),
    FileKind("packed", (".gz", ".zip", ".bz2", ".xz"), "any of these; of a zip with several files train.csv and test.csv are told apart by the split"),
)  # fmt: skip
ENCODINGS = "Text may be UTF-8, UTF-16 or UTF-32 with or without a mark, or Latin-1 in comments; digits of every script count."


def sentence() -> str:
    """All kinds in a sentence, for help texts."""
    names = [kind.name for kind in KINDS]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def table() -> str:
    """All kinds as a table in Markdown."""
    rows = ["| kind | usual endings | what is read |", "|---|---|---|"]
    rows += [f"| {kind.title} | {' '.join(kind.endings)} | {_escaped(kind.what)} |" for kind in KINDS]
    return "\n".join(rows)


def document() -> str:
    """docs/data.md."""
    examples = [f"### {kind.title}\n\n```\n{kind.example}\n```" for kind in KINDS if kind.example]
    return (
        "\n\n".join(
            [
                HEAD,
                table(),
                ENCODINGS,
                REFUSED,
                "## Examples",
                "All with a 4x4 Sudoku, a maze or a grid of ARC.",
                *examples,
            ]
        )
        + "\n"
    )


HEAD = (
    "# Puzzle files that can be read\n\n"
    "`--data`, `--puzzle FILE`, the upload in the sidebar and the text field use one reader. What is in a file decides, not its "
    "name. This page is made from `trm/data/files/kinds.py` by `python -m scripts.build_docs`."
)
REFUSED = (
    "What is passed over (headings, comments, files of a folder that hold no task) is said on stderr, or below the upload. What "
    "can be read in two ways is refused with its place: `0` and `-1` both in a grid, rows that lack a cell, two grids on a line, "
    "0/1 mazes whose border has both. With `--limit` a file of over 16 MB is not read whole: its rows are taken evenly spread."
)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
