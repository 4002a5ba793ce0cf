"""The player's timeline, marks, story of a cell and link, on runs made up so that what must be seen is known."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from player_page import Player
from playwright.sync_api import Page, expect
from standalone import cut, growing_path, made_up_trace, open_standalone, random_answers, sent, show

from trm.coordinates import Depth
from trm.tasks import get_task
from trm.trace import Trace

SHALLOW = Depth(n=2, T=2, N_sup=4)  # 8 answers, 24 calls
SUDOKU = get_task("sudoku", 16)
MAZE = get_task("maze", 900)
SOLVED = [
    0,
    0,
    0,
    1,
    1,
    0,
    1,
    1,
]  # at which answers: first at step 2, cycle 2; broken at step 3, cycle 2; again at step 4
CELL = 5  # the cell that is wrong where the run is not solved, and 6 wrong only in the first answer


@pytest.fixture(scope="module")
def run() -> Trace:
    """A 4x4 Sudoku that is solved, broken and solved again, and runs one step deeper than it was trained to."""
    puzzle = SUDOKU.generate(np.random.default_rng(3), "easy")
    inputs = puzzle.inputs.copy()
    inputs[[CELL, 6]] = 1  # no givens
    answers = np.repeat(puzzle.labels[None], len(SOLVED), 0)
    answers[np.array(SOLVED) == 0, CELL] = 2 + (puzzle.labels[CELL] - 1) % 4
    answers[0, 6] = 2 + (puzzle.labels[6] - 1) % 4
    trace = made_up_trace(SUDOKU, replace(puzzle, inputs=inputs), answers, depth=SHALLOW)
    return replace(trace, trained=replace(trace.trained, N_sup=3))


@pytest.fixture
def open_run(new_page: Callable[..., Page], run: Trace) -> Callable[..., Player]:
    def make(task=SUDOKU, trace: Trace = run, **options) -> Player:
        page = new_page(**options)
        open_standalone(page)
        show(page, sent(task, trace))
        return Player(page)

    return make


def shown_part(player: Player) -> tuple[str, list[float]]:
    """The zoom, and the first call and the number of calls of every strip, which must agree."""
    boxes = player.root.locator(".plot svg").evaluate_all(
        "plots => plots.map((plot) => plot.getAttribute('viewBox'))"
    )
    assert len(set(boxes)) == 1
    start, _, width, _ = map(float, boxes[0].split())
    return player.root.get_by_test_id("timeline").get_attribute("data-zoom"), [start, width]


def units(player: Player) -> list[str]:
    """What stands on the time axis."""
    return player.root.locator(".units:not([hidden]) span").all_text_contents()


# ---- the timeline


def test_plus_and_minus_show_a_step_and_a_cycle_around_where_one_is(open_run):
    player = open_run()
    player.press("Shift+ArrowRight", "ArrowRight")
    assert player.position == (2, 2, 3, "f_H")
    seen = []
    for key in ["-", "+", "+", "+", "-", "-"]:
        player.press(key)
        seen.append(shown_part(player))
        assert player.position == (2, 2, 3, "f_H")
    run, step, cycle = ("run", [0, 24]), ("step", [6, 6]), ("cycle", [9, 3])
    assert seen == [run, step, cycle, cycle, step, run]


def test_the_axis_names_what_it_shows_and_the_part_follows_the_call(open_run):
    player = open_run()
    assert units(player) == ["1", "2", "3", "4"]
    player.press("+")
    assert units(player) == ["1", "2"]
    player.press("Shift+ArrowRight")
    assert shown_part(player) == ("step", [6, 6])
    player.press("+")
    assert units(player) == ["1", "2", "f_H"]
    player.press("ArrowDown")
    assert player.position == (2, 2, 1, "f_L")
    assert shown_part(player) == ("cycle", [9, 3])
    assert player.root.locator(".units:not([hidden]) .current").all_text_contents() == ["1"]


def test_buttons_zoom_and_say_where_one_is(open_run):
    player = open_run()
    button = player.root.get_by_test_id
    player.press("Shift+ArrowRight", "ArrowRight")
    assert [button(f"zoom-{name}").inner_text() for name in ("run", "step", "cycle")] == [
        "all 4 steps",
        "step 2",
        "cycle 2",
    ]
    for name, zoom in [
        ("zoom-cycle", "cycle"),
        ("zoom-out", "step"),
        ("zoom-in", "cycle"),
        ("zoom-run", "run"),
        ("zoom-step", "step"),
    ]:
        button(name).click()
        assert shown_part(player)[0] == zoom
        assert button(f"zoom-{zoom}").get_attribute("aria-pressed") == "true"
        assert player.root.locator(".zoom [aria-pressed=true]").count() == 1


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "touch"])
def test_pressing_twice_zooms_in_there_and_after_the_deepest_out_again(open_run, touch):
    player = open_run(has_touch=touch)
    strip = player.root.locator(".track-entropy").bounding_box()
    at = strip["x"] + strip["width"] * 0.6, strip["y"] + strip["height"] / 2

    def press_twice():
        for _ in range(2):
            player.page.touchscreen.tap(*at) if touch else player.page.mouse.click(*at)
        player.page.wait_for_timeout(500)  # so that the next press is not the second of these

    press_twice()
    assert player.position == (3, 1, 3, "f_H")
    assert shown_part(player) == ("step", [12, 6])
    press_twice()
    assert player.position == (3, 2, 1, "f_L")
    assert shown_part(player) == ("cycle", [15, 3])
    press_twice()
    assert shown_part(player) == ("run", [0, 24])


def test_two_slow_presses_do_not_zoom(open_run):
    player = open_run()
    for _ in range(2):
        player.root.locator(".track-entropy").click()
        player.page.wait_for_timeout(500)
    assert shown_part(player)[0] == "run"


def test_a_press_in_a_zoomed_strip_goes_to_that_call(open_run):
    player = open_run()
    player.press("Shift+ArrowRight", "+")
    strip = player.root.locator(".track-residual-z")
    width = strip.bounding_box()["width"]
    strip.click(position={"x": width * 4.5 / 6, "y": 8})
    assert player.position == (2, 2, 2, "f_L")


def test_the_cursor_stands_at_the_call_in_every_zoom(open_run):
    player = open_run()
    player.press("Shift+ArrowRight")
    for expected in (8.5 / 24, 2.5 / 6, 2.5 / 3):
        cursor = player.root.locator(".cursor").bounding_box()
        plot = player.root.locator(".track-halting").bounding_box()
        middle = cursor["x"] + cursor["width"] / 2
        assert (middle - plot["x"]) / plot["width"] == pytest.approx(expected, abs=0.005)
        player.press("+")


def test_the_strips_are_all_there_and_say_the_value_under_the_pointer(open_run, run):
    player = open_run()
    names = player.root.locator(".gutter span").all_text_contents()
    wanted = ["halting p", "cells right", "changed", "entropy, bits", "residual y", "residual z"]
    assert names[1:7] == wanted
    strip = player.root.locator(".track-right")
    width = strip.bounding_box()["width"]
    strip.hover(position={"x": width * 1.5 / 8, "y": 5})
    tip = player.root.locator(".tip")
    assert tip.inner_text() == "step 1, cycle 2: cells right 15/16"
    assert player.root.locator(".pointed").is_visible()
    player.press("+", "+")
    player.root.locator(".track-residual-z").hover(position={"x": width * 0.5, "y": 5})
    assert tip.inner_text() == f"step 1, cycle 1, f_L 2: residual z {run.residual_z[1]:.2f}"
    player.page.mouse.move(5, 5)
    assert not tip.is_visible() and not player.root.locator(".pointed").is_visible()


def test_hovering_the_curves_of_a_cell_names_its_symbols(open_run, run):
    player = open_run()
    player.cell(1, 1).click()
    strip = player.root.locator(".track-cell")
    strip.hover(position={"x": strip.bounding_box()["width"] * 3.5 / 8, "y": 10})
    likely = int(run.probabilities[3, CELL].argmax())
    said = player.root.locator(".tip").inner_text()
    assert said.startswith(
        f"step 2, cycle 2: {SUDOKU.symbol_names[likely]} {run.probabilities[3, CELL, likely] / 255:.2f}"
    )
    player.press("Escape")
    strip.hover(position={"x": 30, "y": 12})
    assert player.root.locator(".tip").inner_text() == "step 1, cycle 1"


@pytest.mark.parametrize(("n", "T"), [(6, 3), (6, 4), (2, 6)])
def test_no_label_of_the_timeline_is_cut_on_a_phone(open_run, n, T):
    depth = Depth(n=n, T=T, N_sup=16)
    puzzle = SUDOKU.generate(np.random.default_rng(3), "easy")
    trace = made_up_trace(SUDOKU, puzzle, random_answers(SUDOKU, depth), depth=depth)
    player = open_run(trace=trace, width=390, height=844)
    for zoom in ("run", "step", "cycle"):
        player.root.get_by_test_id(f"zoom-{zoom}").click()
        cut_off = player.root.evaluate(
            "root => [...root.querySelectorAll('.calls button, .cycle > span, .units span, .zoom button, .gutter *')]"
            ".filter((node) => node.clientWidth && node.scrollWidth > node.clientWidth + 0.5).map((node) => node.textContent)"
        )
        assert cut_off == []
    rows = player.root.locator(".cycle").evaluate_all("nodes => nodes.map((node) => node.offsetTop)")
    assert len(set(rows)) == {3: 1, 4: 2, 6: 3}[T]  # as many beside each other as can be read, in even rows


# ---- a run of before there was a reverse embedding


def test_a_view_that_an_older_run_has_nothing_for_says_so_and_shows_the_nearest(open_run, run):
    player = open_run(trace=replace(run, z_reverse=None, y_reverse=None))
    button = player.root.get_by_test_id("mode-reverse")
    assert "not in this recorded run" in button.get_attribute("title")
    player.press("6")
    caption = player.root.locator(".caption")
    assert caption.inner_text().startswith("Not recorded in this run")
    assert player.mode == "z" and button.get_attribute("aria-pressed") == "false"
    texts = player.root.locator("[data-cell]").all_text_contents()
    assert texts == [SUDOKU.symbols[token] for token in run.z_answers[2]]
    show(player.page, sent(SUDOKU, run))  # the same run made again: what was asked for is shown
    assert player.mode == "reverse" and "not in this" not in button.get_attribute("title")
    assert caption.inner_text().startswith("z by reverse embedding")


def test_beside_z_by_reverse_embedding_y_stands_small_where_it_differs(open_run, run):
    player = open_run()
    player.press("6", "ArrowRight")
    small = player.root.locator("[data-cell]").evaluate_all(
        "cells => cells.map((c) => c.dataset.small ?? '')"
    )
    symbols = SUDOKU.symbols
    z, y = run.z_reverse[5], run.y_reverse[1]
    assert small == ["" if a == b else symbols[b] for a, b in zip(z, y, strict=True)]
    assert any(small)
    player.press("Space")  # as in the other view of z every call is played
    player.eventually(lambda: player.position[3] == "f_L", "an f_L call")


# ---- markers


def test_markers_say_what_happened_where_and_take_one_there(open_run):
    player = open_run()
    entries = player.root.locator("[data-marker]")
    assert entries.all_inner_texts() == [
        "S\nsolved at step 2, cycle 2, for good from step 4, cycle 1",
        "B\nbroke again at step 3, cycle 2",
        "H\nwould halt at step 3 (halts when q_halt > 0, TRM's rule)",
        "T\ntrained depth ends at step 3",
    ]
    for kind, place in [("broke", (3, 2)), ("solved", (2, 2)), ("halt", (3, 2)), ("trained", (3, 2))]:
        player.root.locator(f"[data-marker={kind}]").click()
        assert player.position == (*place, 3, "f_H")


def test_markers_differ_by_letter_and_shape(open_run):
    player = open_run()
    flags = player.root.locator(".flag i")
    assert flags.all_text_contents() == ["S", "B", "H", "T"]
    shapes = flags.evaluate_all(
        "flags => flags.map((flag) => getComputedStyle(flag).clipPath + getComputedStyle(flag).borderRadius)"
    )
    assert len(set(shapes)) == 4


def test_flags_do_not_cover_each_other_and_only_those_of_the_part_are_shown(open_run):
    player = open_run(width=390, height=844)
    boxes = [flag.bounding_box() for flag in player.root.locator(".flag").all()]
    lefts = sorted(box["x"] for box in boxes)
    assert all(second - first > 7 for first, second in pairwise(lefts))
    player.root.locator("[data-marker=solved]").click()
    player.press("+")
    assert player.root.locator(".flag:visible").all_text_contents() == ["S"]


def test_a_marker_has_its_text_on_hover_and_on_focus(open_run):
    player = open_run()
    tip = player.root.locator(".tip")
    player.root.locator(".flag.broke").hover()
    assert tip.inner_text() == "broke again at step 3, cycle 2"
    player.page.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    player.root.locator("[data-marker=solved]").focus()
    assert "solved at step 2, cycle 2" in tip.inner_text()
    player.press("Enter")
    assert player.position == (2, 2, 3, "f_H")


def test_a_growing_run_keeps_the_focus_on_its_marker_and_the_zoom(open_run, run):
    player = open_run(trace=cut(run, 2))
    player.press("+")
    player.root.locator("[data-marker=solved]").focus()
    show(player.page, sent(SUDOKU, cut(run, 3)))
    assert player.root.locator("[data-marker=solved]").evaluate("node => node === document.activeElement")
    assert shown_part(player) == ("step", [0, 6])
    assert "step 3 of 4 has arrived" in player.root.locator("[data-marker=arrived]").inner_text()


# ---- the selected cell


def story(player: Player) -> list[str]:
    return player.root.locator("[data-story]").all_text_contents()


def test_the_story_of_a_cell_and_the_way_to_its_places(open_run):
    player = open_run()
    player.cell(1, 1).click()
    assert story(player) == [
        "decided at step 4, cycle 1",
        "3 flips",
        "first right at step 2, cycle 2",
        "lost once, right again from step 4, cycle 1",
    ]
    player.root.locator("[data-story=right]").click()
    assert player.position == (2, 2, 3, "f_H")
    player.root.locator("[data-story=decided]").click()
    assert player.position == (4, 1, 3, "f_H")
    player.press("d")
    assert story(player)[2:] == ["first right at step 1, cycle 2", "and stayed right"]
    player.press("Escape")
    assert story(player) == []


def test_a_cell_of_a_run_that_grows_is_not_called_decided(open_run, run):
    player = open_run(trace=cut(run, 2))
    player.cell(1, 1).click()
    assert story(player)[0] == "unchanged since step 2, cycle 2"
    show(player.page, sent(SUDOKU, run))
    assert story(player)[0] == "decided at step 4, cycle 1"


# ---- marks on the grid


def test_marks_stand_on_cells_that_stay_right_and_go_again(open_run, run):
    player = open_run()
    assert not player.flagged("kept")
    player.press("m")
    free = {f"{cell // 4},{cell % 4}" for cell in np.flatnonzero(run.inputs == 1).tolist()}
    assert player.flagged("kept") == free - {"1,1", "1,2"}
    player.press("ArrowRight")
    assert player.flagged("kept") == free - {"1,1"}
    assert player.cell(1, 2).get_attribute("aria-description") == "right and stayed right"
    assert player.cell(1, 1).get_attribute("aria-description") is None
    assert "right and stayed right" in player.root.locator(".legend").inner_text()
    button = player.root.get_by_test_id("marks")
    assert button.get_attribute("aria-pressed") == "true"
    player.press("5")
    assert not player.flagged("kept")  # that is a reading of z
    player.press("1")
    button.click()
    assert not player.flagged("kept") and button.get_attribute("aria-pressed") == "false"
    assert player.cell(1, 2).get_attribute("aria-description") is None


PICTURE = "root => root.querySelector('canvas.picture').toDataURL()"


@pytest.fixture(scope="module")
def maze_run() -> Trace:
    puzzle = MAZE.generate(np.random.default_rng(1), "hard")
    return made_up_trace(MAZE, puzzle, growing_path(MAZE, puzzle, SHALLOW), depth=SHALLOW)


def dropped(trace: Trace, answer: int) -> set[str]:
    """Cells that were path in the answer before, or the one before that (within a step), and are not now."""
    path = trace.answers[max(0, answer - SHALLOW.T) : answer] == 5
    cells = path.any(0) & (trace.answers[answer] != 5)
    recent = path[-1] if len(path) else cells
    # dropped a whole step ago is gone: path two answers ago and not in the one before was dropped one cycle ago
    cells &= recent | (len(path) > 1 and path[0])
    return {f"{cell // 30},{cell % 30}" for cell in np.flatnonzero(cells).tolist()}


def test_dead_ends_fade_call_by_call(open_run, maze_run):
    player = open_run(MAZE, maze_run)
    for answer in range(4):
        assert player.flagged("dropped") == dropped(maze_run, answer)
        player.press("ArrowRight")
    pictures = set()
    for _ in range(3):
        player.press("ArrowDown")
        pictures.add(player.root.evaluate(PICTURE))
    assert len(pictures) == 3


def test_where_motion_is_not_wanted_they_do_not_fade(open_run, maze_run):
    player = open_run(MAZE, maze_run, reduced_motion="reduce")
    player.press("ArrowRight", "ArrowDown")
    assert player.flagged("dropped") == dropped(maze_run, 1)
    still = player.root.evaluate(PICTURE)
    player.press("ArrowDown")
    assert player.root.evaluate(PICTURE) == still


@pytest.mark.parametrize("marks", [False, True], ids=["plain", "marked"])
def test_drawing_what_changed_leaves_what_drawing_all_would(open_run, maze_run, marks):
    player = open_run(MAZE, maze_run)
    if marks:
        player.press("m")
    for key in ["ArrowRight", "ArrowDown", "ArrowRight", "ArrowDown", "End", "Home"]:
        player.press(key)
        step_by_step = player.root.evaluate(PICTURE)
        player.press("2", "1")
        assert player.root.evaluate(PICTURE) == step_by_step, f"after {key}"


# ---- the link

CLIPBOARD = """(allowed) => Object.defineProperty(navigator, "clipboard", { configurable: true, value: {
  writeText: async (text) => { if (!allowed) throw new DOMException("refused", "NotAllowedError"); window.copied = text; },
} })"""


@pytest.mark.parametrize("how", ["key", "button"])
def test_the_link_to_what_is_shown_is_copied(open_run, how):
    player = open_run()
    player.page.evaluate(CLIPBOARD, True)
    player.cell(1, 2).click()
    player.press("Shift+ArrowRight", "ArrowDown", "3")
    if how == "key":
        player.press("l")
    else:
        player.root.get_by_test_id("copy-link").click()
    said = player.root.locator(".copied")
    expect(said).to_have_text("Copied")
    assert player.page.evaluate("window.copied") == "http://player.test/?at=2.2.1&mode=confidence&cell=1%2C2"
    player.page.wait_for_timeout(1200)
    assert said.inner_text() == "Copied"
    expect(said).to_have_text("")
    assert player.root.get_by_test_id("link").is_hidden()


@pytest.mark.parametrize("clipboard", ["refused", "absent"])
def test_where_the_clipboard_is_refused_the_link_is_shown_selected(open_run, clipboard):
    player = open_run()
    if clipboard == "refused":
        player.page.evaluate(CLIPBOARD, False)
    player.press("Escape", "ArrowRight", "l")
    field = player.root.get_by_test_id("link")
    expect(field).to_be_focused()
    link = "http://player.test/?at=1.2.3&mode=answer"
    assert field.input_value() == link
    assert player.page.evaluate("getSelection().toString()") == link
    player.press("ArrowRight")  # moves in the field, not in the run
    assert player.position == (1, 2, 3, "f_H")
    player.press("Escape")
    expect(field).to_be_hidden()
    player.press("ArrowRight")
    assert player.position == (2, 1, 3, "f_H")


# ---- the keyboard

STYLE = "node => ['outlineStyle', 'outlineWidth'].map((name) => getComputedStyle(node)[name])"


def test_every_control_is_reached_by_tab_and_shows_it(open_run):
    player = open_run()
    player.press("+")
    player.cell(1, 1).click()
    wanted = player.root.evaluate(
        "root => [...root.querySelectorAll('button, select, [role=slider], [role=grid]')]"
        ".filter((node) => node.checkVisibility() && !node.closest('.flags, .calls:not(:has([tabindex=\"0\"]))') && node.tabIndex >= 0).length"
    )
    seen = set()
    player.page.evaluate("document.activeElement.blur()")
    for _ in range(wanted + 5):
        player.press("Tab")
        focused = player.page.evaluate_handle("document.activeElement").as_element()
        if not focused.evaluate("node => Boolean(node.closest('[data-testid=player]'))"):
            continue
        style, width = focused.evaluate(STYLE)
        assert style == "solid" and float(width.removesuffix("px")) >= 2, focused
        seen.add(
            focused.evaluate(
                "node => node.dataset.testid ?? node.dataset.marker ?? node.dataset.story ?? node.className"
            )
        )
    assert {"mode-z", "first", "play", "speed", "marks", "copy-link", "full", "help", "zoom-in"} <= seen
    assert {"zoom-cycle", "timeline-steps", "solved", "broke", "decided", "right", "regained"} <= seen
    assert any(name.startswith("cells") for name in seen) and any("f_H" in name for name in seen)


def test_the_focus_in_the_calls_goes_along(open_run):
    player = open_run()
    focused = "document.activeElement.getAttribute('aria-label')"
    player.root.get_by_label("cycle 1, f_H").focus()
    player.press("ArrowDown")
    assert player.page.evaluate(focused) == "cycle 2, f_L 1"
    player.press("ArrowRight")
    assert player.page.evaluate(focused) == "cycle 2, f_H"
    assert player.root.locator(".calls [tabindex='0']").count() == 1


def test_help_lists_every_key_takes_the_focus_and_gives_it_back(open_run):
    player = open_run()
    player.root.get_by_test_id("timeline-steps").focus()
    player.press("?")
    dialog = player.root.get_by_role("dialog", name="Keys")
    expect(player.root.get_by_test_id("close-help")).to_be_focused()
    shown = re.sub(r"\s+", " ", " ".join(dialog.locator("dt").all_text_contents()))
    assert shown == "← → shift ← → ↑ ↓ home end space 1 … 6 w a s d + - g n m p l f ? esc"
    player.press("Escape")
    expect(player.root.get_by_test_id("timeline-steps")).to_be_focused()


def test_help_is_seen_where_one_is_on_a_long_page(open_run):
    player = open_run(width=390, height=844)
    for place in (0, 10_000):
        player.page.evaluate("(place) => scrollTo(0, place)", place)
        player.press("?")
        box = player.root.get_by_test_id("close-help").bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 844
        player.press("Escape")


# ---- in the app


def test_a_copied_link_opens_the_view_for_somebody_else_at_once(player, open_player):
    player.page.evaluate(CLIPBOARD, True)
    player.cell(2, 5).click()
    player.press("Shift+ArrowRight", "ArrowRight", "ArrowDown", "2", "l")  # before the address says so
    expect(player.root.locator(".copied")).to_have_text("Copied")
    link = player.page.evaluate("window.copied")
    theirs = open_player("?" + link.partition("?")[2])
    assert theirs.position == player.position == (2, 3, 1, "f_L")
    assert (theirs.selected, theirs.mode) == ("2,5", "probabilities")
    assert theirs.cells == player.cells


def test_the_players_keys_are_nobody_elses_in_the_app(player):
    player.press("m", "+", "+", "-")
    assert shown_part(player) == ("step", [0, 21])
    assert player.root.get_by_test_id("marks").get_attribute("aria-pressed") == "true"
    assert player.position == (1, 1, 7, "f_H")
