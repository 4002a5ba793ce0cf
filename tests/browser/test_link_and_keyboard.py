"""The link to a view, and the player by keyboard."""

import re
from collections.abc import Callable

import pytest
from eventful_run import shown_part
from player_page import Player
from playwright.sync_api import expect

CLIPBOARD = """(allowed) => Object.defineProperty(navigator, "clipboard", { configurable: true, value: {
  writeText: async (text) => { if (!allowed) throw new DOMException("refused", "NotAllowedError"); window.copied = text; },
} })"""


def test_the_link_to_the_view_is_copied_by_key_and_by_button(open_run):
    player = open_run()
    player.page.evaluate(CLIPBOARD, True)
    player.cell(1, 2).click()
    player.press("Shift+ArrowRight", "ArrowDown")
    said = player.root.locator(".copied")
    for mode, copy in (
        ("confidence", lambda: player.press("3", "l")),
        ("change", lambda: (player.press("4"), player.root.get_by_test_id("copy-link").click())),
    ):
        copy()
        expect(said).to_have_text("Copied")
        assert player.page.evaluate("window.copied") == f"http://player.test/?at=2.2.1&mode={mode}&cell=1%2C2"
    player.page.wait_for_timeout(1200)
    assert said.inner_text() == "Copied"
    expect(said).to_have_text("")
    assert player.root.get_by_test_id("link").is_hidden()


@pytest.mark.parametrize("clipboard", ["refused", "absent"])
def test_without_a_clipboard_the_link_is_shown_selected(open_run, clipboard):
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
FOCUSED = """() => {
  const node = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(node);
  const name = node.dataset.testid ?? node.dataset.marker ?? node.dataset.event ?? node.className;
  return node.closest("[data-testid=player]") && [name, outlineStyle, parseFloat(outlineWidth)];
}"""
"""The name and the outline of what has the focus, if it is in the player."""


def test_every_control_is_reached_by_tab_and_shows_the_focus(open_run):
    player = open_run()
    player.press("+")
    player.cell(1, 1).click()
    wanted = player.root.evaluate(
        "root => [...root.querySelectorAll('button, select, [role=slider], [role=grid], [data-term][tabindex]')]"
        ".filter((node) => node.checkVisibility() && !node.closest('.flags, .calls:not(:has([tabindex=\"0\"]))') && node.tabIndex >= 0).length"
    )
    seen = set()
    player.page.evaluate("document.activeElement.blur()")
    for _ in range(wanted + 5):
        player.press("Tab")
        if focused := player.page.evaluate(FOCUSED):
            name, style, width = focused
            assert style == "solid" and width >= 2, name
            seen.add(name)
    assert {"mode-z", "first", "play", "speed", "marks", "copy-link", "full", "help", "zoom-in"} <= seen
    assert {"zoom-cycle", "timeline-steps", "solved", "lost", "final", "right", "regained"} <= seen
    assert any(name.startswith("cells") for name in seen) and any("f_H" in name for name in seen)


def test_the_focus_follows_the_current_call(open_run):
    player = open_run()
    focused = "document.activeElement.getAttribute('aria-label')"
    player.root.get_by_label("cycle 1, f_H").focus()
    player.press("ArrowDown")
    assert player.page.evaluate(focused) == "cycle 2, f_L 1"
    player.press("ArrowRight")
    assert player.page.evaluate(focused) == "cycle 2, f_H"
    assert player.root.locator(".calls [tabindex='0']").count() == 1


def test_help_lists_every_key_takes_the_focus_and_returns_it(open_run):
    player = open_run()
    player.root.get_by_test_id("timeline-steps").focus()
    player.press("?")
    dialog = player.root.get_by_role("dialog", name="Help")
    expect(player.root.get_by_test_id("close-help")).to_be_focused()
    shown = re.sub(r"\s+", " ", " ".join(dialog.locator(".keys dt").all_text_contents()))
    assert shown == "← → shift ← → ↑ ↓ home end space 1 … 6 w a s d + - g n y o shift o m h p e l f ? esc"
    player.press("Escape")
    expect(player.root.get_by_test_id("timeline-steps")).to_be_focused()


def test_help_is_visible_at_any_scroll_position(open_run):
    player = open_run(width=390, height=844)
    for place in (0, 10_000):
        player.page.evaluate("(place) => scrollTo(0, place)", place)
        player.press("?")
        box = player.root.get_by_test_id("close-help").bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 844
        player.press("Escape")


# ---- in the app


@pytest.fixture
def player(kept_shallow_player: Player) -> Player:
    kept_shallow_player.reset()
    return kept_shallow_player


def visit(player: Player, page: str) -> Player:
    """Go there by the menu; the player, once it is on the page again, is that of Solve."""
    player.page.get_by_role("link", name=page.title(), exact=True).click()
    if page != "solve":
        player.page.wait_for_url(f"**/{page}**")
        return player
    player.page.wait_for_url(lambda url: url.rpartition("/")[2].partition("?")[0] == "")
    back = Player(player.page)
    back.root.get_by_test_id("play").wait_for()  # two players share theirs, so this is not yet another page's
    return back


