"""Two players on one clock: their calls at every command, runs that arrive late, and the reported view."""

import random

import pytest
from pair_page import (
    DEEP,
    KEYS,
    SHORT,
    STATE,
    Pair,
    check,
    pair_of,
    sudoku_run,
    texts,
)
from player_page import Player
from playwright.sync_api import expect
from standalone import cut, open_standalone, show


def test_keys_move_both_and_differences_are_marked_in_both(open_pair):
    runs = (sudoku_run(1), sudoku_run(2))
    pair = open_pair(pair_of(*runs))
    for key in [
        "Home",
        "ArrowRight",
        "ArrowDown",
        "Shift+ArrowRight",
        "ArrowUp",
        "ArrowUp",
        "End",
        "ArrowLeft",
    ]:
        pair.press(key)
        assert pair.left.position == pair.right.position
        check(pair, runs)
    assert pair.left.position == (4, 1, 3, "f_H")
    pair.press("Home", "ArrowUp", "ArrowUp")
    assert pair.left.position == (1, 1, 1, "f_L")
    assert pair.summary == "No cells differ."  # only the puzzle is shown


# All at once: a press of Playwright's takes 40 ms.
PRESS = """keys => keys.forEach((text) => {
  const shiftKey = text.startsWith("Shift+"), key = shiftKey ? text.slice(6) : text;
  document.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));
})"""


@pytest.mark.parametrize("depth", [DEEP, SHORT], ids=["as deep", "shorter"])
def test_after_any_keys_both_agree(open_pair, depth):
    runs = (sudoku_run(1), sudoku_run(2, depth))
    pair = open_pair(pair_of(*runs))
    choose = random.Random(5)
    pressed = []
    for _ in range(12):
        keys = choose.choices(KEYS, k=6)
        pressed += keys
        pair.page.evaluate(PRESS, keys)
        (left, right), states = pair.positions, [player.root.evaluate(STATE) for player in pair.players]
        assert states[0] == states[1], pressed
        if depth == DEEP:
            assert left == right, pressed
        elif left[0] <= SHORT.N_sup:
            assert (left[0], left[3]) == (right[0], right[3]), pressed
        else:
            assert right == (2, 3, 2, "f_H") and pair.ended == ["", "ended after step 2"], pressed
    pair.press("1")
    check(pair, runs)


def test_a_shorter_run_stays_at_its_end_and_says_so(open_pair):
    runs = (sudoku_run(1), sudoku_run(2, SHORT))
    pair = open_pair(pair_of(*runs))
    places = []
    pair.press("Home", "Shift+ArrowRight")
    for key in [
        "ArrowRight",
        "ArrowRight",
        "ArrowRight",
        "ArrowRight",
        "ArrowLeft",
        "Shift+ArrowLeft",
        "End",
        "Home",
    ]:
        pair.press(key)
        check(pair, runs)
        places.append(
            [f"{step}.{cycle}" for step, cycle, _, kind in pair.positions if kind == "f_H"] + pair.ended
        )
    end = "ended after step 2"
    assert places == [
        ["2.2", "2.2", "", ""], ["2.2", "2.3", "", ""], ["3.1", "2.3", "", end], ["3.2", "2.3", "", end],
        ["3.1", "2.3", "", end], ["2.1", "2.2", "", ""], ["4.2", "2.3", "", end], ["1.1", "1.1", "", ""],
    ]  # fmt: skip


def test_aligned_by_f_H_call_instead(open_pair):
    runs = (sudoku_run(1), sudoku_run(2, SHORT))
    pair = open_pair(pair_of(*runs))
    pair.press("Home", "Shift+ArrowRight", "ArrowRight")  # the fifth answer of the right one: step 2, cycle 2
    assert [place[:2] for place in pair.positions] == [(2, 2), (2, 2)]
    button = pair.root.get_by_test_id("align-call")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert [place[:2] for place in pair.positions] == [(3, 1), (2, 2)]
    check(pair, runs)
    pair.press("ArrowLeft")
    assert [place[:2] for place in pair.positions] == [(2, 2), (2, 1)]
    pair.press("End")
    assert [place[:2] for place in pair.positions] == [(4, 2), (2, 3)]
    assert pair.ended[1]
    pair.root.get_by_test_id("align-step").click()
    pair.press("ArrowLeft")
    assert [place[:2] for place in pair.positions] == [(4, 1), (2, 3)]


def test_playing_plays_both_to_the_end(open_pair):
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2, SHORT)))
    pair.root.get_by_test_id("speed").select_option("30")
    pair.press("Home", "Space")
    pair.left.eventually(lambda: pair.left.position == (4, 2, 3, "f_H"), "the end of the longer run")
    assert pair.right.position == (2, 3, 2, "f_H")
    button = pair.root.get_by_test_id("play")
    expect(button).to_have_attribute("aria-pressed", "false")


