"""One server and one browser for all tests here; every page is opened in a context of its own.

A page that wrote an error to its console, or threw one, fails its test.
"""

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from player_page import PATIENCE, Player
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from served_app import ServedApp, browser_path, open_browser

from trm.checkpoint import load_model
from trm.record import record
from trm.solve import solve
from trm.tasks import get_task
from trm.trace import Trace

expect.set_options(timeout=1000 * PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/browser/" in item.nodeid:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if browser_path() is None:
        pytest.fail("The browser tests need Chromium: install the package chromium.")
    with sync_playwright() as playwright:
        browser = open_browser(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served() -> Iterator[ServedApp]:
    with ServedApp() as app:
        yield app


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes an empty page in a fresh context, as large as asked."""
    errors: list[str] = []
    contexts = []

    def keep_ours(message: ConsoleMessage) -> None:
        """Streamlit also looks for servers of its own, which is not our error where there is no network, and for itself
        below the page's own address first."""
        url = message.location["url"]
        if message.type == "error" and not url.startswith("https://") and "/_stcore/" not in url:
            errors.append(message.text)

    def make(width: int = 1280, height: int = 800, **options) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **options))
        page = contexts[-1].new_page()
        page.on("console", keep_ours)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert not errors, errors


@pytest.fixture
def open_player(served: ServedApp, new_page: Callable[..., Page]) -> Callable[..., Player]:
    """Opens the app at a link and waits for the player; options are those of `new_page`."""

    def make(link: str = "", **options) -> Player:
        page = new_page(**options)
        page.goto(f"{served.url}/{link}")
        return Player(page)

    return make


@pytest.fixture
def player(open_player: Callable[..., Player]) -> Player:
    """The player on the page as it opens."""
    return open_player()


@pytest.fixture(scope="session")
def solved() -> Callable[[str], dict]:
    """What `trm solve` prints for a puzzle."""
    model = load_model("sudoku-trm")
    return cache(lambda puzzle: solve(model, get_task("sudoku"), puzzle))


@pytest.fixture(scope="session")
def traced() -> Callable[[str], Trace]:
    """The trace of the bundled model on a puzzle."""
    model, task = load_model("sudoku-trm"), get_task("sudoku")
    return cache(lambda puzzle: record(model, task, task.parse(puzzle)))