def test_a_copied_link_opens_the_view_in_another_session_at_once(player, open_player):
    player.page.evaluate(CLIPBOARD, True)
    player.cell(2, 5).click()
    player.press("Shift+ArrowRight", "ArrowRight", "ArrowDown", "2", "l")  # before the address changes
    expect(player.root.locator(".copied")).to_have_text("Copied")
    link = player.page.evaluate("window.copied")
    theirs = open_player("?" + link.partition("?")[2])
    assert theirs.position == player.position == (2, 3, 1, "f_L")
    assert (theirs.selected, theirs.mode) == ("2,5", "probabilities")
    assert theirs.cells == player.cells


def test_returning_from_another_page_restores_the_view_but_not_for_a_puzzle_opened_again(player):
    field = player.page.locator(".st-key-puzzle_text textarea")
    first = field.input_value()
    player.cell(2, 5).click()
    player.press("ArrowRight", "ArrowDown", "3")  # the page is left before the view is in the address
    visit(player, "halting")
    back = visit(player, "solve")
    back.eventually(lambda: back.position == (1, 3, 1, "f_L"), "the place that was left")
    assert (back.selected, back.mode) == ("2,5", "confidence")
    back.page.wait_for_url("**at=1.3.1**")
    back.page.locator(".st-key-new_puzzle button").click()
    back.page.wait_for_url("**at=1.1.2**")
    back.type_puzzle(first)
    back.page.wait_for_url(f"**puzzle={first}**")
    back.page.wait_for_timeout(1000)
    assert back.position == (1, 1, 2, "f_H")


def test_a_puzzle_chosen_on_another_page_starts_at_its_beginning(player):
    player.press("ArrowRight", "3")
    player.page.wait_for_url("**at=1.2.2**")
    visit(player, "interventions")
    field = player.page.locator(".st-key-puzzle_text textarea")
    before = field.input_value()
    player.page.locator(".st-key-new_puzzle button").click()
    player.eventually(lambda: field.input_value() != before, "another puzzle")
    back = visit(player, "solve")
    back.page.wait_for_timeout(1000)
    assert (back.position, back.mode) == ((1, 1, 2, "f_H"), "answer")


def test_the_app_does_not_use_the_players_keys(player):
    player.press("m", "+", "+", "-")
    assert shown_part(player) == ("step", [0, 6])
    marks = player.root.get_by_test_id("marks")
    assert marks.get_attribute("aria-pressed") == "true"
    assert player.position == (1, 1, 2, "f_H")
    player.press("m")
    assert marks.get_attribute("aria-pressed") == "false"


def test_after_a_choice_in_the_sidebar_the_player_receives_the_keys(player):
    """A used list does not open and a used button is not pressed again, unless it was reached by Tab."""
    page, field = player.page, player.page.locator(".st-key-puzzle_text textarea")
    puzzles = page.get_by_role("combobox", name="Puzzle", exact=True)

    def moves_and_plays() -> None:
        shown, text = player.position, field.input_value()
        player.press("ArrowRight")
        assert player.position != shown
        player.press("Space")
        expect(player.root.get_by_test_id("play")).to_have_attribute("aria-pressed", "true")
        player.press("Space", "Home", "s", "a")
        expect(player.root.get_by_test_id("play")).to_have_attribute("aria-pressed", "false")
        expect(puzzles).to_have_attribute("aria-expanded", "false")
        page.wait_for_timeout(500)  # a key that went elsewhere would have an effect by now
        assert field.input_value() == text

    def chosen(act: Callable[[], None]) -> None:
        before = player.cells
        act()
        player.eventually(lambda: player.cells not in (before, ""), "another puzzle")

    puzzles.click()
    chosen(page.get_by_role("option", name="Hard", exact=True).click)
    moves_and_plays()
    chosen(page.locator(".st-key-new_puzzle button").click)
    moves_and_plays()
    field.click()
    player.press("ArrowRight", "Shift+Tab")
    while not page.evaluate("document.activeElement.matches('[role=combobox]')"):
        player.press("Shift+Tab")
    player.press("ArrowDown")
    opened = page.locator("[role=combobox][aria-expanded=true]")
    expect(opened).to_have_count(1)
    chosen(lambda: player.press("ArrowDown", "Enter"))
    expect(opened).to_have_count(0)
    moves_and_plays()


MOST_ENTRIES = 50  # of a history, by Chromium


def test_views_add_no_entries_to_the_browser_history(player):
    """Views and lecture scenes are in the address, and Back still leads to the previous page."""
    page = player.page
    player.press("ArrowRight")
    page.wait_for_url("**at=1.2.2**")
    steps = page.evaluate("history.length")
    for key, at in (("ArrowRight", "1.3.2"), ("ArrowDown", "2.1.1")):
        player.press(key)
        page.wait_for_url(f"**at={at}**")
    page.wait_for_timeout(1000)  # until Python could have set an address
    assert page.evaluate("history.length") == steps
    page.get_by_role("link", name="Lecture", exact=True).click()
    page.wait_for_url("**scene=states**")
    for scene in ("one-call", "n-calls", "answer"):
        player.press("PageDown")
        page.wait_for_url(f"**scene={scene}**")
    page.wait_for_timeout(1000)
    assert page.evaluate("history.length") == min(steps + 1, MOST_ENTRIES)
    page.go_back()
    back = Player(page)
    back.eventually(lambda: back.position == (2, 1, 1, "f_L"), "the place that was left")
    assert "at=2.1.1" in page.url
