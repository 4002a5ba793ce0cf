"""A reload shows what was chosen on a page, and choosing makes no step of the browser's way back."""

import pytest
from player_page import PATIENCE
from playwright.sync_api import Page, expect


def choose(page: Page, key: str, name: str) -> None:
    """One of the buttons of the control of that key."""
    page.locator(f".st-key-{key}").get_by_role("radio", name=name, exact=True).click()


def is_chosen(page: Page, key: str, name: str) -> None:
    control = page.locator(f".st-key-{key}").get_by_role("radio", name=name, exact=True)
    expect(control).to_be_checked(timeout=1000 * PATIENCE)


CHOICES = [("probes_view", "On one puzzle"), ("probes_state", "y")]


@pytest.mark.slow
def test_a_reload_shows_the_view_that_was_chosen(served, new_page):
    """As a copied link does, and on all pages: tests/app/state/test_choices_in_address.py."""
    page = new_page()
    page.goto(f"{served.url}/probes?model=sudoku-trm")
    page.locator(".js-plotly-plot").last.wait_for(timeout=1000 * PATIENCE)  # the page is drawn
    steps = page.evaluate("history.length")
    for key, name in CHOICES:
        choose(page, key, name)
        is_chosen(page, key, name)
        page.wait_for_function("key => location.search.includes(key)", arg=CHOICES[0][0])
    assert page.evaluate("history.length") == steps
    page.reload()
    for key, name in CHOICES:
        is_chosen(page, key, name)
