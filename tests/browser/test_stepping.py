"""Stepping: every call shows what the model computed, and keys, mouse and playback move to the right call."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from player_page import Player

from trm.data import load_presets

EASY = load_presets("sudoku")[0].puzzle
ANSWERS = 48  # 16 supervision steps of 3 cycles
END = (16, 3, 7, "f_H")


@pytest.fixture
def player(kept_player: Player) -> Player:
    kept_player.reset()
    return kept_player


STEP_THROUGH = """(root, answers) => Array.from({ length: answers }, () => {
  const { supervisionStep, cycle, call, kind } = root.dataset;
  const cells = [...root.querySelectorAll("[data-cell]")].map((cell) => cell.textContent).join("");
  const halt = Number(root.querySelector("[data-testid=halt-probability]").textContent);
  document.body.dispatchEvent(
    new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, composed: true, cancelable: true }));
  return { at: [supervisionStep, cycle, call, kind].join("."), cells, halt };
})"""
"""What is shown at each answer, from one press of a key to the next."""


def test_every_f_H_call_shows_what_trm_solve_computes(player, solved):
    expected = solved(EASY)
    for answer, shown in enumerate(player.root.evaluate(STEP_THROUGH, ANSWERS)):
        step, cycle = answer // 3 + 1, answer % 3 + 1
        assert shown["at"] == f"{step}.{cycle}.7.f_H"
        assert shown["cells"] == expected["answers"][answer]
        assert shown["halt"] == pytest.approx(expected["halt_probability"][step - 1], abs=0.00051)
    assert player.position == END  # the last call
    player.press("ArrowLeft")
    assert player.position == (16, 2, 7, "f_H")
    assert player.cells == expected["answers"][-2]


def test_every_f_L_call_keeps_y_and_moves_on_by_one(player, solved):
    answers = solved(EASY)["answers"]
    for call in range(1, 7):
        player.press("ArrowDown")
        assert player.position == (1, 2, call, "f_L")
        assert player.cells == answers[0]
    player.press("ArrowDown")
    assert player.position == (1, 2, 7, "f_H")
    assert player.cells == answers[1]
    player.press("ArrowUp")
    assert player.position == (1, 2, 6, "f_L")
    assert player.cells == answers[0]


def test_before_the_first_f_H_call_only_the_puzzle_is_shown(player):
    player.press(*["ArrowUp"] * 8)
    assert player.position == (1, 1, 1, "f_L")
    assert player.cells == EASY
    assert not player.flagged("wrong")


def test_shift_arrows_move_by_supervision_steps_and_home_and_end_to_the_ends(player):
    player.press("Shift+ArrowRight", "Shift+ArrowRight")
    assert player.position == (3, 1, 7, "f_H")
    player.press("Shift+ArrowLeft")
    assert player.position == (2, 1, 7, "f_H")
    player.press("End")
    assert player.position == END
    player.press("Home")
    assert player.position == (1, 1, 7, "f_H")


def test_the_classes_of_cells_match_the_trace(player, traced):
    trace = traced(EASY)

    def places(mask) -> set[str]:
        return {f"{cell // 9},{cell % 9}" for cell in mask.nonzero()[0].tolist()}

    for answer in range(3):
        assert player.flagged("given") == places(trace.inputs > 1)
        assert player.flagged("wrong") == places(trace.answers[answer] != trace.labels)
        before = trace.answers[answer - 1] if answer else trace.answers[0]
        assert player.flagged("changed") == places(trace.answers[answer] != before)
        player.press("ArrowRight")


@pytest.fixture
def timed(open_run) -> Iterator[Player]:
    """The player alone, showing a run of 8 answers; its page's clock moves by `run_for` only."""
    player = open_run()
    player.page.clock.install()
    player.page.clock.pause_at(datetime.now() + timedelta(hours=1))
    yield player
    player.page.close()  # its clock stays as it is


def answer_on_screen(player: Player) -> int:
    """Number of the answer that is shown, from 0; there are two a supervision step."""
    step, cycle, _, _ = player.position
    return 2 * (step - 1) + cycle - 1


def test_space_plays_and_stops(timed):
    timed.press("Space")
    timed.page.clock.run_for(900)
    assert answer_on_screen(timed) == 4  # 5 a second
    timed.press("Space")
    timed.page.clock.run_for(2000)
    assert answer_on_screen(timed) == 4


def test_playback_follows_the_speed_and_ends_at_the_last_answer(timed):
    button = timed.root.get_by_test_id("play")
    timed.root.get_by_test_id("speed").select_option("30")
    timed.press("Space")
    timed.page.clock.run_for(150)
    assert answer_on_screen(timed) == 4
    assert button.get_attribute("aria-pressed") == "true"
    timed.page.clock.run_for(1000)
    assert answer_on_screen(timed) == 7
    assert button.get_attribute("aria-pressed") == "false"


def test_buttons_do_what_keys_do(player):
    for name, expected in [
        ("next", (1, 2, 7, "f_H")),
        ("last", END),
        ("previous", (16, 2, 7, "f_H")),
        ("first", (1, 1, 7, "f_H")),
    ]:
        player.root.get_by_test_id(name).click()
        assert player.position == expected


