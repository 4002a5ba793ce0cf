"""Every key, button and gesture of the player, and the cells that it leads to."""

import re
from pathlib import Path

import numpy as np
import pytest
from player_page import Player
from standalone import made_up_trace, random_answers

from trm.coordinates import Depth
from trm.tasks import get_task
from trm.trace import Trace

SUDOKU = get_task("sudoku", 16)
DEPTH = Depth(n=2, T=2, N_sup=4)  # 8 answers, 24 calls; f_H at calls 2, 5, 8, ... from 0


@pytest.fixture(scope="module")
def run() -> Trace:
    """All cells change at every answer, so that no two calls look alike."""
    puzzle = SUDOKU.generate(np.random.default_rng(3), "easy")
    return made_up_trace(SUDOKU, puzzle, random_answers(SUDOKU, DEPTH), depth=DEPTH)


def reads(player: Player) -> str:
    return "".join(player.root.locator("[data-cell]").all_text_contents())


def text_at(run: Trace, call: int, mode: str = "answer") -> str:
    """The expected text of the cells at a call, from 0: y of the last f_H call, or z."""
    answer = (call + 1) // 3 - 1
    y = run.inputs if answer < 0 else run.answers[answer]
    tokens = {"z": run.z_answers[call], "reverse": run.z_reverse[call]}.get(mode, y)
    return "".join(
        "." if SUDOKU.symbol_names[token] == "blank" else SUDOKU.symbols[token] for token in tokens
    )


def call_of(player: Player) -> int:
    step, cycle, call, _ = player.position
    return ((step - 1) * 2 + cycle - 1) * 3 + call - 1


STEPS = [  # keys pressed one after another, and the call that each leads to
    ("ArrowRight", 5),
    ("ArrowRight", 8),
    ("ArrowLeft", 5),
    ("Shift+ArrowRight", 11),
    ("Shift+ArrowRight", 17),
    ("Shift+ArrowLeft", 11),
    ("ArrowDown", 12),
    ("ArrowDown", 13),
    ("ArrowUp", 12),
    ("End", 23),
    ("ArrowRight", 23),
    ("Home", 2),
    ("ArrowLeft", 2),
    ("ArrowUp", 1),
    ("ArrowUp", 0),
    ("ArrowUp", 0),
]
MODES = dict(zip("123456", ["answer", "probabilities", "confidence", "change", "z", "reverse"], strict=True))


def test_every_key_that_moves(open_run, run):
    player = open_run()
    for key, call in STEPS:
        player.press(key)
        assert call_of(player) == call, key
        assert reads(player) == text_at(run, call), key


def test_every_view_by_key_and_by_button(open_run, run):
    player = open_run()
    player.press("ArrowRight", "ArrowDown")
    for key, mode in MODES.items():
        player.press("1" if key != "1" else "2", key)
        by_key = (player.mode, reads(player))
        player.press("1" if key != "1" else "2")
        player.root.get_by_test_id(f"mode-{mode}").click()
        assert by_key == (player.mode, reads(player)) == (mode, text_at(run, 6, mode))


def test_every_button_that_moves(open_run, run):
    player = open_run()
    for name, call in [("next", 5), ("last", 23), ("previous", 20), ("first", 2)]:
        player.root.get_by_test_id(name).click()
        assert (call_of(player), reads(player)) == (call, text_at(run, call)), name


