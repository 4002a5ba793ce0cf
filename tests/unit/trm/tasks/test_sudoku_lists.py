"""Rows and grids in brackets: which brackets count, and the lines that they are in."""

import pytest
from sudoku_texts import SMALL, rows

from trm.errors import PuzzleError
from trm.tasks.sudoku.lists import grids_in_brackets

OTHER = SMALL[::-1]
ROWS = [f"[{','.join(row)}]" for row in rows(SMALL, "0")]


def found(text: str) -> list[tuple[str, str]]:
    return [(each.text, each.place) for each in grids_in_brackets(text, 4)]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("{rows}", ["line 1"]),
        ("a =\n[{lines}]\nb = [\n{lines}]", ["lines 2 to 5", "lines 7 to 10"]),
        ("a = [\n{flat},\n{flat}\n]", []),
        ("a =\n[{flat}]\nb =\n[\n{flat}\n]", ["line 2", "lines 4 to 6"]),
        ("x\n[{rows}] (1,2)", ["line 2"]),  # half a row is something else
        ("(3,4) {rows}", ["line 1"]),
    ],
)
def test_grids_in_brackets_have_the_lines_of_their_brackets(text, places):
    text = text.format(rows=", ".join(ROWS), lines=",\n".join(ROWS), flat=",".join(SMALL.replace(".", "0")))
    assert found(text) == [(SMALL, place) for place in places]


def test_strings_in_brackets_are_rows_or_grids():
    assert found(f'["{SMALL}", "{OTHER}"]') == [(SMALL, "line 1"), (OTHER, "line 1")]
    assert found(str(rows(SMALL))) == [(SMALL, "line 1")]
    assert found(str(rows(SMALL)[:3])) == found('["a", "bc"]') == found("[1, 2]") == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"[{','.join(ROWS[:3])}]", "A 4x4 Sudoku has 4 rows in brackets, but this text has 3. Give all rows."),
        (f"[{','.join(ROWS)},\n(1,2,3)]", "Line 2: not all of the 3 fields of this row are cells; a row has 4 cells."),
        ("\n[1 2 0 0]\n[3 0 0]", "Line 3: not all of the 3 fields of this row are cells; a row has 4 cells."),
    ],
)  # fmt: skip
def test_a_mistake_in_brackets_is_reported_with_its_line(text, says):
    with pytest.raises(PuzzleError) as error:
        grids_in_brackets(text, 4)
    assert str(error.value).startswith(says)


def test_less_than_most_rows_of_a_grid_are_no_list():
    assert found(f"[{','.join(ROWS[:2])}]") == []
    assert found(f"[{','.join(ROWS[:3])}], [{','.join(SMALL.replace('.', '0'))}]") == [(SMALL, "line 1")]
