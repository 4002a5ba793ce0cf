"""Pictures and films of a run: the same content as in the player, as SVG, PNG and GIF."""

import re
from dataclasses import replace
from time import process_time
from xml.etree import ElementTree

import numpy as np
import pytest
from export_runs import ARC, DEPTH, HOSTILE, MAZE, SUDOKU, arc_run, maze_run, sudoku_run
from PIL import Image

from trm.config import NEVER
from trm.coordinates import F_H, F_L, Coordinates
from trm.errors import UserError
from trm.export.call_view import call_view as call_view_of
from trm.export.pictures.film import FrameTiming, save_gif
from trm.export.pictures.fonts import measure, wrap
from trm.export.pictures.palette import LIGHT
from trm.export.pictures.picture import PictureLayout, film_frames
from trm.export.pictures.primitives import Cell, Hatch
from trm.export.pictures.raster import image
from trm.export.pictures.sentences import sentences
from trm.export.pictures.svg import svg
from trm.export.run import ExportedRun, call_coordinates, printable
from trm.trace import TraceError

ACCENT, HATCH, INK, PAPER = LIGHT.accent, LIGHT.hatch, LIGHT.ink, LIGHT.paper
SURFACE, WRONG = LIGHT.surface, LIGHT.wrong
SVG = "{http://www.w3.org/2000/svg}"
FIRST, SECOND, LAST = Coordinates(1, 1, 3, F_H), Coordinates(1, 2, 3, F_H), Coordinates(3, 2, 3, F_H)
RUNS = {"sudoku": (sudoku_run, SUDOKU), "maze": (maze_run, MAZE), "arc": (arc_run, ARC)}


def rgb(colour: str) -> tuple[int, int, int]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def run_of(name: str) -> ExportedRun:
    make, task = RUNS[name]
    return ExportedRun.of(make(), task)


def drawn(run: ExportedRun, at: Coordinates):
    layout = PictureLayout.of(run, [at])
    return layout, layout.picture(at)


def cell_of(picture, row: int, column: int) -> Cell:
    return next(
        shape
        for shape in picture.shapes
        if isinstance(shape, Cell) and (shape.row, shape.column) == (row, column)
    )


def pixel(
    run: ExportedRun, at: Coordinates, row: int, column: int, x: float, y: float
) -> tuple[int, int, int]:
    """The colour at a position within a cell, from (0, 0) to (1, 1)."""
    layout, picture = drawn(run, at)
    place = (layout.grid_left + (column + x) * layout.cell, layout.grid_top + (row + y) * layout.cell)
    return image(picture, 2).getpixel((round(2 * place[0]), round(2 * place[1])))


# what is to be seen at a moment


def test_marks_after_a_call():
    run = run_of("sudoku")
    trace = run.trace
    wrong = trace.answers[0] != trace.labels
    view = call_view_of(run, FIRST)
    assert (view.tokens == trace.answers[0]).all()
    assert (view.given == (trace.inputs > 1)).all()
    assert (view.wrong == wrong).all() and wrong.sum() == 2
    assert (view.conflict == SUDOKU.conflicts(trace.answers[0])).all() and view.conflict.any()
    assert not view.changed.any()
    view = call_view_of(run, SECOND)
    assert view.changed.nonzero()[0].tolist() == [1] and view.wrong.nonzero()[0].tolist() == [15]


def test_before_the_first_answer_the_cells_show_the_puzzle():
    run, at = run_of("sudoku"), Coordinates(1, 1, 1, F_L)
    view, texts = call_view_of(run, at), sentences(run, at, "answer")
    assert (view.tokens == sudoku_run().inputs).all() and not view.wrong.any()
    assert (
        texts.event == "relative change in z: 0.80, no answer yet, halting is decided at the end of the step"
    )
    assert texts.caption == "No answer yet: the cells show only the givens until the first f_H call."