def test_play_by_key_and_by_button_passes_every_answer_and_ends(open_run, run):
    """The page records what is shown at every change while it plays."""
    watch = """root => { root.seen = []; new MutationObserver(() => root.seen.push(
        [...root.querySelectorAll('[data-cell]')].map((cell) => cell.textContent).join("")
    )).observe(root, { attributes: true, attributeFilter: ["data-cycle", "data-supervision-step"] }); }"""
    player = open_run()
    player.root.evaluate(watch)
    player.root.get_by_test_id("speed").select_option("30")
    for start in (lambda: player.press("Space"), lambda: player.root.get_by_test_id("play").click()):
        player.press("Home")
        player.root.evaluate("root => { root.seen = [] }")
        start()
        button = player.root.get_by_test_id("play")
        player.eventually(
            lambda button=button: button.get_attribute("aria-pressed") == "false", "the end of the run"
        )
        seen = player.root.evaluate("root => root.seen")
        assert reads(player) == text_at(run, 23)
        expected = [text_at(run, call) for call in range(5, 24, 3)]
        # on a busy machine several calls are caught up at once, but in order
        assert [text for text in expected if text in seen] == list(dict.fromkeys(seen))
        assert len(seen) >= 2


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "touch"])
def test_every_press_on_the_timeline(open_run, run, touch):
    player = open_run(has_touch=touch)

    def press(x: float, y: float) -> None:
        """Each on another track: no two of these are a double press."""
        player.page.touchscreen.tap(x, y) if touch else player.page.mouse.click(x, y)

    axis = player.root.get_by_test_id("timeline-steps").bounding_box()
    press(axis["x"] + axis["width"] * 2.7 / 4, axis["y"] + 8)
    assert (call_of(player), reads(player)) == (17, text_at(run, 17))
    for track, share, call in (
        ("halting", 0.1, 2),
        ("right", 0.99, 23),
        ("residual-z", 0.3, 8),
        ("cell", 0.4, 11),
    ):
        box = player.root.locator(f".track-{track}").bounding_box()
        press(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
        assert (call_of(player), reads(player)) == (call, text_at(run, call)), track
    button = player.root.get_by_label("cycle 1, f_L 2").bounding_box()
    press(button["x"] + button["width"] / 2, button["y"] + button["height"] / 2)
    assert (call_of(player), reads(player)) == (7, text_at(run, 7))


def test_dragging_along_strips_and_calls_scrubs(open_run, run):
    player = open_run()
    mouse = player.page.mouse
    strip = player.root.locator(".track-entropy").bounding_box()
    y = strip["y"] + strip["height"] / 2
    mouse.move(strip["x"] + 3, y)
    mouse.down()
    for answer in (1, 4, 6, 3):
        mouse.move(
            strip["x"] + strip["width"] * (answer + 0.5) / 8, y + 40
        )  # outside the strip: dragging continues
        call = answer * 3 + 2
        assert (call_of(player), reads(player)) == (call, text_at(run, call))
    mouse.up()
    mouse.move(strip["x"] + strip["width"] - 3, y)
    assert call_of(player) == 11  # the button is released
    for place, call in ((0, 6), (4, 10), (2, 8)):
        box = player.root.locator(f"[data-place='{place}']").bounding_box()
        mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        if place == 0:
            mouse.down()
        assert (call_of(player), reads(player)) == (call, text_at(run, call))
    mouse.up()


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "touch"])
def test_cells_are_selected_by_click_and_by_key(open_run, run, touch):
    player = open_run(has_touch=touch)
    cell = player.cell(2, 1)
    cell.tap() if touch else cell.click()
    assert player.selected == "2,1"
    panel = player.root.get_by_test_id("cell-panel")

    def says(place: tuple[int, int]) -> bool:
        token = run.answers[0, place[0] * 4 + place[1]]
        words = f"Row {place[0] + 1}, column {place[1] + 1}"
        return (
            panel.inner_text().startswith(words) and f": {SUDOKU.symbols[token]} with" in panel.inner_text()
        )

    assert says((2, 1))
    for key, place in [("w", (1, 1)), ("a", (1, 0)), ("a", (1, 0)), ("s", (2, 0)), ("d", (2, 1))]:
        player.press(key)
        assert player.selected == f"{place[0]},{place[1]}" and says(place), key
    player.press("Escape")
    assert player.selected is None and "Click a cell" in panel.inner_text()
    assert reads(player) == text_at(run, 2)  # selecting does not move


def test_keys_that_do_not_move_leave_the_cells_unchanged(open_run, run):
    player = open_run()
    player.press("ArrowRight")
    for key in (
        "+",
        "+",
        "-",
        "-",
        "m",
        "m",
        "g",
        "n",
        "l",
        "y",
        "y",
        "?",
        "Escape",
        "f",
        "f",
        "x",
        "7",
        "Control+ArrowRight",
    ):
        player.press(key)
        assert (call_of(player), reads(player)) == (5, text_at(run, 5)), key


def test_this_file_uses_every_key_of_the_help(open_run):
    """Fails if a key is added without a test of the cells."""
    player = open_run()
    listed = " ".join(player.root.locator(".help .keys dt").all_text_contents())
    names = {
        "←": "ArrowLeft",
        "→": "ArrowRight",
        "↑": "ArrowUp",
        "↓": "ArrowDown",
        "home": "Home",
        "end": "End",
    }
    names |= {"space": "Space", "esc": "Escape", "shift": "Shift", "…": "2"}
    with Path(__file__).open(encoding="utf-8") as file:
        text = file.read()
    elsewhere = {
        "p",
        "e",
        "h",
        "o",
    }  # test_pair_shown.py, test_editing_in_browser.py, test_large_grids.py (of mazes only), test_state_map.py
    for key in set(listed.split()) - elsewhere:
        assert re.search(rf'["+]{re.escape(names.get(key, key))}["+]', text) or key in "123456", key
