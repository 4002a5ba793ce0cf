"""One server and one browser for all tests here, whichever worker they run in: see shared.py.

A page that wrote an error to its console, or threw one, fails its test.
"""

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from eventful_run import SUDOKU, eventful_run
from pages import Pages
from pair_page import Pair
from player_page import PATIENCE, SHALLOW_LINK, Player
from playwright.sync_api import Browser, Page, expect, sync_playwright
from served_app import Served, browser_path
from standalone import open_standalone, sent, show

from trm.checkpoint import load_model
from trm.engine.choice import choose
from trm.evaluate import solve
from trm.record import record
from trm.tasks import get_task
from trm.tasks.base import Task
from trm.trace import Trace

expect.set_options(timeout=1000 * PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/browser/" in item.nodeid:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser(shared_url: Callable[[str], str]) -> Iterator[Browser]:
    if browser_path() is None:
        pytest.fail("The browser tests need Chromium: install the package chromium.")
    with sync_playwright() as playwright, playwright.chromium.connect(shared_url("browser")) as browser:
        yield browser


@pytest.fixture(scope="session")
def served(shared_url: Callable[[str], str]) -> Served:
    return Served(shared_url("app"))


@pytest.fixture(scope="session")
def pages(browser: Browser) -> Pages:
    return Pages(browser)


@pytest.fixture
def new_page(pages: Pages) -> Iterator[Callable[..., Page]]:
    """Makes an empty page, as large as asked."""
    with pages.lent() as lent:
        yield lent


@pytest.fixture(scope="module")
def kept_player(pages: Pages, served: Served) -> Iterator[Player]:
    """The player on the page as it opens, once it shows the model's own run: one page for all tests of a module, which
    begin with `Player.reset`."""
    with pages.lent() as lent:
        page = lent()
        page.goto(served.url)
        page.get_by_text("computed live").wait_for(timeout=3000 * PATIENCE)
        player = Player(page)
        player.wait_for_whole_run()
        yield player


@pytest.fixture(scope="module")
def kept_shallow_player(pages: Pages, served: Served) -> Iterator[Player]:
    """As `kept_player`, with runs of 24 calls."""
    with pages.lent() as lent:
        page = lent()
        page.goto(f"{served.url}/{SHALLOW_LINK}")
        page.get_by_text("computed live").wait_for(timeout=3000 * PATIENCE)
        yield Player(page)


@pytest.fixture
def open_player(served: Served, new_page: Callable[..., Page]) -> Callable[..., Player]:
    """Opens the app at a link and waits for the player; options are those of `new_page`."""

    def make(link: str = "", **options) -> Player:
        page = new_page(**options)
        page.goto(f"{served.url}/{link}")
        page.locator("[data-cell]").first.wait_for(timeout=3000 * PATIENCE)  # the server may have just begun
        return Player(page)

    return make


@pytest.fixture
def player(open_player: Callable[..., Player]) -> Player:
    """The player at the first answer, on the page of somebody who has been here before."""
    return open_player("?at=1.1.7")


@pytest.fixture(scope="session")
def run() -> Trace:
    """What `open_run` shows of 4x4 Sudoku unless it is given another run; modules replace it by one of their own."""
    return eventful_run()


@pytest.fixture
def open_run(new_page: Callable[..., Page], run: Trace) -> Callable[..., Player]:
    """Opens the player alone, showing a run; options are those of `new_page`."""

    def make(task: Task = SUDOKU, trace: Trace = run, **options) -> Player:
        page = new_page(**options)
        open_standalone(page)
        show(page, sent(task, trace))
        return Player(page)

    return make


@pytest.fixture
def open_pair(new_page: Callable[..., Page]) -> Callable[..., Pair]:
    """Opens two players alone, showing what Python sends of two runs."""

    def make(data: dict, **options) -> Pair:
        page = new_page(**options)
        open_standalone(page)
        show(page, data)
        return Pair(page)

    return make


@pytest.fixture(scope="session")
def solved() -> Callable[..., dict]:
    """What `trm solve` prints for a puzzle, at a depth if that is not the model's own."""
    model = choose(load_model("sudoku-trm"))  # as `trm solve` and the page do
    return cache(lambda puzzle, depth=None: solve(model, get_task("sudoku"), puzzle, depth=depth))


@pytest.fixture(scope="session")
def traced() -> Callable[..., Trace]:
    """The trace of the bundled model on a puzzle, as the page computes it, at a depth if that is not the model's own."""
    model, task = choose(load_model("sudoku-trm")), get_task("sudoku")
    return cache(lambda puzzle, depth=None: record(model, task, task.parse(puzzle), depth=depth))
