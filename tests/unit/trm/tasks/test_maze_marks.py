"""Mazes in other notations, with thin walls, in files with headings: all parse to the same maze or are rejected."""

import json

import numpy as np
import pytest

from trm.data import puzzle_entries
from trm.errors import DataError, PuzzleError
from trm.tasks.maze import Maze

SEVEN = Maze(7)
ROWS = ["###S###", "#     #", "# ### #", "# #   #", "# # ###", "# #   #", "#####G#"]
SOLVED = ["###S###", "#  ooo#", "# ###o#", "# #ooo#", "# #o###", "# #ooo#", "#####G#"]
PLAIN, PLAIN_SOLVED = ("".join(rows).replace(" ", ".") for rows in (ROWS, SOLVED))


def marked(rows: list[str], marks: str, becomes: str) -> str:
    return "\n".join(rows).translate(str.maketrans(marks, becomes))


@pytest.mark.parametrize("ends", ["SE", "AB", "SF", "ST", "AE", "SB", "@E"])
@pytest.mark.parametrize("walls", ["#", "█", "■", "▓", "%"])
@pytest.mark.parametrize("floor", [" ", ".", "·", "_", "░"])
def test_other_marks_of_ends_walls_and_floor(ends, walls, floor):
    text = marked(ROWS, "SG# ", ends + walls + floor)
    assert SEVEN.format(SEVEN.parse(text)) == PLAIN
    (entry,) = puzzle_entries(f"Maze 1\n{text}\n".encode(), "x.txt", SEVEN)
    assert SEVEN.format(entry.read(SEVEN)) == PLAIN and entry.place == "lines 2 to 8"


@pytest.mark.parametrize("path", "+X*xoO•.")
@pytest.mark.parametrize("ends", ["SG", "SE", "AB"])
def test_other_marks_of_the_path(path, ends):
    text = marked(SOLVED, "oSG", path + ends)
    assert SEVEN.format(SEVEN.parse(text)) == PLAIN_SOLVED


def test_arrows_are_a_path_and_scattered_dots_are_not():
    arrows = (
        "\n".join(SOLVED)
        .replace("ooo", ">>v", 1)
        .replace("o#\n# #ooo", "v#\n# #v<<")
        .replace("o###", "v###")
        .replace("ooo#", ">>v#")
    )
    assert SEVEN.format(SEVEN.parse(arrows)) == PLAIN_SOLVED
    for rows in (ROWS, SOLVED):
        mixed = "\n".join(rows).replace("o", ".", 3).replace("o", " ")
        assert SEVEN.format(SEVEN.parse(mixed)) == PLAIN


@pytest.mark.parametrize("wall", "01")
def test_numbers_whose_wall_is_the_border(wall):
    text = marked(ROWS, "# ", wall + "10"[int(wall)])
    grid = [list(row) for row in text.split("\n")]
    numbers = [[{"S": 2, "G": 3}.get(mark) or int(mark) for mark in row] for row in grid]
    for form in (
        text,
        "\n".join(map(" ".join, grid)),
        json.dumps(grid),
        json.dumps(numbers),
        str(numbers),
        f"7 7\n{text}",
    ):
        assert SEVEN.format(SEVEN.parse(form)) == PLAIN, form
    half = text.replace(text[:2], "01", 1)
    with pytest.raises(PuzzleError, match="The border of this maze has both 0 and 1"):
        SEVEN.parse(half)


@pytest.mark.parametrize(
    "heading", ["7 7", "7x7", "7", "7,7", "Maze 3", "Labyrinth Nr. 1", "# a comment of words"]
)
def test_headings_and_sizes_are_skipped(heading):
    text = f"{heading}\n{chr(10).join(ROWS)}\n\n{heading}\n{chr(10).join(SOLVED)}\n"
    entries = puzzle_entries(text.encode(), "x.txt", SEVEN)
    assert [SEVEN.format(each.read(SEVEN)) for each in entries] == [PLAIN, PLAIN_SOLVED]
    assert [each.place for each in entries] == ["lines 2 to 8", "lines 11 to 17"]


@pytest.mark.parametrize("row", ["#~~~~~#", "# ##? #", "#$ $ $#", "# #&&&#"])
def test_a_row_is_never_a_comment(row):
    rows = [*ROWS[:2], row, *ROWS[3:]]
    with pytest.raises(DataError, match=r"Line 3, position \d: '.' is not part of a maze"):
        puzzle_entries("\n".join(rows).encode(), "x.txt", SEVEN)[0].read(SEVEN)


def drawn(width: int, corner: str = "+", across: str = "-", upright: str = "|", *, ends: bool = True) -> str:
    """The maze with thin walls and cells of `width` characters."""
    lines = []
    for at, row in enumerate(ROWS):
        line = ""
        for column, mark in enumerate(row):
            wall = mark == "#"
            symbol = mark if mark in "SG" and ends else " "
            if at % 2 == 0 and column % 2 == 0:
                line += corner
            elif at % 2 == 0:
                line += (
                    (across if wall else symbol) * width
                    if wall or not symbol.strip()
                    else symbol.center(width)
                )
            elif column % 2 == 0:
                line += upright if wall else " "
            else:
                line += symbol.center(width)
        lines.append(line)
    return "\n".join(lines)