def test_a_click_on_the_timeline_goes_there(player):
    axis = player.root.get_by_test_id("timeline-steps")
    width = axis.bounding_box()["width"]
    axis.click(position={"x": width * 8.5 / 16, "y": 5})
    assert player.position == (9, 2, 7, "f_H")
    halting = player.root.locator(".track-halting")
    halting.click(position={"x": width * 15.9 / 16, "y": 20})
    assert player.position == END


def test_a_click_on_a_call_goes_there(player):
    player.press("Shift+ArrowRight")
    player.root.get_by_label("cycle 2, f_L 3").click()
    assert player.position == (2, 2, 3, "f_L")


@pytest.mark.parametrize(
    ("key", "mode", "caption"),
    [
        ("1", "answer", "y decoded with the output head"),
        ("2", "probabilities", "Symbol size"),
        ("3", "confidence", "highest probability"),
        ("4", "change", "after the previous f_H call"),
        ("5", "z", "never trained on z"),
        ("6", "reverse", "z decoded by reverse embedding"),
    ],
)
def test_modes(player, traced, key, mode, caption):
    player.press("ArrowRight", "ArrowRight", "2", key)  # the last cycle, whose caption has no warning
    assert player.mode == mode
    assert player.root.get_by_test_id(f"mode-{mode}").get_attribute("aria-pressed") == "true"
    assert caption in player.root.locator(".caption").inner_text()
    trace = traced(EASY)
    tokens = {"z": trace.z_answers[20], "reverse": trace.z_reverse[20]}.get(mode, trace.answers[2])
    assert player.cells == "".join("..123456789"[token] for token in tokens)


def test_pencil_marks_are_drawn_and_follow_the_call(player):
    ink = "canvas => canvas.toDataURL()"
    canvas = player.root.locator("canvas.pencil")
    player.press("2")
    first = canvas.evaluate(ink)
    player.press("Shift+ArrowRight")
    later = canvas.evaluate(ink)
    blank = canvas.evaluate(
        "c => Object.assign(document.createElement('canvas'), { width: c.width, height: c.height }).toDataURL()"
    )
    assert len({first, later, blank}) == 3


def test_y_inside_a_step_is_called_an_intermediate_answer(player):
    assert "Intermediate answer" in player.root.locator(".caption").inner_text()
    player.press("ArrowRight", "ArrowRight")
    assert "Intermediate answer" not in player.root.locator(".caption").inner_text()


def test_a_clicked_cell_shows_probabilities_that_sum_to_one(player, traced):
    trace = traced(EASY)
    player.cell(4, 7).click()
    assert player.selected == "4,7"
    for answer in range(3):
        shown = player.probabilities
        assert sum(shown) == pytest.approx(1, abs=1e-6)
        assert shown == pytest.approx((trace.probabilities[answer, 43] / 255).tolist(), abs=0.005)
        player.press("ArrowRight")


def test_the_selection_moves_with_w_a_s_d(player):
    player.cell(4, 4).click()
    player.press("w", "d", "d", "s", "s", "a")
    assert player.selected == "5,5"
    player.press("Escape")
    assert player.selected is None


def test_help_lists_the_keys_and_closes(player):
    help_list = player.root.get_by_role("dialog", name="Help")
    player.press("?")
    assert help_list.is_visible()
    assert "previous or next supervision step" in help_list.inner_text()
    assert "edit the puzzle" in help_list.inner_text()  # a key of this page, not listed by a player alone
    player.press("Escape")
    assert not help_list.is_visible()
    player.root.get_by_test_id("help").click()
    player.root.get_by_test_id("close-help").click()
    assert not help_list.is_visible()


def test_full_screen_fills_the_window_and_can_be_left(player):
    def is_full() -> bool:
        return "full" in (player.root.get_attribute("class") or "").split()

    player.press("f")
    player.eventually(is_full, "full screen")
    box = player.root.bounding_box()
    assert (box["width"], box["height"]) == (1280, 800)
    player.press("ArrowRight")
    assert player.position == (1, 2, 7, "f_H")
    player.press("f")
    player.eventually(lambda: not is_full(), "the page again")


LISTEN = """() => {
  const { send } = WebSocket.prototype;
  window.told = [];
  WebSocket.prototype.send = function (data) { window.told.push(data); return send.call(this, data); };
}"""


def test_stepping_asks_nothing_of_the_server_and_writes_the_view_into_the_address(player):
    page, sent = player.page, []
    page.wait_for_timeout(1000)  # what the page itself reports
    page.evaluate(LISTEN)
    page.on("request", lambda request: sent.append(request.url))
    player.press("ArrowRight", "ArrowDown", "3")
    page.wait_for_url("**at=1.3.1**mode=confidence**")
    page.wait_for_timeout(1000)
    assert sent == page.evaluate("window.told") == []
    player.press("p")  # pinning is told
    page.wait_for_function("window.told.length")
