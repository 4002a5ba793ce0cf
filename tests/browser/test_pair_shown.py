"""Two players side by side: differences, pinning and unpinning, the layout, and the offline page."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from pair_page import MAZE, SHORT, STATE, SUDOKU, Pair, answer_of, check, maze_run, pair_of, sudoku_run, texts
from player_page import SHALLOW, SHALLOW_LINK, Player
from playwright.sync_api import Page, expect
from select_box import choose_option
from standalone import open_standalone, sent, show

from trm.cli.main import main
from trm.data import load_presets
from trm.tasks import get_task
from trm.tasks.maze.geometry import GOAL, START
from trm.trace import save_trace


def test_differences_have_a_shape_and_a_text(open_pair):
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2)))
    pair.press("ArrowRight")
    place = sorted(pair.left.flagged("differs"))[0]
    for player in pair.players:
        cell = player.root.locator(f'[data-cell="{place}"]')
        assert "differs from the other run" in cell.get_attribute("aria-description")
        assert "radial-gradient" in cell.evaluate("node => getComputedStyle(node).backgroundImage")
        count = player.root.locator(".key.differs b").inner_text()
        assert pair.summary.startswith(f"{count} of 16 cells differ")
    live_region = pair.root.locator("> .live-region")
    expect(live_region).to_have_text(f"Supervision step 1 of 4, cycle 2 of 2, f_H. {pair.summary}")
    assert (
        pair.root.locator("[aria-live]").evaluate_all(
            "nodes => nodes.filter((node) => node.textContent).length"
        )
        == 1
    )


def test_a_digit_has_one_colour_in_both_players(open_pair):
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2)))
    series = """root => [...root.querySelectorAll('.column')].map((column) =>
      column.className.replace("column", "").trim() && getComputedStyle(column).getPropertyValue("--series"))"""
    for row, column in ((0, 1), (2, 2), (3, 0)):
        pair.left.cell(row, column).click()
        left, right = (player.root.evaluate(series) for player in pair.players)
        assert left == right and len(set(filter(None, left))) >= 3


def test_pictures_are_marked_too(open_pair):
    runs = (maze_run(1), maze_run(2))
    pair = open_pair(pair_of(*runs, tasks=(MAZE, MAZE)))
    picture = "root => root.querySelector('canvas.picture').toDataURL()"
    for key in ["Home", "ArrowRight", "ArrowRight"]:
        pair.press(key)
        check(pair, runs, MAZE)
        step_by_step = [player.root.evaluate(picture) for player in pair.players]
        pair.press("2", "1")
        assert [player.root.evaluate(picture) for player in pair.players] == step_by_step
    same = open_pair(pair_of(runs[0], runs[0], tasks=(MAZE, MAZE)))
    same.press("Home", "ArrowRight", "ArrowRight")
    assert same.left.position == pair.left.position
    assert same.left.root.evaluate(picture) != step_by_step[0]


LETTER = """(root, [row, column]) => {
  const canvas = root.querySelector("canvas.picture");
  const [x, y, side] = [column + 0.34, row + 0.34, 0.32].map((cells) => Math.round((cells * canvas.width) / 7));
  return canvas.getContext("2d").getImageData(x, y, side, side).data.join();
}"""
"""The pixels inside a cell of a 7x7 maze, where its letter is."""


def test_the_mark_of_a_difference_leaves_the_letters_of_start_and_goal_legible(open_pair):
    run = maze_run(1)
    ends = np.isin(run.inputs, (START, GOAL))
    without = replace(run, answers=np.where(ends, np.uint8(1), run.answers))
    drawn = []
    for other in (run, without):
        pair = open_pair(pair_of(run, other, tasks=(MAZE, MAZE)))
        pair.press("ArrowRight")
        places = [divmod(int(cell), MAZE.columns) for cell in np.flatnonzero(ends)]
        assert all(f"{row},{column}" in pair.left.flagged("differs") for row, column in places) == (
            other is without
        )
        drawn.append([pair.left.root.evaluate(LETTER, [row, column]) for row, column in places])
    assert drawn[0] == drawn[1]


def test_grids_of_another_size_or_task_are_not_compared_with_a_note(open_pair):
    runs = (sudoku_run(1), maze_run(1))
    pair = open_pair(pair_of(*runs, tasks=(SUDOKU, MAZE)))
    pair.press("ArrowRight", "ArrowRight")
    assert pair.summary == "Differences are not marked: Pinned is 4x4 sudoku, Current is 7x7 maze."
    assert not pair.left.flagged("differs") and not pair.right.flagged("differs")
    assert pair.root.locator(".key.differs:visible").count() == 0
    assert pair.left.position == pair.right.position
    pair.right.cell(6, 6).click()
    assert pair.right.selected == "6,6" != pair.left.selected


# ---- pinning


def test_pinning_and_unpinning_keep_position_view_and_focus(new_page):
    page, runs = new_page(), (sudoku_run(1), sudoku_run(2))
    open_standalone(page)
    alone = sent(SUDOKU, runs[0]) | {"pin": "pin"}
    show(page, alone)
    player = Player(page)
    player.cell(1, 2).click()
    player.press("Shift+ArrowRight", "ArrowDown", "4", "+")
    page.get_by_test_id("pin").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("window.asked") == [["pin", {"pin": True, "trace_id": alone["trace_id"]}]]
    show(page, pair_of(runs[0], runs[0], hint="Choose another."))
    pair = Pair(page)
    assert (pair.summary, pair.root.get_by_test_id("cell-difference").inner_text()) == (
        "Both sides show the same run.",
        "Choose another.",
    )
    for each in pair.players:
        assert (each.position, each.mode, each.selected) == ((2, 2, 1, "f_L"), "change", "1,2")
        assert each.root.evaluate(STATE)[1] == "step"
    expect(page.get_by_test_id("pin")).to_be_focused()
    pair.press("ArrowRight")
    show(page, sent(SUDOKU, runs[0]) | {"pin": "pin"})
    alone_again = Player(page)
    assert (alone_again.position, alone_again.mode, alone_again.selected) == (
        (2, 2, 3, "f_H"),
        "change",
        "1,2",
    )
    assert page.get_by_test_id("pair").count() == 0
    alone_again.press("ArrowRight")
    assert alone_again.position == (3, 1, 3, "f_H")


def test_there_is_no_pin_if_the_page_does_not_pin(new_page):
    page = new_page()
    open_standalone(page)
    show(page, sent(SUDOKU, sudoku_run(1)))
    player = Player(page)
    player.press("p", "?")
    assert page.evaluate("window.asked") == []
    assert page.get_by_test_id("pin").is_hidden()
    assert "p" not in player.root.locator("dt:visible").all_inner_texts()


# ---- layout


# in pixels; 640 x 400 is a window of 1280 x 800 at 200 %, 960 x 540 one of 1920 x 1080, and 390 x 844 a phone
WINDOWS = [(3840, 2160), (1280, 800), (724, 768), (640, 400), (390, 844)]
MORE_WINDOWS = [
    pytest.param(size, marks=pytest.mark.slow) for size in ((1920, 1080), (1024, 768), (960, 540))
]


@pytest.mark.parametrize("size", [*WINDOWS, *MORE_WINDOWS], ids=str)
def test_both_grids_are_fully_visible_side_by_side_with_curves_below(open_pair, size):
    width, height = size
    titles = ["<script>alert(1)</script> " + "x" * 300, "שלום 🙂 " + "y" * 300]
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2), titles=titles), width=width, height=height)
    assert pair.root.locator(".half-title").all_text_contents() == titles
    pair.left.root.locator(".cells").scroll_into_view_if_needed()
    controls = pair.root.locator(".pair-controls").bounding_box()
    boxes = [player.root.locator(".cells").bounding_box() for player in pair.players]
    left, right = boxes
    assert left["y"] == right["y"] and left["x"] + left["width"] < right["x"]
    assert left["width"] == right["width"] > min(width, height) / 3
    for box in boxes:
        assert box["y"] >= 0 and box["y"] + box["height"] <= height
        covered = min(box["y"] + box["height"], controls["y"] + controls["height"]) - max(
            box["y"], controls["y"]
        )
        assert covered <= 0
    curves = [player.root.locator(".right").bounding_box() for player in pair.players]
    is_beside = width > 3000
    assert all(
        box["y"] == below["y"] if is_beside else below["y"] > box["y"] + box["height"]
        for box, below in zip(boxes, curves, strict=True)
    )
    assert (curves[0]["y"] == curves[1]["y"]) == (width > 480)
    assert pair.page.evaluate("document.documentElement.scrollWidth") == width
    pair.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    play = pair.root.get_by_test_id("play").bounding_box()
    assert 0 <= play["y"] <= height - play["height"]  # controls stay in sight


def heights(pair: Pair, part: str) -> list[tuple[float, float]]:
    """Top and height of a part in both players at one time."""
    boxes = (
        "nodes => nodes.map((node) => node.getBoundingClientRect()).map(({ top, height }) => [top, height])"
    )
    return list(map(tuple, pair.root.locator(part).evaluate_all(boxes)))


def test_a_curve_has_the_same_height_in_both_players(open_pair):
    """Whatever texts are above and below it."""
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2, SHORT)))
    for part in [".cells", ".track-halting", ".track-residual-y", ".track-cell", ".cell-panel"]:
        pair.left.eventually(lambda part=part: len(set(heights(pair, part))) == 1, f"equal heights of {part}")


# ---- in the app

PRESETS = load_presets("sudoku")


def choose_preset(page: Page, title: str) -> None:
    choose_option(
        page.get_by_role("combobox", name="Puzzle", exact=True),
        page.get_by_role("option", name=title, exact=True),
    )


@pytest.mark.slow  # tests/app/screens/test_pin.py tells the same of the server
def test_a_run_is_pinned_compared_shared_and_unpinned(open_player, new_page, traced):
    player = open_player(f"{SHALLOW_LINK}&at=1.1.2")
    page = player.page
    player.press("Shift+ArrowRight", "ArrowRight", "p")
    page.get_by_test_id("pair").wait_for()
    pair = Pair(page)
    assert pair.positions == [(2, 2, 2, "f_H")] * 2
    choose_preset(page, PRESETS[2].title)
    pair.left.eventually(lambda: "cells differ" in pair.summary, "another run beside the pinned one")
    runs = tuple(traced(PRESETS[number].puzzle, SHALLOW) for number in (0, 2))
    check(pair, runs, get_task("sudoku"))
    pair.left.root.get_by_test_id("timeline-steps").focus()  # the list of puzzles had the arrow keys
    pair.press("ArrowRight", "ArrowRight")
    check(pair, runs, get_task("sudoku"))
    pair.left.eventually(lambda: "at=3.1.2" in page.url and "pin=" in page.url, "a link to both")
    assert parse_qs(urlsplit(page.url).query)["pin"] == [f"sudoku-trm~1.3.4~{PRESETS[0].puzzle}"]
    theirs = new_page()
    theirs.goto(page.url)
    theirs.get_by_test_id("pair").wait_for()
    shown = Pair(theirs)
    place = [(3, 1, 2, "f_H")] * 2
    shown.left.eventually(lambda: shown.positions == pair.positions == place, "the place of the link")
    assert [player.cells for player in shown.players] == [player.cells for player in pair.players]
    assert shown.summary == pair.summary and shown.left.selected == pair.left.selected
    pair.press("p")
    pair.root.wait_for(state="detached")
    alone = Player(page)
    assert alone.position == (3, 1, 2, "f_H") and alone.cells == shown.right.cells
    alone.eventually(lambda: "pin=" not in page.url, "a link to one")


# ---- the offline page


def test_the_offline_page_of_two_runs(new_page, tmp_path):
    runs = (sudoku_run(1), sudoku_run(2, SHORT))
    for name, run in zip(("left", "right"), runs, strict=True):
        save_trace(tmp_path / name, replace(run, provenance=replace(run.provenance, model=f"<b>{name}</b>")))
    out = tmp_path / "page.html"
    main(
        [
            "export",
            "--trace",
            str(tmp_path / "right"),
            "--compare-with",
            str(tmp_path / "left"),
            "--html",
            str(out),
        ]
    )
    page = new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    page.goto(f"{out.as_uri()}?at=3.1.2&lead=left&mode=confidence")
    pair = Pair(page)
    assert pair.positions == [(3, 1, 2, "f_L"), (2, 3, 2, "f_H")]
    assert pair.root.locator(".half-title").all_text_contents() == [
        "<b>left</b>: left, n = 2, T = 2, 4 steps",
        "<b>right</b>: right, n = 1, T = 3, 2 steps",
    ]
    assert [player.mode for player in pair.players] == ["confidence"] * 2
    pair.press("1", "Home")
    for _ in range(8):
        for run, player in zip(runs, pair.players, strict=True):
            assert texts(player) == [SUDOKU.symbols[token] for token in answer_of(run, player.position)]
        pair.press("ArrowRight")
    assert asked == [out.as_uri() + "?at=3.1.2&lead=left&mode=confidence"]
    assert page.get_by_test_id("pin").is_hidden()
