"""Which lines of a text are rows of a drawn 4x4 Sudoku, which are headings, and where a drawing begins and ends."""

import pytest
from sudoku_texts import FOUR, NINE, PUZZLE, SMALL, rows

from trm.errors import PuzzleError
from trm.tasks.sudoku.puzzle_texts import is_answer
from trm.tasks.sudoku.text import pretty

GRID = "\n".join(rows(SMALL))
ANSWER = "1243341223144134"


def found(text: str) -> list[tuple[str, str]]:
    """The text and the place of each puzzle."""
    return [(each.text, each.place) for each in FOUR.find_puzzles(text.splitlines(keepends=True))]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("7\n{grid}", "lines 2 to 5"),
        ("(7)\n{grid}", "lines 2 to 5"),
        ("1234\n\nPuzzle\n{grid}", "lines 4 to 7"),  # one row alone is no drawing
        ("()\n{grid}", "lines 2 to 5"),
        ("Sudoku number 123456789 of this week\n{grid}", "lines 2 to 5"),
        ("Sudoku\n\n12..\n3...\n" + "-----\n" * 14 + "\n2.1.\n...4", "lines 3 to 21"),
    ],
)
def test_lines_that_are_no_rows_are_skipped(text, place):
    assert found(text.format(grid=GRID)) == [(SMALL, place)]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (
            "12\n{grid}",
            ["lines 1 to 5"],
        ),  # a number of two digits is a part of a row, in a grid of four columns
        ("Sudoku\n12341", ["line 2"]),
        ("Sudoku\n12\n34", ["lines 2 to 3"]),
        ("Sudoku\n1234", []),
        ("12..\n1a2.\n2.1.\n...4", ["lines 1 to 4"]),  # a quarter of a row may be mistakes
        ("12..\n1ab.\n2.1.\n...4", ["lines 3 to 4"]),
        (
            "12..\n1 2 3 4 1 2 3 4 1\n2.1.\n...4",
            ["lines 1 to 4"],
        ),  # the longest row: 4 characters per cell and one
        ("12..\n1 2 3 4 1 2 3 4 12\n2.1.\n...4", ["line 2", "lines 3 to 4"]),
        ("=12.=/=1.2=/=..1=", ["line 1"]),
        ("====1234====1234====", []),  # two rows of cells, and longer than a row
        ("====1234====1234====1", ["line 1"]),
        ("123412341234123abcde", ["line 1"]),  # a quarter of a line may be mistakes
        ("123412341234123abcdef", []),
        ("12..\n3...\n" + "-----\n" * 15 + "\n2.1.\n...4", ["lines 1 to 17", "lines 19 to 20"]),
    ],
)
def test_drawings_with_mistakes_are_reported_as_a_whole(text, places):
    puzzles = found(text.format(grid=GRID))
    assert [place for _, place in puzzles] == places
    for puzzle, _ in puzzles:
        with pytest.raises(PuzzleError):
            FOUR.parse(puzzle)


def test_a_number_of_three_digits_above_a_standard_grid_is_no_row():
    lines = ["123", *rows(PUZZLE), "[456]", *rows(PUZZLE[::-1])]
    assert [each.place for each in NINE.find_puzzles(lines)] == ["lines 2 to 10", "lines 12 to 20"]


@pytest.mark.parametrize(
    ("limit", "places"),
    [(3, ["lines 1 to 5", "lines 6 to 9", "lines 10 to 13"]), (2, ["lines 1 to 10", "lines 11 to 13"])],
)
def test_all_lines_of_the_longest_paragraph_are_read(monkeypatch, limit, places):
    monkeypatch.setattr("trm.tasks.sudoku.puzzle_texts.MAX_LINES", limit)
    text = "\n".join(["12..\n3...\n\n2.1.\n...4", GRID, GRID])
    assert [place for _, place in found(text)] == places


@pytest.mark.parametrize(
    ("line", "puzzle"),
    [
        ("12.0 30.. 2.1. 00.4", SMALL),
        ("|12..|3...|2.1.|...4|", SMALL),
        ("1 2 3 4 2 1 4 3 3 4 1 2 4 3 2 1", "1234214334124321"),
        ("." * 16, "." * 16),
        ("0" * 16, "." * 16),
        ("x" * 16, "x" * 16),  # without a digit, not clear
        ("12--3---2-1----4", SMALL),
    ],
)
def test_a_grid_on_one_line(line, puzzle):
    assert found(f"Sudoku\n{line}") == [(puzzle, "line 2")]


