"""Opening the app on a server that has just come up: a recorded run at once, the model's own when it is loaded."""

import time

import pytest
from player_page import Player
from served_app import ServedApp

FIRST_GRID = 4.0  # seconds from the server being up


@pytest.mark.alone
def test_the_first_grid_is_there_at_once_and_the_model_takes_over_in_place(new_page):
    page = new_page()
    with ServedApp() as app:
        began = time.monotonic()
        page.goto(app.url, wait_until="commit")
        page.locator("[data-cell]").first.wait_for()
        seconds = time.monotonic() - began
        player = Player(page)
        label = player.root.locator(".label")
        assert "recorded on" in label.inner_text()
        player.cell(3, 3).click()
        player.press("Shift+ArrowRight", "ArrowRight", "ArrowDown", "4")
        before = (player.position, player.selected, player.mode, player.cells)
        player.eventually(lambda: "computed live" in label.inner_text(), "the model's own run")
        assert (player.position, player.selected, player.mode, player.cells) == before
        page.close()  # before its server goes
    assert seconds < FIRST_GRID, f"first grid after {seconds:.2f} s"