def test_an_f_L_call_does_not_change_the_answer():
    run = run_of("sudoku")
    at = Coordinates(1, 2, 2, F_L)
    view, texts = call_view_of(run, at), sentences(run, at, "answer")
    assert (view.tokens == run.trace.answers[0]).all() and not view.changed.any() and view.wrong.any()
    assert texts.place == "Supervision step 1 of 3, cycle 2 of 2, f_L 2 of 2"
    assert texts.caption.startswith("f_L rewrites z; y is unchanged.")
    assert "Intermediate answer, cycle 1 of 2: the head is trained only on the last cycle" in texts.caption


@pytest.mark.parametrize(
    "name, at, event",
    [
        ("sudoku", FIRST, "first answer, 14 of 16 correct, halting is decided at the end of the step"),
        ("sudoku", SECOND, "1 cell changed, 15 of 16 correct, no halt (p\u00a0=\u00a00.10)"),
        ("sudoku", LAST, "0 cells changed, 16 of 16 correct, would halt here (p\u00a0=\u00a00.90)"),
        ("maze", FIRST, "first answer, 7 of 8 open cells correct, halting is decided at the end of the step"),
        ("arc", FIRST, "first answer, 7 of 8 correct, halting is decided at the end of the step"),
    ],
)
def test_event_sentences(name, at, event):
    assert sentences(run_of(name), at, "answer").event == event


@pytest.mark.parametrize(
    "name, first, last",
    [("sudoku", "6 cells in conflict", "solved"), ("maze", "path broken at 2 cells", "solved"), ("arc", "border broken at 1 cell", "border closed")],
)  # fmt: skip
def test_without_a_solution_only_conflicts_are_reported(name, first, last):
    make, task = RUNS[name]
    run = ExportedRun.of(replace(make(), labels=None), task)
    broken, event = call_view_of(run, FIRST), sentences(run, FIRST, "answer").event
    assert first in event
    assert f" {int(broken.conflict.sum())} cell" in event
    assert last in sentences(run, LAST, "answer").event
    assert not broken.wrong.any()


def test_a_model_without_a_halting_head_has_no_halting_sentence():
    make, task = RUNS["sudoku"]
    trace = make()
    run = ExportedRun.of(replace(trace, provenance=replace(trace.provenance, halting=NEVER)), task)
    assert sentences(run, SECOND, "answer").event == "1 cell changed, 15 of 16 correct, no halting head"


def test_calls_of_a_film():
    run = run_of("sudoku")
    assert len(run.film_calls("call")) == len(run.calls()) == 18
    assert [run.answer_after(at) for at in run.film_calls("answer")] == list(range(6))
    assert [at.supervision_step for at in run.film_calls("step")] == [1, 2, 3]
    assert {at.kind for at in run.film_calls("step")} == {F_H}
    assert [run.call_number(at) for at in run.calls()] == list(range(18))


def test_a_call_by_step_and_cycle():
    assert call_coordinates(DEPTH, 3) == LAST
    assert call_coordinates(DEPTH, 3, 1, 1) == FIRST
    assert call_coordinates(DEPTH, 2, cycle=1) == Coordinates(2, 1, 3, F_H)
    for wrong, words in (
        ({"step": 0}, "--step 0"),
        ({"step": 4}, "Choose 1 to 3"),
        ({"cycle": 3}, "--cycle 3"),
    ):
        with pytest.raises(UserError, match=words):
            call_coordinates(DEPTH, 3, **wrong)


def test_a_trace_of_another_task_is_rejected():
    trace = sudoku_run()
    foreign = trace.answers.copy()
    foreign[0, 0] = 6
    with pytest.raises(TraceError, match="does not fit"):
        ExportedRun.of(replace(trace, answers=foreign), SUDOKU)
    with pytest.raises(TraceError, match="does not fit"):
        ExportedRun.of(trace, MAZE)


# SVG


