"""Reads puzzle tables: CSV files whose header contains a known name for the puzzle column.

Fields may be separated by commas, semicolons, tabs, or vertical bars. A table without a header is read as text with one
puzzle per line (`Task.find_puzzles`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from trm.data.files.entry import PuzzleEntry
from trm.errors import DataError
from trm.tasks.base import Difficulty

OUR_COLUMNS = ("q", "question")
PUZZLE_COLUMNS = (
    *OUR_COLUMNS, "questions", "quiz", "quizzes", "quizz", "puzzle", "puzzles", "sudoku", "sudokus", "maze", "mazes", "board",
    "boards", "grid", "grids", "unsolved", "unsolved_sudoku", "problem", "problems", "input", "inputs", "prompt", "initial",
    "initial_board", "start_board", "given", "givens", "clue", "clues", "task", "value", "mission", "x", "sudoku_puzzle",
    "puzzle_string", "board_string", "aufgabe", "aufgaben", "rätsel", "raetsel", "grille", "énigme", "enigme", "problème",
    "problema", "tablero", "puzle", "griglia", "rompecabezas", "quebra-cabeça", "zagadka", "plansza", "opgave", "puzzel",
    "задача", "задачи", "головоломка", "судоку", "問題", "题目", "題目", "谜题", "盤面", "문제", "퍼즐",
)  # fmt: skip
"""Known names of the puzzle column, or of the puzzle key in JSON. The first of these that contains puzzles is used."""
ANSWER_COLUMNS = (
    "a", "answer", "answers", "solution", "solutions", "solved", "solved_sudoku", "solved_board", "solution_string", "label",
    "labels", "output", "outputs", "target", "targets", "result", "completion", "y", "lösung", "loesung", "lösungen", "antwort",
    "réponse", "reponse", "solución", "solucion", "soluciones", "respuesta", "soluzione", "soluzioni", "risposta", "solução",
    "solucao", "resposta", "oplossing", "rozwiązanie", "решение", "ответ", "решения", "解答", "解", "答え", "答案", "정답", "풀이",
)  # fmt: skip
RATING_COLUMNS = ("rating", "ratings", "er", "score", "hardness")
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_SIZE = 20
"""Number of rows that are inspected to determine which column contains the puzzles."""


@dataclass(frozen=True)
class TableLayout:
    """The delimiter of a table, its column names in lower case, and the index of its header line, from 0."""

    delimiter: str
    header: tuple[str, ...]
    line: int


def layout_of(head: Sequence[str]) -> TableLayout | None:
    """Detect a table from its first lines. Returns None if they contain no header that names a puzzle column."""
    for number, line in enumerate(head):
        for delimiter in DELIMITERS:
            try:
                names = next(csv.reader([line], delimiter=delimiter), [])
            except csv.Error:
                return None
            header = tuple(name.strip().strip("\ufeff").lower() for name in names)
            if set(header) & set(PUZZLE_COLUMNS) and not any(len(name) > 40 for name in header):
                return TableLayout(delimiter, header, number)
        if line.strip() and not line.startswith(("#", "sep=", "//")):
            return None
    return None


def rows_of(lines: Iterable[str], layout: TableLayout, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row) for each row of a table, where a row is a dictionary from column name to field.

    `lines` are all lines of the file, with the header. The line number, from 1, is the number of the row's last line.
    Raises `DataError` if a row has the wrong number of fields or is not CSV.
    """
    reader = csv.reader(islice(lines, layout.line, None), delimiter=layout.delimiter)
    header = layout.header
    try:
        next(reader, None)
        for row in reader:
            line = reader.line_num + layout.line
            if not row:
                continue
            if not "".join(row[len(header) :]).strip():
                row = row[: len(header)]
            if len(row) != len(header):
                raise DataError(
                    f"{name}, line {line}: {len(row)} columns, but the header has {len(header)}."
                    f" Check the {'commas' if layout.delimiter == ',' else 'columns'}."
                )
            yield line, dict(zip(header, row, strict=True))
    except csv.Error as error:
        line = reader.line_num + layout.line
        raise DataError(f"{name}, line {line}: not CSV ({error}). Check the quotes.") from None


def entries_of_table(
    rows: Iterable[tuple[int, dict[str, str]]], name: str, cells: int
) -> Iterator[PuzzleEntry]:
    """Yield the puzzles in a table, in order. `rows` is the result of `rows_of`, and `name` is the file name."""
    rows = iter(rows)
    head = list(islice(rows, SAMPLE_SIZE))
    columns = Columns.of([row for _, row in head], cells)
    for line, row in chain(head, rows):
        yield columns.entry_of(row, name, f"line {line}", line)


@dataclass(frozen=True)
class Columns:
    """The names of the columns in a table, or of the keys in a JSON object. The name of a missing column is ""."""

    puzzle: str
    answer: str
    rating: str
    difficulty: str

    @classmethod
    def of(cls, rows: Sequence[dict[str, str]], cells: int) -> Columns:
        """Detect the columns from their names and from the first rows of the table."""
        header = rows[0].keys() if rows else ()
        puzzle = _fullest([name for name in PUZZLE_COLUMNS if name in header], rows, cells)
        answer = _fullest([name for name in ANSWER_COLUMNS if name in header and name != puzzle], rows, cells)
        rating = next((name for name in RATING_COLUMNS if name in header), "")
        return cls(puzzle, answer, rating, "difficulty" if "difficulty" in header else "")

    def entry_of(self, row: dict[str, str], name: str, place: str, line: int = 1) -> PuzzleEntry:
        """Return the puzzle in a row.

        If the puzzle column is not named `q` or `question`, the table may use other scales. A rating that is not a
        number and an unknown difficulty are then ignored.
        """
        rating, difficulty = (row.get(key, "").strip() for key in (self.rating, self.difficulty))
        if self.puzzle not in OUR_COLUMNS:  # other sources use various scales
            rating = rating if _is_number(rating) else ""
            difficulty = difficulty.lower() if difficulty.lower() in tuple(Difficulty) else ""
        return PuzzleEntry(
            name, place, row.get(self.puzzle, ""), line, row.get(self.answer, ""), rating, difficulty
        )


def _fullest(names: Sequence[str], rows: Sequence[dict[str, str]], cells: int) -> str:
    """Return the first name whose column has a text of at least `cells` characters, else the first name or ""."""
    full = (name for name in names if any(len(row[name]) >= cells for row in rows))
    return next(full, next(iter(names), ""))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
