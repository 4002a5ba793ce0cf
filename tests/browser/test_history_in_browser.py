"""Undo, redo and favourites on Solve, by key, mouse and touch."""

import pytest
from axe_findings import findings
from player_page import SHALLOW_LINK, Player
from playwright.sync_api import expect
from sudoku_texts import PUZZLE

PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}


@pytest.fixture
def player(kept_shallow_player: Player) -> Player:
    kept_shallow_player.reset()
    return kept_shallow_player


def is_in_window(node, page) -> bool:
    box, window = node.bounding_box(), page.viewport_size
    return box["x"] >= 0 and box["x"] + box["width"] <= window["width"] + 0.5


def test_ctrl_z_undoes_a_choice_and_in_a_text_field_only_the_text(player):
    page = player.page
    field = page.locator(".st-key-puzzle_text textarea")
    first = field.input_value()
    undo, redo = page.get_by_test_id("undo"), page.get_by_test_id("redo")
    expect(undo).to_be_disabled()
    player.type_puzzle(PUZZLE)
    expect(undo).to_be_enabled()
    page.get_by_test_id("star").click()
    name = page.get_by_test_id("favourites").get_by_role("textbox")
    name.press("x")
    name.press("Control+z")  # the browser's own undo
    expect(name).to_have_value("")
    page.wait_for_timeout(1000)
    assert f"puzzle={PUZZLE}" in page.url
    page.keyboard.press("Escape")
    player.cell(4, 4).click()
    player.press("Control+z")
    page.wait_for_url(f"**puzzle={first}**")
    expect(field).to_have_value(first)
    expect(undo).to_be_disabled()
    player.press("Control+Shift+z")
    page.wait_for_url(f"**puzzle={PUZZLE}**")
    expect(redo).to_be_disabled()
    undo.click()
    page.wait_for_url(f"**puzzle={first}**")


def test_favourites_have_names_stay_in_the_browser_and_open_where_they_were_saved(player):
    page = player.page
    player.press("Shift+ArrowRight")
    page.wait_for_url("**at=2.1.2**")
    star, panel = page.get_by_test_id("star"), page.get_by_test_id("favourites")
    star.click()
    name = panel.get_by_role("textbox")
    expect(name).to_be_focused()
    name.fill("<b>step two</b>")
    name.press("Enter")
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(star).to_be_focused()
    player.type_puzzle(PUZZLE)
    page.wait_for_url(f"**puzzle={PUZZLE}**")
    page.reload()
    again = Player(page)
    star.click()
    panel.get_by_role("button", name="<b>step two</b>", exact=True).click()
    again.eventually(lambda: again.position == (2, 1, 2, "f_H"), "the place that was saved")
    assert f"puzzle={PUZZLE}" not in page.url
    star.click()
    panel.get_by_role("button", name="Remove <b>step two</b>").click()
    expect(panel.get_by_role("listitem")).to_have_count(0)


@pytest.mark.slow
def test_on_a_phone_the_buttons_and_the_list_fit_the_window(open_player):
    player = open_player(SHALLOW_LINK, **PHONE)
    page = player.page
    for name in ("undo", "redo", "star"):
        assert is_in_window(page.get_by_test_id(name), page)
    page.get_by_test_id("star").tap()
    panel = page.get_by_test_id("favourites")
    expect(panel).to_be_visible()
    assert is_in_window(panel, page)
    player.root.locator(".place").tap()
    expect(panel).to_be_hidden()