def test_blank_rows_that_look_like_dividing_lines_are_counted():
    first, second = ("12__", "____", "2_1_", "___4"), ("____", "3___", "____", "_2_1")
    text = "\n".join([*first, *second])
    assert found(text) == [
        ("12......2.1....4", "lines 1 to 4"),
        ("....3........2.1", "lines 5 to 8"),
    ]


@pytest.mark.parametrize(
    ("other", "heading", "expected"),
    [
        (ANSWER, "", True),
        (SMALL, "", False),
        (SMALL, "Solution", False),
        ("2" + ANSWER[1:], "Solution", False),
        (ANSWER[:-2] + ".4", "", False),
        (ANSWER[:-2] + ".4", "Answer", True),
        (ANSWER + "1", "", False),
    ],
)
def test_an_answer_keeps_the_givens_and_is_complete_or_has_a_heading(other, heading, expected):
    assert is_answer(SMALL, other, heading) is expected
    assert not is_answer(ANSWER, ANSWER, heading) and not is_answer(ANSWER, SMALL, heading)


def test_a_puzzle_written_twice_and_a_puzzle_below_its_answer_are_separate():
    assert [text for text, _ in found(f"{SMALL}\n{SMALL}\n{ANSWER}\n")] == [SMALL, SMALL]
    assert [text for text, _ in found(f"{ANSWER}\n{SMALL}\n")] == [ANSWER, SMALL]


@pytest.mark.parametrize(
    "text",
    [
        "12  \n3   \n2 1 \n   4",
        "1 2|\n3  |\n2  |1\n   |  4",  # without the spaces at the end of a line
        "|  1   2  |         |\n|  3      |         |\n|  2      |  1      |\n|         |      4  |",
        "|12  |\n||\n|3   |\n|2 1 |\n|   4|",  # two bars are a dividing line
        "  2 4 6 8\nA 1 2 . .\nB 3 . . .\nC 2 . 1 .\nD . . . 4",
        "R1 1 2 . .\nR2 3 . . .\nR3 2 . 1 .\nR4 . . . 4",
        "R1 R2 R3 R4\n1 2 . .\n3 . . .\n2 . 1 .\n. . . 4",
        "a: 1 2 . .\nb: 3 . . .\nc: 2 . 1 .\nd: . . . 4",
        "1 2 3 4\n1 2 . .\n3 . . .\n2 . 1 .\n. . . 4",
        "1,2,,,\n3,,,,\n2,,1,,\n,,,4,",
        "1|2||\n3|||\n2||1|\n|||4",
        "12-- 3---\n2-1- ---4",
    ],
)  # fmt: skip
def test_rows_with_spaces_bars_and_labels(text):
    assert FOUR.format(FOUR.parse(text)) == SMALL


def test_a_full_row_in_columns_with_spaces_for_blanks():
    assert FOUR.format(FOUR.parse("|12|  |\n|34|12|\n|2 |1 |\n|  | 4|")) == "12..34122.1....4"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("12   \n3    \n2 1  \n   4 ", "A 4x4 Sudoku has 16 cells, but this text has 6"),  # a column too many
        ("12__3___2_1___", "A 4x4 Sudoku has 16 cells, but this text has 14. Use"),
        ("12--3---2-1---", "A 4x4 Sudoku has 16 cells, but this text has 5. Use"),  # then dashes are lines
        ("1", "A 4x4 Sudoku has 16 cells, but this text has 1. Use"),
        ("1 2 4 3\n1 2 . .\n3 . . .\n2 . 1 .\n. . . 4", "A 4x4 Sudoku has 16 cells, but this text has 20"),
        ("B 1 2 . .\nA 3 . . .\nC 2 . 1 .\nD . . . 4", "Line 1, position 1: 'B' is not part of a 4x4 Sudoku"),
        ("12\n3\n2", "A 4x4 Sudoku has 16 cells, but this text has 4 (line 1 has 2, line 2 has 1, line 3 has 1). Use"),
        ("1\n2\n3\n4", "A 4x4 Sudoku has 16 cells, but this text has 4 (line 1 has 1, line 2 has 1, line 3 has 1, ...). Use"),
    ],
)  # fmt: skip
def test_cells_too_many_or_too_few_and_labels_out_of_order_are_reported(text, says):
    with pytest.raises(PuzzleError) as error:
        FOUR.parse(text)
    assert str(error.value).startswith(says)


def test_a_grid_is_printed_with_lines_between_its_boxes():
    assert pretty(SMALL, 2, 2) == "1 2 | . .\n3 . | . .\n----+----\n2 . | 1 .\n. . | . 4"
    six = pretty("123456" * 6, 2, 3).splitlines()
    assert six == [*["1 2 3 | 4 5 6"] * 2, "------+------"] * 2 + ["1 2 3 | 4 5 6"] * 2
