"""Several Sudokus in a text: where one ends, which grid answers which, what else is on a line."""

# ruff: noqa: RUF001

import pytest
from sudoku_texts import BY_SIZE, NINE, PUZZLE, SIZES, SOLVED, rows

from trm.tasks.puzzle_text import PuzzleText


def grids_of(text: str, side: int) -> list[PuzzleText]:
    task, _ = BY_SIZE[side]
    return list(task.find_puzzles(text.splitlines(keepends=True)))


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Grid 01\n{a}\nGrid 02\n{b}\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("{a}\n========\n{b}\n", ["lines 1 to 9", "lines 11 to 19"]),
        ("2\n{a}\n{b}\n", ["lines 2 to 10", "lines 11 to 19"]),
        ("1.\n{a}\n2.\n{b}\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("% easy\n{a}\n\n% hard\n{b}\n", ["lines 2 to 10", "lines 13 to 21"]),
        ("Nº 1 (leicht)\r\n{a}\r\nNº 2 (schwer)\r\n{b}\r\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("[Puzzle]\n{a}\n[Puzzle]\n{b}\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("#1\n{a}\n#2\n{b}\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("問題１\n{a}\n問題２\n{b}\n", ["lines 2 to 10", "lines 12 to 20"]),
        ("{a}{b}", None),
    ],
)
def test_several_grids_in_a_text(text, places):
    other = SOLVED[:40] + "." * 41
    text = text.format(a="\n".join(rows(PUZZLE)), b="\n".join(rows(other, "0")))
    grids = grids_of(text, 9)
    if places is None:
        assert [NINE.format(NINE.parse(grid.text)) for grid in grids if len(grid.text) == 81] != [
            PUZZLE,
            other,
        ]
        return
    assert [grid.place for grid in grids] == places
    assert [grid.text for grid in grids] == [PUZZLE, other]


@pytest.mark.parametrize(
    "text",
    [
        "[Puzzle]\n{p}\n[Solution]\n{s}\n",
        "{p}\n\nSolution:\n\n{s}\n",
        "Aufgabe\n{p}\nLösung\n{s}\n",
        "Here is one:\n```\n{p}\n```\nand its answer:\n```\n{s}\n```\n",
        "{p}\n---------\n{s}",
    ],
)
def test_an_answer_below_its_puzzle_is_joined_to_it(text):
    (grid,) = grids_of(text.format(p="\n".join(rows(PUZZLE)), s="\n".join(rows(SOLVED))), 9)
    assert (grid.text, grid.answer) == (PUZZLE, SOLVED) and grid.note
    text = text.format(p="\n".join(rows(PUZZLE)), s="\n".join(rows(SOLVED)))
    assert NINE.format(NINE.parse(text)) == PUZZLE


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("{p} # puzzle 0", ""),
        ("d9324c4339db {z}  1.2", ""),
        ("{p};9.0;1.2;1.2;easy", ""),
        ("{p} ED=7.1/1.2/1.2", ""),
        ("{p}\t7.1\t0", ""),
        ("1. {p}", ""),
        (":0000:x:{p}:::", ""),
        ("{p},{s}", SOLVED),
        ("{s} {z}", SOLVED),
        ("{z};{s};hard", SOLVED),
        ("{p} | {s} | 25", SOLVED),
        ('"{z}"\t"{s}"', SOLVED),
        ("17,{u},{s}", SOLVED),
        ("No 3: {p} (sehr schwer, von Hans)", ""),
    ],
)
def test_other_fields_on_the_line_of_a_puzzle(line, answer):
    line = line.format(p=PUZZLE, z=PUZZLE.replace(".", "0"), s=SOLVED, u=PUZZLE.replace(".", "_"))
    (grid,) = grids_of(line, 9)
    assert (grid.text, grid.answer, grid.place) == (PUZZLE, answer, "line 1")
    assert NINE.format(NINE.parse(line)) == PUZZLE


@SIZES
def test_lines_with_spaces_for_blanks_are_separate_puzzles(side):
    _, puzzle = BY_SIZE[side]
    other = puzzle[::-1]
    text = f"{puzzle}\n{other}\n".replace(".", " ")
    assert [grid.text for grid in grids_of(text, side)] == [puzzle, other]


def test_all_following_grids_that_answer_a_puzzle_belong_to_it():
    started = SOLVED[:20] + PUZZLE[20:]
    sections = {"Puzzle": PUZZLE, "State": started, "Solution": SOLVED, "Second solution": SOLVED}
    text = "".join(f"[{name}]\n{chr(10).join(rows(grid))}\n" for name, grid in sections.items())
    other = SOLVED[:9] + PUZZLE[9:40] + "." * 41
    first, second = grids_of(f"{text}[Puzzle]\n{chr(10).join(rows(other))}\n", 9)
    assert (first.text, first.answer, second.text, second.answer) == (PUZZLE, SOLVED, other, "")