def test_svg_has_the_text_of_each_cell():
    run = run_of("sudoku")
    root = ElementTree.fromstring(svg(drawn(run, FIRST)[1]).encode())
    cells = root.findall(f"{SVG}g[@data-cell]")
    assert len(cells) == 16
    for cell in cells:
        row, column = map(int, cell.get("data-cell").split(","))
        (text,) = cell.findall(f"{SVG}text")
        token = run.trace.answers[0, row * 4 + column]
        assert text.text == SUDOKU.symbols[token]
        assert (text.get("font-weight") == "700") == bool(run.grade.givens[row * 4 + column])
    assert cells[1].find(f"{SVG}title").text.startswith("row 1, column 2: ")
    assert "wrong" in cells[1].find(f"{SVG}title").text


@pytest.mark.parametrize("name", RUNS)
def test_svg_is_complete_and_states_its_provenance(name):
    text = svg(drawn(run_of(name), SECOND)[1])
    root = ElementTree.fromstring(text.encode())
    text = " ".join(node.text for node in root.findall(f"{SVG}text"))
    assert "made-up" in text and "(01234567), float32 on CPU, recorded on 2030-01-02 with version 0.0" in text
    assert "Supervision step 1 of 3, cycle 2 of 2, f_H" in text and "p = 0.10" in text
    assert not re.search(r"href|url\(|@import|<image|nan", text)


def test_svg_of_mazes_and_arc_describes_each_cell():
    maze = ElementTree.fromstring(svg(drawn(run_of("maze"), FIRST)[1]).encode())
    words = {cell.get("data-cell"): cell.find(f"{SVG}title").text for cell in maze.findall(f"{SVG}g")}
    assert words["0,0"] == "row 1, column 1: start, given"
    assert words["1,0"] == "row 2, column 1: wall, given"
    assert words["0,3"] == "row 1, column 4: open"  # the solution's path goes here: that is not given away
    assert words["0,2"] == "row 1, column 3: path, path broken"
    arc = ElementTree.fromstring(svg(drawn(run_of("arc"), LAST)[1]).encode())
    words = {cell.get("data-cell"): cell.find(f"{SVG}title").text for cell in arc.findall(f"{SVG}g")}
    assert words["1,0"].endswith(": green") and words["0,2"].endswith(": border")


def test_arc_is_drawn_up_to_its_largest_grid():
    layout, _ = drawn(run_of("arc"), LAST)
    assert (layout.rows, layout.columns) == (
        3,
        4,
    )  # two rows of answers, three columns of the input, a border


@pytest.mark.parametrize("name", RUNS)
def test_hostile_names_stay_text_in_svg(name):
    make, task = RUNS[name]
    run = ExportedRun.of(make(model=HOSTILE), task, puzzle=HOSTILE)
    text = svg(drawn(run, FIRST)[1])
    root = ElementTree.fromstring(text.encode())
    assert {node.tag for node in root.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "desc", "g", "rect", "circle", "path", "text")
    }
    assert '</script><!--<b onclick="x">' in root.find(f"{SVG}title").text
    assert image(drawn(run, FIRST)[1]).width < 1000


def test_a_wide_font_cannot_leave_the_picture():
    run = ExportedRun.of(sudoku_run(model="x" * 300), SUDOKU)
    _, picture = drawn(run, FIRST)
    root = ElementTree.fromstring(svg(picture).encode())
    for text in root.findall(f"{SVG}text"):
        width = float(text.get("textLength", 1.25 * measure(text.text, float(text.get("font-size")))))
        assert float(text.get("x")) + width <= picture.width
    assert any(text.get("textLength") for text in root.findall(f"{SVG}text"))


def test_printable_is_one_line_valid_in_any_format():
    assert printable(" a\n\tb\x00c\ud800\ufffe ") == "a b\ufffdc\ufffd\ufffd"
    assert printable("שלום 🙂 <b>") == "שלום 🙂 <b>"


