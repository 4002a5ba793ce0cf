"""Sudokus as people, programs and keyboards write them: all parse to the same puzzle, ambiguous text is rejected."""

# ruff: noqa: RUF001

import json

import numpy as np
import pytest
from sudoku_texts import BY_SIZE, FOUR, NINE, PUZZLE, SIZES, rows

from trm.errors import PuzzleError
from trm.tasks.puzzle_text import plain


def cells(puzzle: str, blank: object) -> list[list]:
    return [[blank if mark == "." else int(mark) for mark in row] for row in rows(puzzle)]


def lines(puzzle: str, blank: str, between: str) -> str:
    return "\n".join(between.join(blank if mark == "." else mark for mark in row) for row in rows(puzzle))


def framed(puzzle: str, columns: int, *, bar: str = "|", rule: str = "-") -> str:
    """A drawing with spaces for blanks, in boxes of `columns` columns."""
    drawn = []
    for row in rows(puzzle, " "):
        parts = [" ".join(row[at : at + columns]) for at in range(0, len(row), columns)]
        drawn.append(f"{bar} " + f" {bar} ".join(parts) + f" {bar}")
    return "\n".join([rule * len(drawn[0]), *drawn, rule * len(drawn[0])])


@SIZES
@pytest.mark.parametrize("blank", ["-1", "None", "null", "nan", "", " ", "0", ".", "_", "*", "x", "-", "?"])
@pytest.mark.parametrize("between", [",", ";", "\t", ", ", " | "])
def test_one_cell_per_field(side, blank, between):
    task, puzzle = BY_SIZE[side]
    assert task.format(task.parse(lines(puzzle, blank, between))) == puzzle


@SIZES
@pytest.mark.parametrize("blank", [-1, 0, None, "", " ", ".", "-"])
def test_rows_in_brackets(side, blank):
    task, puzzle = BY_SIZE[side]
    grid = cells(puzzle, blank)
    braces = str(grid).replace("[", "{").replace("]", "}") + ";"
    for text in (
        json.dumps(grid),
        str(grid),
        f"board = {grid}\n",
        "grid = [\n" + "".join(f"    {row},\n" for row in grid) + "]\nprint(solve(grid))",
        f"int board[{side}][{side}] = {braces}",
        f"Here you are:\n```python\npuzzle = {grid}\n```\nGood luck!",
        str([cell for row in grid for cell in row]),
    ):
        assert task.format(task.parse(text)) == puzzle, text


@SIZES
@pytest.mark.parametrize("dtype", [int, float])
@pytest.mark.parametrize("blank", [0, -1])
def test_printed_numpy_arrays(side, dtype, blank):
    task, puzzle = BY_SIZE[side]
    grid = np.array(cells(puzzle, blank), dtype)
    for text in (str(grid), repr(grid), f"puzzle:\n{grid}", str(grid.ravel())):
        assert task.format(task.parse(text)) == puzzle, text


@SIZES
def test_strings_in_source_code(side):
    task, puzzle = BY_SIZE[side]
    for text in (
        str(rows(puzzle)),
        json.dumps(rows(puzzle, "0"), indent=1),
        "\n".join(f'"{row}",' for row in rows(puzzle)),
        "\\n".join(rows(puzzle)),
        f'grid = "{puzzle}"',
        f"```\n{chr(10).join(rows(puzzle))}\n```",
    ):
        assert task.format(task.parse(text)) == puzzle, text


@pytest.mark.parametrize("blank", "_*xX?-~·•∙⋅●○□⬜◻–—−＿．０")
def test_marks_for_blanks(blank):
    for task, puzzle in BY_SIZE.values():
        for text in (puzzle.replace(".", blank), "\n".join(rows(puzzle, blank))):
            assert task.format(task.parse(text)) == puzzle


@pytest.mark.parametrize("first", ["0", "٠", "۰", "०", "０", "𝟎", "௦"])
def test_digits_of_other_scripts(first):
    digits = str.maketrans({str(at): chr(ord(first) + at) for at in range(10)})
    for task, puzzle in BY_SIZE.values():
        text = puzzle.replace(".", "0").translate(digits)
        assert plain(text) == puzzle.replace(".", "0")
        assert task.format(task.parse(text)) == puzzle


