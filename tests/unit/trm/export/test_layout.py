"""Where the parts of a picture lie: its legend, a grid on paper, a tiny grid; and the colours of a film's cells."""

import re
from itertools import pairwise

import numpy as np
import pytest
from drawn_runs import FIRST
from export_runs import ARC, made_up, run_of
from inked_shapes import boxes, written
from PIL import Image

from trm.export.pictures import picture as module
from trm.export.pictures.ink import Ink
from trm.export.pictures.palette import LIGHT, Appearance
from trm.export.pictures.picture import RunPicture, film_of, grid_svg, save_picture
from trm.export.pictures.text import drawing, measure
from trm.export.run import ExportedRun
from trm.tasks.arc import encode

pytestmark = pytest.mark.heavy


def shown(monkeypatch, name: str, **size) -> tuple[RunPicture, Ink]:
    """A picture with all marks, and what is drawn for its first answer."""
    made: list[Ink] = []
    monkeypatch.setattr(module, "Ink", lambda: made.append(Ink()) or made[-1])
    with drawing():
        picture = RunPicture(run_of(name), [FIRST], Appearance(marks=True), **size)
        picture.show(FIRST)
    return picture, made[-1]


@pytest.mark.parametrize(
    "name, label, shapes",
    [
        ("sudoku", "given 4", [(0, LIGHT.ink, (0, 0, 12, 12)), (1, LIGHT.surface, (1.5, 1.5, 9, 9))]),
        ("sudoku", "changed 0", [(0, LIGHT.faint, (0, 0, 12, 12)), (2, LIGHT.accent, (0, 0, 8, 8))]),
        ("sudoku", "wrong 2", [(1, LIGHT.paper, (1, 1, 10, 10)), (2, LIGHT.wrong, (0, 9, 12, 3))]),
        ("sudoku", "stayed correct 10", [(1, LIGHT.paper, (1, 1, 10, 10)), (2, LIGHT.goal, (0, 6, 6, 6))]),
        (
            "maze",
            "dropped from the path 0",
            [
                (2, LIGHT.paper, (0, 0, 12, 12)),
                (3, LIGHT.mix(LIGHT.accent, 0.6), (1, 1, 10, 10)),
                (3, LIGHT.mix(LIGHT.accent, 0.6), (3, 3, 6, 6)),
            ],
        ),
    ],
)
def test_the_legend_has_each_mark_in_a_small_square_before_its_label(monkeypatch, name, label, shapes):
    _, ink = shown(monkeypatch, name)
    ((x, baseline, size),) = written(ink, label)
    assert size == 12
    for layer, colour, (left, top, width, height) in shapes:
        place = (x - 18 + left, baseline - 10.5 + top, width, height)
        assert any(box == pytest.approx(place, abs=0.02) for box in boxes(ink, layer, colour)), place


def test_the_legend_goes_on_in_a_line_below_where_a_line_is_full(monkeypatch):
    picture, ink = shown(monkeypatch, "maze")
    legend = [text for text in ink.texts if re.search(r" \d+$", text["text"]) and text["size"] == 12]
    *upper, lower = legend
    assert len({text["y"] for text in upper}) == 1 and lower["y"] == upper[0]["y"] + 18
    assert lower["x"] == upper[0]["x"] == picture.margin + 18
    for one, other in pairwise(upper):
        label = one["text"].rpartition(" ")[0]
        assert other["x"] - one["x"] == pytest.approx(12 + 6 + 14 + measure(f"{label} 00", 12))


def test_a_grid_on_narrow_paper_fills_the_width_with_its_outline():
    with drawing():
        picture = RunPicture(run_of("sudoku"), [FIRST], inches=2.0)
    grid, width = picture.grid, 2 * 72 / 0.58
    assert picture.text_width == pytest.approx(width - 6) and 4 * grid.side == pytest.approx(width - 10)
    assert grid.left == pytest.approx(5)


def test_a_cell_of_a_tiny_grid_is_one_pixel_wide():
    head = grid_svg(run_of("sudoku"), FIRST, side=3)
    assert re.search(r'width="8px" height="8px"', head)


def test_the_tones_of_a_short_film_are_those_of_all_its_calls():
    once, always = encode([[9]]), encode([[1]])
    answers = np.stack([always, once, *[always] * 4])
    run = ExportedRun.of(made_up(ARC, encode([[2]]), always, answers), ARC)
    assert LIGHT.mix(ARC.looks[once[0]], 1.0) in film_of(run, "answer").tones()


def test_a_png_names_its_maker_and_a_pdf_has_no_date(tmp_path):
    for format in ("png", "pdf"):
        save_picture(tmp_path / f"a.{format}", format, run_of("sudoku"), FIRST)
    facts = Image.open(tmp_path / "a.png").info
    assert facts["Software"].startswith("Recursion Lens") and facts["Title"].startswith("made-up: Sudoku 4x4")
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/Creator (Recursion Lens" in pdf and b"Date" not in pdf