def test_wrapping():
    assert wrap("one two", 12, 500, 3) == ["one two"]
    lines = wrap("word " * 60, 12, 200, 99)
    assert " ".join(lines).split() == ["word"] * 60 and all(measure(line, 12) <= 200 for line in lines)
    assert "".join(wrap("x" * 200, 12, 200, 99)) == "x" * 200
    cut = wrap("word " * 60, 12, 200, 2)
    assert len(cut) == 2 and cut[0] == lines[0] and cut[1].endswith("…") and measure(cut[1], 12) <= 200
    assert wrap("", 12, 200, 2) == [""]


# pixels


def test_png_has_the_size_of_the_picture():
    layout, picture = drawn(run_of("sudoku"), FIRST)
    assert image(picture, 2).size == (2 * picture.width, 2 * picture.height)
    assert picture.width == layout.width and image(picture).getpixel((0, 0)) == rgb(PAPER)


def test_pixels_of_a_sudoku():
    run = run_of("sudoku")
    assert pixel(run, FIRST, 0, 0, 0.9, 0.1) == rgb(SURFACE)  # a given
    assert pixel(run, SECOND, 3, 1, 0.9, 0.1) == rgb(PAPER)
    assert pixel(run, SECOND, 0, 1, 0.03, 0.05) == rgb(ACCENT)  # changed: its corner
    assert pixel(run, FIRST, 0, 1, 0.03, 0.05) != rgb(ACCENT)
    assert pixel(run, FIRST, 2, 0, -0.02, 0.5) == rgb(INK)  # around the grid
    layout, picture = drawn(run, FIRST)
    tones = {shape.fill for shape in cell_of(picture, 0, 1).shapes if hasattr(shape, "fill")}
    assert WRONG in tones  # the line under a wrong digit: a cue besides its colour
    colours = {colour for _, colour in image(picture, 2).getcolors(1 << 20)}
    assert {rgb(WRONG), rgb(HATCH)} <= colours
    grid = image(drawn(run, LAST)[1]).crop((0, 0, layout.width, layout.grid_bottom))
    assert not {rgb(WRONG), rgb(ACCENT)} & {colour for _, colour in grid.getcolors(1 << 20)}


def test_thick_lines_are_between_boxes_only():
    run = run_of("sudoku")
    assert pixel(run, LAST, 1, 1, 1, 0.5) == pixel(run, LAST, 1, 1, 0.5, 1) == rgb(INK)
    assert pixel(run, LAST, 1, 0, 1, 0.5) != rgb(INK)


def test_pixels_of_a_maze():
    run = run_of("maze")
    assert sum(pixel(run, LAST, 1, 0, 0.5, 0.5)) < 200  # wall
    assert pixel(run, LAST, 0, 1, 0.5, 0.5) == rgb(ACCENT)  # path
    assert pixel(run, LAST, 0, 1, 0.97, 0.5) == pixel(run, LAST, 0, 2, 0.03, 0.5) == rgb(ACCENT)  # it goes on
    assert pixel(run, FIRST, 0, 2, 0.97, 0.5) != rgb(ACCENT)  # and ends where the hole is
    assert pixel(run, FIRST, 0, 3, 0.5, 0.5) == rgb(PAPER)
    assert pixel(run, FIRST, 0, 3, 0.5, 0.88) == rgb(PAPER)  # what the path lacks bears no mark
    assert pixel(run, SECOND, 0, 3, 0.05, 0.05) == rgb(ACCENT)


def test_pixels_of_arc():
    run = run_of("arc")
    for row, column, colour in ((0, 0, 1), (0, 1, 2), (1, 0, 3), (1, 1, 4)):
        assert pixel(run, LAST, row, column, 0.5, 0.5) == rgb(ARC.looks[2 + colour])
    border = [cell_of(drawn(run, at)[1], 0, 2).shapes for at in (FIRST, LAST)]
    hatches = [sum(isinstance(shape, Hatch) for shape in shapes) for shapes in border]
    assert hatches == [2, 1]  # a colour that breaks the border, in two tones; then the border