@pytest.mark.parametrize(
    ("characters", "ascii"),
    [
        ("\u00a0\u2003\u3000", "   "),
        ("\x85\u2028\u2029", "\x85\u2028\u2029"),  # line breaks
        ("\u200b\ufeff", ""),
        ("–—−", "---"),
        ("…⋯‥", "........"),
        ("！＂～", '!"~'),
        ("①९𝟙", "191"),
        ("é", "é"),
    ],
)
def test_characters_with_an_ascii_form(characters, ascii):
    assert plain(characters) == ascii


def test_substitutes_for_digits_and_dots():
    circled = str.maketrans({str(at): chr(ord("①") + at - 1) for at in range(1, 10)})
    keycaps = {str(at): f"{at}\ufe0f\u20e3" for at in range(1, 10)}
    for text in (
        PUZZLE.replace("...", "…"),
        "\n".join(row.replace("...", "…") for row in rows(PUZZLE)),
        PUZZLE.replace("..", "‥"),
        "\n".join(rows(PUZZLE, "□")).translate(circled),
        "\n".join(rows(PUZZLE, "⬜")).translate(str.maketrans(keycaps)),
        PUZZLE[:40] + "\u200b\ufeff" + PUZZLE[40:],
    ):
        assert NINE.format(NINE.parse(text)) == PUZZLE


@pytest.mark.parametrize(
    ("side", "columns", "bar", "rule"),
    [(9, 3, "|", "-"), (9, 3, "│", "─"), (9, 3, "║", "═"), (9, 1, "|", "-"), (4, 2, "|", "="), (4, 1, "┃", "━"), (6, 3, "|", "-")],
)  # fmt: skip
def test_blanks_as_spaces_in_boxes(side, columns, bar, rule):
    task, puzzle = BY_SIZE[side]
    drawn = framed(puzzle, columns, bar=bar, rule=rule)
    for text in (drawn, f"Puzzle {side}x{side}\n{drawn}\n", drawn.replace("\n", "  \n")):
        assert task.format(task.parse(text)) == puzzle, text


@SIZES
def test_drawings_with_row_and_column_labels(side):
    task, puzzle = BY_SIZE[side]
    drawn = [" ".join(row) for row in rows(puzzle)]
    heading = "  " + " ".join(map(str, range(1, side + 1)))
    for text in (
        "\n".join([heading, *(f"{chr(65 + at)} {row}" for at, row in enumerate(drawn))]),
        "\n".join(f"{at + 1} | {row}" for at, row in enumerate(drawn)),
        "\n".join(
            ["   " + " ".join(map(str, range(side))), *(f"{at}  {row}" for at, row in enumerate(drawn))]
        ),
    ):
        assert task.format(task.parse(text)) == puzzle, text


