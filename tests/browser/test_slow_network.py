"""What a person does is not undone by what the page says of itself before it has the answer."""

from collections.abc import Callable

import pytest
from player_page import Player
from playwright.sync_api import Page
from served_app import ServedApp
from slow_line import Line

OWN = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"


@pytest.mark.slow
@pytest.mark.alone  # the delays are those of the line, not of a busy machine
@pytest.mark.parametrize(
    "routes",
    [True, False],
    ids=["slow_routes", "fast_routes"],
)
def test_a_typed_puzzle_stays_though_the_model_is_loaded_meanwhile(
    new_page: Callable[..., Page], routes: bool
):
    """When the model of a new server is loaded the page is run again, and tells the preset that is chosen for all it knows."""
    with ServedApp() as served:
        page = new_page()
        line = Line(page, routes=routes)
        page.goto(served.url)
        player = Player(page)
        line.hold()
        player.type_puzzle(OWN)
        page.wait_for_timeout(4500)  # the model is loaded meanwhile
        line.let_go()
        page.get_by_text("computed live").wait_for(timeout=120_000)
        assert page.locator(".st-key-puzzle_text textarea").input_value() == OWN
        assert f"puzzle={OWN}" in page.url
