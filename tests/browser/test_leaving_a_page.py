"""Going from page to page while something of the one that is left is still on its way to the server."""

from collections.abc import Callable

import pytest
from player_page import SHALLOW_LINK, Player
from playwright.sync_api import Page, expect
from served_app import Served
from slow_line import Line

PRESS_AND_LEAVE = """(ms) => new Promise((done) => {
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, composed: true, cancelable: true }));
  setTimeout(() => {
    [...document.querySelectorAll("a")].find((link) => link.textContent.trim().endsWith("Halting")).click();
    done();
  }, ms);
})"""
BEFORE_IT_IS_TOLD = 490  # ms from a key to the click: the player tells its view after 500


@pytest.mark.slow
def test_a_view_that_is_told_on_the_way_to_another_page_does_not_empty_that(
    new_page: Callable[..., Page], served: Served
):
    page = new_page()
    line = Line(page)
    page.goto(f"{served.url}/{SHALLOW_LINK}")
    page.get_by_text("computed live").wait_for()
    Player(page)
    line.hold()
    page.evaluate(PRESS_AND_LEAVE, BEFORE_IT_IS_TOLD)
    page.wait_for_timeout(1500)
    line.let_go()
    expect(page.get_by_role("heading", name="Does the model know when it is done?")).to_be_visible()
    page.wait_for_timeout(1000)  # what the page says after its first run
    expect(page.get_by_role("heading", name="Does the model know when it is done?")).to_be_visible()
    page.close()
