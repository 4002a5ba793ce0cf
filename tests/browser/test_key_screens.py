"""A few key screens look as they did: a broken layout fails, other fonts do not.

A screen is compared as blocks of 10x10 pixels, because letters differ from machine to machine. The images that are compared
with are in `key_screens/`, one pixel a block. After a wanted change, write them again and look at them:
`KEY_SCREENS=write .venv/bin/pytest tests/browser/test_key_screens.py`.
"""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float
from PIL import Image
from player_page import PATIENCE
from playwright.sync_api import Page

from app.screens.lecture import offline
from tests.browser.test_pages_fit_the_window import CHARTS, drawn_charts

FOLDER = Path(__file__).parent / "key_screens"
SIZE, BLOCK = (1280, 800), 10
DIFFERENT = 0.15  # change of a block's colour that is seen, 1 from black to white
SHARE = 0.02  # of the blocks: what fonts change
BROKEN = {
    "player": ".player .right { margin-left: 60px !important }",
    "latents": ".js-plotly-plot { margin-top: 60px !important }",
    "lecture": ".player { margin-top: 60px !important }",
}
"""Layouts as they must not be."""


def blocks(page: Page) -> Float[np.ndarray, "rows columns 3"]:
    """The mean colours of the blocks of what is seen, from 0 to 1."""
    page.mouse.move(0, 0)
    image = Image.open(BytesIO(page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
    return np.asarray(image.resize((SIZE[0] // BLOCK, SIZE[1] // BLOCK), Image.Resampling.BOX)) / 255


def difference(seen: np.ndarray, known: np.ndarray) -> float:
    """The share of blocks that look different."""
    return float((np.abs(seen - known).max(-1) > DIFFERENT).mean())


@pytest.fixture(scope="module")
def lecture_file(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("lecture") / "lecture.html"
    assert offline.main(["--out", str(file)]) == 0
    return file


@pytest.fixture
def show(open_run, served, new_page, lecture_file) -> Callable[[str, str], Page]:
    """Opens a key screen in a colour scheme."""

    def player(scheme: str) -> Page:
        player = open_run(color_scheme=scheme)
        player.press("ArrowRight", "ArrowRight")
        return player.page

    def latents(scheme: str) -> Page:
        page = new_page(*SIZE, color_scheme=scheme)
        page.goto(f"{served.url}/latents?model=sudoku-trm")
        page.get_by_test_id("stMain").get_by_text("PCA").first.wait_for(timeout=2000 * PATIENCE)
        drawn_charts(page, CHARTS["latents"])
        return page

    def lecture(scheme: str) -> Page:
        page = new_page(*SIZE, color_scheme=scheme)
        page.goto(lecture_file.as_uri())
        for _ in range(2):
            page.locator("[data-testid=lecture] [data-cell]").first.wait_for(timeout=1000 * PATIENCE)
            page.keyboard.press("PageDown")
        return page

    return lambda screen, scheme: {"player": player, "latents": latents, "lecture": lecture}[screen](scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", BROKEN)
def test_a_key_screen_looks_as_it_did(show, screen, scheme):
    page, file = show(screen, scheme), FOLDER / f"{screen}-{scheme}.png"
    if os.environ.get("KEY_SCREENS") == "write":
        page.wait_for_timeout(1000)
        Image.fromarray((blocks(page) * 255).round().astype(np.uint8)).save(file, optimize=True)
    known = np.asarray(Image.open(file)) / 255
    shares: list[float] = []
    for _ in range(20):  # what is drawn a moment later, such as the points of a chart
        shares.append(difference(blocks(page), known))
        if shares[-1] <= SHARE:
            break
        page.wait_for_timeout(250)
    assert shares[-1] <= SHARE, f"{shares[-1]:.1%} of {file.name} looks different"
    style = page.add_style_tag(content=BROKEN[screen])
    broken = difference(blocks(page), known)
    style.evaluate("node => node.remove()")  # the page is used again
    assert broken > 2 * SHARE, "a broken layout would not be seen"
