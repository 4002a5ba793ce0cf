"""Opening the app on a server that has just come up: a recorded run at once, the model's own when it is loaded."""

import time
from urllib.parse import urlsplit

import pytest
from player_page import PATIENCE, Player
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


PAGES = {
    "Solve": "[data-testid=player] [data-cell]",
    "Latents": ".js-plotly-plot",
    "Probes": ".js-plotly-plot",
    "Halting": ".js-plotly-plot",
    "Compare": "[data-testid=pair] [data-cell]",
    "Interventions": "[data-testid=pair] [data-cell]",
    "Lecture": "[data-testid=lecture] [data-cell]",
}
"""Every page, and what is there once it is drawn."""


def test_no_page_asks_anything_of_another_host(new_page, served):
    page, asked = new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.goto(served.url)
    icons = set()
    for name, drawn in PAGES.items():
        if name != "Solve":  # which the address opens
            page.get_by_role("link", name=name, exact=True).click()
        page.locator(drawn).first.wait_for(timeout=2000 * PATIENCE)
        icons |= set(page.locator("link[rel~=icon]").evaluate_all("links => links.map(({ href }) => href)"))
    host = urlsplit(served.url).netloc
    elsewhere = {url for url in [*asked, *icons] if urlsplit(url).netloc not in (host, "")}
    assert len(asked) > 20 and icons and not elsewhere, elsewhere
