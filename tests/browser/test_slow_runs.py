"""A slow run is stepped through while it grows, stopped and gone on with, and nobody else waits for it."""

import re
from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import quote

import numpy as np
import pytest
from own_models import growth, served_models
from player_page import Player
from playwright.sync_api import expect
from served_app import ServedApp

from trm.tasks import get_task

pytestmark = pytest.mark.alone  # they are slow by a clock, and fast ones are held against one
END_OF_SLOW = (9, 4, 20, "f_H")
SEEDS = count()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApp]:
    with served_models(tmp_path_factory.mktemp("models")) as app:
        yield app


@pytest.fixture
def slow(open_player: Callable[..., Player]) -> Player:
    """A slow model's page once its first supervision step is there, on a maze of its own."""
    task = get_task("maze", 900)
    maze = task.generate(np.random.default_rng(next(SEEDS)), "hard")
    player = open_player(f"?model=mazes/slow&puzzle={quote(task.format(maze.inputs))}")
    player.eventually(lambda: player.root.locator("[data-cell='29,29']").count() == 1, "the first step")
    return player


def steps_there(player: Player) -> int:
    """Supervision steps that have arrived: the last one that the keys lead to."""
    return int(player.root.get_by_test_id("timeline-steps").get_attribute("aria-valuemax"))


def test_another_puzzle_takes_its_place_and_is_stepped_through_while_it_grows(slow):
    slow.press("ArrowRight")
    assert slow.position == (1, 2, 20, "f_H")
    address = slow.page.url
    slow.page.locator(".st-key-new_puzzle button").click()
    slow.page.wait_for_url(lambda url: url != address and "puzzle=" in url)
    # The wait for its first step is too short to be seen on a fast machine: the player begins anew.
    slow.eventually(
        lambda: slow.root.locator("[data-cell]").count() == 900 and slow.position == (1, 1, 20, "f_H"),
        "the first step of the new run",
    )
    expect(growth(slow.page)).to_contain_text(re.compile(r"Computing supervision step \d of 9"))
    slow.root.evaluate("root => { root.dataset.mark = 'the same'; }")
    slow.cell(7, 20).click()
    slow.press("ArrowRight", "ArrowRight", "3")
    before = (slow.position, slow.selected, slow.mode)
    assert before == ((1, 3, 20, "f_H"), "7,20", "confidence")
    arrived = steps_there(slow)
    slow.eventually(lambda: steps_there(slow) > arrived, "another step")
    assert (slow.position, slow.selected, slow.mode) == before
    for _ in range(20):  # keys go on, however often the run grows meanwhile
        slow.press("ArrowRight")
        slow.page.wait_for_timeout(50)
    growing = slow.position
    assert growing > before[0]
    slow.eventually(lambda: growth(slow.page).count() == 0, "the whole run")
    assert slow.position >= growing and slow.selected == "7,20" and slow.mode == "confidence"
    slow.press("End")
    assert slow.position == END_OF_SLOW
    assert slow.root.get_attribute("data-mark") == "the same"


def test_a_slow_run_can_be_stopped_and_gone_on_with(slow):
    button = slow.page.locator(".st-key-stop button")
    button.click()
    bar = growth(slow.page)
    expect(bar).to_contain_text("Stopped after step", timeout=30_000)
    stopped = int(re.search(r"step (\d)", bar.inner_text())[1])
    slow.page.wait_for_timeout(2500)  # two more steps' time
    assert (
        int(re.search(r"step (\d)", bar.inner_text())[1]) <= stopped + 1 < 9
    )  # the step in hand is finished
    slow.page.locator(".st-key-resume button").click()
    slow.eventually(lambda: growth(slow.page).count() == 0, "the whole run")
    slow.press("End")
    assert slow.position == END_OF_SLOW


def test_nobody_waits_for_somebody_elses_slow_run(slow, open_player):
    theirs = open_player("?model=sudoku-trm")
    theirs.page.get_by_text("computed live").wait_for()
    expect(growth(theirs.page)).to_have_count(0)
    assert theirs.root.locator("[data-cell]").count() == 81


def test_fast_runs_do_not_flicker(open_player):
    player = open_player("?model=mazes/15")
    player.page.evaluate(
        """() => {
            window.flickers = 0;
            const look = () => { window.flickers += document.querySelectorAll("[data-testid=player] .message").length; };
            new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
        }"""
    )
    field = player.page.locator(".st-key-puzzle_text textarea")
    for _ in range(3):
        before = field.input_value()
        player.page.locator(".st-key-new_puzzle button").click()
        player.eventually(lambda before=before: field.input_value() != before, "a new maze")
        player.page.wait_for_timeout(500)
    assert player.page.evaluate("window.flickers") == 0
    expect(growth(player.page)).to_have_count(0)