def test_hatches_are_clipped_and_continue_in_adjacent_cells():
    one, other = Hatch(10, 20, 30, 30, INK, 3, 7), Hatch(40, 20, 30, 30, INK, 3, 7)
    for hatch in (one, other):
        corners = np.array([corner for line in hatch.lines() for corner in line])
        assert (corners >= (hatch.x, 20)).all() and (corners <= (hatch.x + 30, 50)).all()
        assert ((corners.sum(1) + 1e-9) % 7 < 3 + 1e-6).all()
    at_edge = [
        {round(y, 6) for line in hatch.lines() for x, y in line if x == 40} - {20, 50}
        for hatch in (one, other)
    ]
    assert at_edge[0] == at_edge[1] != set()


# films


def gif_of(tmp_path, run: ExportedRun, timing: FrameTiming) -> Image.Image:
    calls = []
    frames = film_frames(run, timing.every)
    save_gif(tmp_path / "film.gif", frames, timing, lambda done, total: calls.append((done, total)))
    assert calls == [(done, len(frames)) for done in range(1, len(frames) + 1)]
    return Image.open(tmp_path / "film.gif")


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("every, count", [("answer", 6), ("step", 3), ("call", 18)])
def test_frames_and_durations_of_a_gif(tmp_path, name, every, count):
    film = gif_of(tmp_path, run_of(name), FrameTiming(every, 0.25, 1.2))
    assert film.n_frames == count and film.info["loop"] == 0
    durations = []
    for number in range(count):
        film.seek(number)
        durations.append(film.info["duration"])
    assert durations == [1200, *[250] * (count - 2), 1200]


def test_frames_of_a_gif_are_the_pictures(tmp_path):
    run = run_of("sudoku")
    film = gif_of(tmp_path, run, FrameTiming())
    calls = run.film_calls("answer")
    layout = PictureLayout.of(run, calls)
    for number, at in enumerate(calls):
        film.seek(number)
        picture = np.asarray(image(layout.picture(at)), int)
        assert np.abs(np.asarray(film.convert("RGB"), int) - picture).mean() < 1
        assert np.abs(np.asarray(film.convert("RGB"), int) - picture).max() < 80


@pytest.mark.parametrize(
    "options", [{"frame": 0.0}, {"frame": -1.0}, {"frame": float("nan")}, {"hold": 61.0}]
)
def test_frame_times_out_of_range(options):
    with pytest.raises(UserError, match=r"Choose 0\.02 to 60 seconds"):
        FrameTiming(**options)


@pytest.mark.parametrize(
    "name",
    ["x" * 100_000, "word " * 20_000, "ш" * 10_000, "العربية" * 2_000, "😀" * 10_000, "\u200d" * 50_000],
)
@pytest.mark.parametrize("field", ["model", "version", "recorded"])
def test_a_long_name_is_shortened(name, field):
    """It takes little time, since only as much as fits is measured."""
    trace = sudoku_run()
    run = ExportedRun.of(replace(trace, provenance=replace(trace.provenance, **{field: name})), SUDOKU)
    began = process_time()
    layout, laid_out = drawn(run, LAST)
    picture = image(laid_out)
    assert process_time() - began < 5
    lines = layout.title if field == "model" else layout.footnotes
    assert "with version" in " ".join(layout.footnotes)
    assert len(layout.title) <= 3 and len(layout.footnotes) <= 8 and picture.height < 1200
    assert "…" in " ".join(lines)


@pytest.mark.parametrize("letters", ["a", "i", "W", "ab cd ", "é", "ш"])
def test_lines_are_filled(letters):
    text = letters * 300
    lines = wrap(text, 15, 200, 1000)
    assert all(measure(line, 15) <= 200 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    if " " not in letters:
        assert all(measure(line + letters, 15) > 200 for line in lines[:-1])
