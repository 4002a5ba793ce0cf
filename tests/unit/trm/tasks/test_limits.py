"""A text of the largest size is a puzzle, whatever its task; a larger one is not read."""

import pytest
from limits import check_largest

from tests.unit.trm.tasks.test_sudoku_links import packed
from trm.tasks.arc import Arc
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku
from trm.tasks.sudoku.links import decompress
from trm.tasks.sudoku.rows import is_rule
from trm.tasks.sudoku.text import find_puzzles

SUDOKU, GRID = "1..4\n....\n.3..\n..2.", "[[0, 1], [2, 3]]"
LIST = "[1,0,0,4], [0,0,0,0],\n[0,3,0,0], [0,0,2,0]\n"


@pytest.mark.parametrize(
    "limit, size, accepts",
    [
        ("arc.text.LONGEST_TEXT", len(GRID), lambda: Arc().parse(GRID).any()),
        ("maze.text.LONGEST_TEXT", 11, lambda: Maze(3).parse("S..\n###\nG..").any()),
        ("sudoku.text.LONGEST_TEXT", len(SUDOKU), lambda: Sudoku(2, 2).parse(SUDOKU).any()),
        ("sudoku.text.LARGEST_LIST", len(LIST), lambda: list(find_puzzles(LIST.splitlines(True), 4))),
        ("sudoku.rows.LONGEST_RULE", 7, lambda: is_rule("---+---")),
        ("sudoku.links.LARGEST_UNPACKED", 60, lambda: decompress(packed("ab" * 30)) == "ab" * 30),
    ],
)
def test_all_of_a_limit_may_be_used(monkeypatch, limit, size, accepts):
    check_largest(monkeypatch, f"trm.tasks.{limit}", size, accepts)
