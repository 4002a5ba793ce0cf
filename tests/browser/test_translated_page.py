"""A page that the browser translated, whose texts then stand in tags of the browser's, still says what is so now."""

from collections.abc import Callable

from player_page import PATIENCE, Player
from playwright.sync_api import expect
from select_box import choose_option

from trm.data import load_presets

TRANSLATE = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) found.push(texts.currentNode);
  for (const text of found) {
    if (!text.data.trim() || text.parentElement.closest("[translate=no], script, style, textarea")) continue;
    const [outer, inner] = [document.createElement("font"), document.createElement("font")];
    inner.textContent = `«${text.data}»`;
    outer.append(inner);
    text.replaceWith(outer);
  }
}"""  # as the translator of Chromium does
EASY, MEDIUM, *_ = load_presets("sudoku")


def test_what_is_said_of_a_puzzle_is_said_of_the_new_one(open_player: Callable[..., Player]):
    player = open_player()
    page = player.page
    page.get_by_text("computed live").wait_for(timeout=1000 * PATIENCE)
    line = page.locator(".st-key-puzzle_line")
    page.evaluate(TRANSLATE)
    expect(line).to_contain_text("«")
    assert "«" not in player.root.inner_text()  # digits and numbers are no words
    option = page.get_by_role("option", name=MEDIUM.title, exact=True)
    choose_option(page.get_by_role("combobox", name="Puzzle", exact=True), option)
    expect(line).to_contain_text(MEDIUM.title)
    expect(line).to_contain_text(MEDIUM.sentence)
    expect(line).not_to_contain_text(EASY.sentence)


def test_the_page_says_in_which_language_it_is(served, new_page):
    page = new_page()
    page.goto(f"{served.url}/lecture?lang=ru")
    page.get_by_test_id("lecture").wait_for()
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    page.get_by_role("link", name="Solve", exact=True).click()
    page.get_by_test_id("player").wait_for()
    expect(page.locator("html")).to_have_attribute("lang", "en")
