"""The Interventions page in a browser: preset experiments, two players on one clock, custom interventions, steering."""

import re
from collections.abc import Callable

import pytest
from player_page import PATIENCE, Player
from playwright.sync_api import Page, expect
from served_app import Served

from probes.interventions.presets import EXPERIMENTS


@pytest.fixture
def page(new_page: Callable[..., Page], served: Served) -> Page:
    """The page opened by a link, with runs of a few calls."""
    page = new_page()
    page.goto(f"{served.url}/interventions?model=sudoku-trm&steps=2&n=1&T=1")
    page.get_by_test_id("pair").wait_for(timeout=2000 * PATIENCE)
    return page


def choose(page, title: str) -> None:
    """Click an experiment in the row above the players."""
    page.locator(".st-key-experiment").get_by_text(title, exact=True).click()


@pytest.mark.slow
def test_an_experiment_and_custom_interventions(page):
    pair = page.get_by_test_id("pair")
    experiment = EXPERIMENTS["wrong-answer"]  # the others: tests/app/screens/test_interventions_page.py
    choose(page, experiment.title)
    title = pair.locator(".half-head").nth(1)
    expect(title).to_contain_text(experiment.title)
    expect(page.get_by_text(experiment.question)).to_be_visible()
    left, right = Player(page), Player(page, 1)
    left.eventually(lambda: "experiment=wrong-answer" in page.url, "the experiment in the address")
    left.press("End")
    assert left.position == right.position and left.position[3] == "f_H"
    differences = pair.get_by_test_id("differences").inner_text()
    assert re.match(r"(\d+ of 81 cells? differ|No cells differ|Both sides show)", differences), differences
    assert left.flagged("differs") == right.flagged("differs")
    expect(pair.locator(".half-title").nth(1)).to_contain_text("answer before 2.1.1")

    choose(page, "Custom")
    field = page.locator(".st-key-custom_interventions textarea")
    field.fill("zero yz after 1.1.1 in r9c9")
    field.press("Control+Enter")
    expect(pair.locator(".half-title").nth(1)).to_contain_text("zero yz after 1.1.1 in r9c9")
    field.fill("zero yz behind 1.1.1")
    field.press("Control+Enter")
    expect(page.get_by_role("alert").filter(has_text="before")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


@pytest.mark.slow
def test_steering_by_hand_with_the_keyboard_and_a_copied_link(page, new_page):
    """Each of the controls: tests/app/screens/test_steering.py."""
    choose(page, "Steer by hand")
    title = page.get_by_test_id("pair").locator(".half-title").nth(1)
    expect(title).to_contain_text("steer y after 1.1.2")
    page.locator(".st-key-steer_cells input").fill("all")
    page.locator(".st-key-steer_cells input").press("Enter")
    expect(title).not_to_contain_text(" in r")
    right = Player(page, 1)
    before, position = right.cells, right.position
    slider = page.locator(".st-key-steer_size").get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")  # as far away from the class as possible
    expect(title).to_contain_text("size -2")
    right.eventually(lambda: right.cells != before, "the grid changes")
    assert right.position == position  # the keys belong to the slider
    page.keyboard.press("ArrowRight")
    expect(title).to_contain_text("size -1.95")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280

    copied = new_page()
    copied.goto(page.url)
    other = copied.get_by_test_id("pair").locator(".half-title").nth(1)
    expect(other).to_have_text(title.inner_text(), timeout=2000 * PATIENCE)
    theirs = Player(copied, 1)
    theirs.eventually(lambda: theirs.cells == right.cells, "the same run")
    assert theirs.position == position and theirs.cells != Player(copied).cells
    assert copied.locator(".st-key-steer_size").get_by_role("slider").input_value() == "-1.95"