@SIZES
def test_in_candidate_grids_cells_with_one_digit_are_givens(side):
    task, puzzle = BY_SIZE[side]
    every = "".join(map(str, range(1, side + 1)))
    marks = [
        [every[at % 2 :] if mark == "." else mark for at, mark in enumerate(row)] for row in rows(puzzle)
    ]
    table = "\n".join("| " + " ".join(mark.ljust(side) for mark in row) + "|" for row in marks)
    rule = "." + "-" * (len(table.split("\n")[0]) - 2) + "."
    braces = "\n".join(" ".join(f"{{{mark}}}" for mark in row) for row in marks)
    flat = "".join(
        "".join(digit if digit in mark else "." for digit in every) for row in marks for mark in row
    )
    for text in (f"{rule}\n{table}\n{rule}", table, braces, flat, flat.replace(".", "0")):
        assert task.format(task.parse(text)) == puzzle, text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("https://f-puzzles.com/?load=N4Ig", "This f-puzzles link cannot be read. Open it and paste the digits."),
        ("https://f-puzzles.com/?id=abc", "This f-puzzles.com link does not contain its puzzle"),
        ("https://example.org/sudoku/1234", "This link does not contain the digits of a puzzle"),
        ("https://puzz.link/p?sudoku/6/6/1g2", "This is a 6x6 Sudoku, but 9x9 was expected. Choose a model of its size."),
        ("3x3:5_3b7", "This code has 5 cells, but a 9x9 Sudoku has 81. Copy it again."),
        ("2x2:1_2b3c2a1d4", "This is a 4x4 Sudoku, but 9x9 was expected."),
        ("\n".join(["0 -1 3 4 5 6 7 8 2"] * 9), "This text has both 0 and -1, so either may be a blank."),
        ("\n".join(["5 3 -1 -1 7 -1 -1 -1"] * 9), "This text contains -1 but does not have 9 cells per row."),
        ("5,3,,,7,,,\n" * 9, "A 9x9 Sudoku has 81 cells, but this text has 27 (line 1 has 3"),
        (f"{PUZZLE}\n{PUZZLE[::-1]}", "A 9x9 Sudoku has 81 cells, but this text has 162"),
        (str(cells(PUZZLE, 0)[:8]), "A 9x9 Sudoku has 9 rows in brackets, but this text has 8."),
        (str([*cells(PUZZLE, 0)[:8], [1, 2, 3, 4, 5, 6, 7, 8]]), "Line 1: not all of the 8 fields of this row are cells"),
        ("53  7\n6  195\n 98    6", "A 9x9 Sudoku has 81 cells, but this text has 10"),
    ],
)  # fmt: skip
def test_ambiguous_or_unreadable_text_is_rejected(text, says):
    with pytest.raises(PuzzleError) as error:
        NINE.parse(text)
    assert str(error.value).startswith(says) and "\n" not in str(error.value)


@SIZES
def test_a_row_that_lacks_a_cell_is_never_padded(side):
    task, puzzle = BY_SIZE[side]
    for written in (lambda row: row, " ".join, ",".join, " | ".join):
        drawn = [written(row) for row in rows(puzzle.replace(".", "1"))]
        drawn[2] = written(rows(puzzle.replace(".", "1"))[2][:-1])
        with pytest.raises(PuzzleError, match=f"this text has {side * side - 1}"):
            task.parse("\n".join(drawn))


@SIZES
def test_more_notations_of_rows(side):
    task, puzzle = BY_SIZE[side]
    drawn = rows(puzzle)
    latex = (
        "\\begin{sudoku}\n"
        + "\n".join("|" + "|".join(row.replace(".", " ")) + "|." for row in drawn)
        + "\n\\end{sudoku}"
    )
    markdown = "\n".join(["|" + "|".join(row.replace(".", " ")) + "|" for row in drawn])
    bands = (
        "\n\n".join("\n".join(drawn[at : at + side // 2]) for at in (0, side // 2))
        + "\n"
        + "\n".join(drawn[side // 2 * 2 :])
    )
    for text in (
        puzzle.replace(".", " "),
        f'<game data="{puzzle.replace(".", "0")}" level="1"/>',
        latex,
        markdown.replace("\n", "\n" + "|---" * side + "|\n", 1),
        "\n".join(f"{row}  # a row of mine" for row in drawn),
        "\n".join(f"{row} // number {at}" for at, row in enumerate(drawn)),
        "\n".join(f"> {row}" for row in drawn),
        f"{puzzle.replace('.', ' ')}\n",
        bands.strip(),
    ):
        assert task.format(task.parse(text)) == puzzle, text


@pytest.mark.parametrize(
    "text", ["[[5 3 0 ... 0 0 0]\n ...\n [0 0 0 ... 0 7 9]]", "[[1, 2, 3, 4],\n ...,\n [4, 3, 2, 1]]"]
)
def test_an_incomplete_array_is_reported(text):
    for task in (NINE, FOUR):
        with pytest.raises(PuzzleError, match="This array is incomplete"):
            task.parse(text)


@SIZES
def test_a_printed_data_frame(side):
    task, puzzle = BY_SIZE[side]
    heading = "     " + "    ".join(map(str, range(side)))
    for blank in ("NaN", "0.0", "None"):
        drawn = [
            f"{at}  " + "  ".join(blank if mark == "." else f"{mark}.0" for mark in row)
            for at, row in enumerate(rows(puzzle))
        ]
        assert task.format(task.parse("\n".join([heading, *drawn]))) == puzzle
