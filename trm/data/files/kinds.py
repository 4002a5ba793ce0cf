"""The supported types of puzzle files, for the documentation, the help texts, and the upload dialog.

The readers examine only the content of a file, so other file extensions also work. A test reads every example.
"""

from __future__ import annotations

from dataclasses import dataclass

GRID = "12..\n3...\n2.1.\n...4"
LINE = GRID.replace("\n", "")


@dataclass(frozen=True)
class FileKind:
    """A type of puzzle file.

    `endings` are the usual file extensions, and `what` describes the content. `example` is the text of a small file, or
    "" for a binary type. `task` is the type of puzzle in the example: "sudoku" (4x4), "maze", "thin maze" or "arc".
    """

    name: str
    endings: tuple[str, ...]
    what: str
    example: str = ""
    task: str = "sudoku"

    @property
    def title(self) -> str:
        """The name with a capital first letter."""
        return self.name[0].upper() + self.name[1:]


KINDS = (
    FileKind("one puzzle per line", (".txt", ".sdm"), "all cells in one string; an id, rating, comment or answer may share the line", f"7 {LINE} 1.2 # easy"),
    FileKind("drawing", (".txt", ".sdk", ".ss"), "one row per line, with or without lines between boxes; headings and comments are skipped", f"Grid 01\n{GRID}"),
    FileKind("boxes", (".txt",), "a framed grid; blanks are spaces, dots or any other single mark", "+-----+-----+\n| 1 2 |     |\n| 3   |     |\n+-----+-----+\n| 2   | 1   |\n|     |   4 |\n+-----+-----+"),
    FileKind("spreadsheet cells", (".csv", ".tsv"), "one cell per field, separated by commas, semicolons or tabs; an empty field or -1 is a blank", "1,2,,\n3,,,\n2,,1,\n,,,4"),
    FileKind("lists in source code", (".py", ".txt"), "Python, NumPy, C: rows in brackets, or rows as strings", "board = [[1, 2, 0, 0], [3, 0, 0, 0],\n [2, 0, 1, 0], [0, 0, 0, 4]]"),
    FileKind("candidates", (".txt",), "all candidate digits of each cell; a cell with one digit is a given", "1    2    34   34\n3    14   24   12\n2    34   1    23\n14   13   23   4"),
    FileKind("link or code", (".txt",), "sudokuwiki, sudokuexchange and any other link that contains the digits; f-puzzles, puzz.link, Solo", "https://www.sudokuwiki.org/sudoku.htm?bd=1200300020100004"),
    FileKind("table", (".csv", ".tsv"), "a header with a column named q, question, puzzle, quizzes, board or similar, and optionally answer, solution, rating; without a header, one puzzle per line", f"id;puzzle;rating\n1;{LINE};2.5"),
    FileKind("JSON", (".json",), "strings, rows of cells, objects with a puzzle and its solution, at any depth", '{"puzzles": [{"puzzle": "' + LINE + '"}]}'),
    FileKind("JSON lines", (".jsonl", ".ndjson"), "one object with a puzzle per line", '{"puzzle": "' + LINE + '"}\n{"puzzle": "' + LINE + '"}'),
    FileKind("maze", (".txt",), "walls: # or full blocks (or whichever of 0 and 1 forms the border); start and goal: S, G (or E, A, B); path: o, +, X or *", "#A##\n#  #\n## #\n##B#", "maze"),
    FileKind("maze with thin walls", (".txt",), "+--+ and |, box-drawing characters or underscores; two openings are start and goal", "+  +--+\n|     |\n+--+  +\n|     |\n+  +--+", "thin maze"),
    FileKind("ARC", (".json",), "official collections with their solutions, one task per file, both splits in one file, pairs of re-arc", '{"train": [], "test": [{"input": [[1, 2]], "output": [[2, 1]]}]}', "arc"),
    FileKind("dataset folder", (), "of TRM, HRM and nano-trm: dataset.json and .npy arrays (only with --data)"),
    FileKind("Parquet", (".parquet",), "columns as in a table; cells may be lists"),
    FileKind("NumPy", (".npy", ".npz"), "(puzzles, 9, 9) or (puzzles, 81), with 0 or -1 for a blank, or tokens; .npz: arrays named puzzles and solutions; never unpickled"),
    FileKind("packed", (".gz", ".zip", ".bz2", ".xz"), "any of these; in a zip with several files, the split chooses between train.csv and test.csv"),
)  # fmt: skip
ENCODINGS = "Text may be UTF-8, UTF-16 or UTF-32, with or without a byte order mark; comments may be Latin-1. Digits of every script are read."


def sentence() -> str:
    """Return the names of all file types as one phrase, for help texts."""
    names = [kind.name for kind in KINDS]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def table() -> str:
    """Return a Markdown table of all file types."""
    rows = ["| kind | usual extensions | what is read |", "|---|---|---|"]
    rows += [f"| {kind.title} | {' '.join(kind.endings)} | {_escaped(kind.what)} |" for kind in KINDS]
    return "\n".join(rows)


def document() -> str:
    """Return the Markdown text of docs/data.md."""
    examples = [f"### {kind.title}\n\n```\n{kind.example}\n```" for kind in KINDS if kind.example]
    return (
        "\n\n".join(
            [
                HEAD,
                table(),
                ENCODINGS,
                REFUSED,
                "## Examples",
                "Each example is a 4x4 Sudoku, a maze or an ARC grid.",
                *examples,
            ]
        )
        + "\n"
    )


HEAD = (
    "# Puzzle files that can be read\n\n"
    "`--data`, `--puzzle FILE`, the upload in the sidebar and the text field use the same reader. It looks at the content of a file, "
    "not at its name. `python -m scripts.build_docs` generates this page from `trm/data/files/kinds.py`."
)
REFUSED = (
    "The reader reports what it skips (headings, comments, files of a folder that hold no task) on stderr, or below the upload. It "
    "refuses ambiguous input and names the place: `0` and `-1` in one grid, rows that lack a cell, two grids on a line, 0/1 mazes "
    "whose border has both. With `--limit`, a file of more than 16 MB is not read completely: only evenly spaced rows are."
)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
