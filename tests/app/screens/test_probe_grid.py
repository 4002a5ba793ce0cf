"""The grid that shows what probes decode: one value in a cell, or a pencil mark for each candidate."""

import re

import pytest

from app.screens.probes import grid


@pytest.fixture
def drawn(monkeypatch):
    """Draws a grid of one row at its only time point, and returns its HTML."""
    shown = []
    monkeypatch.setattr(grid.st, "html", shown.append)

    def make(*readings: dict, given: str = "..", rows: int = 1, picture: bool = False) -> str:
        size = [rows, len(given) // rows]
        result = {"grid": size, "readings": [{"state": "z", **one} for one in readings]}
        known = [mark != "." for mark in given]
        grid.draw(result, "z", 0, given=known, symbols=list(given), picture=picture)
        return shown[-1].rpartition("</style>")[2]

    return make


def test_candidates_are_pencil_marks_and_differences_from_the_truth_are_marked(drawn):
    one = {"target": "candidate_1", "read": [["yes", "no"]], "true": [["yes", "yes"]]}
    two = {"target": "candidate_2", "read": [["yes", "no"]], "true": [["no", "no"]]}
    html = drawn(one, two)
    assert '<i class="">1</i><i class="false">2</i>' in html  # right, and one too many
    assert '<i class="missed">1</i><i class=""></i>' in html
    assert html.count(" pencil") == 2 and 'data-read="yes,yes"' in html


def test_without_the_truth_nothing_is_marked(drawn):
    html = drawn(*({"target": f"candidate_{digit}", "read": [["yes", "no"]], "true": None} for digit in "12"))
    assert "false" not in html and "missed" not in html


def test_a_given_is_shown_and_a_wrong_value_is_marked(drawn):
    html = drawn({"target": "solution", "read": [[None, "4", "3"]], "true": [[None, "4", "5"]]}, given="7..")
    assert '<span class="given" data-cell="0,0"' in html.replace(" block", "") and ">7</span>" in html
    assert 'class="read" data-cell="0,1" data-read="4">4' in html
    assert 'class="wrong" data-cell="0,2" data-read="3">3' in html


def test_a_picture_has_blocks_for_walls_and_letters_for_start_and_goal(drawn):
    html = drawn({"target": "on_path", "read": [[None] * 3], "true": None}, given="#.S", picture=True)
    assert re.findall(r'class="([\w ]*)" data-cell="0,\d">(.?)</span>', html) == [
        ("given block", ""),
        ("", ""),
        ("given", "S"),
    ]


@pytest.mark.parametrize("given, rows, boxes", [("." * 81, 9, True), ("." * 16, 4, False)])
def test_only_a_sudoku_of_nine_rows_has_boxes(drawn, given, rows, boxes):
    reading = {"target": "solution", "read": [[None] * len(given)], "true": None}
    assert ('class="probe-grid boxes"' in drawn(reading, given=given, rows=rows)) == boxes