def test_the_mouse_in_one_player_moves_both(open_pair):
    runs = (sudoku_run(1), sudoku_run(2))
    pair = open_pair(pair_of(*runs))
    strip = pair.left.root.locator(".track-halting")
    strip.click(position={"x": strip.bounding_box()["width"] * 5.5 / 8, "y": 5})
    assert pair.positions == [(3, 2, 3, "f_H")] * 2
    pair.right.root.locator("[data-place='1']").click()
    assert pair.positions == [(3, 1, 2, "f_L")] * 2
    for player in reversed(pair.players):
        player.cell(2, 1).click()
        assert [each.selected for each in pair.players] == ["2,1", "2,1"]
        pair.press("d")
        assert [each.selected for each in pair.players] == ["2,2", "2,2"]
        shown = [texts(each)[10] for each in pair.players]
        line = pair.root.get_by_test_id("cell-difference").inner_text()
        assert line == f"Row 3, column 3: Pinned: {shown[0]}, Current: {shown[1]}"
    pair.press("Escape")
    assert [each.selected for each in pair.players] == [None, None]


def test_one_set_of_controls_serves_both(open_pair):
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2)))
    for name in ("play", "mode-z", "marks", "pin", "full", "help"):
        assert pair.page.get_by_test_id(name).count() == 1
    pair.page.get_by_test_id("mode-z").click()
    assert [player.mode for player in pair.players] == ["z", "z"]
    assert "in the decoded z" in pair.summary
    pair.press("?")
    expect(pair.root.get_by_role("dialog", name="Help")).to_be_visible()
    pair.press("Escape", "f")
    pair.left.eventually(lambda: pair.root.bounding_box()["height"] == 800, "full screen")
    pair.press("f")
    pair.page.get_by_test_id("pin").click()
    (asked,) = pair.page.evaluate("window.asked")
    assert asked[0] == "pin" and asked[1]["pin"] is False


# ---- runs that arrive or are replaced


def test_a_run_that_grows_says_how_far_it_is_and_catches_up(open_pair):
    runs = (sudoku_run(1), sudoku_run(2))
    pair = open_pair(pair_of(runs[0], cut(runs[1], 1)))
    pair.press("End")
    assert [place[0] for place in pair.positions] == [4, 1]
    assert pair.ended == ["", "computed up to step 1 of 4"]
    show(pair.page, pair_of(runs[0], cut(runs[1], 3)))
    assert [place[0] for place in pair.positions] == [4, 3]
    show(pair.page, pair_of(*runs))
    assert pair.positions == [(4, 2, 3, "f_H")] * 2 and pair.ended == ["", ""]
    check(pair, runs)


def test_a_new_run_goes_to_the_call_of_the_pinned_run(open_pair):
    ghost, then = sudoku_run(1), sudoku_run(4, SHORT)
    pair = open_pair(pair_of(ghost, sudoku_run(2)))
    pair.press("Home", "Shift+ArrowRight", "3")
    pair.left.cell(3, 0).click()
    show(pair.page, pair_of(ghost, None))
    assert pair.page.locator(".message").inner_text() == "Waiting for the first supervision step."
    assert pair.summary == ""
    pair.press("ArrowRight")  # the pinned run can be stepped before the other arrives
    assert pair.left.position == (2, 2, 3, "f_H")
    show(pair.page, pair_of(ghost, then))
    assert pair.positions == [(2, 2, 3, "f_H"), (2, 3, 2, "f_H")]
    assert [player.mode for player in pair.players] == ["confidence"] * 2
    assert [player.selected for player in pair.players] == ["3,0"] * 2
    pair.press("1", "ArrowLeft")
    check(pair, (ghost, then))


# ---- the reported and the requested view


def test_the_view_names_its_run_and_the_alignment(open_pair):
    pair = open_pair(pair_of(sudoku_run(1), sudoku_run(2, SHORT)))
    pair.root.get_by_test_id("align-call").click()
    pair.press("Home", "ArrowRight")
    pair.left.root.locator("[data-place='0']").click()
    wanted = {"supervision_step": 1, "cycle": 1, "call": 1, "kind": "f_L", "align": "call", "lead": "left"}
    view = {}

    def is_told() -> bool:
        view.update(pair.page.evaluate("window.reported.at(-1)") or {})
        return wanted.items() <= view.items()

    pair.left.eventually(is_told, f"the view told: {wanted}")
    before = pair.positions
    again = open_pair(pair_of(sudoku_run(1), sudoku_run(2, SHORT), start=view))
    assert again.positions == before == [(1, 1, 1, "f_L"), (1, 1, 1, "f_L")]
    assert again.root.get_by_test_id("align-call").get_attribute("aria-pressed") == "true"


def test_a_requested_view_of_the_run_that_arrives_last_is_applied_then(new_page):
    page, runs = new_page(), (sudoku_run(1), sudoku_run(2, SHORT))
    start = {"supervision_step": 4, "cycle": 1, "call": 2, "mode": "z", "cell": [1, 3], "lead": "left"}
    open_standalone(page)
    show(page, pair_of(None, runs[1], start=start))
    right = Player(page, 1)
    assert right.position == (2, 1, 2, "f_H") and right.mode == "z"
    show(page, pair_of(*runs, start=start))
    pair = Pair(page)
    assert pair.positions == [(4, 1, 2, "f_L"), (2, 3, 2, "f_H")]
    assert [(player.mode, player.selected) for player in pair.players] == [("z", "1,3")] * 2
    pair.press("Home")
    show(page, pair_of(cut(runs[0], 3), runs[1], start=start))
    assert pair.positions[0] == (1, 1, 3, "f_H")  # applied once
