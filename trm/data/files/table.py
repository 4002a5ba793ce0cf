"""Reads puzzle tables: CSV with a header and common column names, separated by commas, semicolons, tabs, or vertical bars.

A table without a header is treated as text with one puzzle per line (`Task.find_puzzles`).
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
"""Common names for the puzzle column, or for its key in JSON. If several occur, the first with a puzzle is used."""
ANSWER_COLUMNS = (
    "a", "answer", "answers", "solution", "solutions", "solved", "solved_sudoku", "solved_board", "solution_string", "label",
    "labels", "output", "outputs", "target", "targets", "result", "completion", "y", "lösung", "loesung", "lösungen", "antwort",
    "réponse", "reponse", "solución", "solucion", "soluciones", "respuesta", "soluzione", "soluzioni", "risposta", "solução",
    "solucao", "resposta", "oplossing", "rozwiązanie", "решение", "ответ", "решения", "解答", "解", "答え", "答案", "정답", "풀이",
)  # fmt: skip
RATING_COLUMNS = ("rating", "ratings", "er", "score", "hardness")
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_SIZE = 20
"""Number of rows inspected to decide which of several columns contains the puzzles."""


@dataclass(frozen=True)
class TableLayout:
    """The delimiter of a table, its column names in lower case, and the line of its header, from 0."""

    delimiter: str
    header: tuple[str, ...]
    line: int


def layout_of(head: Sequence[str]) -> TableLayout | None:
    """Detect a table from its first lines: the header is the first line that names a puzzle column. None without one."""
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
    """Rows as dictionaries by column, with their last lines. `lines` is the whole file. Raises `DataError`."""
    reader = csv.reader(islice(lines, layout.line, None), delimiter=layout.delimiter)
    header = layout.header
    try:
        next(reader, None)
        for row in reader:
            line = reader.line_num + layout.line
            if not row:
                continue
            if len(row) > len(header) and not "".join(row[len(header) :]).strip():
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
    """The puzzles of a table, in order."""
    rows = iter(rows)
    head = list(islice(rows, SAMPLE_SIZE))
    columns = Columns.of([row for _, row in head], cells)
    for line, row in chain(head, rows):
        yield columns.entry_of(row, name, f"line {line}", line)


@dataclass(frozen=True)
class Columns:
    """The names of a table's columns, or of the keys in JSON; "" for a missing column."""

    puzzle: str
    answer: str
    rating: str
    difficulty: str

    @classmethod
    def of(cls, rows: Sequence[dict[str, str]], cells: int) -> Columns:
        """Detect the columns of a table from their names and the first rows."""
        header = rows[0].keys() if rows else ()
        puzzle = _fullest([name for name in PUZZLE_COLUMNS if name in header], rows, cells)
        answer = _fullest([name for name in ANSWER_COLUMNS if name in header and name != puzzle], rows, cells)
        rating = next((name for name in RATING_COLUMNS if name in header), "")
        return cls(puzzle, answer, rating, "difficulty" if "difficulty" in header else "")

    def entry_of(self, row: dict[str, str], name: str, place: str, line: int = 1) -> PuzzleEntry:
        """The puzzle in a row. Ratings and difficulties on unknown scales are dropped from tables of other origin."""
        rating, difficulty = (row.get(key, "").strip() for key in (self.rating, self.difficulty))
        if self.puzzle not in OUR_COLUMNS:  # other sources use various scales
            rating = rating if _is_number(rating) else ""
            difficulty = difficulty.lower() if difficulty.lower() in tuple(Difficulty) else ""
        return PuzzleEntry(
            name, place, row.get(self.puzzle, ""), line, row.get(self.answer, ""), rating, difficulty
        )


def _fullest(names: Sequence[str], rows: Sequence[dict[str, str]], cells: int) -> str:
    """The first of these columns with texts as long as a puzzle, else the first column."""
    full = (name for name in names if any(len(row[name]) >= cells for row in rows))
    return next(full, next(iter(names), ""))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
