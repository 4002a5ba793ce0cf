"""Pictures of a run: the same content as in the player, as SVG, PNG and PDF."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from drawn_runs import BEFORE, FIRST, LAST, SECOND, SVG, Drawn, rgb, saved, svg_root, svg_texts
from export_runs import ARC, RUNS, SUDOKU, made_up, run_of, sudoku_run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from trm.errors import UserError
from trm.export.call_view import MODES
from trm.export.outputs import OutputRequest, write
from trm.export.pictures.film import FrameTiming
from trm.export.pictures.palette import DARK, LIGHT, Appearance, Palette
from trm.export.pictures.picture import RunPicture, grid_svg
from trm.export.pictures.strips import strips_of
from trm.export.pictures.text import drawing
from trm.export.run import ExportedRun
from trm.progress import no_progress
from trm.tasks import get_task

pytestmark = pytest.mark.heavy

# what a person reads


@pytest.mark.parametrize("name", RUNS)
def test_a_picture_names_the_run_the_call_the_marks_and_what_made_it(tmp_path, name):
    root = svg_root(tmp_path, run_of(name), SECOND)
    text = " ".join(svg_texts(root))
    assert "made-up" in text and "(01234567), float32 on CPU, recorded on 2030-01-02 with version 0.0" in text
    assert "Supervision step 1 of 3, cycle 2 of 2, f_H" in text and "p = 0.10" in text
    assert re.search(r"changed \d.* wrong \d", text)
    assert root.find(f"{SVG}title").text.endswith("cycle 2 of 2, f_H")


def test_a_picture_has_the_strips_of_the_run_with_their_values_at_the_call(tmp_path):
    texts = svg_texts(svg_root(tmp_path, run_of("sudoku"), SECOND))
    strips = texts[texts.index("P(halt)") :]
    names = [
        "P(halt)",
        "correct cells",
        "changed cells",
        "entropy (bits)",
        "‖Δy‖ / ‖y‖",
        "‖Δz‖ / ‖z‖",
        "step",
    ]
    assert strips[: len(names) + 3] == [*names, "1", "2", "3"]
    assert texts[-6:] == ["0.100", "15/16", "1", "1.22", "0.30", "0.21"]
    before = svg_texts(svg_root(tmp_path, run_of("sudoku"), BEFORE))
    assert before[-6:] == ["0.100", "–", "–", "–", "–", "0.80"]  # noqa: RUF001


def test_the_answer_with_the_most_changes_has_a_bar_as_high_as_its_strip():
    inputs = SUDOKU.parse("1.3.....2..4....")
    first = SUDOKU.solutions(inputs)[0]
    one, three = first.copy(), first.copy()
    one[15], three[[1, 8, 14]] = one[14], three[[2, 9, 15]]
    run = made_up(SUDOKU, inputs, None, np.stack([first, one, first, three, three, first]))
    broken, changed = strips_of(ExportedRun.of(run, SUDOKU))[1:3]
    assert changed.levels == pytest.approx(np.array([0, 1, 1, 3, 0, 3]) / 3)
    assert broken.levels.max() == 1 and broken.levels.min() == 0


def test_without_a_solution_the_score_strip_counts_conflicts(tmp_path):
    run = ExportedRun.of(replace(sudoku_run(), labels=None), SUDOKU)
    texts = svg_texts(svg_root(tmp_path, run, FIRST))
    assert "cells in conflict" in texts and "6" in texts[-6:]
    assert not any(text.startswith("wrong") for text in texts)


def test_svg_has_the_symbol_of_each_cell_as_text(tmp_path):
    run = run_of("sudoku")
    texts = svg_texts(svg_root(tmp_path, run, FIRST))
    place = next(number for number, text in enumerate(texts) if text.startswith("Supervision step"))
    assert texts[place + 1 : place + 17] == [SUDOKU.symbols[token] for token in run.trace.answers[0]]


def test_svg_lists_the_marked_cells_for_screen_readers(tmp_path):
    about = svg_root(tmp_path, run_of("maze"), FIRST).find(f"{SVG}desc").text
    assert "path broken: r1c3" in about and "7 of 8 open cells correct" in about
    assert "wrong: " not in about  # the solution's path is not given away
    assert "wrong: r1c2, r4c4" in svg_root(tmp_path, run_of("sudoku"), FIRST).find(f"{SVG}desc").text


def test_arc_is_drawn_up_to_its_largest_grid():
    grid = Drawn(run_of("arc"), LAST).picture.grid
    assert (grid.rows, grid.columns) == (3, 4)  # two rows of answers, three columns of the input, a border


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("at", [BEFORE, SECOND], ids=str)
def test_every_view_of_every_kind_of_grid_is_drawn(name, mode, at):
    drawn = Drawn(run_of(name), at, mode=mode, marks=True, theme="dark")
    assert drawn.image.getpixel((0, 0)) == rgb(DARK.paper) != rgb(LIGHT.paper)


def test_views_differ():
    pictures = {Drawn(run_of("sudoku"), SECOND, mode=mode).image.tobytes() for mode in MODES}
    assert len(pictures) == len(MODES)


def test_the_change_view_has_the_previous_symbol_small(tmp_path):
    run = run_of("sudoku")
    texts = svg_texts(svg_root(tmp_path, run, SECOND, mode="change"))
    place = next(number for number, text in enumerate(texts) if text.startswith("Supervision step"))
    now, before = (SUDOKU.symbols[run.trace.answers[answer, 1]] for answer in (1, 0))
    assert texts[place + 2 : place + 4] == [now, before]


# pixels


def test_pixels_of_a_sudoku():
    run = run_of("sudoku")
    first, second, last = (Drawn(run, at) for at in (FIRST, SECOND, LAST))
    assert last.cell(0, 0, 0.9, 0.1) == rgb(LIGHT.surface)  # a given
    assert second.cell(3, 1, 0.9, 0.1) == rgb(LIGHT.paper)
    assert second.cell(0, 1, 0.05, 0.08) == rgb(LIGHT.accent)  # changed: its corner
    assert first.cell(0, 1, 0.05, 0.08) != rgb(LIGHT.accent)
    assert rgb(LIGHT.wrong) in first.colours_in(
        0, 1
    )  # the line under a wrong digit: a cue besides its colour
    assert rgb(LIGHT.wrong) not in last.colours_in(0, 1)
    assert rgb(LIGHT.hatch) in first.colours_in(0, 0)  # in conflict with the wrong digit beside it
    assert first.cell(2, 0, -0.015, 0.5) == rgb(LIGHT.ink)  # around the grid
    assert last.cell(1, 1, 1, 0.5) == last.cell(1, 1, 0.5, 1) == rgb(LIGHT.ink)  # between boxes
    assert last.cell(1, 0, 1, 0.5) != rgb(LIGHT.ink)


def test_pixels_of_a_maze():
    first, second, last = (Drawn(run_of("maze"), at) for at in (FIRST, SECOND, LAST))
    assert last.cell(1, 0, 0.5, 0.5) == rgb(LIGHT.wall)
    assert last.cell(0, 1, 0.5, 0.5) == rgb(LIGHT.accent)  # path
    assert last.cell(0, 1, 0.97, 0.5) == last.cell(0, 2, 0.03, 0.5) == rgb(LIGHT.accent)  # it goes on
    assert first.cell(0, 2, 0.97, 0.5) != rgb(LIGHT.accent)  # and ends where the hole is
    assert (
        first.cell(0, 3, 0.5, 0.5) == first.cell(0, 3, 0.5, 0.88) == rgb(LIGHT.paper)
    )  # no mark in the hole
    assert second.cell(0, 3, 0.05, 0.05) == rgb(LIGHT.accent)
    assert rgb(LIGHT.soft) in first.colours_in(0, 2)  # path broken


def test_pixels_of_arc():
    last = Drawn(run_of("arc"), LAST)
    for row, column, colour in ((0, 0, 1), (0, 1, 2), (1, 0, 3), (1, 1, 4)):
        assert last.cell(row, column, 0.5, 0.5) == rgb(ARC.looks[2 + colour])
    first = Drawn(run_of("arc"), FIRST)
    assert rgb(LIGHT.soft) in first.colours_in(0, 2)  # a colour that breaks the border
    bar = [first.cell(0, 2, x, 0.88) == rgb(LIGHT.wrong) for x in (0.1, 0.18, 0.82, 0.9)]
    assert bar == [False, True, True, False]  # under a wrong colour, and narrower than its cell


def test_a_large_maze_fits():
    maze = get_task("maze", 900)
    tokens = maze.parse("S" + "." * 898 + "G")
    run = ExportedRun.of(made_up(maze, tokens, None, np.stack([tokens] * 6)), maze)
    drawn = Drawn(run, FIRST)
    assert drawn.picture.grid.side == 20 and drawn.image.width < 700


# files


def test_png_has_two_pixels_per_unit(tmp_path):
    run = run_of("sudoku")
    image = Image.open(saved(tmp_path, run, "png"))
    assert image.size == tuple(2 * side for side in Drawn(run, FIRST).picture.size)
    assert image.convert("RGB").getpixel((0, 0)) == rgb(LIGHT.paper)


@pytest.mark.parametrize("inches", [2.0, 3.25, 7.0])
def test_pdf_is_as_wide_as_asked_with_text_of_the_same_size(tmp_path, inches):
    path = tmp_path / "a.pdf"
    write(
        run_of("maze"), OutputRequest({"pdf": path}, FIRST, None, FrameTiming(), inches=inches), no_progress
    )
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", path.read_bytes())
    assert float(box[0]) == pytest.approx(72 * inches, abs=1)
    with drawing():
        picture = RunPicture(run_of("maze"), [FIRST], inches=inches)
    sizes = {text.get_fontsize() for text in picture.figure.findobj(Text)}
    assert min(sizes) > 6 and max(sizes) < 11


@pytest.mark.parametrize("name", RUNS)
def test_no_text_leaves_a_narrow_figure(name):
    run = run_of(name)
    for mode in MODES:
        with drawing():
            picture = RunPicture(run, run.calls(), Appearance(mode, True), inches=2.0)
            for at in (BEFORE, SECOND):
                picture.show(at)
                canvas = FigureCanvasAgg(picture.figure)
                canvas.draw()
                edge = np.asarray(canvas.buffer_rgba())[:, :, :3]
                assert (edge[:, 0] == 255).all() and (edge[:, -1] == 255).all()


@pytest.mark.parametrize("inches", [0.0, float("nan"), 21.0])
def test_a_width_that_no_paper_has_is_an_error(inches):
    with pytest.raises(UserError, match="Choose 2 to 20 inches"):
        OutputRequest({}, FIRST, None, FrameTiming(), inches=inches)


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
def test_the_same_picture_is_the_same_file(tmp_path, format):
    one, other = (saved(tmp_path, run_of("sudoku"), format).read_bytes() for _ in range(2))
    assert one == other


def test_threads_draw_the_same_pictures(tmp_path):
    def draw(number: int) -> bytes:
        folder = tmp_path / str(number)
        folder.mkdir()
        return saved(folder, run_of(list(RUNS)[number % 3]), "svg").read_bytes()

    with ThreadPoolExecutor(3) as pool:
        files = list(pool.map(draw, range(6)))
    assert files[:3] == files[3:] and len(set(files)) == 3


def test_a_grid_alone_has_no_other_text():
    root = ElementTree.fromstring(grid_svg(run_of("sudoku"), FIRST, side=100).encode())
    assert len(svg_texts(root)) == 16 and (root.get("width"), root.get("height")) == ("104px", "104px")


@pytest.mark.parametrize("wrong", [{"mode": "dreams"}, {"theme": "blue"}])
def test_an_unknown_appearance(wrong):
    with pytest.raises(UserError, match="Choose one of"):
        Appearance(**wrong)


def test_colours_mix_as_in_css():
    palette: Palette = LIGHT
    assert (
        palette.mix("#000000", 0.5, "#ffffff") == "#808080" and palette.mix(palette.ink, 1.0) == palette.ink
    )
