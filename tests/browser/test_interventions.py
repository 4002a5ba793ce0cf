"""The page Interventions as a person uses it: every ready-made experiment by one click, two players on one clock, one's own change."""

import re

import pytest
from player_page import Player
from playwright.sync_api import expect

from probes.experiments import EXPERIMENTS


@pytest.fixture
def page(served, new_page):
    page = new_page()
    page.goto(served.url)
    page.get_by_test_id("player").wait_for()
    page.get_by_role("link", name="Interventions").click()
    page.get_by_test_id("pair").wait_for()
    return page


def test_the_experiments_and_a_change_of_ones_own(page):
    pair = page.get_by_test_id("pair")
    first = Player(page)
    for key, experiment in EXPERIMENTS.items():
        page.get_by_role("button", name=experiment.title, exact=True).click()
        title = pair.locator(".half-title").nth(1)
        expect(title).to_contain_text(experiment.title)
        expect(page.get_by_text(experiment.watch)).to_be_visible()
        first.eventually(lambda key=key: f"experiment={key}" in page.url, "the experiment in the address")
        left, right = Player(page), Player(page, 1)
        left.press("End")
        assert left.position == right.position and left.position[3] == "f_H"
        said = pair.get_by_test_id("differences").inner_text()
        assert re.match(r"(\d+ of 81 cells? differ|No cell differs|The same run)", said), said
        marked = [player.flagged("differs") for player in (left, right)]
        assert marked[0] == marked[1]
    # right answer as y is wrong in no cell right away; the wrong one is wrong in every blank cell
    page.get_by_role("button", name=EXPERIMENTS["wrong-answer"].title, exact=True).click()
    expect(pair.locator(".half-title").nth(1)).to_contain_text("answer before 2.1.1")

    page.get_by_role("button", name="Your own", exact=True).click()
    field = page.locator(".st-key-own_changes textarea")
    field.fill("zero yz after 1.1.1 in r9c9")
    field.press("Control+Enter")
    expect(pair.locator(".half-title").nth(1)).to_contain_text("zero yz after 1.1.1 in r9c9")
    field.fill("zero yz behind 1.1.1")
    field.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("before")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