INNER = ["#######", "#S    #", "# ### #", "# #   #", "# # ###", "# #  G#", "#######"]


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize(
    ("corner", "across", "upright"),
    [("+", "-", "|"), ("o", "-", "|"), ("┼", "─", "│"), ("*", "=", "|"), (".", "-", "|")],
)
def test_thin_walls(width, corner, across, upright):
    text = drawn(width, corner, across, upright, ends=False)
    for form in (text, f"\n{text}\n", text.replace("\n", "   \n")):
        assert SEVEN.format(SEVEN.parse(form)) == PLAIN, form
    (entry,) = puzzle_entries(f"A maze of mine\n{text}\n".encode(), "x.txt", SEVEN)
    assert SEVEN.format(entry.read(SEVEN)) == PLAIN


def test_ends_that_are_marked_in_cells_of_thin_mazes():
    expected = "".join(INNER).replace(" ", ".")
    text = "+--+--+--+\n|S       |\n+  +--+  +\n|  |     |\n+  +  +--+\n|  |   G |\n+--+--+--+"
    assert SEVEN.format(SEVEN.parse(text)) == expected
    assert SEVEN.format(SEVEN.parse(text.replace("S", "A").replace("G", "B"))) == expected
    with pytest.raises(PuzzleError, match="This maze has no start"):
        SEVEN.parse(text.replace("S", " ").replace("G", " "))


def test_walls_of_underscores():
    text = " _   _ \n|  _  |\n| |  _|\n|_|_  |"
    with pytest.raises(PuzzleError):
        Maze(5).parse(text)
    tokens = SEVEN.parse(text, unfinished=True)
    grid = np.array(list(SEVEN.format(tokens))).reshape(7, 7)
    assert (grid[1::2, 1::2] != "#").all() and (grid[::2, ::2] == "#").all()
    assert grid[0, 3] == "S" and grid[6, 5] == "G"
    assert (grid[2, 3], grid[4, 5], grid[3, 2], grid[5, 2]) == ("#", "#", "#", "#")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            drawn(2),
            "This maze has 3x3 cells between thin walls, 7x7 with its walls as cells, but 15x15 was expected.",
        ),
        (
            drawn(2) + "\n|   |",
            "A maze with thin walls has 2n \\+ 1 lines for n rows of cells; this one has 8 lines",
        ),
        (drawn(2).replace("+", "++"), "A maze with thin walls"),
    ],
)
def test_wrong_sizes_are_reported(text, says):
    with pytest.raises(PuzzleError, match=says):
        Maze(15).parse(text)


BARS = "+--+--+\n   |  |\n+  +  +\n|\n+--+--+"
SIDES = "#####S.#.##.#.##...G#####"
"""The maze of these drawings. It is open at the left and at the right, where the lines end early."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BARS, SIDES),
        ("\n".join(f"  {line}" for line in BARS.split("\n")), SIDES),
        (" _ _\n  | |\n|_ _", SIDES),
        # Letters in the cells are start and goal, and the openings stay open. An `o` is a path.
        (BARS.replace("   |  |", "   |S |").replace("\n|\n", "\n|G\n"), "#####..#S##.#.##G...#####"),
        (BARS.replace("   |  |", "   |St|").replace("\n|\n", "\n|Go\n"), "#####..#S##.#.##G...#####"),
        (BARS.replace("\n|\n", "\n|o  o\n"), "#####S.#.##.#.##o.oG#####"),
        (" _ _ \n|S|G|\n|_ _|", "######S#G##.#.##...######"),
        (" _ _ \n|_|S|\n|G _|", "######.#S####.##G..##.###"),
    ],
)
def test_thin_mazes_with_openings_at_the_sides_and_letters_in_cells(text, expected):
    tokens = Maze(5).parse(text, unfinished=True)
    assert Maze(5).format(tokens) == expected


@pytest.mark.parametrize("text", ["S|.|.|.|.\n.|.|.|.|.\n.|.|.|.|G", "S-|-.\n.█|█.\n.-|-G", "|-|-|\n|S.G|"])
def test_bars_without_lines_or_with_blocks_or_of_two_rows_are_not_thin_walls(text):
    with pytest.raises(PuzzleError, match=r"'[-|]' is not part of a maze"):
        Maze(5).parse(text)


def test_a_path_of_dots_lies_in_any_column_and_ends_beside_the_edges():
    assert Maze(3).parse("S.G\n   \n###").tolist() == [3, 5, 4, 2, 2, 2, 1, 1, 1]
    assert Maze(3).parse("# S\n# .\n. G").tolist() == [1, 2, 3, 1, 2, 2, 2, 2, 4]


def test_a_maze_and_its_answer_on_a_line():
    row, answer = PLAIN, PLAIN_SOLVED
    for line in (f"{row},{answer}", f"7;{row};{answer}", f"{answer}\t{row}"):
        (entry,) = puzzle_entries(f"{line}\n".encode(), "x.csv", SEVEN)
        assert (entry.text, entry.answer) == (row, answer)
