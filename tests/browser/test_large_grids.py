"""Grids that are pictures: 30x30 mazes and ARC grids on a canvas, with an element per cell."""

import numpy as np
import pytest
from jaxtyping import UInt8
from player_page import Player
from standalone import cut, growing_path, made_up_trace, open_standalone, random_answers, sent, show

from trm.coordinates import Depth
from trm.tasks import get_task
from trm.tasks.arc import encode
from trm.tasks.base import Difficulty, Puzzle, Task
from trm.trace import Trace

SHALLOW = Depth(n=2, T=2, N_sup=3)  # 6 answers, 18 calls
MAZE = get_task("maze", 900)
ARC = get_task("arc")
INPUT = [[1, 2, 0], [3, 4, 9]]
OUTPUT = [[5, 6], [7, 8]]

PIXEL = """(root, [row, column, x, y]) => {
  const canvas = root.querySelector("canvas.picture"), grid = root.querySelector(".cells");
  const shown = (all) => [...all].filter((node) => !node.hidden).length;
  const [rows, columns] = [shown(grid.querySelectorAll(".row")), shown(grid.querySelector(".row").children)];
  const at = [(column + x) * canvas.width / columns, (row + y) * canvas.height / rows].map(Math.floor);
  return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
}"""
PICTURE = "root => root.querySelector('canvas.picture').toDataURL()"


@pytest.fixture(scope="module")
def maze_run() -> Trace:
    puzzle = MAZE.generate(np.random.default_rng(1), "hard")
    return made_up_trace(MAZE, puzzle, growing_path(MAZE, puzzle, SHALLOW), depth=SHALLOW)


@pytest.fixture(scope="module")
def arc_run() -> Trace:
    puzzle = Puzzle(encode(INPUT), encode(OUTPUT), Difficulty.EASY)
    answers = np.stack([puzzle.inputs] * 2 + [puzzle.labels] * 4)
    return made_up_trace(ARC, puzzle, answers, depth=SHALLOW)


def pixel(player: Player, row: int, column: int, x: float = 0.5, y: float = 0.5) -> list[int]:
    """Red, green and blue at a point of a cell, from (0, 0) to (1, 1)."""
    return player.root.evaluate(PIXEL, [row, column, x, y])


def texts(player: Player) -> list[str]:
    return player.root.locator("[data-cell]").all_text_contents()


def symbols(task: Task, tokens: UInt8[np.ndarray, "cells"]) -> list[str]:
    return [task.symbols[token] for token in tokens]


def places(mask: np.ndarray) -> set[str]:
    return {f"{cell // 30},{cell % 30}" for cell in mask.nonzero()[0].tolist()}


def test_symbols_and_marks_are_correct_at_once_at_every_answer(open_run, maze_run):
    player = open_run(MAZE, maze_run)
    for answer in range(len(maze_run.answers)):
        now, before = maze_run.answers[answer], maze_run.answers[max(answer - 1, 0)]
        assert texts(player) == symbols(MAZE, now)
        assert player.flagged("given") == places(MAZE.givens(maze_run.inputs))
        assert player.flagged("changed") == places(now != before)
        assert player.flagged("wrong") == places(now != maze_run.labels)
        assert player.flagged("conflict") == places(MAZE.conflicts(now))
        player.press("ArrowRight")


def test_symbols_are_correct_when_every_cell_changes_and_readable_afterwards(open_run):
    puzzle = MAZE.generate(np.random.default_rng(1), "easy")
    trace = made_up_trace(MAZE, puzzle, random_answers(MAZE, SHALLOW), depth=SHALLOW)
    player = open_run(MAZE, trace)
    player.press("ArrowRight", "ArrowRight")
    assert texts(player) == symbols(MAZE, trace.answers[2])
    assert len(player.flagged("changed")) == 900
    cells = player.root.locator("[data-cell]")
    player.eventually(
        lambda: cells.all_inner_texts() == symbols(MAZE, trace.answers[2]), "text that is laid out"
    )


def test_cells_are_selected_by_click_and_key_as_in_text_grids(open_run, maze_run):
    player = open_run(MAZE, maze_run)
    player.cell(3, 4).click()
    assert player.selected == "3,4"
    ring, cell = player.root.locator(".ring").bounding_box(), player.cell(3, 4).bounding_box()
    assert ring == pytest.approx(cell, abs=0.6)
    label = player.cell(3, 4).get_attribute("aria-label")
    word = MAZE.symbol_names[maze_run.answers[0, 94]]
    assert "Row 4, column 5" in label and word in label
    player.press("s", "d", "d")
    assert player.selected == "4,6"
    assert player.cell(3, 4).get_attribute("aria-label") is None
    assert sum(player.probabilities) == pytest.approx(1, abs=1e-6)
    player.press("Escape")
    assert player.selected is None and not player.root.locator(".ring").is_visible()


