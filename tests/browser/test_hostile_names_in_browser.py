"""Hostile names of a model and of an ARC task in the browser: text and nothing else, in the app and in what is taken away."""

import shlex

import hostile
import pytest
from own_models import TINY
from player_page import Player
from playwright.sync_api import Page, expect
from served_app import ServedApp

from app.server.options import DATA_DIR, MODEL_DIR
from trm.config import ModelConfig
from trm.models import new_model

ARC = TINY | {
    "task": "arc",
    "vocab_size": 12,
    "sequence_length": 900,
    "puzzle_ids": 4,
    "puzzle_embedding_size": 16,
}
SIZES = [(390, 844), (1280, 800)]
WIDER = """() => [...document.querySelectorAll("*")].filter((node) => {
  const box = node.getBoundingClientRect();
  return box.width > 0 && box.right > innerWidth + 1 && !node.closest("[data-testid=stSidebar], [data-baseweb=select]");
}).map((node) => node.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The app on a model and a task of hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    model = new_model(ModelConfig(**ARC))
    model.initialise(0)
    hostile.hostile_models(folder / "models", model)
    hostile.hostile_arc(folder / "arc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODEL_DIR, str(folder / "models"))
        patch.setenv(DATA_DIR, str(folder / "arc"))
        with ServedApp() as app:
            yield app


def harmless(page: Page) -> None:
    """No script ran, nothing was loaded, and nothing is wider than the window."""
    assert page.title() == "Recursion Lens"
    assert page.locator("img[src=x]").count() == 0
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)  # a change of the window is drawn
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth")
        assert page.evaluate(WIDER) == []


@pytest.mark.slow
def test_names_are_text_in_the_app_and_in_what_is_taken_away(served, new_page, tmp_path):
    from urllib.parse import urlencode

    page = new_page(accept_downloads=True)
    page.goto(f"{served.url}/?{urlencode({'model': hostile.MODEL, 'arc': f'{hostile.ARC_TASK}.1'})}")
    player = Player(page)
    expect(page.get_by_text(f"ARC task {hostile.ARC_TASK}, test 1.")).to_be_visible()
    harmless(page)
    player.press("p")
    page.get_by_test_id("pair").wait_for()
    assert hostile.MODEL in page.locator(".half-title").first.text_content()
    harmless(page)
    player.press("p")
    page.get_by_role("button", name="Export").click()
    save = page.get_by_role("button", name="Save HTML")
    save.wait_for()
    harmless(page)
    command = page.locator(".st-key-export ~ * code, [data-testid=stPopoverBody] code").first.inner_text()
    assert any(hostile.MODEL in word for word in shlex.split(command))
    with page.expect_download() as saved:
        save.click()
    assert "<" not in saved.value.suggested_filename and len(saved.value.suggested_filename) < 100
    saved.value.save_as(tmp_path / "page.html")
    offline = new_page(width=390)
    offline.goto((tmp_path / "page.html").as_uri())
    Player(offline)
    assert hostile.ARC_TASK in offline.locator("h1").inner_text() and hostile.ARC_TASK in offline.title()
    assert offline.locator("img[src=x]").count() == 0
    assert offline.evaluate("document.documentElement.scrollWidth") == 390
