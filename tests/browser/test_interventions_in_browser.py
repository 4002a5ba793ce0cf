"""The page Interventions as a person uses it: every ready-made experiment by one click, two players on one clock, one's own change."""

import re

import pytest
from player_page import PATIENCE, Player
from playwright.sync_api import expect

from probes.interventions.presets import EXPERIMENTS


@pytest.fixture
def page(served, browser):
    """The page as a link opens it, with runs of a few calls. In a context of its own: for an address below the root Streamlit
    asks for files that are not there, and writes that to the console.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(served.url)
    page.get_by_test_id("player").wait_for(timeout=1000 * PATIENCE)
    page.goto(f"{served.url}/interventions?model=sudoku-trm&steps=2&n=1&T=1")
    page.get_by_test_id("pair").wait_for(timeout=2000 * PATIENCE)
    yield page
    context.close()


def choose(page, title: str) -> None:
    """A click on an experiment in the row above the players."""
    page.locator(".st-key-experiment").get_by_text(title, exact=True).click()


def test_the_experiments_and_a_change_of_ones_own(page):
    pair = page.get_by_test_id("pair")
    first = Player(page)
    for key, experiment in EXPERIMENTS.items():
        choose(page, experiment.title)
        title = pair.locator(".half-head").nth(1)
        expect(title).to_contain_text(experiment.title)
        expect(page.get_by_text(experiment.question)).to_be_visible()
        first.eventually(lambda key=key: f"experiment={key}" in page.url, "the experiment in the address")
        left, right = Player(page), Player(page, 1)
        left.press("End")
        assert left.position == right.position and left.position[3] == "f_H"
        said = pair.get_by_test_id("differences").inner_text()
        assert re.match(r"(\d+ of 81 cells? differ|No cell differs|The same run)", said), said
        marked = [player.flagged("differs") for player in (left, right)]
        assert marked[0] == marked[1]
    # right answer as y is wrong in no cell right away; the wrong one is wrong in every blank cell
    choose(page, EXPERIMENTS["wrong-answer"].title)
    expect(pair.locator(".half-title").nth(1)).to_contain_text("answer before 2.1.1")

    choose(page, "Your own")
    field = page.locator(".st-key-own_changes textarea")
    field.fill("zero yz after 1.1.1 in r9c9")
    field.press("Control+Enter")
    expect(pair.locator(".half-title").nth(1)).to_contain_text("zero yz after 1.1.1 in r9c9")
    field.fill("zero yz behind 1.1.1")
    field.press("Control+Enter")
    expect(page.get_by_role("alert").filter(has_text="before")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