@pytest.mark.parametrize(
    ("scheme", "options"),
    [("light", {}), ("dark", {}), ("light", {"forced_colors": "active"})],
    ids=["light", "dark", "high contrast"],
)
def test_walls_floor_trail_and_ends_look_different(open_run, maze_run, scheme, options):
    player = open_run(MAZE, maze_run, color_scheme=scheme, **options)
    player.press("End", "ArrowDown")  # no marks of changes
    looks = {}
    for name, token in [("wall", 1), ("open", 2), ("goal", 4), ("path", 5)]:
        cell = int(np.flatnonzero(maze_run.answers[-1] == token)[0])
        looks[name] = np.array(pixel(player, cell // 30, cell % 30, 0.5 if name == "path" else 0.15, 0.5))
    names = list(looks)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            assert abs(looks[one] - looks[other]).max() > 40, (one, other)
    assert (looks["wall"].sum() < looks["open"].sum()) == (scheme == "light")


def test_missing_path_cells_are_marked_only_on_request(open_run, maze_run):
    """Otherwise a mark in every cell of the solution would reveal the path before the model finds it."""
    player = open_run(MAZE, maze_run)
    lacks = np.flatnonzero((maze_run.labels == 5) & (maze_run.answers[0] == 2)).tolist()
    row, column = divmod(lacks[0], 30)
    floor = divmod(int(np.flatnonzero((maze_run.labels == 2) & (maze_run.answers[0] == 2))[0]), 30)
    rows = (0.15, 0.5, 0.85)
    plain = [pixel(player, *floor, 0.5, y) for y in rows]
    switch = player.root.get_by_test_id("missing")
    assert [pixel(player, row, column, 0.5, y) for y in rows] == plain
    assert switch.inner_text().strip() == f"missing from the path {len(lacks)}"
    player.press("h")
    dot = pixel(player, row, column)
    assert [dot, dot] != plain[:2] and [pixel(player, row, column, 0.5, y) for y in (0.15, 0.85)] == plain[
        ::2
    ]
    assert switch.get_attribute("aria-pressed") == "true"
    switch.click()
    assert pixel(player, row, column) == plain[1] and switch.get_attribute("aria-pressed") == "false"


def test_neighbouring_path_cells_are_joined(open_run, maze_run):
    player = open_run(MAZE, maze_run)
    player.press("End")
    path = maze_run.labels.reshape(30, 30) == 5
    row, column = np.argwhere(path[:, :-1] & path[:, 1:])[0].tolist()
    middle = pixel(player, row, column)
    assert pixel(player, row, column, 0.97) == pixel(player, row, column + 1, 0.03) == middle


REMEMBER = """root => {
  const canvas = root.querySelector("canvas.picture");
  window.drawn = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Uint32Array(window.drawn.buffer).reduce((sum, pixel) => (31 * sum + pixel) | 0, 0);
}"""
"""Keeps the pixels of the picture; returns a number that differs where they do."""

DIFFERENCE = """root => {
  const canvas = root.querySelector("canvas.picture");
  const now = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const [pixels, before] = [now, window.drawn].map(({ buffer }) => new Uint32Array(buffer));
  let most = 0;
  for (let pixel = 0; pixel < pixels.length; pixel++) {
    if (pixels[pixel] === before[pixel]) continue;
    for (let at = 4 * pixel; at < 4 * pixel + 3; at++) most = Math.max(most, Math.abs(now[at] - window.drawn[at]));
  }
  return most;
}"""
"""The largest difference of a colour from the pixels kept before. The edges of slanted marks differ slightly when several are
drawn at once."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["maze", "arc"])
def test_partial_drawing_equals_full_drawing(open_run, maze_run, arc_run, name):
    player = open_run(*((MAZE, maze_run) if name == "maze" else (ARC, arc_run)))
    for mode in "123456":
        player.press("Home", mode)
        other_mode = "1" if mode != "1" else "2"
        seen = set()
        for key in ["ArrowRight", "ArrowDown", "ArrowRight", "End", "ArrowLeft", "Home"]:
            player.press(key)
            seen.add(player.root.evaluate(REMEMBER))
            player.press(other_mode, mode)
            assert player.root.evaluate(DIFFERENCE) < 16, f"in mode {mode} after {key}"
        assert len(seen) > 1


def test_a_change_of_theme_redraws_the_picture(open_run, maze_run):
    player = open_run(MAZE, maze_run, color_scheme="light")
    row, column = divmod(int(np.flatnonzero(maze_run.answers[0] == 2)[0]), 30)
    light = pixel(player, row, column)
    player.page.emulate_media(color_scheme="dark")
    player.eventually(lambda: sum(pixel(player, row, column)) < sum(light) / 2, "a dark floor")


def test_a_hidden_player_is_drawn_when_it_appears(new_page, maze_run):
    page = new_page()
    open_standalone(page)
    page.evaluate("document.getElementById('place').hidden = true")
    show(page, sent(MAZE, maze_run))
    page.keyboard.press("ArrowRight")
    page.evaluate("document.getElementById('place').hidden = false")
    player = Player(page)
    wall = divmod(int(np.flatnonzero(maze_run.answers[1] == 1)[0]), 30)
    player.eventually(lambda: sum(pixel(player, *wall)) < 300, "its walls")


def test_arc_cells_have_the_colours_of_the_task_and_the_answer_is_outlined(open_run, arc_run):
    player = open_run(ARC, arc_run)

    def outlined() -> list[float]:
        crop, cell = player.root.locator(".crop").bounding_box(), player.cell(0, 0).bounding_box()
        return [crop["height"] / cell["height"], crop["width"] / cell["width"]]

    for grid in (INPUT, OUTPUT):
        for row, colours in enumerate(grid):
            for column, colour in enumerate(colours):
                look = ARC.looks[2 + colour]
                expected = [int(look[at : at + 2], 16) for at in (1, 3, 5)]
                assert pixel(player, row, column, 0.5, 0.6) == expected
        assert outlined() == pytest.approx([len(grid), len(grid[0])], abs=0.05)
        player.press("End", "ArrowDown")
    player.cell(0, 1).click()
    assert "magenta" in player.root.get_by_test_id("cell-panel").inner_text()
    assert player.root.get_by_test_id("cell-panel").get_by_label("magenta").is_visible()


def visible(player: Player) -> tuple[int, int]:
    """The visible rows and columns of the grid."""
    cells = player.root.locator("[data-cell]:visible").evaluate_all(
        "cells => cells.map((c) => c.dataset.cell)"
    )
    return tuple(len({cell.split(",")[axis] for cell in cells}) for axis in (0, 1))


def test_a_small_arc_grid_fills_the_board_and_g_shows_all_of_it(open_run, arc_run):
    """The 2x3 input and the 2x2 answer with one row and column of border, the same at every call."""
    player = open_run(ARC, arc_run)
    board = player.root.locator(".cells").bounding_box()
    for key in ("Home", "ArrowRight", "End", "5", "6", "1"):
        player.press(key)
        assert visible(player) == (3, 4)
        assert player.root.locator(".cells").bounding_box() == board
    assert player.cell(0, 0).bounding_box()["width"] > board["width"] / 5
    assert player.root.get_by_test_id("part").inner_text() == "showing 3x4 of 30x30"
    player.cell(2, 3).click()
    player.press("s", "d")
    assert player.selected == "2,3"  # the last visible cell
    player.press("g")
    assert visible(player) == (30, 30) and player.root.get_by_test_id("part").inner_text() == ""
    assert outlined_by(player) == pytest.approx([2, 2], abs=0.2)
    player.press("s")
    assert player.selected == "3,3"
    player.root.get_by_test_id("whole").click()
    assert visible(player) == (3, 4) and player.selected == "0,0"
    assert not player.root.get_by_test_id("numbers").is_hidden()


def outlined_by(player: Player) -> list[float]:
    """The rows and columns inside the outline."""
    crop, cell = player.root.locator(".crop").bounding_box(), player.cell(0, 0).bounding_box()
    return [crop["height"] / cell["height"], crop["width"] / cell["width"]]


def test_an_answer_larger_than_the_visible_part_says_so(open_run):
    large = encode([[7] * 9] * 8)
    puzzle = Puzzle(encode(INPUT), encode(OUTPUT), Difficulty.EASY)
    player = open_run(ARC, made_up_trace(ARC, puzzle, np.stack([large] + [puzzle.labels] * 5), depth=SHALLOW))
    assert (
        player.root.get_by_test_id("part").inner_text()
        == "showing 3x4 of 30x30; the grid at this call is 8x9"
    )
    player.press("g")
    assert outlined_by(player) == pytest.approx([8, 9], abs=0.3)
    player.press("g", "ArrowRight")
    assert player.root.get_by_test_id("part").inner_text() == "showing 3x4 of 30x30"


def test_n_writes_numbers_into_colours_and_only_there(open_run, arc_run, maze_run):
    player = open_run(ARC, arc_run)
    plain = player.root.evaluate(PICTURE)
    player.press("n")
    assert player.root.evaluate(PICTURE) != plain
    assert player.root.get_by_test_id("numbers").get_attribute("aria-pressed") == "true"
    numbered = player.root.evaluate(PICTURE)
    player.press("ArrowRight", "ArrowLeft")
    assert player.root.evaluate(PICTURE) == numbered
    player.root.get_by_test_id("numbers").click()
    assert player.root.evaluate(PICTURE) == plain
    maze = open_run(MAZE, maze_run)
    before = maze.root.evaluate(PICTURE)
    maze.press("n", "g")
    assert maze.root.evaluate(PICTURE) == before and maze.root.get_by_test_id("whole").is_hidden()


def test_a_link_to_a_hidden_cell_shows_the_whole_grid(new_page, arc_run):
    page = new_page()
    open_standalone(page)
    start = {"supervision_step": 1, "cycle": 1, "call": 3, "cell": [20, 4], "mode": "answer"}
    show(page, sent(ARC, arc_run, start=start))
    player = Player(page)
    assert player.selected == "20,4" and visible(player) == (30, 30)


def test_stepping_through_a_growing_run(open_run, maze_run):
    player = open_run(MAZE, cut(maze_run, 1))
    axis = player.root.get_by_test_id("timeline-steps")
    player.cell(5, 5).click()
    player.press("ArrowRight", "3")
    axis.focus()
    player.root.evaluate("root => { root.mark = root.querySelector('[data-cell]') }")
    before = (player.position, player.selected, player.mode)
    assert axis.locator(".pending").count() == 2
    for steps in (2, 3):
        show(player.page, sent(MAZE, cut(maze_run, steps)))
        assert (player.position, player.selected, player.mode) == before
        assert axis.locator(".pending").count() == 3 - steps
    assert axis.evaluate("axis => axis === document.activeElement")
    assert player.root.evaluate("root => root.mark === root.querySelector('[data-cell]')"), "built afresh"
    assert axis.get_attribute("aria-valuemax") == "18"
    player.press("ArrowRight")
    assert player.position == (2, 1, 3, "f_H")
    assert texts(player) == symbols(MAZE, maze_run.answers[2])


def test_a_link_to_a_later_step_is_followed_as_the_run_grows(new_page, maze_run):
    page = new_page()
    open_standalone(page)
    start = {"supervision_step": 3, "cycle": 1, "call": 2, "cell": [4, 7], "mode": "confidence"}
    for steps in (1, 2, 3):
        show(page, sent(MAZE, cut(maze_run, steps), start=start))
        player = Player(page)
        assert player.position == (steps, 1, 2, "f_L")
        assert (player.selected, player.mode) == ("4,7", "confidence")


def test_a_link_is_no_longer_followed_after_the_user_moves(new_page, maze_run):
    page = new_page()
    open_standalone(page)
    start = {"supervision_step": 3, "cycle": 1, "call": 2, "cell": None, "mode": "answer"}
    show(page, sent(MAZE, cut(maze_run, 1), start=start))
    player = Player(page)
    player.press("Home")
    show(page, sent(MAZE, maze_run, start=start))
    assert player.position == (1, 1, 3, "f_H")


def test_play_waits_for_the_next_step(open_run, maze_run):
    player = open_run(MAZE, cut(maze_run, 1))
    play = player.root.get_by_test_id("play")
    player.root.get_by_test_id("speed").select_option("30")
    player.press("Space")
    player.eventually(lambda: player.position == (1, 2, 3, "f_H"), "the end of what is there")
    player.page.wait_for_timeout(150)
    assert play.get_attribute("aria-pressed") == "true"
    show(player.page, sent(MAZE, maze_run))
    player.eventually(lambda: player.position == (3, 2, 3, "f_H"), "the end of the run")


def test_another_run_starts_from_its_beginning_in_the_same_cells(open_run, maze_run):
    player = open_run(MAZE, maze_run)
    player.press("End", "4")
    puzzle = MAZE.generate(np.random.default_rng(2), "hard")
    other = made_up_trace(MAZE, puzzle, growing_path(MAZE, puzzle, SHALLOW), depth=SHALLOW)
    show(player.page, sent(MAZE, other))
    assert player.position == (1, 1, 3, "f_H")
    assert texts(player) == symbols(MAZE, other.answers[0])
    as_drawn = player.root.evaluate(PICTURE)
    player.press("1", "4")
    assert player.root.evaluate(PICTURE) == as_drawn


@pytest.mark.parametrize("name", ["maze", "arc"])
def test_nothing_is_wider_than_the_window(open_run, maze_run, arc_run, name):
    player = open_run(*((MAZE, maze_run) if name == "maze" else (ARC, arc_run)))
    for width, height in [(390, 844), (1280, 800), (1920, 1080)]:
        player.page.set_viewport_size({"width": width, "height": height})
        player.eventually(
            lambda width=width: player.page.evaluate("document.documentElement.scrollWidth") == width,
            f"no scrolling to the side at {width}",
        )
        cut_off = player.root.evaluate(
            "root => [...root.querySelectorAll('.modes button, .gutter span, .gutter b, .word')]"
            ".filter((node) => node.scrollWidth > node.clientWidth + 1 && node.clientWidth).map((node) => node.textContent)"
        )
        assert cut_off == [], width
